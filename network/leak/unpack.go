package leak

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
)

const (
	deepest  = 4         // gzip within gzip: a chaincode package is two deep
	unpacked = 256 << 20 // the most that a stream may unpack to
)

// gzipMagic begins a gzip stream with the one method that there is.
var gzipMagic = []byte{0x1f, 0x8b, 8}

// unpackAll searches in every gzip stream that begins in a window of r.
func (s *search) unpackAll(ctx context.Context, in place, r io.ReaderAt, size int64, window []byte, start int64, depth int) error {
	for i := 0; ; i++ {
		next := bytes.Index(window[i:], gzipMagic)
		if next < 0 {
			return nil
		}
		i += next
		if err := s.unpack(ctx, in, r, size, start+int64(i), depth); err != nil {
			return err
		}
	}
}

func (s *search) unpack(ctx context.Context, in place, r io.ReaderAt, size, at int64, depth int) error {
	stream, err := gzip.NewReader(io.NewSectionReader(r, at, size-at))
	if err != nil {
		return nil // three bytes of chance
	}
	stream.Multistream(false) // the next one is found by its own magic
	text, err := io.ReadAll(io.LimitReader(stream, unpacked+1))
	if len(text) > unpacked {
		return fmt.Errorf("%s: the gzip stream at %d is larger than %d bytes", in.part, at, unpacked)
	}
	if err != nil && len(text) == 0 {
		return nil
	}
	if depth == deepest {
		return errors.New("gzip is nested too deep")
	}
	s.report.Unpacked++
	return s.content(ctx, in.with(fmt.Sprintf(", unpacked from %d", at)), bytes.NewReader(text), int64(len(text)), depth+1)
}
