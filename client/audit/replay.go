package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
)

// ErrBehind: the peer does not have the blocks that the database has.
var ErrBehind = errors.New("the peer does not have the blocks that this database has")

const (
	// fullBatch is how many writes make a transaction of the scratch database
	// large enough.
	fullBatch = 20_000
	// fullBlocks and fullBytes bound memory.
	fullBlocks = 256
	fullBytes  = 32 << 20
)

// copied is the ledger's state, made of its blocks.
type copied struct {
	folder   string
	store    store.Store
	listener *listener.Listener
	source   listener.Source
	height   uint64
	hash     [32]byte
}

// newCopied makes an empty copy in a folder of its own below parent, the
// system's for temporary files when empty. There must be room for the ledger's
// state.
func newCopied(ctx context.Context, parent, chaincode string, source listener.Source) (*copied, error) {
	folder, err := os.MkdirTemp(parent, "claimshare-audit-")
	if err != nil {
		return nil, fmt.Errorf("audit: make room for a copy of the ledger: %w", err)
	}
	c := &copied{folder: folder, source: source}
	if c.store, err = sqlite.Open(ctx, filepath.Join(folder, "ledger.db")); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	c.listener = listener.New(c.store, chaincode)
	return c, nil
}

func (c *copied) close() error { return errors.Join(c.store.Close(), os.RemoveAll(c.folder)) }

// inspect shows the copy as rows.
func (c *copied) inspect(ctx context.Context, f func(store.Inspection) error) error {
	return c.store.(store.Inspector).Inspect(ctx, f)
}

// advance replays blocks until the copy has so many. Nothing may come for
// patience at most, or it answers ErrBehind.
func (c *copied) advance(ctx context.Context, height uint64, patience time.Duration, report func(done uint64)) error {
	if c.height >= height {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(patience, func() { cancel(ErrBehind) })
	defer silence.Stop()
	var batch []ledger.Block
	writes, size := 0, 0
	for b, err := range c.source.Blocks(ctx, c.height) {
		if err != nil {
			return fmt.Errorf("audit: read block %d: %w", c.height+uint64(len(batch)), cmp.Or(context.Cause(ctx), err))
		}
		silence.Reset(patience)
		batch = append(batch, b)
		for i := range b.Transactions {
			writes += len(b.Transactions[i].Writes)
			for _, w := range b.Transactions[i].Writes {
				size += len(w.Value)
			}
		}
		last := b.Number+1 >= height
		if !last && writes < fullBatch && len(batch) < fullBlocks && size < fullBytes {
			continue
		}
		silence.Stop()
		if err := c.apply(ctx, batch); err != nil {
			return err
		}
		report(c.height)
		if last {
			return nil
		}
		silence.Reset(patience)
		batch, writes, size = batch[:0], 0, 0
	}
	return fmt.Errorf("audit: read block %d: %w", c.height, cmp.Or(context.Cause(ctx), ErrBehind))
}

func (c *copied) apply(ctx context.Context, batch []ledger.Block) error {
	if err := c.listener.Apply(ctx, batch...); err != nil {
		return fmt.Errorf("audit: replay the ledger: %w", err)
	}
	last := batch[len(batch)-1]
	c.height, c.hash = last.Number+1, last.Hash
	return nil
}

// hashOf is the hash of one of the ledger's blocks.
func (c *copied) hashOf(ctx context.Context, number uint64, patience time.Duration) ([32]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrBehind)
	defer cancel()
	for b, err := range c.source.Blocks(ctx, number) {
		if err != nil {
			return [32]byte{}, fmt.Errorf("audit: read block %d: %w", number, cmp.Or(context.Cause(ctx), err))
		}
		return b.Hash, nil
	}
	return [32]byte{}, fmt.Errorf("audit: read block %d: %w", number, cmp.Or(context.Cause(ctx), ErrBehind))
}

// forget begins anew.
func (c *copied) forget(ctx context.Context) error {
	c.height, c.hash = 0, [32]byte{}
	return c.store.ForgetWorld(ctx)
}
