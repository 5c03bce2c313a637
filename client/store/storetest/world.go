package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// worldBlock is a block with transactions that set or delete keys, given as
// pairs of key and value; an empty value deletes.
func worldBlock(number uint64, transactions ...[]string) ledger.Block {
	b := ledger.Block{Number: number, Hash: [32]byte(random(32))}
	for i, pairs := range transactions {
		t := ledger.Transaction{
			TxID: fmt.Sprintf("tx-%d-%d", number, i), Block: number, Index: i, Time: time.UnixMicro(1_700_000_000_000_001).UTC(),
			Creator: "InsurerMSP", Chaincode: "claims", Function: "records:Submit\x00\xff",
		}
		t.Event = &ledger.Event{Block: number, Index: i, TxID: t.TxID, Time: t.Time, Chaincode: "claims", Name: "e\x00", Payload: []byte(`{"x":1}`)}
		for j := 0; j < len(pairs); j += 2 {
			t.Writes = append(t.Writes, ledger.Write{Namespace: "claims", Key: pairs[j], Value: []byte(pairs[j+1]), Deleted: pairs[j+1] == ""})
		}
		b.Transactions = append(b.Transactions, t)
	}
	return b
}

// after is the checkpoint behind a block.
func after(b ledger.Block) store.WorldCheckpoint {
	return store.WorldCheckpoint{Chaincode: "claims", Height: b.Number + 1, Hash: b.Hash}
}

var beginning = store.WorldCheckpoint{Chaincode: "claims"}

func testWorld(t *testing.T, s store.Store) {
	ctx := t.Context()
	at, err := s.WorldCheckpoint(ctx)
	require.NoError(t, err)
	require.Zero(t, at)
	_, err = s.WorldValue(ctx, "a")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.WorldBlockHash(ctx, 0)
	require.ErrorIs(t, err, store.ErrNotFound)

	b0 := worldBlock(0)
	b1 := worldBlock(1, []string{"a", "1", "b", "1", "\x00i\x00\U0010ffff\x00", "\x00"}, []string{"a", "2", "c", "1"})
	b2 := worldBlock(2, []string{"b", "", "nothing", "", "c", "1"})
	require.NoError(t, s.AdvanceWorld(ctx, beginning, []ledger.Block{b0, b1}, nil))
	require.NoError(t, s.AdvanceWorld(ctx, after(b1), nil, nil), "no blocks, no change")
	require.NoError(t, s.AdvanceWorld(ctx, after(b1), []ledger.Block{b2}, nil))
	at, err = s.WorldCheckpoint(ctx)
	require.NoError(t, err)
	require.Equal(t, after(b2), at)
	for _, b := range []ledger.Block{b0, b1, b2} {
		hash, err := s.WorldBlockHash(ctx, b.Number)
		require.NoError(t, err)
		require.Equal(t, b.Hash, hash)
	}
	require.Equal(t, []*store.WorldValue{
		{Key: "\x00i\x00\U0010ffff\x00", Value: []byte{0}, Block: 1, Index: 0, TxID: "tx-1-0"},
		{Key: "a", Value: []byte("2"), Block: 1, Index: 1, TxID: "tx-1-1"},
		{Key: "c", Value: []byte("1"), Block: 2, Index: 0, TxID: "tx-2-0"},
	}, all(t, s.WorldValues(ctx, store.WorldQuery{})))
	v, err := s.WorldValue(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, "tx-1-1", v.TxID)

	require.NoError(t, s.ForgetWorld(ctx))
	at, err = s.WorldCheckpoint(ctx)
	require.NoError(t, err)
	require.Zero(t, at)
	require.Empty(t, all(t, s.WorldValues(ctx, store.WorldQuery{})))
	require.NoError(t, s.AdvanceWorld(ctx, beginning, []ledger.Block{b0, b1, b2}, nil))
}

func testWorldQueries(t *testing.T, s store.Store) {
	ctx := t.Context()
	keys := []string{"\x00x", "a", "aa", "ab", "ab\x00", "ac", "b", "\xfe\xff", "\xff", "\xff\xff", "\xff\xff1"}
	var pairs []string
	for _, k := range keys {
		pairs = append(pairs, k, "v")
	}
	require.NoError(t, s.AdvanceWorld(ctx, beginning, []ledger.Block{worldBlock(0, pairs)}, nil))
	for _, c := range []struct {
		query store.WorldQuery
		want  []string
	}{
		{store.WorldQuery{}, keys},
		{store.WorldQuery{Prefix: "a"}, []string{"a", "aa", "ab", "ab\x00", "ac"}},
		{store.WorldQuery{Prefix: "ab"}, []string{"ab", "ab\x00"}},
		{store.WorldQuery{Prefix: "\x00"}, []string{"\x00x"}},
		{store.WorldQuery{Prefix: "\xff"}, []string{"\xff", "\xff\xff", "\xff\xff1"}},
		{store.WorldQuery{Prefix: "\xfe\xff"}, []string{"\xfe\xff"}},
		{store.WorldQuery{Prefix: "nothing"}, nil},
		{store.WorldQuery{After: "ac"}, []string{"b", "\xfe\xff", "\xff", "\xff\xff", "\xff\xff1"}},
		{store.WorldQuery{Prefix: "a", After: "aa", Limit: 2}, []string{"ab", "ab\x00"}},
		{store.WorldQuery{Prefix: "a", After: "zzz"}, nil},
		{store.WorldQuery{Limit: 1}, []string{"\x00x"}},
	} {
		var got []string
		for _, v := range all(t, s.WorldValues(ctx, c.query)) {
			got = append(got, v.Key)
		}
		require.Equal(t, c.want, got, "%q", c.query)
	}
}

