package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// Fill puts something into every table of a store and answers the ids of its
// records: two small ones, two with payloads above 256 KiB, and one that was
// erased.
func Fill(t testing.TB, s store.Store) []record.RecordID {
	t.Helper()
	ctx := t.Context()
	owner := record.NewPartyID("owner")
	var ids []record.RecordID
	for _, size := range []int{0, 2048, 300_000, 1_000_000, 400_000} {
		item, _ := NewItem(owner, "repair/2026", size)
		require.NoError(t, s.Put(ctx, item))
		ids = append(ids, item.Entry.RecordID)
	}
	require.NoError(t, s.MarkSubmitted(ctx, store.Submission{Reference: "r", Records: ids[:2]}))
	require.NoError(t, s.MarkRecorded(ctx, "tx", 3, ids[1]))
	require.NoError(t, s.Erase(ctx, ids[4], "the owner asked"))
	live, dead := newToken(), newToken()
	require.NoError(t, s.PutToken(ctx, live))
	require.NoError(t, s.PutToken(ctx, dead))
	require.NoError(t, s.DestroyToken(ctx, dead.Consent, "revoked"))
	payload := random(500_000)
	require.NoError(t, s.PutReceived(ctx, store.Received{
		Release: record.ReleaseID(random(32)), Consent: live.Consent, RecordID: record.RecordID(random(16)),
		Label: "policy", Capsule: random(280), PayloadSize: int64(len(payload)), PayloadDigest: sha256.Sum256(payload),
	}, bytes.NewReader(payload)))
	proposal, _, payload := newProposal("me", 700_000)
	require.NoError(t, s.PutProposal(ctx, proposal, bytes.NewReader(payload)))
	require.NoError(t, s.PutInvitation(ctx, store.Invitation{Code: sha256.Sum256(random(16)), PID: "pid", Expires: time.Now()}))
	require.NoError(t, s.PutEvidence(ctx, store.Evidence{Release: record.ReleaseID(random(32)), Finding: "other bytes"}))
	require.NoError(t, s.SetValue(ctx, "empty", nil))
	require.NoError(t, s.SetValue(ctx, "checkpoint", []byte("7")))
	require.NoError(t, s.Journal().Save(ctx, ledger.Entry{TxID: "t", Envelope: random(3000), Saved: time.Now()}))
	require.NoError(t, s.AdvanceWorld(ctx, beginning, []ledger.Block{worldBlock(0, []string{"k", "v"}, []string{"\x00i", ""})}, nil))
	return ids
}

// Content is every row of a store but the seals and its identity, by table.
func Content(t testing.TB, s store.Store) map[string][][]any {
	t.Helper()
	content := map[string][][]any{}
	require.NoError(t, s.(store.Inspector).Inspect(t.Context(), func(in store.Inspection) error {
		for _, table := range in.Tables() {
			if table.Name == "row_seal" || table.Name == "store_identity" {
				continue
			}
			rows, err := in.Page(t.Context(), table.Name, nil, 1_000_000)
			require.NoError(t, err)
			for i := range rows {
				for j, v := range rows[i].Values { // drivers differ in empty byte strings
					if b, is := v.([]byte); is && len(b) == 0 {
						rows[i].Values[j] = []byte{}
					}
				}
				content[table.Name] = append(content[table.Name], rows[i].Values)
			}
		}
		return nil
	}))
	return content
}

// RequireSealed insists that every seal of a store fits.
func RequireSealed(t testing.TB, s store.Store) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, s.(store.Inspector).Inspect(ctx, func(in store.Inspection) error {
		seals, rows := 0, 0
		for _, table := range in.Tables() {
			page, err := in.Page(ctx, table.Name, nil, 1_000_000)
			require.NoError(t, err)
			for i := range page {
				verdict, err := in.Verdict(ctx, &page[i])
				require.NoError(t, err)
				if table.Name == "row_seal" {
					seals++
					orphan, err := in.Orphan(ctx, &page[i])
					require.NoError(t, err)
					require.False(t, orphan, "%v", page[i].Values)
				}
				if verdict != store.Unsealed {
					rows++
					require.Equal(t, store.Intact, verdict, "%s %v", table.Name, page[i].Values)
				}
			}
		}
		require.Equal(t, rows, seals)
		require.NotZero(t, seals)
		return nil
	}))
}

// RequireSame insists that two stores hold the same, payloads included.
func RequireSame(t testing.TB, want, got store.Store) {
	t.Helper()
	require.True(t, reflect.DeepEqual(Content(t, want), Content(t, got)), "rows differ") // they are too long to print
	for e, err := range want.Find(t.Context(), store.Query{}) {
		require.NoError(t, err)
		if !e.Erased.IsZero() {
			continue
		}
		sum := sha256.New()
		require.NoError(t, got.Payload(t.Context(), e.RecordID, sum))
		require.Equal(t, e.PayloadDigest[:], sum.Sum(nil))
	}
}

