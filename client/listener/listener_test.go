package listener

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// TestMain is also the process that TestKilled kills.
func TestMain(m *testing.M) {
	if path := os.Getenv("LISTENER_TEST_STORE"); path != "" {
		followUntilKilled(path)
	}
	goleak.VerifyTestMain(m)
}

func TestApplyBlockByBlock(t *testing.T) {
	c, s := randomChain("a", 1, 80), newStore(t)
	l := New(s, chaincode)
	for _, b := range c.blocks {
		require.NoError(t, l.Apply(t.Context(), b))
	}
	requireState(t, c, s)
	require.NoError(t, l.Apply(t.Context()))
	requireState(t, c, s)
}

func TestApplyManyBlocksAtOnce(t *testing.T) {
	c, s := randomChain("a", 2, 80), newStore(t)
	l := New(s, chaincode)
	for batch := range slices.Chunk(c.blocks, 13) {
		require.NoError(t, l.Apply(t.Context(), batch...))
	}
	requireState(t, c, s)
}

// A write set that says several things about one key: the last one counts, in a
// block and in a batch of blocks.
func TestOneKeyWrittenOften(t *testing.T) {
	write := func(value string) ledger.Transaction {
		return ledger.Transaction{Chaincode: chaincode, Writes: []ledger.Write{{Namespace: chaincode, Key: "k", Value: []byte(value)}}}
	}
	gone := write("")
	invalid := write("invalid")
	invalid.Code = ledger.ErrMVCCReadConflict
	c, s := newChain("a"), newStore(t)
	c.add(write("1"), write("2"), invalid)
	c.add(write("3"), gone)
	c.add(gone, write("4"), write("5"), invalid)
	require.NoError(t, New(s, chaincode).Apply(t.Context(), c.blocks...))
	requireState(t, c, s)
	v, err := s.WorldValue(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, "5", string(v.Value))
	require.Equal(t, 2, v.Index)
	require.Equal(t, uint64(3), v.Block)
}

func TestDuplicatedBlocks(t *testing.T) {
	c, s := randomChain("a", 3, 30), newStore(t)
	l := New(s, chaincode)
	require.NoError(t, l.Apply(t.Context(), append(slices.Clone(c.blocks[:10]), c.blocks[3:10]...)...))
	for _, b := range c.blocks {
		require.NoError(t, l.Apply(t.Context(), b))
		require.NoError(t, l.Apply(t.Context(), b))
	}
	require.NoError(t, l.Apply(t.Context(), c.blocks...))
	requireState(t, c, s)
}

func TestGap(t *testing.T) {
	c, s := randomChain("a", 4, 10), newStore(t)
	l := New(s, chaincode)
	require.ErrorIs(t, l.Apply(t.Context(), c.blocks[1]), ErrGap, "it begins at the beginning")
	require.NoError(t, l.Apply(t.Context(), c.blocks[:4]...))
	before := content(t, s)
	require.ErrorIs(t, l.Apply(t.Context(), c.blocks[5]), ErrGap)
	require.ErrorIs(t, l.Apply(t.Context(), c.blocks[4], c.blocks[6]), ErrGap, "all or nothing")
	require.Equal(t, before, content(t, s))
	require.NoError(t, l.Apply(t.Context(), c.blocks[4:]...))
	requireState(t, c, s)
}

func TestOtherLedger(t *testing.T) {
	c, other, s := randomChain("a", 5, 10), randomChain("b", 5, 20), newStore(t)
	require.NoError(t, New(s, chaincode).Apply(t.Context(), c.blocks[:6]...))
	before := content(t, s)
	changed := c.blocks[6]
	changed.PreviousHash = changed.PreviousHash[:31]
	for name, blocks := range map[string][]ledger.Block{
		"the next block":        {other.blocks[6]},
		"the last block":        {other.blocks[5]},
		"an old block":          {other.blocks[1]},
		"in between":            {c.blocks[6], other.blocks[7]},
		"two that differ":       {c.blocks[6], other.blocks[6]},
		"a shortened hash":      {changed},
		"none of the hash left": {{Number: 6}},
	} {
		// A new listener, as after a restart, and the database's word alone.
		require.ErrorIs(t, New(s, chaincode).Apply(t.Context(), blocks...), ErrOtherLedger, name)
		require.Equal(t, before, content(t, s), name)
	}
	require.NoError(t, s.ForgetWorld(t.Context()))
	require.NoError(t, New(s, chaincode).Apply(t.Context(), other.blocks...))
	requireState(t, other, s)
}

func TestOtherChaincode(t *testing.T) {
	c, s := randomChain("a", 6, 5), newStore(t)
	require.NoError(t, New(s, chaincode).Apply(t.Context(), c.blocks[:3]...))
	require.ErrorIs(t, New(s, "other").Apply(t.Context(), c.blocks[3]), ErrOtherChaincode)
	require.ErrorIs(t, New(s, "other").Follow(t.Context(), c), ErrOtherChaincode)
}

