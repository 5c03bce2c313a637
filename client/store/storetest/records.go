package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

func testPut(t *testing.T, s store.Store) {
	ctx := t.Context()
	item, payload := NewItem(record.NewPartyID("o"), "repair/2026", 2048)
	item.Entry.State, item.Entry.Block = store.Recorded, 9 // not for Put to believe
	require.NoError(t, s.Put(ctx, item))

	got, err := s.Record(ctx, item.Entry.RecordID)
	require.NoError(t, err)
	requireEntry(t, item.Entry, got)
	require.Equal(t, store.Pending, got.State)
	require.Zero(t, got.Block)

	var b bytes.Buffer
	require.NoError(t, s.Payload(ctx, item.Entry.RecordID, &b))
	require.Equal(t, payload, b.Bytes())

	again, _ := NewItem(record.NewPartyID("o"), "repair/2026", 10)
	again.Entry.RecordID = item.Entry.RecordID
	require.ErrorIs(t, s.Put(ctx, again), store.ErrExists)
	require.ErrorContains(t, s.Put(ctx, again), item.Entry.RecordID.String())

	var none record.RecordID
	_, err = s.Record(ctx, none)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, s.Payload(ctx, none, io.Discard), store.ErrNotFound)
	require.NoError(t, s.Put(ctx))
}

func testAllOrNone(t *testing.T, s store.Store) {
	ctx := t.Context()
	var items []store.Item
	for i := range 5 {
		item, _ := NewItem(record.NewPartyID("o"), "l", i*200_000)
		items = append(items, item)
	}
	items[4].Entry.RecordID = items[0].Entry.RecordID
	require.ErrorIs(t, s.Put(ctx, items...), store.ErrExists)
	require.Empty(t, all(t, s.Find(ctx, store.Query{})))
}

func testPayloadSizes(t *testing.T, s store.Store) {
	const chunk = 256 << 10
	for _, size := range []int{0, 1, 1024, chunk - 1, chunk, chunk + 1, 2 * chunk, 3*chunk + 7} {
		item, payload := NewItem(record.NewPartyID("o"), "l", size)
		item.Payload = iotest.HalfReader(item.Payload)
		require.NoError(t, s.Put(t.Context(), item), size)
		var b bytes.Buffer
		require.NoError(t, s.Payload(t.Context(), item.Entry.RecordID, &b), size)
		require.True(t, bytes.Equal(payload, b.Bytes()), size)
	}
	item, _ := NewItem(record.NewPartyID("o"), "l", chunk*2)
	require.NoError(t, s.Put(t.Context(), item))
	full := errors.New("disk full")
	r, w := io.Pipe()
	require.NoError(t, r.CloseWithError(full))
	require.ErrorIs(t, s.Payload(t.Context(), item.Entry.RecordID, w), full)
}

func testBadPayload(t *testing.T, s store.Store) {
	ctx := t.Context()
	broken := errors.New("connection lost")
	for _, size := range []int{10, 1_000_000} {
		for name, spoil := range map[string]func(*store.Item, []byte){
			"short":   func(i *store.Item, p []byte) { i.Payload = bytes.NewReader(p[:len(p)-1]) },
			"long":    func(i *store.Item, p []byte) { i.Payload = bytes.NewReader(append(p, 0)) },
			"empty":   func(i *store.Item, p []byte) { i.Payload = bytes.NewReader(nil) },
			"flipped": func(i *store.Item, p []byte) { p[len(p)/2] ^= 1; i.Payload = bytes.NewReader(p) },
		} {
			item, payload := NewItem(record.NewPartyID("o"), "l", size)
			spoil(&item, payload)
			require.ErrorIs(t, s.Put(ctx, item), store.ErrPayload, name)
			_, err := s.Record(ctx, item.Entry.RecordID)
			require.ErrorIs(t, err, store.ErrNotFound, name)
		}
		item, payload := NewItem(record.NewPartyID("o"), "l", size)
		item.Payload = io.MultiReader(bytes.NewReader(payload[:size-1]), iotest.ErrReader(broken))
		require.ErrorIs(t, s.Put(ctx, item), broken)
	}
}

