package mirror

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
)

const (
	maxRecent = 2048     // keys in memory, and releases of so many consents
	maxValue  = 16 << 10 // bytes of one of them
)

// recent is the copy, with what was read last in memory. It is told of a
// transaction before that is committed in the database, and from then on has what
// the transaction wrote: a block is final, whatever becomes of its way into the
// database. What it reads from the database it keeps only if no transaction is on
// that way.
type recent struct {
	world store.World
	has   func(block uint64) bool // of the copy

	mu     sync.Mutex
	values map[string]*store.WorldValue
	under  map[releases][]record.ReleaseID
	closed bounded // releases that are not open any more, and never will be
	writes uint64  // how many transactions it was told of
	height uint64  // up to which block
}

// releases names a proxy's releases under a consent.
type releases struct {
	consent record.ConsentID
	proxy   record.PartyID
}

var _ listener.Reader = (*recent)(nil)

// note is told of a transaction.
func (r *recent) note(t ledger.Transaction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes++
	r.height = max(r.height, t.Block+1)
	for _, w := range t.Writes {
		_, known := r.values[w.Key]
		release := r.noteRelease(w)
		switch {
		case w.Deleted || len(w.Value) > maxValue:
			delete(r.values, w.Key)
		case known || release:
			r.set(&store.WorldValue{Key: w.Key, Value: slices.Clone(w.Value), Block: t.Block, Index: t.Index, TxID: t.TxID})
		}
	}
}

// noteRelease notes a release, and reports whether it is an open one of a consent
// in memory.
func (r *recent) noteRelease(w ledger.Write) bool {
	if w.Deleted || !strings.HasPrefix(w.Key, record.ReleasePrefix) {
		return false
	}
	release, err := record.DecodeRelease(w.Value)
	if err != nil {
		return false
	}
	id := release.Statement.Release
	if release.Status != record.ReleaseOpen {
		r.closed.add(id)
		return false
	}
	of := releases{release.Statement.Consent, release.Proxy}
	known, inMemory := r.under[of]
	if inMemory && !slices.Contains(known, id) {
		r.under[of] = append(known, id)
	}
	return inMemory
}

// open lists the ids of releases that are not known to be closed.
func (r *recent) open(ctx context.Context, of releases) ([]record.ReleaseID, error) {
	r.mu.Lock()
	ids, inMemory := r.under[of]
	ids, writes, height := slices.Clone(ids), r.writes, r.height
	r.mu.Unlock()
	if !inMemory {
		committed := height == 0 || r.has(height-1)
		for id, err := range listener.ReleasesUnder(ctx, r.world, of.consent, of.proxy) {
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
		if committed {
			r.keepUnder(of, ids, writes)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(ids, r.closed.has), nil
}

// WorldValue implements [listener.Reader].
func (r *recent) WorldValue(ctx context.Context, key string) (*store.WorldValue, error) {
	r.mu.Lock()
	v, writes, height := r.values[key], r.writes, r.height
	r.mu.Unlock()
	if v != nil {
		return v, nil
	}
	committed := height == 0 || r.has(height-1)
	v, err := r.world.WorldValue(ctx, key)
	if err == nil && committed && len(v.Value) <= maxValue {
		r.keep(v, writes)
	}
	return v, err
}

// keep has a value in memory unless a transaction came since it was read.
func (r *recent) keep(v *store.WorldValue, writes uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if writes == r.writes {
		r.set(v)
	}
}

func (r *recent) set(v *store.WorldValue) {
	if r.values == nil || len(r.values) >= maxRecent {
		r.values = map[string]*store.WorldValue{}
	}
	r.values[v.Key] = v
}

// keepUnder has a list of releases in memory unless a transaction came since it
// was read.
func (r *recent) keepUnder(of releases, ids []record.ReleaseID, writes uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if writes != r.writes {
		return
	}
	if r.under == nil || len(r.under) >= maxRecent {
		r.under = map[releases][]record.ReleaseID{}
	}
	r.under[of] = slices.Clone(ids)
}

// close notes that a release is not open any more.
func (r *recent) close(id record.ReleaseID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed.add(id)
}
