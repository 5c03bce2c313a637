package storetest

import (
	"bytes"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

// newProposal is a proposal with random content, the entry that it becomes, and
// its payload.
func newProposal(owner string, size int) (store.Proposal, store.Entry, []byte) {
	item, payload := NewItem(record.NewPartyID(owner), "repair/2026", size)
	e := item.Entry
	return store.Proposal{
		RecordID: e.RecordID, Owner: e.Owner, OwnerPID: e.OwnerPID, IssuerPID: e.IssuerPID, Statement: e.Statement,
		Capsule: e.Capsule, PayloadSize: e.PayloadSize, PayloadDigest: e.PayloadDigest,
	}, e, payload
}

func testProposals(t *testing.T, s store.Store) {
	ctx := t.Context()
	mine, entry, payload := newProposal("me", 700_000)
	other, _, small := newProposal("you", 10)
	require.NoError(t, s.PutProposal(ctx, mine, bytes.NewReader(payload)))
	require.NoError(t, s.PutProposal(ctx, other, bytes.NewReader(small)))
	require.ErrorIs(t, s.PutProposal(ctx, mine, bytes.NewReader(payload)), store.ErrExists)
	short, _, _ := newProposal("me", 20)
	require.ErrorIs(t, s.PutProposal(ctx, short, bytes.NewReader(small)), store.ErrPayload)

	got := all(t, s.ProposalsFor(ctx, mine.Owner))
	require.Len(t, got, 1)
	require.WithinDuration(t, time.Now(), got[0].Created, time.Minute)
	mine.Created = got[0].Created
	require.Equal(t, mine, *got[0])
	require.Len(t, all(t, s.ProposalsFor(ctx, record.PartyID{})), 2)
	one, err := s.Proposal(ctx, mine.RecordID)
	require.NoError(t, err)
	require.Equal(t, mine, *one)
	var b bytes.Buffer
	require.NoError(t, s.ProposalPayload(ctx, mine.RecordID, &b))
	require.Equal(t, payload, b.Bytes())
	_, err = s.Record(ctx, mine.RecordID)
	require.ErrorIs(t, err, store.ErrNotFound, "a proposal is no record yet")

	require.NoError(t, s.AcceptProposal(ctx, entry))
	require.ErrorIs(t, s.AcceptProposal(ctx, entry), store.ErrNotFound)
	kept, err := s.Record(ctx, mine.RecordID)
	require.NoError(t, err)
	requireEntry(t, entry, kept)
	require.Equal(t, store.Pending, kept.State)
	b.Reset()
	require.NoError(t, s.Payload(ctx, mine.RecordID, &b))
	require.Equal(t, payload, b.Bytes())

	require.Error(t, s.DeclineProposal(ctx, other.RecordID, ""))
	require.NoError(t, s.DeclineProposal(ctx, other.RecordID, "not my car"))
	require.ErrorIs(t, s.DeclineProposal(ctx, other.RecordID, "again"), store.ErrState)
	require.ErrorIs(t, s.DeclineProposal(ctx, short.RecordID, "which?"), store.ErrNotFound)
	one, err = s.Proposal(ctx, other.RecordID)
	require.NoError(t, err)
	require.Equal(t, "not my car", one.Declined)
	require.ErrorIs(t, s.ProposalPayload(ctx, other.RecordID, &b), store.ErrNotFound)
	require.ErrorIs(t, s.AcceptProposal(ctx, store.Entry{RecordID: other.RecordID}), store.ErrState)
	require.Empty(t, all(t, s.ProposalsFor(ctx, record.PartyID{})))
}

func testInvitations(t *testing.T, s store.Store) {
	ctx := t.Context()
	i := store.Invitation{
		Code: sha256.Sum256(random(16)), Role: record.RoleInsurer, PID: "pid", MSP: "InsurerMSP",
		Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond),
	}
	_, err := s.Invitation(ctx, i.Code)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, s.UseInvitation(ctx, i.Code), store.ErrNotFound)
	require.NoError(t, s.PutInvitation(ctx, i))
	require.ErrorIs(t, s.PutInvitation(ctx, i), store.ErrExists)
	got, err := s.Invitation(ctx, i.Code)
	require.NoError(t, err)
	i.Created = got.Created
	require.Equal(t, i, *got)
	require.NoError(t, s.UseInvitation(ctx, i.Code))
	got, err = s.Invitation(ctx, i.Code)
	require.NoError(t, err)
	used := got.Used
	require.WithinDuration(t, time.Now(), used, time.Minute)
	require.NoError(t, s.UseInvitation(ctx, i.Code))
	got, err = s.Invitation(ctx, i.Code)
	require.NoError(t, err)
	require.Equal(t, used, got.Used)
}

func testEvidence(t *testing.T, s store.Store) {
	ctx := t.Context()
	e := store.Evidence{Release: record.ReleaseID(random(32)), Trailer: random(80), TrailerSignature: [32]byte(random(32)), Finding: "other bytes"}
	_, err := s.Evidence(ctx, e.Release)
	require.ErrorIs(t, err, store.ErrNotFound)
	for _, finding := range []string{"other bytes", "again"} {
		e.Finding = finding
		require.NoError(t, s.PutEvidence(ctx, e))
		got, err := s.Evidence(ctx, e.Release)
		require.NoError(t, err)
		e.Created = got.Created
		require.Equal(t, e, *got)
	}
}
