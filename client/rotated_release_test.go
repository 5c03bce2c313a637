package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// careless is a holder that delivers what it was given, whatever key it is under.
type careless struct {
	*client.Member
	keys    *client.Keys
	capsule []byte
}

func (c careless) Deliver(ctx context.Context, o client.Order) (*client.Delivered, error) {
	listed, err := c.Chain().Record(ctx, o.Record)
	if err != nil {
		return nil, err
	}
	capsule, err := pre.ParseCapsule(c.capsule)
	if err != nil {
		return nil, err
	}
	s := record.DeliverStatement{
		Release: o.Release, Consent: o.Consent, Record: o.Record, Digest: listed.Digest, Holder: c.ID(), HolderVersion: 1,
		Capsule: capsule.FullDigest(), Time: time.Now().Unix(),
	}
	signature := record.Signature(c.keys.Signing.Sign(bls.RoleHolder, s.Hash(c.Chain().Context())))
	return &client.Delivered{Capsule: c.capsule, Delivery: record.Delivery{Statement: s, Nonce: o.Nonce, Signature: signature}}, nil
}

// rotated gives the owner its next keys, and a consent under them to the same
// requester for the same label.
func (p *play) rotated(t *testing.T) *client.Owner {
	t.Helper()
	next, err := client.DeriveKeys([32]byte{7}, p.owner.PID, pre.ModeScoped)
	require.NoError(t, err)
	r, err := next.Apply(p.shop.Chain().Parameters(), record.RolePolicyholder, "", "")
	require.NoError(t, err)
	p.ledger.Change(func(s *nodetest.State) {
		party := s.Parties[p.owner.ID()]
		party.Keys = append(party.Keys, record.KeyVersion{Version: 2, Encryption: r.Encryption, Signing: r.Signing, Since: time.Now().Unix(), Tx: record.TxID{2}})
		s.Parties[p.owner.ID()] = party
	})
	owner := client.NewOwner(p.ledger.Chain(t, p.owner.ID()), next, p.owner)
	granted, err := owner.Grant(t.Context(), &record.Request{AccessRequest: record.AccessRequest{
		ID: record.RequestID{2}, Owner: p.owner.ID(), Label: playLabel, Purpose: "claim", Claim: "C-90211",
	}, Requester: p.demand.Requester}, client.Terms{
		Label: playLabel, PolicyRecord: record.RecordID(nodetest.Stranger()), Evidence: evidence(t),
		NotBefore: time.Now().Add(-time.Minute), Expiry: time.Now().Add(time.Hour), MaxReleases: 10, Proxy: p.proxy.ID(),
	})
	require.NoError(t, err)
	p.ledger.Granted(granted)
	require.NoError(t, client.NewProxy(p.ledger.Chain(t, p.proxy.ID()), p.proxy, p.tokens).Accept(t.Context(), granted.ToProxy))
	p.consent, p.demand.Consent = granted.Statement.Consent, granted.Statement.Consent
	p.alter(approved)
	return owner
}

// A record that has stayed behind a rotation of its owner's keys costs no release:
// an honest holder does not deliver it, and of one that does the proxy finds out
// before anything is on the ledger. What the ledger compares, the digest, is the
// same before and after.
func TestARecordThatStayedBehindCostsNoRelease(t *testing.T) {
	p := newPlay(t)
	id := p.demand.Records[0]
	behind, err := p.shop.Candidates(t.Context(), playLabel)
	require.NoError(t, err)
	require.Len(t, behind, 1)
	owner := p.rotated(t)
	proxy := client.NewProxy(p.chain(t, nil), p.proxy, p.tokens)

	_, err = proxy.Release(t.Context(), p.demand, p.shop)
	require.ErrorIs(t, err, client.ErrFormerKey)
	_, err = proxy.Release(t.Context(), p.demand, careless{p.shop, p.holder, behind[0].Capsule})
	require.ErrorIs(t, err, client.ErrTampered)
	require.ErrorIs(t, err, pre.ErrInvalidCapsule)
	require.Zero(t, p.ledger.Asked(record.TxRelease), "nothing was announced")

	listed, err := p.shop.Chain().Record(t.Context(), id)
	require.NoError(t, err)
	fits, err := owner.BringAlong(listed, behind[0].Capsule)
	require.NoError(t, err)
	require.NoError(t, p.shop.ReplaceCapsule(t.Context(), p.owner.ID(), id, fits))
	handovers, err := proxy.Release(t.Context(), p.demand, p.shop)
	require.NoError(t, err)
	require.Len(t, handovers, 1)
	require.Equal(t, listed.Digest, handovers[0].Delivery.Statement.Digest)
	require.NotEqual(t, listed.OwnerVersion, uint32(2), "the record names the key version that it was signed under, for ever")
}
