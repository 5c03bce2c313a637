package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

func testOutbox(t *testing.T, s store.Store) {
	ctx := t.Context()
	ids := put(t, s, 5)
	stranger := record.RecordID(random(16))

	pending, err := s.PendingRecords(ctx, 3)
	require.NoError(t, err)
	require.Len(t, pending, 3)

	require.NoError(t, s.MarkSubmitted(ctx, store.Submission{Reference: "tx1", Records: ids[:3]}))
	require.NoError(t, s.MarkSubmitted(ctx, store.Submission{Reference: "tx2", Records: ids[3:4]}))
	pending, err = s.PendingRecords(ctx, 10)
	require.NoError(t, err)
	require.Len(t, pending, 1)
	require.Equal(t, ids[4], pending[0].RecordID)

	sorted := func(ids ...record.RecordID) []record.RecordID {
		slices.SortFunc(ids, func(a, b record.RecordID) int { return bytes.Compare(a[:], b[:]) })
		return ids
	}
	open, err := s.Submissions(ctx)
	require.NoError(t, err)
	require.ElementsMatch(t, []store.Submission{
		{Reference: "tx1", Records: sorted(slices.Clone(ids[:3])...)},
		{Reference: "tx2", Records: ids[3:4]},
	}, open)

	// The event tells of an entry that is not ours too, and comes twice.
	for range 2 {
		require.NoError(t, s.MarkRecorded(ctx, "tx1", 7, ids[0], stranger, ids[1]))
	}
	require.NoError(t, s.MarkRefused(ctx, "tx1", "wrong signature", ids[2]))
	open, err = s.Submissions(ctx)
	require.NoError(t, err)
	require.Equal(t, []store.Submission{{Reference: "tx2", Records: ids[3:4]}}, open)

	got, err := s.Record(ctx, ids[0])
	require.NoError(t, err)
	require.Equal(t, store.Recorded, got.State)
	require.Equal(t, "tx1", got.TxID)
	require.Equal(t, uint64(7), got.Block)
	got, err = s.Record(ctx, ids[2])
	require.NoError(t, err)
	require.Equal(t, store.Refused, got.State)
	require.Equal(t, "wrong signature", got.Reason)

	// The transaction was invalidated: its entries go into another one.
	require.NoError(t, s.Requeue(ctx, ids[3]))
	open, err = s.Submissions(ctx)
	require.NoError(t, err)
	require.Empty(t, open)
	require.NoError(t, s.MarkSubmitted(ctx, store.Submission{Reference: "tx3", Records: ids[3:]}))
	require.NoError(t, s.MarkRecorded(ctx, "tx3", 8, ids[3:]...))
	pending, err = s.PendingRecords(ctx, 10)
	require.NoError(t, err)
	require.Empty(t, pending)
}

func testOutboxStates(t *testing.T, s store.Store) {
	ctx := t.Context()
	ids := put(t, s, 4)

	// An event may come before this store heard of its own submission.
	require.NoError(t, s.MarkRecorded(ctx, "tx", 1, ids[0]))
	require.ErrorIs(t, s.MarkRefused(ctx, "tx", "no", ids[0]), store.ErrState)
	require.ErrorIs(t, s.Requeue(ctx, ids[0]), store.ErrState)

	// What was submitted twice is recorded by the earlier one, whichever is heard
	// of first.
	for _, heard := range []struct {
		tx    string
		block uint64
	}{{"again", 98}, {"first", 96}, {"amended", 99}} {
		require.NoError(t, s.MarkRecorded(ctx, heard.tx, heard.block, ids[3]))
	}
	kept, err := s.Record(ctx, ids[3])
	require.NoError(t, err)
	require.EqualValues(t, 96, kept.Block)
	require.Equal(t, "first", kept.TxID)

	// All or none.
	err = s.MarkSubmitted(ctx, store.Submission{Reference: "tx2", Records: []record.RecordID{ids[1], ids[0]}})
	require.ErrorIs(t, err, store.ErrState)
	got, err := s.Record(ctx, ids[1])
	require.NoError(t, err)
	require.Equal(t, store.Pending, got.State)
	require.ErrorIs(t, s.Requeue(ctx, record.RecordID(random(16))), store.ErrNotFound)

	// A later transaction takes an entry over from an earlier one.
	require.NoError(t, s.MarkSubmitted(ctx, store.Submission{Reference: "a", Records: ids[1:2]}))
	require.NoError(t, s.MarkSubmitted(ctx, store.Submission{Reference: "b", Records: ids[1:2]}))
	open, err := s.Submissions(ctx)
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.Equal(t, "b", open[0].Reference)

	// Refused, then mended and sent again.
	require.NoError(t, s.MarkRefused(ctx, "c", "stale key", ids[2]))
	require.ErrorIs(t, s.MarkSubmitted(ctx, store.Submission{Reference: "d", Records: ids[2:3]}), store.ErrState)
	require.NoError(t, s.Requeue(ctx, ids[2]))
	require.NoError(t, s.MarkSubmitted(ctx, store.Submission{Reference: "d", Records: ids[2:3]}))
}

