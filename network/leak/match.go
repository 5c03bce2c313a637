package leak

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// anchorLength is how much of a pattern decides whether to look at the rest.
const anchorLength = 6

// matcher finds thousands of patterns at once: the first bytes at every position
// go through a small filter, which nearly nothing passes, and a table. An
// automaton over whole patterns would need a gigabyte for what is asked of it
// here, and be ten times slower.
type matcher struct {
	filter  *[1 << filterBits / 64]uint64 // a bit for each hash
	anchors map[uint64][]*pattern
	longest int
}

const filterBits = 21

func newMatcher(secrets []Secret) (*matcher, error) {
	m := &matcher{filter: new([1 << filterBits / 64]uint64), anchors: map[uint64][]*pattern{}}
	for _, s := range secrets {
		if len(s.Value) < MinLength {
			return nil, fmt.Errorf("leak: secret %s is shorter than %d bytes: chance would find it anywhere", s, MinLength)
		}
		for _, p := range forms(s) {
			anchor := anchorAt(p.bytes)
			m.anchors[anchor] = append(m.anchors[anchor], &p)
			at := hash(anchor)
			m.filter[at/64] |= 1 << (at % 64)
			m.longest = max(m.longest, len(p.bytes))
		}
	}
	if m.longest == 0 {
		return nil, errors.New("leak: no secret to search for")
	}
	return m, nil
}

func hash(anchor uint64) uint64 { return anchor * 0x9E3779B97F4A7C15 >> (64 - filterBits) }

// wide is the word that an anchor is read in.
const wide = 8

// anchorOf masks the bytes of a word that do not belong to the anchor.
func anchorOf(word uint64) uint64 { return word & (1<<(8*anchorLength) - 1) }

// anchorAt reads the first bytes, of which there must be enough.
func anchorAt(b []byte) uint64 {
	var padded [wide]byte
	copy(padded[:], b[:min(wide, len(b))])
	return anchorOf(binary.LittleEndian.Uint64(padded[:]))
}

func (m *matcher) find(b []byte, found func(p *pattern, at int)) {
	at := 0
	for ; at+wide <= len(b); at++ {
		anchor := anchorOf(binary.LittleEndian.Uint64(b[at:]))
		bit := hash(anchor)
		if m.filter[bit/64]>>(bit%64)&1 != 0 {
			m.look(b, at, anchor, found)
		}
	}
	for ; at+anchorLength <= len(b); at++ {
		m.look(b, at, anchorAt(b[at:]), found)
	}
}

func (m *matcher) look(b []byte, at int, anchor uint64, found func(p *pattern, at int)) {
	for _, p := range m.anchors[anchor] {
		if bytes.HasPrefix(b[at:], p.bytes) {
			found(p, at)
		}
	}
}

// window is how much is read at once.
const window = 1 << 20

// content is read in windows that overlap by almost the longest pattern.
func (s *search) content(ctx context.Context, in place, r io.ReaderAt, size int64, depth int) error {
	buffer := make([]byte, window+s.longest)
	joined := joiner{search: s, in: in.with(", lines joined")}
	kept := 0 // bytes at the buffer's start that were there before
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.ReadAt(buffer[kept:kept+int(min(window, size-at))], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 0 {
			return fmt.Errorf("%d bytes of %d are missing: it was changed meanwhile", size-at, size)
		}
		s.report.Bytes += int64(n)
		fresh, start := buffer[:kept+n], at-int64(kept)
		s.find(fresh, func(p *pattern, i int) { s.found(p, in, start+int64(i)) })
		joined.add(fresh[kept:])
		unseen := max(0, kept-len(gzipMagic)+1)
		if err := s.unpackAll(ctx, in, r, size, fresh[unseen:], start+int64(unseen), depth); err != nil {
			return err
		}
		at += int64(n)
		kept = copy(buffer, fresh[max(0, len(fresh)-s.longest+1):])
	}
	return nil
}

// value searches what is in memory anyway.
func (s *search) value(ctx context.Context, in place, v []byte) error {
	s.report.Bytes += int64(len(v))
	s.find(v, func(p *pattern, at int) { s.found(p, in, int64(at)) })
	if bytes.IndexByte(v, '\n') >= 0 {
		joined := joiner{search: s, in: in.with(", lines joined")}
		joined.add(v)
	}
	return s.unpackAll(ctx, in, bytes.NewReader(v), int64(len(v)), v, 0, 0)
}

// joiner searches text as if it had no line breaks: PEM and MIME break base64.
type joiner struct {
	search *search
	in     place
	text   []byte
	broken bool // the text has had a line break
}

func (j *joiner) add(b []byte) {
	if bytes.IndexByte(b, 0) >= 0 { // not text
		j.text, j.broken = nil, false
		return
	}
	before := len(j.text)
	for _, c := range b {
		if c != '\n' && c != '\r' {
			j.text = append(j.text, c)
		}
	}
	j.broken = j.broken || len(j.text)-before < len(b)
	if j.broken {
		j.search.find(j.text, func(p *pattern, at int) { j.search.found(p, j.in, int64(at)) })
	}
	keep := min(len(j.text), j.search.longest-1)
	j.text = append([]byte(nil), j.text[len(j.text)-keep:]...)
}
