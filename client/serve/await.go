package serve

import (
	"context"
	"sync"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
)

// waiting lets callers have this node wait for blocks that they have seen and
// its peer has not. Waiting asks the peer again and again, so a caller that
// names blocks that never come has few calls wait at once; its others queue.
type waiting struct {
	chain *client.Chain

	mu    sync.Mutex
	turns map[record.PartyID]chan struct{} // one per registered party that called
}

const waitingAtOnce = 2 // of one caller

func newWaiting(chain *client.Chain) *waiting {
	return &waiting{chain: chain, turns: map[record.PartyID]chan struct{}{}}
}

// await returns when the peer has the block. It returns [client.ErrBehind].
func (w *waiting) await(ctx context.Context, caller record.PartyID, block uint64) error {
	if block <= w.chain.Seen() {
		return nil
	}
	turn := w.turn(caller)
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return w.chain.Await(ctx, block)
}

func (w *waiting) turn(caller record.PartyID) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	turn := w.turns[caller]
	if turn == nil {
		turn = make(chan struct{}, waitingAtOnce)
		w.turns[caller] = turn
	}
	return turn
}
