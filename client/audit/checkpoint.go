package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/client/store"
)

const checkpointTable = "world_checkpoint"

// checkpoint is the row that says how far the database's copy of the ledger is.
type checkpoint struct {
	height    uint64
	hash      []byte
	chaincode string
}

func readCheckpoint(ctx context.Context, in store.Inspection) (*checkpoint, error) {
	row, err := in.Row(ctx, checkpointTable, int64(1))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &checkpoint{uint64(max(row.Int("height"), 0)), row.Bytes("hash"), row.Text("chaincode")}, nil
}

// height is how many blocks the database has, as of one moment.
func (r *run) height(ctx context.Context, in store.Inspection) (uint64, error) {
	if r.fixed != nil {
		return *r.fixed, nil
	}
	at, err := readCheckpoint(ctx, in)
	if err != nil || at == nil {
		return 0, err
	}
	return at.height, nil
}

// begin compares the checkpoint with the ledger and replays the ledger up to it.
// When it is wrong, the database's list of blocks says how far to compare.
func (r *run) begin(ctx context.Context) error {
	if err := r.catchUp(ctx); err != nil {
		return err
	}
	var at *checkpoint
	var blocks uint64
	err := r.Store.Inspect(ctx, func(in store.Inspection) (err error) {
		if at, err = readCheckpoint(ctx, in); err != nil {
			return err
		}
		if blocks, err = lastBlock(ctx, in); err != nil {
			return err
		}
		return r.otherCheckpoints(ctx, in)
	})
	if err != nil {
		return err
	}
	height := blocks
	if at != nil {
		height = at.height
	}
	peer, err := r.peer(ctx, height)
	if err != nil {
		return err
	}
	trusted, err := r.trust(ctx, at, blocks, peer)
	if err != nil {
		return err
	}
	if !trusted {
		height = min(blocks, peer)
		r.fixed = &height
	}
	if height < r.copy.height {
		if err := r.copy.forget(ctx); err != nil {
			return err
		}
	}
	return r.copy.advance(ctx, height, r.Patience, func(done uint64) { r.progress("replay the ledger", done, height) })
}

// catchUp waits while a running node still reads the ledger: rows that it wrote
// before would be ahead of its copy. One that does not run does not get further.
func (r *run) catchUp(ctx context.Context) error {
	peer, err := r.Blocks.Height(ctx)
	if err != nil {
		return fmt.Errorf("audit: ask the peer for its height: %w", err)
	}
	var last uint64
	for since := time.Now(); time.Since(since) < min(r.Patience, stuck); {
		var at *checkpoint
		err := r.Store.Inspect(ctx, func(in store.Inspection) (err error) {
			at, err = readCheckpoint(ctx, in)
			return err
		})
		if err != nil || at == nil || at.height >= peer {
			return err
		}
		if at.height > last {
			last, since = at.height, time.Now()
			r.progress("the node reads the ledger", last, peer)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(glance, r.Patience)):
		}
	}
	return nil
}

// stuck is after how long without a block nobody is taken to read the ledger.
const stuck = 3 * time.Second

// lastBlock is the number of the last block that the database lists, plus one.
func lastBlock(ctx context.Context, in store.Inspection) (uint64, error) {
	n, err := in.Rows(ctx, "world_block")
	if err != nil || n == 0 {
		return 0, err
	}
	// Usually they are 0 to n-1.
	last := n
	for after := []any{int64(n) - 2}; ; {
		page, err := in.Page(ctx, "world_block", after, pageSize)
		if err != nil || len(page) == 0 {
			return last, err
		}
		after = page[len(page)-1].Key()
		last = uint64(max(page[len(page)-1].Int("block"), 0)) + 1
	}
}

func (r *run) otherCheckpoints(ctx context.Context, in store.Inspection) error {
	page, err := in.Page(ctx, checkpointTable, nil, pageSize)
	if err != nil {
		return err
	}
	r.report.Rows[checkpointTable] = uint64(len(page))
	for i := range page {
		if page[i].Value("only_row") != int64(1) {
			r.wrong(&page[i], Extra, "", doExtra, "there is one checkpoint, in row 1")
		}
	}
	return nil
}

// peer is the peer's height, after it had time to reach the database's.
func (r *run) peer(ctx context.Context, want uint64) (uint64, error) {
	deadline := time.Now().Add(r.Patience)
	for {
		height, err := r.Blocks.Height(ctx)
		if err != nil {
			return 0, fmt.Errorf("audit: ask the peer for its height: %w", err)
		}
		if height >= want || time.Now().After(deadline) {
			return height, nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(min(glance, r.Patience)):
		}
	}
}

const glance = 200 * time.Millisecond

// trust says whether the checkpoint is the ledger's, and notes what is wrong
// with it.
func (r *run) trust(ctx context.Context, at *checkpoint, blocks, peer uint64) (bool, error) {
	wrong := func(kind Kind, column, what string, args ...any) (bool, error) {
		r.find(Finding{Kind: kind, Table: checkpointTable, Row: "1", Column: column, What: fmt.Sprintf(what, args...), Do: doWorld})
		return false, nil
	}
	switch {
	case at == nil && blocks == 0:
		return true, nil
	case at == nil:
		return wrong(Missing, "", "the database has %d blocks of the ledger and no checkpoint", blocks)
	case at.height == 0:
		return wrong(Altered, "height", "a checkpoint is made with the first block, and this one has height 0")
	case at.height > peer && at.height == blocks:
		return false, fmt.Errorf("%w: it has %d, the database %d", ErrBehind, peer, at.height)
	case at.height > peer:
		return wrong(Altered, "height", "the database says that it has %d blocks, the ledger has %d", at.height, peer)
	}
	if at.chaincode != r.Chaincode {
		_, _ = wrong(Altered, "chaincode", "the database has the state of %s, the connection is to %s", shown(at.chaincode), shown(r.Chaincode))
	}
	hash, err := r.copy.hashOf(ctx, at.height-1, r.Patience)
	if err != nil {
		return false, err
	}
	if bytes.Equal(hash[:], at.hash) {
		return true, nil
	}
	column := "hash"
	if at.height != blocks {
		column = "height"
	}
	return wrong(Altered, column, "block %d of the ledger has the hash %x, the database says %s", at.height-1, hash, shown(at.hash))
}
