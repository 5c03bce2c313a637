// Package turn lets one call at a time work on one thing; calls about different
// things do not wait for each other.
package turn

import (
	"context"
	"sync"
)

// Turns are those of the things that keys name. The zero value is ready. A key
// that nobody works on takes no memory.
type Turns[K comparable] struct {
	mu    sync.Mutex
	taken map[K]*turn
}

// turn is one thing's; it exists while somebody has it or waits for it.
type turn struct {
	free  chan struct{} // holds one token while nobody works
	users int
}

// Take waits for the turn; give must be called after it, once. The error is why
// ctx ended.
func (t *Turns[K]) Take(ctx context.Context, key K) (give func(), err error) {
	own := t.join(key)
	select {
	case <-own.free:
		return func() {
			own.free <- struct{}{}
			t.leave(key, own)
		}, nil
	case <-ctx.Done():
		t.leave(key, own)
		return nil, context.Cause(ctx)
	}
}

func (t *Turns[K]) join(key K) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken == nil {
		t.taken = map[K]*turn{}
	}
	own := t.taken[key]
	if own == nil {
		own = &turn{free: make(chan struct{}, 1)}
		own.free <- struct{}{}
		t.taken[key] = own
	}
	own.users++
	return own
}

func (t *Turns[K]) leave(key K, own *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(t.taken, key)
	}
}
