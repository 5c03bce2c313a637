package client

import (
	"crypto/sha256"
	"encoding"
	"errors"
	"hash"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/claimshare/claimshare/chaincode/record"
)

// A payload whose stream broke is sent again from where it broke, and the trailer
// is over the whole. So that this does not take hashing the whole again each time,
// the SHA-256 of what was read for a release is kept as it stood at every
// markEvery bytes: of up to maxSums releases, about 28 KiB for one GiB. It is kept
// in memory alone: after a restart the first resumption hashes from the beginning.
//
// A trailer is thus over the bytes that were sent, also if the database has been
// altered in between, as long as one stream of a release comes after the other.
const (
	markEvery = 4 << 20
	maxSums   = 256
)

// mark is a SHA-256 over the first at bytes.
type mark struct {
	at    uint64
	state []byte // as crypto/sha256 encodes it
}

// sums are the marks of releases whose payloads are being sent.
type sums struct {
	mu sync.Mutex
	of *lru.Cache[record.ReleaseID, []mark]
}

func newSums() *sums {
	of, _ := lru.New[record.ReleaseID, []mark](maxSums) // fails for no size only
	return &sums{of: of}
}

// from begins a sum for a stream of a release that goes on at an offset. What was
// noted behind the offset is forgotten: it may not have arrived.
func (s *sums) from(id record.ReleaseID, offset uint64) *running {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &running{sum: sha256.New(), note: func(m mark) { s.add(id, m) }}
	marks, _ := s.of.Get(id)
	kept := 0
	for kept < len(marks) && marks[kept].at <= offset {
		kept++
	}
	if kept > 0 {
		if err := r.restore(marks[kept-1]); err != nil {
			r.sum, kept = sha256.New(), 0
		}
	}
	s.of.Add(id, marks[:kept:kept])
	return r
}

func (s *sums) add(id record.ReleaseID, m mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if marks, ok := s.of.Get(id); ok {
		s.of.Add(id, append(marks, m))
	}
}

// running is a SHA-256 over a payload whose first begin bytes it has already.
type running struct {
	sum   hash.Hash
	begin uint64
	at    uint64
	note  func(mark)
}

var errNoState = errors.New("client: the state of a SHA-256 cannot be kept")

func (r *running) restore(m mark) error {
	state, ok := r.sum.(encoding.BinaryUnmarshaler)
	if !ok {
		return errNoState
	}
	if err := state.UnmarshalBinary(m.state); err != nil {
		return err
	}
	r.begin, r.at = m.at, m.at
	return nil
}

// Write takes what comes after the first begin bytes.
func (r *running) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part := b[:min(uint64(len(b)), markEvery-r.at%markEvery)]
		r.sum.Write(part)
		r.at += uint64(len(part))
		b = b[len(part):]
		if r.at%markEvery == 0 {
			r.mark()
		}
	}
	return n, nil
}

func (r *running) mark() {
	state, ok := r.sum.(encoding.BinaryMarshaler)
	if !ok {
		return
	}
	if encoded, err := state.MarshalBinary(); err == nil {
		r.note(mark{r.at, encoded})
	}
}
