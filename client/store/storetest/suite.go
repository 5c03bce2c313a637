// Package storetest is the one test suite that every implementation of
// store.Store passes.
package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// Run runs the suite. The function open answers a new, empty store; reopen
// closes a store and answers the same one, opened again.
func Run(t *testing.T, open func(*testing.T) store.Store, reopen func(*testing.T, store.Store) store.Store) {
	for name, test := range map[string]func(*testing.T, store.Store){
		"put":                testPut,
		"all or none":        testAllOrNone,
		"payload sizes":      testPayloadSizes,
		"bad payload":        testBadPayload,
		"find":               testFind,
		"erase":              testErase,
		"replace capsule":    testReplaceCapsule,
		"outbox":             testOutbox,
		"outbox states":      testOutboxStates,
		"journal":            testJournal,
		"journal at once":    testJournalAtOnce,
		"tokens":             testTokens,
		"inbox":              testInbox,
		"values":             testValues,
		"proposals":          testProposals,
		"invitations":        testInvitations,
		"evidence":           testEvidence,
		"world":              testWorld,
		"world queries":      testWorldQueries,
		"world transactions": testWorldTransactions,
		"world moved":        testWorldMoved,
		"world with more":    testWorldTx,
		"concurrent":         testConcurrent,
		"cancelled":          testCancelled,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
	t.Run("snapshot", func(t *testing.T) { testSnapshot(t, open) })
	t.Run("snapshot while erasing", func(t *testing.T) { testSnapshotErasing(t, open) })
	t.Run("damaged snapshot", func(t *testing.T) { testDamagedSnapshot(t, open) })
	t.Run("reopen", func(t *testing.T) { testReopen(t, open(t), reopen) })
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// NewItem is an entry with random content and a payload of the given size, and
// that payload.
func NewItem(owner record.PartyID, label string, size int) (store.Item, []byte) {
	payload := random(size)
	ownerPID, issuer := "owner-pid", record.NewPartyID("issuer-pid")
	return store.Item{
		Entry: store.Entry{
			RecordID:        record.RecordID(random(16)),
			Kind:            record.KindRepair,
			Label:           label,
			Owner:           owner,
			OwnerPID:        ownerPID,
			Issuer:          issuer,
			IssuerPID:       "issuer-pid",
			Capsule:         random(280),
			PayloadSize:     int64(size),
			PayloadDigest:   sha256.Sum256(payload),
			Statement:       random(200),
			OwnerSignature:  [32]byte(random(32)),
			IssuerSignature: [32]byte(random(32)),
		},
		Payload: bytes.NewReader(payload),
	}, payload
}

// put puts n small entries and answers their ids.
func put(t *testing.T, s store.Store, n int) []record.RecordID {
	t.Helper()
	var ids []record.RecordID
	for range n {
		item, _ := NewItem(record.NewPartyID("owner"), "repair/2026", 10)
		require.NoError(t, s.Put(t.Context(), item))
		ids = append(ids, item.Entry.RecordID)
	}
	return ids
}

// all is everything that seq answers.
func all[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for v, err := range seq {
		require.NoError(t, err)
		out = append(out, v)
	}
	return out
}

// requireEntry compares what was put with what came back.
func requireEntry(t *testing.T, want store.Entry, got *store.Entry) {
	t.Helper()
	require.WithinDuration(t, time.Now(), got.Created, time.Minute)
	want.State, want.Submission, want.Reason = got.State, got.Submission, got.Reason
	want.TxID, want.Block = got.TxID, got.Block
	want.Created, want.Updated = got.Created, got.Updated
	require.Equal(t, want, *got)
}

func testReopen(t *testing.T, s store.Store, reopen func(*testing.T, store.Store) store.Store) {
	ctx := t.Context()
	item, payload := NewItem(record.NewPartyID("o"), "repair/2026", 700_000)
	require.NoError(t, s.Put(ctx, item))
	require.NoError(t, s.SetValue(ctx, "checkpoint", []byte("block 7")))
	require.NoError(t, s.MarkSubmitted(ctx, store.Submission{
		Reference: "batch 1", Records: []record.RecordID{item.Entry.RecordID}}))
	live, dead := newToken(), newToken()
	require.NoError(t, s.PutToken(ctx, live))
	require.NoError(t, s.PutToken(ctx, dead))
	require.NoError(t, s.DestroyToken(ctx, dead.Consent, "revoked"))
	block := worldBlock(0, []string{"k", "v"})
	require.NoError(t, s.AdvanceWorld(ctx, beginning, []ledger.Block{block}, nil))

	s = reopen(t, s)

	got, err := s.Record(ctx, item.Entry.RecordID)
	require.NoError(t, err)
	requireEntry(t, item.Entry, got)
	require.Equal(t, store.Submitted, got.State)
	var b bytes.Buffer
	require.NoError(t, s.Payload(ctx, item.Entry.RecordID, &b))
	require.Equal(t, payload, b.Bytes())
	open, err := s.Submissions(ctx)
	require.NoError(t, err)
	require.Equal(t, []store.Submission{{Reference: "batch 1",
		Records: []record.RecordID{item.Entry.RecordID}}}, open)
	value, err := s.Value(ctx, "checkpoint")
	require.NoError(t, err)
	require.Equal(t, "block 7", string(value))
	at, err := s.WorldCheckpoint(ctx)
	require.NoError(t, err)
	require.Equal(t, after(block), at)
	v, err := s.WorldValue(ctx, "k")
	require.NoError(t, err)
	require.Equal(t, "v", string(v.Value))
	_, err = s.Token(ctx, live.Consent)
	require.NoError(t, err)
	_, err = s.Token(ctx, dead.Consent)
	require.ErrorIs(t, err, store.ErrDestroyed)
}

func testValues(t *testing.T, s store.Store) {
	ctx := t.Context()
	_, err := s.Value(ctx, "block")
	require.ErrorIs(t, err, store.ErrNotFound)
	for _, v := range [][]byte{{1}, {2, 3}, {}} {
		require.NoError(t, s.SetValue(ctx, "block", v))
		got, err := s.Value(ctx, "block")
		require.NoError(t, err)
		require.Equal(t, string(v), string(got))
	}
}

func testCancelled(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	item, _ := NewItem(record.NewPartyID("o"), "l", 1_000_000)
	require.ErrorIs(t, s.Put(ctx, item), context.Canceled)
	_, err := s.Record(ctx, item.Entry.RecordID)
	require.ErrorIs(t, err, context.Canceled)
	for _, err := range s.Find(ctx, store.Query{}) {
		require.ErrorIs(t, err, context.Canceled)
	}
	_, err = s.Record(t.Context(), item.Entry.RecordID)
	require.ErrorIs(t, err, store.ErrNotFound)
}