func testWorldTransactions(t *testing.T, s store.Store) {
	ctx := t.Context()
	b0, b1 := worldBlock(0, []string{"a", "1"}), worldBlock(1, []string{"a", "2"}, nil, []string{"a", "3"})
	b1.Transactions[1].Event = nil
	require.NoError(t, s.AdvanceWorld(ctx, beginning, []ledger.Block{b0, b1}, nil))
	var want []*ledger.Transaction
	for _, b := range []ledger.Block{b0, b1} {
		for _, tx := range b.Transactions {
			tx.Writes = nil
			want = append(want, &tx)
		}
	}
	require.Equal(t, want, all(t, s.WorldTransactions(ctx, store.WorldPlace{}, 0)))
	require.Equal(t, want[:2], all(t, s.WorldTransactions(ctx, store.WorldPlace{}, 2)))
	require.Equal(t, want[2:], all(t, s.WorldTransactions(ctx, store.WorldPlace{Block: 1, Index: 1}, 0)))
	require.Equal(t, want[1:], all(t, s.WorldTransactions(ctx, store.WorldPlace{Block: 0, Index: 1}, 0)))
	require.Empty(t, all(t, s.WorldTransactions(ctx, store.WorldPlace{Block: 2}, 0)))
	got, err := s.WorldTransaction(ctx, "tx-1-1")
	require.NoError(t, err)
	require.Equal(t, want[2], got)
	_, err = s.WorldTransaction(ctx, "tx-9-9")
	require.ErrorIs(t, err, store.ErrNotFound)
}

// Whoever advances from a place where the state is not changes nothing.
func testWorldMoved(t *testing.T, s store.Store) {
	ctx := t.Context()
	b0, b1 := worldBlock(0, []string{"a", "0"}), worldBlock(1, []string{"a", "1"})
	require.NoError(t, s.AdvanceWorld(ctx, beginning, []ledger.Block{b0}, nil))
	otherHash, otherChaincode, ahead := after(b0), after(b0), after(b0)
	otherHash.Hash[0] ^= 1
	otherChaincode.Chaincode = "other"
	ahead.Height++
	for name, from := range map[string]store.WorldCheckpoint{
		"the beginning": beginning, "another hash": otherHash, "another chaincode": otherChaincode, "another height": ahead,
	} {
		require.ErrorIs(t, s.AdvanceWorld(ctx, from, []ledger.Block{b1}, nil), store.ErrMoved, name)
	}
	require.NoError(t, s.ForgetWorld(ctx))
	require.ErrorIs(t, s.AdvanceWorld(ctx, after(b0), []ledger.Block{b1}, nil), store.ErrMoved, "there is nothing")
	require.NoError(t, s.AdvanceWorld(ctx, beginning, []ledger.Block{b0}, nil))

	// Of many that continue at one place, one does.
	const rivals = 8
	errs := make(chan error, rivals)
	for range rivals {
		go func() {
			errs <- s.AdvanceWorld(context.Background(), after(b0), []ledger.Block{worldBlock(1, []string{"a", "1"})}, nil)
		}()
	}
	won := 0
	for range rivals {
		if err := <-errs; err == nil {
			won++
		} else {
			require.ErrorIs(t, err, store.ErrMoved)
		}
	}
	require.Equal(t, 1, won)
}

// What is done beside the writes happens with them or not at all.
func testWorldTx(t *testing.T, s store.Store) {
	ctx := t.Context()
	ids := put(t, s, 2)
	b0, b1 := worldBlock(0, []string{"a", "0"}), worldBlock(1, []string{"a", "1"}, []string{"a", ""})
	enough := errors.New("enough")
	use := func(fail bool) store.UseTransaction {
		return func(ctx context.Context, tx store.WorldTx, transaction ledger.Transaction) error {
			v, err := tx.WorldValue(ctx, "a")
			if transaction.Index == 1 {
				require.ErrorIs(t, err, store.ErrNotFound)
				if fail {
					return enough
				}
				return nil
			}
			require.NoError(t, err)
			require.Equal(t, transaction.TxID, v.TxID)
			require.NoError(t, tx.SetValue(ctx, "seen", []byte(v.TxID)))
			seen, err := tx.Value(ctx, "seen")
			require.NoError(t, err)
			require.Equal(t, v.TxID, string(seen))
			require.NoError(t, tx.MarkRecorded(ctx, transaction.TxID, transaction.Block, ids[0]))
			return tx.MarkRefused(ctx, transaction.TxID, "wrong signature", ids[1])
		}
	}
	require.ErrorIs(t, s.AdvanceWorld(ctx, beginning, []ledger.Block{b0, b1}, use(true)), enough)
	at, err := s.WorldCheckpoint(ctx)
	require.NoError(t, err)
	require.Zero(t, at)
	_, err = s.Value(ctx, "seen")
	require.ErrorIs(t, err, store.ErrNotFound)
	e, err := s.Record(ctx, ids[0])
	require.NoError(t, err)
	require.Equal(t, store.Pending, e.State)

	require.NoError(t, s.AdvanceWorld(ctx, beginning, []ledger.Block{b0, b1}, use(false)))
	seen, err := s.Value(ctx, "seen")
	require.NoError(t, err)
	require.Equal(t, "tx-1-0", string(seen))
	e, err = s.Record(ctx, ids[0])
	require.NoError(t, err)
	require.Equal(t, store.Recorded, e.State)
	require.Equal(t, "tx-0-0", e.TxID, "the first transaction that recorded it")
	e, err = s.Record(ctx, ids[1])
	require.NoError(t, err)
	require.Equal(t, store.Refused, e.State)
}
