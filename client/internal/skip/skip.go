// Package skip has a writer that leaves out the beginning: what a receiver has
// already of a stream that is sent again.
package skip

import "io"

// Writer passes on to W what comes after the first Left bytes.
type Writer struct {
	W    io.Writer
	Left uint64 // how many bytes are still to be left out
}

// Write implements io.Writer. Bytes that are left out count as written.
func (s *Writer) Write(b []byte) (int, error) {
	n := len(b)
	cut := min(s.Left, uint64(n))
	s.Left -= cut
	if b = b[cut:]; len(b) == 0 {
		return n, nil
	}
	written, err := s.W.Write(b)
	return int(cut) + written, err
}
