package document

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Limits bounds what [Unpack] reads. A zero field means the default.
type Limits struct {
	Document    int64 // bytes of JSON; default and most: MaxSize
	Attachments int   // how many; default 64, the schema's maximum
	Attachment  int64 // bytes of one; default 64 MiB
	Total       int64 // bytes of all; default 256 MiB
}

func (l Limits) orDefault() Limits {
	if l.Document <= 0 || l.Document > MaxSize {
		l.Document = MaxSize
	}
	if l.Attachments <= 0 {
		l.Attachments = 64
	}
	if l.Attachment <= 0 {
		l.Attachment = 64 << 20
	}
	if l.Total <= 0 {
		l.Total = 256 << 20
	}
	return l
}

// Unpack reads a stream that [Pack] has written, up to its very last byte, and
// accepts no other. It checks the document before it looks at any attachment,
// then hands each attachment to save, in order. The reader that save gets
// returns an error in place of io.EOF if the content is not what the document
// says. With save nil, attachments are checked and passed over.
//
// What save has seen is worth something only once Unpack has returned no error;
// [Extract] keeps to that.
//
// Errors: [ErrContainer], [ErrAttachment], [ErrLimit], [*Invalid], or what the
// reader or save returned.
func Unpack(r io.Reader, limits Limits, save func(Attachment, io.Reader) error) (*Document, error) {
	limits = limits.orDefault()
	doc, err := readDocument(r, limits)
	if err != nil {
		return nil, err
	}
	attachments := doc.Attachments()
	if len(attachments) > limits.Attachments {
		return nil, fmt.Errorf("%w: %d attachments, at most %d are allowed", ErrLimit, len(attachments), limits.Attachments)
	}
	var total int64
	for _, a := range attachments {
		if a.Size > limits.Attachment {
			return nil, fmt.Errorf("%w: attachment %s has %d bytes, at most %d are allowed", ErrLimit, a.Name, a.Size, limits.Attachment)
		}
		if total += a.Size; total > limits.Total {
			return nil, fmt.Errorf("%w: the attachments have more than %d bytes", ErrLimit, limits.Total)
		}
	}
	for _, a := range attachments {
		if err := unpackOne(r, a, save); err != nil {
			return nil, err
		}
	}
	if err := readZeros(r, 2*blockSize, "the end of the container"); err != nil {
		return nil, err
	}
	switch _, err := io.ReadFull(r, make([]byte, 1)); {
	case errors.Is(err, io.EOF):
		return doc, nil
	case err != nil:
		return nil, fmt.Errorf("read the container: %w", err)
	}
	return nil, fmt.Errorf("%w: data follows its end", ErrContainer)
}

// readDocument reads the first entry, whose name and size are not yet known.
func readDocument(r io.Reader, limits Limits) (*Document, error) {
	block := make([]byte, blockSize)
	if err := readFull(r, block, "the first header"); err != nil {
		return nil, err
	}
	h, err := tar.NewReader(bytes.NewReader(block)).Next()
	if err != nil {
		return nil, fmt.Errorf("%w: the first header is not one of a tar archive", ErrContainer)
	}
	var kind record.Kind
	switch h.Name {
	case entryName(record.KindPolicy):
		kind = record.KindPolicy
	case entryName(record.KindRepair):
		kind = record.KindRepair
	default:
		return nil, fmt.Errorf("%w: it begins with %q, not with a document", ErrContainer, h.Name)
	}
	if h.Size > limits.Document {
		return nil, fmt.Errorf("%w: the document has %d bytes, at most %d are allowed", ErrLimit, h.Size, limits.Document)
	}
	if want, err := headerBlock(h.Name, h.Size); err != nil || !bytes.Equal(block, want) {
		return nil, fmt.Errorf("%w: the header of %s is not the one that Pack writes", ErrContainer, h.Name)
	}
	raw := make([]byte, h.Size)
	if err := readFull(r, raw, h.Name); err != nil {
		return nil, err
	}
	if err := readZeros(r, padding(h.Size), "the padding of "+h.Name); err != nil {
		return nil, err
	}
	doc, err := Parse(kind, raw)
	if err != nil {
		return nil, err
	}
	if doc.policy != nil && doc.policy.Evidence == "" {
		return nil, fmt.Errorf("%w: %w", ErrContainer, ErrNoEvidence)
	}
	return doc, nil
}

// unpackOne reads one attachment; the document leaves no choice in its header.
func unpackOne(r io.Reader, a Attachment, save func(Attachment, io.Reader) error) error {
	want, err := headerBlock(folder+a.Name, a.Size)
	if err != nil {
		return fmt.Errorf("attachment %s: %w", a.Name, err)
	}
	got := make([]byte, blockSize)
	if err := readFull(r, got, "the header of "+a.Name); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%w: attachment %s does not follow where the document says", ErrContainer, a.Name)
	}
	c := newContent(r, a, ErrContainer)
	if save != nil {
		if err := save(a, c); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, c); err != nil { // what save left, and the verdict
		return err
	}
	return readZeros(r, padding(a.Size), "the padding of "+a.Name)
}

func readFull(r io.Reader, b []byte, what string) error {
	_, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends within %s", ErrContainer, what)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}

func readZeros(r io.Reader, n int64, what string) error {
	b := make([]byte, n)
	if err := readFull(r, b, what); err != nil {
		return err
	}
	if !bytes.Equal(b, make([]byte, n)) {
		return fmt.Errorf("%w: %s is not zero", ErrContainer, what)
	}
	return nil
}

// Extract unpacks a container into a new directory: the document as
// policy.json or repair.json, the attachments beside it. The directory dir
// appears once everything has been checked, and not at all after an error; it
// must not exist before.
func Extract(r io.Reader, limits Limits, dir string) (doc *Document, err error) {
	if _, err := os.Lstat(dir); err == nil {
		return nil, fmt.Errorf("extract to %s: %w", dir, os.ErrExist)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".extract-*")
	if err != nil {
		return nil, fmt.Errorf("extract to %s: %w", dir, err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(tmp)
		}
	}()
	doc, err = Unpack(r, limits, func(a Attachment, content io.Reader) error {
		// The schema's pattern for names leaves no separator and no "..".
		f, err := os.OpenFile(filepath.Join(tmp, a.Name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		return errors.Join(err, f.Close())
	})
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(tmp, entryName(doc.kind)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err // an attachment has taken the document's name
	}
	if _, err = f.Write(doc.raw); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err = f.Close(); err != nil {
		return nil, err
	}
	if err = os.Rename(tmp, dir); err != nil {
		return nil, fmt.Errorf("extract to %s: %w", dir, err)
	}
	return doc, nil
}
