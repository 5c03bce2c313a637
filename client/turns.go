package client

import (
	"context"
	"sync"

	"github.com/claimshare/claimshare/chaincode/record"
)

// turns lets one call at a time work under a consent. Its zero value is ready.
type turns struct {
	mu    sync.Mutex
	taken map[record.ConsentID]*turn
}

// turn is one consent's; it exists while somebody has it or waits for it.
type turn struct {
	free  chan struct{} // holds one token while nobody works
	users int
}

// take waits for the turn; give must be called after it. The error is why ctx
// ended.
func (t *turns) take(ctx context.Context, id record.ConsentID) (give func(), err error) {
	own := t.join(id)
	select {
	case <-own.free:
		return func() {
			own.free <- struct{}{}
			t.leave(id, own)
		}, nil
	case <-ctx.Done():
		t.leave(id, own)
		return nil, context.Cause(ctx)
	}
}

func (t *turns) join(id record.ConsentID) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken == nil {
		t.taken = map[record.ConsentID]*turn{}
	}
	own := t.taken[id]
	if own == nil {
		own = &turn{free: make(chan struct{}, 1)}
		own.free <- struct{}{}
		t.taken[id] = own
	}
	own.users++
	return own
}

func (t *turns) leave(id record.ConsentID, own *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(t.taken, id)
	}
}