func testFind(t *testing.T, s store.Store) {
	ctx := t.Context()
	alice, bob := record.NewPartyID("alice"), record.NewPartyID("bob")
	var entries []store.Entry
	for i := range 30 {
		owner, label := alice, "repair/2025"
		if i%3 == 0 {
			owner = bob
		}
		if i%2 == 0 {
			label = "repair/2026"
		}
		item, _ := NewItem(owner, label, 5)
		require.NoError(t, s.Put(ctx, item))
		entries = append(entries, item.Entry)
	}
	slices.SortFunc(entries, func(a, b store.Entry) int { return bytes.Compare(a.RecordID[:], b.RecordID[:]) })

	for _, q := range []store.Query{
		{},
		{Owner: alice},
		{Owner: bob, Label: "repair/2026"},
		{Label: "repair/2025"},
		{Label: "repair"},
		{Owner: record.NewPartyID("carol")},
		{Limit: 7},
		{Owner: alice, After: entries[10].RecordID, Limit: 4},
	} {
		var want []store.Entry
		for _, e := range entries {
			if (q.Owner.IsZero() || e.Owner == q.Owner) && (q.Label == "" || e.Label == q.Label) &&
				bytes.Compare(e.RecordID[:], q.After[:]) > 0 && (q.Limit == 0 || len(want) < q.Limit) {
				want = append(want, e)
			}
		}
		got := all(t, s.Find(ctx, q))
		require.Len(t, got, len(want))
		capsules := all(t, s.Capsules(ctx, q))
		require.Len(t, capsules, len(want))
		for i := range want {
			requireEntry(t, want[i], got[i])
			require.Equal(t, store.Capsule{RecordID: want[i].RecordID, Label: want[i].Label, Capsule: want[i].Capsule}, capsules[i])
		}
	}

	// Leaving early releases what the query held; writing meanwhile is allowed.
	for range 50 {
		for e, err := range s.Find(ctx, store.Query{}) {
			require.NoError(t, err)
			require.NoError(t, s.SetValue(ctx, "seen", e.RecordID[:]))
			break
		}
	}
}

func testConcurrent(t *testing.T, s store.Store) {
	ctx := t.Context()
	const workers, each = 8, 12
	var wg sync.WaitGroup
	errs := make(chan error, workers*each*4)
	for w := range workers {
		wg.Go(func() {
			owner := record.NewPartyID(fmt.Sprint("owner ", w))
			for i := range each {
				size := 100
				if i == 0 {
					size = 600_000
				}
				item, payload := NewItem(owner, "l", size)
				id := item.Entry.RecordID
				errs <- s.Put(ctx, item)
				errs <- s.MarkSubmitted(ctx, store.Submission{Reference: id.String(), Records: []record.RecordID{id}})
				errs <- s.MarkRecorded(ctx, id.String(), uint64(i), id)
				var b bytes.Buffer
				err := s.Payload(ctx, id, &b)
				if err == nil && !bytes.Equal(b.Bytes(), payload) {
					err = errors.New("another payload")
				}
				errs <- err
				for _, err := range s.Capsules(ctx, store.Query{Owner: owner}) {
					if err != nil {
						errs <- err
					}
				}
			}
		})
	}
	// The same id from many sides: one wins.
	shared, _ := NewItem(record.NewPartyID("shared"), "l", 0)
	outcomes := make(chan error, workers)
	for range workers {
		wg.Go(func() {
			item := shared
			item.Payload = bytes.NewReader(nil)
			outcomes <- s.Put(ctx, item)
		})
	}
	wg.Wait()
	close(errs)
	close(outcomes)
	for err := range errs {
		require.NoError(t, err)
	}
	won := 0
	for err := range outcomes {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, store.ErrExists)
	}
	require.Equal(t, 1, won)
	require.Len(t, all(t, s.Find(ctx, store.Query{Label: "l"})), workers*each+1)
	open, err := s.Submissions(ctx)
	require.NoError(t, err)
	require.Empty(t, open)
}
