package mirror

import (
	"context"
	"sync"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
)

const (
	maxRecent = 2048     // keys in memory
	maxValue  = 16 << 10 // bytes of one of them
)

// recent is the copy with the keys in memory that were read last. Of a key that
// a transaction writes it is told before that is committed, and reads none into
// memory until it is.
type recent struct {
	world store.World
	has   func(block uint64) bool // of the copy

	mu     sync.Mutex
	values map[string]*store.WorldValue
	writes uint64 // how many transactions it was told of
	height uint64 // up to which block
}

var _ listener.Reader = (*recent)(nil)

// forget is told of a transaction.
func (r *recent) forget(t ledger.Transaction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes++
	r.height = max(r.height, t.Block+1)
	for _, w := range t.Writes {
		delete(r.values, w.Key)
	}
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
	if writes != r.writes {
		return
	}
	if r.values == nil || len(r.values) >= maxRecent {
		r.values = map[string]*store.WorldValue{}
	}
	r.values[v.Key] = v
}