func testSnapshot(t *testing.T, open func(*testing.T) store.Store) {
	ctx := t.Context()
	from, to := open(t), open(t)
	Fill(t, from)
	var snapshot bytes.Buffer
	dumped, err := from.Dump(ctx, &snapshot)
	require.NoError(t, err)
	require.EqualValues(t, 5, dumped.Rows["record"])
	require.EqualValues(t, 4, dumped.Payloads)
	require.EqualValues(t, 300_000+1_000_000+500_000+700_000, dumped.Bytes)
	require.EqualValues(t, 1, dumped.World.Height)
	require.Zero(t, dumped.Lost)

	_, err = from.Restore(ctx, bytes.NewReader(snapshot.Bytes()))
	require.ErrorIs(t, err, store.ErrNotEmpty)
	restored, err := to.Restore(ctx, bytes.NewReader(snapshot.Bytes()))
	require.NoError(t, err)
	require.True(t, dumped.Created.Equal(restored.Created))
	restored.Created = dumped.Created
	require.Equal(t, dumped, restored)
	RequireSame(t, from, to)
	RequireSealed(t, from)
	RequireSealed(t, to)

	empty := open(t)
	snapshot.Reset()
	_, err = empty.Dump(ctx, &snapshot)
	require.NoError(t, err)
	_, err = open(t).Restore(ctx, &snapshot)
	require.NoError(t, err)
}

// A snapshot is restored as a whole, or nothing of it is.
func testDamagedSnapshot(t *testing.T, open func(*testing.T) store.Store) {
	ctx := t.Context()
	from, to := open(t), open(t)
	Fill(t, from)
	var buf bytes.Buffer
	_, err := from.Dump(ctx, &buf)
	require.NoError(t, err)
	whole := buf.Bytes()
	for _, length := range []int{0, 1, 20, 40, 1000, len(whole) / 2, len(whole) - 33, len(whole) - 1} {
		_, err := to.Restore(ctx, bytes.NewReader(whole[:length]))
		require.ErrorIs(t, err, store.ErrSnapshot, length)
	}
	_, err = to.Restore(ctx, bytes.NewReader(append(bytes.Clone(whole), 0)))
	require.ErrorIs(t, err, store.ErrSnapshot)
	for i := 1; i <= 12; i++ {
		damaged := bytes.Clone(whole)
		damaged[len(damaged)*i/13] ^= 1
		_, err := to.Restore(ctx, bytes.NewReader(damaged))
		require.Error(t, err, i)
	}
	require.Empty(t, Content(t, to))
	_, err = to.Restore(ctx, bytes.NewReader(whole))
	require.NoError(t, err)
	RequireSame(t, from, to)
}

// eraseAt erases a record when a snapshot has come so far.
type eraseAt struct {
	io.Writer
	after int
	erase func()
}

// Write implements io.Writer.
func (e *eraseAt) Write(b []byte) (int, error) {
	if e.after -= len(b); e.after <= 0 && e.erase != nil {
		erase := e.erase
		e.erase = nil
		erase()
	}
	return e.Writer.Write(b)
}

// What is erased while its payload is being copied is not in the snapshot.
func testSnapshotErasing(t *testing.T, open func(*testing.T) store.Store) {
	ctx := t.Context()
	const size = 3_000_000
	for _, after := range []int{1, 600_000, size * 3 / 2, 2*size - 600_000} {
		from, to := open(t), open(t)
		ids := []record.RecordID{}
		for range 2 {
			item, _ := NewItem(record.NewPartyID("o"), "l", size)
			require.NoError(t, from.Put(ctx, item))
			ids = append(ids, item.Entry.RecordID)
		}
		var snapshot bytes.Buffer
		_, err := from.Dump(ctx, &eraseAt{&snapshot, after, func() {
			for _, id := range ids {
				require.NoError(t, from.Erase(context.WithoutCancel(ctx), id, "the owner asked"))
			}
			item, _ := NewItem(record.NewPartyID("o"), "l", size)
			require.NoError(t, from.Put(ctx, item), "others write")
		}})
		require.NoError(t, err)
		_, err = to.Restore(ctx, &snapshot)
		require.NoError(t, err)
		erased := 0
		for _, id := range ids {
			e, err := to.Record(ctx, id)
			require.NoError(t, err)
			sum := sha256.New()
			err = to.Payload(ctx, id, sum)
			if !e.Erased.IsZero() {
				erased++
				require.Equal(t, "the owner asked", e.ErasedReason)
				require.ErrorIs(t, err, store.ErrErased)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, e.PayloadDigest[:], sum.Sum(nil))
		}
		require.Len(t, all(t, to.Find(ctx, store.Query{})), 2, "what came later is not in it")
		require.NotZero(t, erased, after)
		RequireSealed(t, to)
	}
}