// Two processes on one database: what one of them believes is out of date.
func TestMoved(t *testing.T) {
	c, s := randomChain("a", 7, 5), newStore(t)
	ctx := t.Context()
	require.NoError(t, New(s, chaincode).Apply(ctx, c.blocks[:2]...))
	old, err := s.WorldCheckpoint(ctx)
	require.NoError(t, err)
	require.NoError(t, New(s, chaincode).Apply(ctx, c.blocks[2]))
	require.ErrorIs(t, s.AdvanceWorld(ctx, old, c.blocks[2:3], nil), store.ErrMoved)

	// Both at once: each block is applied by one of them.
	var applied sync.Map
	handler := WithHandler(func(_ context.Context, _ store.WorldTx, change Change) error {
		applied.Store(change.Transaction.TxID, true)
		return nil
	})
	var both sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		both.Go(func() {
			l := New(s, chaincode, handler)
			for _, b := range c.blocks {
				errs[i] = errors.Join(errs[i], l.Apply(context.Background(), b))
			}
		})
	}
	both.Wait()
	for _, err := range errs {
		if err != nil {
			require.ErrorIs(t, err, store.ErrMoved)
		}
	}
	requireState(t, c, s)
}

// The handler's work is part of the database transaction: it happens with the
// writes, once, or not at all.
func TestHandler(t *testing.T) {
	c, s := randomChain("a", 8, 40), newStore(t)
	ctx := t.Context()
	refusal := errors.New("not now")
	var refuse string // the transaction at which the handler fails
	var seen []string
	l := New(s, chaincode, WithHandler(func(ctx context.Context, tx store.WorldTx, change Change) error {
		if change.Transaction.TxID == refuse {
			return refusal
		}
		for _, w := range change.Transaction.Writes {
			if err := sees(ctx, tx, change.Transaction, w); err != nil {
				return err
			}
		}
		seen = append(seen, change.Transaction.TxID)
		return count(ctx, tx)
	}))
	require.NoError(t, l.Apply(ctx, c.blocks[:20]...))
	before := content(t, s)
	counted := counter(t, s)
	require.Equal(t, len(seen), counted)

	done := len(seen)
	refuse = c.valid[len(c.valid)-1]
	require.ErrorIs(t, l.Apply(ctx, c.blocks[20:]...), refusal)
	require.Equal(t, before, content(t, s))
	require.Equal(t, counted, counter(t, s), "what the handler did is undone too")

	refuse, seen = "", seen[:done]
	require.NoError(t, l.Apply(ctx, c.blocks[20:]...))
	requireState(t, c, s)
	require.Equal(t, c.valid, seen, "each once and in order")
	require.Equal(t, len(c.valid), counter(t, s))
}

// sees checks that a handler sees the state as it is after its transaction. A
// key that one transaction writes twice is left out.
func sees(ctx context.Context, tx store.WorldTx, t ledger.Transaction, w ledger.Write) error {
	if slices.ContainsFunc(t.Writes, func(o ledger.Write) bool { return o.Key == w.Key && string(o.Value) != string(w.Value) }) {
		return nil
	}
	v, err := tx.WorldValue(ctx, w.Key)
	if w.Deleted {
		if !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%q should be gone: %w", w.Key, err)
		}
		return nil
	}
	if err != nil || v.TxID != t.TxID || string(v.Value) != string(w.Value) {
		return fmt.Errorf("%q is %+v, %w", w.Key, v, err)
	}
	return nil
}

// count adds one to a value that the handler keeps.
func count(ctx context.Context, tx store.WorldTx) error {
	text, err := tx.Value(ctx, "count")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	n, _ := strconv.Atoi(string(text))
	return tx.SetValue(ctx, "count", []byte(strconv.Itoa(n+1)))
}

func counter(t *testing.T, s store.Store) int {
	t.Helper()
	text, err := s.Value(t.Context(), "count")
	require.NoError(t, err)
	n, err := strconv.Atoi(string(text))
	require.NoError(t, err)
	return n
}

// content is everything that there is of a world.
func content(t *testing.T, w store.World) (all []any) {
	t.Helper()
	at, err := w.WorldCheckpoint(t.Context())
	require.NoError(t, err)
	all = append(all, at)
	for v, err := range w.WorldValues(t.Context(), store.WorldQuery{}) {
		require.NoError(t, err)
		all = append(all, *v)
	}
	for tx, err := range w.WorldTransactions(t.Context(), store.WorldPlace{}, 0) {
		require.NoError(t, err)
		all = append(all, *tx)
	}
	return all
}
