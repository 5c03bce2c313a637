package sqldb

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/claimshare/claimshare/client/store"
)

// A snapshot is a line that names the format and then frames: a byte that says
// which, the length of the content in four bytes, the content. The last frame
// is the trailer, and 32 bytes of SHA-256 over all before follow it.
const (
	snapshotLine = "claimshare-store-snapshot/v1\n"

	frameHead    = 'H' // snapshotHead in JSON: the first
	frameTable   = 'T' // snapshotTable in JSON: the rows that follow are its
	frameRow     = 'R' // a row: the verdict of its seal, then its values
	frameRemove  = 'X' // a row that came before is to be taken out: its key's values
	frameMissing = 'M' // a row of this table was deleted by hand: the key in its seal
	framePayload = 'P' // the id of a payload; its content follows
	frameContent = 'C' // a part of it, up to 256 KiB
	frameDone    = 'D' // its end
	frameVoid    = 'V' // its end, and it is not to be kept
	frameTrailer = 'Z' // snapshotTrailer in JSON
)

// maxFrame is the largest frame: a row with a value of the world state.
const maxFrame = 256 << 20

type snapshotHead struct {
	Created   time.Time `json:"created"`
	Chaincode string    `json:"chaincode"`
	Height    uint64    `json:"height"`
	Hash      []byte    `json:"hash"`
}

type snapshotTable struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	// Again says that these rows take the place of ones that came before.
	Again bool `json:"again,omitempty"`
}

type snapshotTrailer struct {
	Rows     map[string]uint64 `json:"rows"`
	Payloads uint64            `json:"payloads"`
	Bytes    uint64            `json:"bytes"`
	Lost     uint64            `json:"lost"`
}

// frameWriter writes a snapshot.
type frameWriter struct {
	w   *bufio.Writer
	sum hash.Hash
}

func newFrameWriter(w io.Writer) *frameWriter {
	return &frameWriter{bufio.NewWriterSize(w, 256<<10), sha256.New()}
}

// Write implements io.Writer.
func (f *frameWriter) Write(b []byte) (int, error) {
	f.sum.Write(b)
	return f.w.Write(b)
}

func (f *frameWriter) frame(kind byte, content []byte) error {
	var head [5]byte
	head[0] = kind
	binary.BigEndian.PutUint32(head[1:], uint32(len(content)))
	if len(content) > maxFrame {
		return fmt.Errorf("a row of %d bytes is too large for a snapshot", len(content))
	}
	if _, err := f.Write(head[:]); err != nil {
		return err
	}
	_, err := f.Write(content)
	return err
}

func (f *frameWriter) json(kind byte, v any) error {
	content, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return f.frame(kind, content)
}

// end writes the digest and answers it.
func (f *frameWriter) end() (digest [32]byte, err error) {
	copy(digest[:], f.sum.Sum(nil))
	if _, err := f.w.Write(digest[:]); err != nil {
		return digest, err
	}
	return digest, f.w.Flush()
}

// frameReader reads a snapshot. Its errors are store.ErrSnapshot when the
// snapshot ends too early, or the source's.
type frameReader struct {
	r   *bufio.Reader
	sum hash.Hash
}

func newFrameReader(r io.Reader) *frameReader {
	return &frameReader{bufio.NewReaderSize(r, 256<<10), sha256.New()}
}

// Read implements io.Reader.
func (f *frameReader) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	f.sum.Write(b[:n])
	return n, err
}

func (f *frameReader) exactly(b []byte) error {
	_, err := io.ReadFull(f, b)
	return cutOff(err)
}

// cutOff turns an early end into store.ErrSnapshot.
func cutOff(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // ReadFull answers these themselves; a source's own are wrapped
		return fmt.Errorf("%w: it ends too early", store.ErrSnapshot)
	}
	return err
}

// next reads a frame, taking memory as the content comes.
func (f *frameReader) next() (kind byte, content []byte, err error) {
	var head [5]byte
	if err := f.exactly(head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > maxFrame {
		return 0, nil, fmt.Errorf("%w: a frame of %d bytes", store.ErrSnapshot, size)
	}
	var buf bytes.Buffer
	n, err := io.CopyN(&buf, f, int64(size))
	if n < int64(size) {
		return 0, nil, cutOff(err)
	}
	return head[0], buf.Bytes(), nil
}

// end reads the digest and insists on it, and on nothing behind it.
func (f *frameReader) end() (digest [32]byte, err error) {
	copy(digest[:], f.sum.Sum(nil))
	var stated [32]byte
	if err := f.exactly(stated[:]); err != nil {
		return digest, err
	}
	if stated != digest {
		return digest, fmt.Errorf("%w: its content does not have the digest that it states", store.ErrSnapshot)
	}
	if _, err := f.r.ReadByte(); err != io.EOF { //nolint:errorlint // as above
		if err == nil {
			err = fmt.Errorf("%w: something follows it", store.ErrSnapshot)
		}
		return digest, err
	}
	return digest, nil
}

// appendValue adds a column's value: b, s or i, and its length and content or
// eight bytes.
func appendValue(b []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case []byte:
		return append(binary.AppendUvarint(append(b, 'b'), uint64(len(v))), v...), nil
	case string:
		return append(binary.AppendUvarint(append(b, 's'), uint64(len(v))), v...), nil
	case int64:
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v)), nil
	default:
		return nil, fmt.Errorf("a column holds %T, which no column of this schema does", value)
	}
}

// values reads n values and insists that nothing follows them.
func values(b []byte, n int) ([]any, error) {
	bad := fmt.Errorf("%w: a row is malformed", store.ErrSnapshot)
	out := make([]any, 0, n)
	for range n {
		if len(b) == 0 {
			return nil, bad
		}
		kind := b[0]
		b = b[1:]
		if kind == 'i' {
			if len(b) < 8 {
				return nil, bad
			}
			out, b = append(out, int64(binary.BigEndian.Uint64(b))), b[8:]
			continue
		}
		size, used := binary.Uvarint(b)
		if used <= 0 || size > uint64(len(b)-used) {
			return nil, bad
		}
		content := b[used:][:size]
		b = b[used:][size:]
		switch kind {
		case 'b':
			out = append(out, content)
		case 's':
			out = append(out, string(content))
		default:
			return nil, bad
		}
	}
	if len(b) > 0 {
		return nil, bad
	}
	return out, nil
}
