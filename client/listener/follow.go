package listener

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// A Source delivers blocks: a [ledger.Ledger].
type Source interface {
	// Blocks yields every block from a number on, in order, and waits for more.
	Blocks(ctx context.Context, from uint64) iter.Seq2[ledger.Block, error]
	// Height is the number of blocks that a peer has.
	Height(ctx context.Context) (uint64, error)
}

var _ Source = (*ledger.Ledger)(nil)

const (
	// ahead is how many blocks are read before they can be applied. It bounds
	// memory: a block may have some megabytes.
	ahead = 64
	// fullBatch is how many writes make a database transaction large enough.
	fullBatch = 10_000
	// identify is how long the ledger has to show its first block when nothing
	// else comes.
	identify = 10 * time.Second
)

// Follow applies the blocks of source from where the state is, until ctx ends
// or something fails that does not pass. When several blocks are ready they go
// into one database transaction; each is applied at once when the state is up
// to date. The errors are those of Apply and of the source, and the context's.
func (l *Listener) Follow(ctx context.Context, source Source) error {
	from, err := l.begin(ctx, source)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	incoming := make(chan delivery, ahead)
	go receive(ctx, source, from, incoming)
	defer func() {
		cancel()
		for range incoming { // until the receiver has ended
		}
	}()
	for {
		select {
		case first, open := <-incoming:
			if !open {
				return cmp.Or(ctx.Err(), errNoEnd)
			}
			blocks, ended := gather(first, incoming)
			if err := l.Apply(ctx, blocks...); err != nil {
				return err
			}
			if ended != nil {
				return ended
			}
		case <-time.After(l.idle):
			if err := l.recognise(ctx, source); err != nil {
				return err
			}
		}
	}
}

// begin is the number of the block to begin with. That is the last block that
// the state has, which will be compared, because a ledger may have another
// one in its place.
func (l *Listener) begin(ctx context.Context, source Source) (uint64, error) {
	at, err := l.checkpoint(ctx)
	if err != nil {
		return 0, err
	}
	l.reached(at.Height)
	if at.Height == 0 {
		return 0, nil
	}
	return at.Height - 1, l.compareFirst(ctx, source)
}

// compareFirst compares the first block of all. A ledger that is another one
// and shorter would otherwise be waited for without end.
func (l *Listener) compareFirst(ctx context.Context, source Source) error {
	for b, err := range source.Blocks(ctx, 0) {
		if err != nil {
			return err
		}
		return l.same(ctx, b)
	}
	return cmp.Or(ctx.Err(), errNoEnd)
}

// errNoEnd: a Source broke its promise.
var errNoEnd = errors.New("the source of blocks ended without an error")

// recognise asks after a silence whether the ledger is still the same. No
// answer is no reason to stop: the peers may be down.
func (l *Listener) recognise(ctx context.Context, source Source) error {
	if at, err := l.checkpoint(ctx); err != nil || at.Height == 0 {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, identify)
	defer cancel()
	err := l.compareFirst(limited, source)
	if errors.Is(err, ErrOtherLedger) {
		return err
	}
	if err != nil {
		l.log.Debug("the ledger was not recognised", "error", err)
	}
	return ctx.Err()
}

// A delivery is a block, or the error that ended the stream.
type delivery struct {
	block ledger.Block
	err   error
}

// receive passes the blocks of source on until it ends or ctx does.
func receive(ctx context.Context, source Source, from uint64, to chan<- delivery) {
	defer close(to)
	for b, err := range source.Blocks(ctx, from) {
		select {
		case to <- delivery{b, err}:
		case <-ctx.Done():
			return
		}
	}
}

// gather takes the blocks that are ready, up to a full batch, and the error
// behind them.
func gather(first delivery, incoming <-chan delivery) ([]ledger.Block, error) {
	var blocks []ledger.Block
	writes := 0
	for d := first; ; {
		if d.err != nil {
			return blocks, d.err
		}
		blocks = append(blocks, d.block)
		for _, t := range d.block.Transactions {
			writes += len(t.Writes)
		}
		if writes >= fullBatch {
			return blocks, nil
		}
		var open bool
		select {
		case d, open = <-incoming:
			if !open {
				return blocks, nil // Follow will see it too
			}
		default:
			return blocks, nil
		}
	}
}

// Lag says how far a local state is behind a peer.
type Lag struct {
	Local uint64 // height of the local state
	Peer  uint64 // height of the peer's ledger
}

// Behind is the number of blocks that are missing here. A peer may itself be
// behind others, and behind this state.
func (l Lag) Behind() uint64 { return l.Peer - min(l.Peer, l.Local) }

// Lag compares the state with the ledger as one peer has it.
func (l *Listener) Lag(ctx context.Context, source Source) (Lag, error) {
	var lag Lag
	at, err := l.checkpoint(ctx)
	if err != nil {
		return lag, err
	}
	if lag.Peer, err = source.Height(ctx); err != nil {
		return lag, fmt.Errorf("ask for the ledger's height: %w", err)
	}
	lag.Local = at.Height
	return lag, nil
}

// Checkpoint is how far the state has come.
func (l *Listener) Checkpoint(ctx context.Context) (store.WorldCheckpoint, error) {
	return l.checkpoint(ctx)
}
