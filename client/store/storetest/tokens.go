package storetest

import (
	"bytes"
	"crypto/sha256"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

func newToken() store.Token {
	return store.Token{
		Consent:      record.ConsentID(random(32)),
		Owner:        record.NewPartyID("owner"),
		Requester:    record.NewPartyID("requester"),
		Label:        "repair/2026",
		Grant:        random(400),
		Signature:    [32]byte(random(32)),
		PayloadToken: random(160),
		SearchToken:  random(160),
		NotBefore:    time.Unix(1_700_000_000, 0).UTC(),
		Expires:      time.Unix(1_800_000_000, 0).UTC(),
	}
}

func testTokens(t *testing.T, s store.Store) {
	ctx := t.Context()
	token, other := newToken(), newToken()
	require.NoError(t, s.PutToken(ctx, token))
	require.NoError(t, s.PutToken(ctx, other))
	require.ErrorIs(t, s.PutToken(ctx, token), store.ErrExists)

	got, err := s.Token(ctx, token.Consent)
	require.NoError(t, err)
	token.Created = got.Created
	require.Equal(t, &token, got)
	require.Len(t, all(t, s.LiveTokens(ctx)), 2)

	for range 2 {
		require.NoError(t, s.DestroyToken(ctx, token.Consent, "revoked by the owner"))
	}
	_, err = s.Token(ctx, token.Consent)
	require.ErrorIs(t, err, store.ErrDestroyed)
	require.ErrorContains(t, err, "revoked by the owner")
	require.ErrorIs(t, s.PutToken(ctx, token), store.ErrDestroyed)
	live := all(t, s.LiveTokens(ctx))
	require.Len(t, live, 1)
	require.Equal(t, other.Consent, live[0].Consent)

	// The revocation arrives before the grant.
	late := newToken()
	_, err = s.Token(ctx, late.Consent)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, s.DestroyToken(ctx, late.Consent, "revoked"))
	require.ErrorIs(t, s.PutToken(ctx, late), store.ErrDestroyed)
}

func testInbox(t *testing.T, s store.Store) {
	ctx := t.Context()
	consent := record.ConsentID(random(32))
	payload := random(400_000)
	received := func() store.Received {
		return store.Received{
			Release:       record.ReleaseID(random(32)),
			Consent:       consent,
			RecordID:      record.RecordID(random(16)),
			Kind:          record.KindPolicy,
			Label:         "policy",
			OwnerPID:      "owner-pid",
			IssuerPID:     "issuer-pid",
			Holder:        record.NewPartyID("holder"),
			Capsule:       random(280),
			Reencrypted:   random(416),
			PayloadSize:   int64(len(payload)),
			PayloadDigest: sha256.Sum256(payload),
			Deliver:       random(200),
			Trailer:       random(120),
		}
	}
	one, two := received(), received()
	require.NoError(t, s.PutReceived(ctx, one, bytes.NewReader(payload)))
	require.ErrorIs(t, s.PutReceived(ctx, one, bytes.NewReader(payload)), store.ErrExists)
	require.ErrorIs(t, s.PutReceived(ctx, two, bytes.NewReader(payload[1:])), store.ErrPayload)
	require.NoError(t, s.PutReceived(ctx, two, bytes.NewReader(payload)))

	got, err := s.Received(ctx, one.Release)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), got.Created, time.Minute)
	one.Created = got.Created
	require.Equal(t, &one, got)
	var b bytes.Buffer
	require.NoError(t, s.ReceivedPayload(ctx, one.Release, &b))
	require.True(t, bytes.Equal(payload, b.Bytes()))

	require.NoError(t, s.MarkAcknowledged(ctx, one.Release, "tx"))
	got, err = s.Received(ctx, one.Release)
	require.NoError(t, err)
	require.Equal(t, "tx", got.AckTxID)

	require.Len(t, all(t, s.ReceivedUnder(ctx, consent)), 2)
	require.Empty(t, all(t, s.ReceivedUnder(ctx, record.ConsentID(random(32)))))
	unknown := record.ReleaseID(random(32))
	_, err = s.Received(ctx, unknown)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, s.ReceivedPayload(ctx, unknown, io.Discard), store.ErrNotFound)
	require.ErrorIs(t, s.MarkAcknowledged(ctx, unknown, "tx"), store.ErrNotFound)
}
