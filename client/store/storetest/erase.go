package storetest

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

func testErase(t *testing.T, s store.Store) {
	ctx := t.Context()
	owner := record.NewPartyID("o")
	for _, size := range []int{0, 2048, 700_000} {
		item, _ := NewItem(owner, "repair/2026", size)
		whole, payload := NewItem(owner, "repair/2026", size)
		require.NoError(t, s.Put(ctx, item, whole))
		id := item.Entry.RecordID
		require.NoError(t, s.MarkRecorded(ctx, "tx", 7, id))

		require.Error(t, s.Erase(ctx, id, ""))
		require.NoError(t, s.Erase(ctx, id, "the owner asked"))
		require.NoError(t, s.Erase(ctx, id, "again"))

		got, err := s.Record(ctx, id)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), got.Erased, time.Minute)
		require.Equal(t, "the owner asked", got.ErasedReason, "the first reason stays")
		require.Empty(t, got.Capsule)
		require.Equal(t, item.Entry.Statement, got.Statement)
		require.Equal(t, item.Entry.OwnerSignature, got.OwnerSignature)
		require.Equal(t, store.Recorded, got.State)

		var b bytes.Buffer
		err = s.Payload(ctx, id, &b)
		require.ErrorIs(t, err, store.ErrErased)
		require.ErrorContains(t, err, "the owner asked")
		require.Zero(t, b.Len())
		require.ErrorIs(t, s.ReplaceCapsule(ctx, id, []byte("x")), store.ErrErased)

		require.NoError(t, s.Payload(ctx, whole.Entry.RecordID, &b))
		require.True(t, bytes.Equal(payload, b.Bytes()), "others are untouched")
	}
	require.Len(t, all(t, s.Find(ctx, store.Query{Owner: owner})), 6)
	require.Len(t, all(t, s.Capsules(ctx, store.Query{Owner: owner})), 3)
	require.ErrorIs(t, s.Erase(ctx, record.RecordID{}, "why"), store.ErrNotFound)

	// What was never told to the ledger is not told any more.
	pending, err := s.PendingRecords(ctx, 10)
	require.NoError(t, err)
	require.Len(t, pending, 3)
	for _, e := range pending {
		require.NoError(t, s.Erase(ctx, e.RecordID, "a mistake"))
		err := s.MarkSubmitted(ctx, store.Submission{Reference: "r", Records: []record.RecordID{e.RecordID}})
		require.ErrorIs(t, err, store.ErrErased)
		require.ErrorIs(t, s.Payload(ctx, e.RecordID, io.Discard), store.ErrErased)
	}
	pending, err = s.PendingRecords(ctx, 10)
	require.NoError(t, err)
	require.Empty(t, pending)
}

func testReplaceCapsule(t *testing.T, s store.Store) {
	ctx := t.Context()
	ids := put(t, s, 2)
	before, err := s.Record(ctx, ids[1])
	require.NoError(t, err)
	other := random(280)
	for range 2 {
		require.NoError(t, s.ReplaceCapsule(ctx, ids[0], other))
	}
	got, err := s.Record(ctx, ids[0])
	require.NoError(t, err)
	require.Equal(t, other, got.Capsule)
	untouched, err := s.Record(ctx, ids[1])
	require.NoError(t, err)
	require.Equal(t, before, untouched)
	require.Error(t, s.ReplaceCapsule(ctx, ids[0], nil))
	require.ErrorIs(t, s.ReplaceCapsule(ctx, record.RecordID{}, other), store.ErrNotFound)
}
