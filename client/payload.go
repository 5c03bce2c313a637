package client

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// through connects a producer to a consumer without holding the content in
// memory. It returns the producer's error first: what the consumer made of an
// incomplete stream does not count.
func through(produce func(io.Writer) error, consume func(io.Reader) error) error {
	r, w := io.Pipe()
	defer r.CloseWithError(errStopped) // a consumer may also leave by a panic
	produced := make(chan error, 1)
	go func() {
		err := produce(w)
		_ = w.CloseWithError(err) // never fails
		produced <- err
	}()
	consumed := consume(r)
	if consumed == nil {
		// The rest matters too: its authenticity is known at the end.
		_, consumed = io.Copy(io.Discard, r)
	}
	_ = r.CloseWithError(errStopped) // never fails; ends a producer that is still writing
	if err := <-produced; err != nil && !errors.Is(err, errStopped) {
		return err
	}
	return consumed
}

var errStopped = errors.New("client: the reader stopped")

// spool is ciphertext in an unnamed temporary file: it vanishes with the
// process, however that ends.
type spool struct{ file *os.File }

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "claimshare-payload-*")
	if err != nil {
		return nil, fmt.Errorf("client: temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("client: temporary file: %w", err), f.Close())
	}
	return &spool{f}, nil
}

// Write appends.
func (s *spool) Write(b []byte) (int, error) { return s.file.Write(b) }

// Open reads from the beginning; readers do not disturb each other.
func (s *spool) Open() (io.ReadCloser, error) {
	info, err := s.file.Stat()
	if err != nil {
		return nil, fmt.Errorf("client: temporary file: %w", err)
	}
	return io.NopCloser(io.NewSectionReader(s.file, 0, info.Size())), nil
}

// Close frees the space.
func (s *spool) Close() error { return s.file.Close() }
