package document

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Errors that a caller may want to tell apart.
var (
	// ErrContainer says that a stream is not what Pack writes: cut off, altered,
	// with entries that the document does not name, or not a container at all.
	ErrContainer = errors.New("not a well-formed record container")
	// ErrAttachment says that the content of an attachment is not what the
	// document says: size, digest or media type.
	ErrAttachment = errors.New("attachment does not agree with the document")
	// ErrLimit says that a container is larger than the reader allows.
	ErrLimit = errors.New("record container exceeds the limit")
	// ErrNoEvidence says that a policy without δ was about to be packed.
	ErrNoEvidence = errors.New("policy carries no evidence; fill it in with SetEvidence before sealing")
)

const (
	blockSize = 512 // of the tar format
	folder    = "attachments/"
)

// entryName is the name of the document's entry; it tells the kind.
func entryName(kind record.Kind) string { return kind.String() + ".json" }

// header is the one tar header that an entry of this name and size can have:
// no owner, no time, mode 0644.
func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, Format: tar.FormatUSTAR}
}

// headerBlock encodes header as it stands in the stream.
func headerBlock(name string, size int64) ([]byte, error) {
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(header(name, size)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// padding is the number of zero bytes behind an entry of this size.
func padding(size int64) int64 { return -size & (blockSize - 1) }

// content reads one attachment and checks it on the way: exactly the stated
// size, digest and media type, or an error in place of io.EOF.
type content struct {
	r      io.Reader
	about  Attachment
	left   int64
	digest hash.Hash
	head   []byte // what http.DetectContentType looks at
	short  error  // what it means if the reader ends too early
	err    error  // sticks
}

// sniffLength is what http.DetectContentType looks at.
const sniffLength = 512

func newContent(r io.Reader, about Attachment, short error) *content {
	return &content{r: r, about: about, left: about.Size, digest: sha256.New(), short: short}
}

func (c *content) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.left == 0 {
		c.err = c.verdict()
		return 0, c.err
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.r.Read(p)
	c.left -= int64(n)
	c.digest.Write(p[:n])
	c.head = append(c.head, p[:min(n, sniffLength-len(c.head))]...)
	if errors.Is(err, io.EOF) {
		if c.left > 0 {
			err = fmt.Errorf("%w: %s ends %d bytes before its stated size of %d", c.short, c.about.Name, c.left, c.about.Size)
		} else {
			err = nil // the next call gives the verdict
		}
	}
	c.err = err
	return n, err
}

// verdict is io.EOF for an attachment that is what the document says.
func (c *content) verdict() error {
	if got := hex.EncodeToString(c.digest.Sum(nil)); got != c.about.SHA256 {
		return fmt.Errorf("%w: %s has the SHA-256 %s, the document says %s", ErrAttachment, c.about.Name, got, c.about.SHA256)
	}
	if got := http.DetectContentType(c.head); got != c.about.MediaType {
		return fmt.Errorf("%w: %s looks like %s, the document says %s", ErrAttachment, c.about.Name, got, c.about.MediaType)
	}
	return io.EOF
}

// Describe reads the content of an attachment and fills in size, digest and
// media type; name, view and the rest are the caller's.
func Describe(name, view string, r io.Reader) (Attachment, error) {
	head := make([]byte, sniffLength)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return Attachment{}, fmt.Errorf("read %s: %w", name, err)
	}
	h := sha256.New()
	size, err := io.Copy(h, io.MultiReader(bytes.NewReader(head[:n]), r))
	if err != nil {
		return Attachment{}, fmt.Errorf("read %s: %w", name, err)
	}
	return Attachment{
		Name: name, View: view, Size: size,
		MediaType: http.DetectContentType(head[:n]),
		SHA256:    hex.EncodeToString(h.Sum(nil)),
	}, nil
}
