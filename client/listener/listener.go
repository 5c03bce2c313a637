package listener

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// Errors that end Follow and Apply. None of them changes anything, and none
// goes away by itself.
var (
	// ErrGap: the block is not the one that is due.
	ErrGap = errors.New("a block is missing")
	// ErrOtherLedger: the block, or the whole ledger, is not the one that this
	// world state was made from. If that is as it should be, because the
	// network was made anew, forget the state: [store.World]'s ForgetWorld.
	ErrOtherLedger = errors.New("the ledger is not the one that the local state comes from")
	// ErrOtherChaincode: the world state is that of another chaincode.
	ErrOtherChaincode = errors.New("the local state is that of another chaincode")
)

// A Listener applies blocks to a world state. One Listener per database; the
// second of two processes ends with [store.ErrMoved]. Its methods may be called
// by many goroutines at once.
type Listener struct {
	world     store.World
	chaincode string
	handle    Handler
	log       *slog.Logger
	idle      time.Duration

	applying sync.Mutex // held by Apply

	mu      sync.Mutex
	height  uint64        // of what Apply committed or found
	changed chan struct{} // closed when height grows
}

// An Option changes how a Listener works.
type Option func(*Listener)

// WithHandler calls h for every transaction that concerns the chaincode.
func WithHandler(h Handler) Option { return func(l *Listener) { l.handle = h } }

// WithLogger tells log, at level Debug, of what was applied.
func WithLogger(log *slog.Logger) Option { return func(l *Listener) { l.log = log } }

func withIdle(d time.Duration) Option { return func(l *Listener) { l.idle = d } }

// New makes a listener that keeps the namespace of a chaincode in world.
func New(world store.World, chaincode string, options ...Option) *Listener {
	l := &Listener{
		world:     world,
		chaincode: chaincode,
		log:       slog.New(slog.DiscardHandler),
		idle:      time.Minute,
		changed:   make(chan struct{}),
	}
	for _, option := range options {
		option(l)
	}
	return l
}

// Apply applies blocks, in one database transaction. Blocks that the state has
// already are skipped, if they are the same. The first block of all must be
// block 0. It returns ErrGap, ErrOtherLedger, ErrOtherChaincode,
// [store.ErrMoved], the handler's error or the database's; then the state is as
// before.
func (l *Listener) Apply(ctx context.Context, blocks ...ledger.Block) error {
	l.applying.Lock()
	defer l.applying.Unlock()
	from, err := l.checkpoint(ctx)
	if err != nil {
		return err
	}
	due, err := l.due(ctx, from, blocks)
	if err != nil {
		return fmt.Errorf("follow the ledger: %w", err)
	}
	if err := l.world.AdvanceWorld(ctx, from, due, l.use()); err != nil {
		return fmt.Errorf("follow the ledger from height %d: %w", from.Height, err)
	}
	if len(due) > 0 {
		l.log.Debug("applied blocks", "first", due[0].Number, "blocks", len(due))
		from.Height = due[len(due)-1].Number + 1
	}
	l.reached(from.Height)
	return nil
}

// checkpoint is the state's, or the one with which it begins.
func (l *Listener) checkpoint(ctx context.Context) (store.WorldCheckpoint, error) {
	at, err := l.world.WorldCheckpoint(ctx)
	if err != nil {
		return at, fmt.Errorf("read the checkpoint: %w", err)
	}
	if at.Height == 0 {
		at.Chaincode = l.chaincode
	}
	if at.Chaincode != l.chaincode {
		return at, fmt.Errorf("%w: %q, not %q", ErrOtherChaincode, at.Chaincode, l.chaincode)
	}
	return at, nil
}

// due checks that blocks continue what is there. It answers those that are not
// there yet, reduced to what is to be stored.
func (l *Listener) due(ctx context.Context, at store.WorldCheckpoint, blocks []ledger.Block) ([]ledger.Block, error) {
	var due []ledger.Block
	next, last := at.Height, at.Hash
	for _, b := range blocks {
		switch {
		case b.Number < at.Height:
			if err := l.same(ctx, b); err != nil {
				return nil, err
			}
			continue
		case b.Number < next: // twice among these blocks
			if b.Hash != due[b.Number-at.Height].Hash {
				return nil, fmt.Errorf("%w: two different blocks %d", ErrOtherLedger, b.Number)
			}
			continue
		case b.Number > next:
			return nil, fmt.Errorf("%w: block %d came where %d was due", ErrGap, b.Number, next)
		case next > 0 && !bytes.Equal(b.PreviousHash, last[:]):
			return nil, fmt.Errorf("%w: block %d does not follow upon the last one", ErrOtherLedger, b.Number)
		}
		due = append(due, l.reduce(b))
		next, last = next+1, b.Hash
	}
	return due, nil
}

// same checks that a block is the one that the state has under its number.
func (l *Listener) same(ctx context.Context, b ledger.Block) error {
	hash, err := l.world.WorldBlockHash(ctx, b.Number)
	if err != nil {
		return err
	}
	if hash != b.Hash {
		return fmt.Errorf("%w: its block %d is another one", ErrOtherLedger, b.Number)
	}
	return nil
}

// reduce leaves the valid transactions that concern the chaincode, and of their
// writes those in its namespace. Another chaincode may have called it.
func (l *Listener) reduce(b ledger.Block) ledger.Block {
	reduced := ledger.Block{Number: b.Number, Hash: b.Hash, PreviousHash: b.PreviousHash}
	for _, t := range b.Transactions {
		if t.Code != ledger.Valid {
			continue
		}
		var writes []ledger.Write
		for _, w := range t.Writes {
			if w.Namespace == l.chaincode {
				// A peer deletes a key whose new value is empty.
				w.Deleted = w.Deleted || len(w.Value) == 0
				writes = append(writes, w)
			}
		}
		if t.Chaincode != l.chaincode && len(writes) == 0 {
			continue
		}
		t.Writes = writes
		if t.Event != nil && t.Event.Chaincode != l.chaincode {
			t.Event = nil
		}
		reduced.Transactions = append(reduced.Transactions, t)
	}
	return reduced
}

// use is the handler as the store calls it.
func (l *Listener) use() store.UseTransaction {
	if l.handle == nil {
		return nil
	}
	return func(ctx context.Context, tx store.WorldTx, t ledger.Transaction) error {
		if err := l.handle(ctx, tx, Change{t}); err != nil {
			return fmt.Errorf("handler: %w", err)
		}
		return nil
	}
}

// reached notes how far the state has come and wakes those who wait for it.
func (l *Listener) reached(height uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if height > l.height {
		l.height = height
		close(l.changed)
		l.changed = make(chan struct{})
	}
}

// Await waits until this Listener has applied a block, for instance that of a
// [ledger.Result], or found it applied. Its error is the context's.
func (l *Listener) Await(ctx context.Context, block uint64) error {
	for {
		l.mu.Lock()
		height, changed := l.height, l.changed
		l.mu.Unlock()
		if height > block {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for block %d, the local state has height %d: %w", block, height, ctx.Err())
		}
	}
}