func testJournal(t *testing.T, s store.Store) {
	ctx, j := t.Context(), s.Journal()
	at := time.Date(2026, 3, 1, 12, 0, 0, 5000, time.UTC)
	first := ledger.Entry{TxID: "b", Channel: "c", Contract: "records", Transaction: "Submit", Reference: "batch 1",
		Saved: at, Envelope: random(3000)}
	second := first
	second.TxID, second.Saved = "a", at.Add(time.Millisecond)
	require.NoError(t, j.Save(ctx, second))
	require.NoError(t, j.Save(ctx, first))
	first.Envelope = random(10)
	require.NoError(t, j.Save(ctx, first))
	got, err := j.Pending(ctx)
	require.NoError(t, err)
	require.Equal(t, []ledger.Entry{first, second}, got)
	for range 2 {
		require.NoError(t, j.Delete(ctx, "b"))
	}
	got, err = j.Pending(ctx)
	require.NoError(t, err)
	require.Equal(t, []ledger.Entry{second}, got)
}

// testJournalAtOnce has many submitters, of whom every seventh gives up before
// it began and every third deletes what it saved. Every twentieth saves what
// PostgreSQL refuses, which is nobody else's business.
func testJournalAtOnce(t *testing.T, s store.Store) {
	ctx, j := t.Context(), s.Journal()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	var all errgroup.Group
	left := map[string]bool{}
	odd := ledger.Entry{TxID: "\xff", Envelope: []byte{}, Saved: at}
	var refused [10]error
	for i := range 200 {
		e := ledger.Entry{TxID: fmt.Sprint(i), Envelope: random(100), Saved: at.Add(time.Duration(i) * time.Microsecond)}
		left[e.TxID] = i%7 != 0 && i%3 != 0
		if i%20 == 0 {
			all.Go(func() error {
				refused[i/20] = j.Save(ctx, odd) // SQLite takes it
				return nil
			})
		}
		all.Go(func() error {
			if i%7 == 0 {
				if err := j.Save(gone, e); !errors.Is(err, context.Canceled) {
					return fmt.Errorf("saved by who had given up: %w", err)
				}
				return nil
			}
			if err := j.Save(ctx, e); err != nil || i%3 != 0 {
				return err
			}
			return j.Delete(ctx, e.TxID)
		})
	}
	require.NoError(t, all.Wait())
	got, err := j.Pending(ctx)
	require.NoError(t, err)
	taken := slices.ContainsFunc(got, func(e ledger.Entry) bool { return e.TxID == odd.TxID })
	for _, err := range append(refused[:], j.Save(ctx, odd)) {
		require.Equal(t, taken, err == nil, "%v", err)
	}
	for _, e := range got {
		require.True(t, left[e.TxID] || e.TxID == "\xff", e.TxID)
		delete(left, e.TxID)
	}
	for id, missing := range left {
		require.False(t, missing, id)
	}
}
