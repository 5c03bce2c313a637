package client_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/crypto/bls"
)

// An owner's view of the ledger is another party's: it may lie about the records
// that a consent is to name, and about whose key the consent is made out to.
func TestALyingGateway(t *testing.T) {
	l := nodetest.NewLedger(t)
	insurer := l.Join(t, record.RoleInsurer, "insurer", "InsurerMSP", "CN=insurer")
	thief := l.Join(t, record.RoleInsurer, "thief", "ThiefMSP", "CN=thief")
	proxy := l.Join(t, record.RoleProxy, "proxy", "ProxyMSP", "CN=proxy")
	keys := l.Join(t, record.RolePolicyholder, "Sam Specimen", "", "")
	chain := l.Chain(t, keys.ID())
	owner := client.NewOwner(chain, keys)
	me, err := chain.Party(t.Context(), keys.ID())
	require.NoError(t, err)
	honest := record.Record{RecordStatement: record.RecordStatement{
		ID: record.RecordID{1}, Kind: record.KindRepair, Label: "repair/2026", Owner: me.ID, OwnerVersion: 1, OwnerKey: me.Current().Encryption,
		Issuer: insurer.ID(), IssuerVersion: 1, Digest: record.Digest{1}, PayloadSize: 100, IssuedAt: time.Now().Unix(),
	}, RecordedAt: time.Now().Unix()}
	honest.OwnerSignature = record.Signature(keys.Signing.Sign(bls.RoleOwner, honest.Statement().Hash(chain.Context())))
	request := &record.Request{AccessRequest: record.AccessRequest{
		ID: record.RequestID{1}, Owner: me.ID, Label: "repair/2026", Purpose: "claim", Claim: "C-90211",
	}, Requester: insurer.ID()}
	terms := client.Terms{
		Label: "repair/2026", Records: []record.RecordID{honest.ID}, NotBefore: time.Now().Add(-time.Minute), Expiry: time.Now().Add(time.Hour),
		MaxReleases: 1, Proxy: proxy.ID(), PolicyRecord: record.RecordID{2},
	}

	for name, one := range map[string]struct {
		lie  func(*record.Record)
		want error
	}{
		"the truth":                    {func(*record.Record) {}, nil},
		"another time":                 {func(r *record.Record) { r.IssuedAt -= 3600 }, client.ErrSignature},
		"another label":                {func(r *record.Record) { r.Label = "health/2026" }, client.ErrSignature},
		"another record under this id": {func(r *record.Record) { r.Digest[0]++ }, client.ErrSignature},
		"another issuer":               {func(r *record.Record) { r.Issuer = thief.ID() }, client.ErrSignature},
		"another owner's":              {func(r *record.Record) { r.Owner = thief.ID() }, client.ErrNotOurs},
	} {
		t.Run(name, func(t *testing.T) {
			told := honest
			one.lie(&told)
			require.ErrorIs(t, owner.Own(&told), one.want)
			l.Change(func(s *nodetest.State) { s.Records[honest.ID] = told })
			p, err := owner.Grant(t.Context(), request, terms)
			require.ErrorIs(t, err, one.want)
			require.Equal(t, one.want == nil, p != nil)
		})
	}

	l.Change(func(s *nodetest.State) { s.Records[honest.ID] = honest })
	confirmed, err := chain.Party(t.Context(), insurer.ID())
	require.NoError(t, err)
	l.Change(func(s *nodetest.State) { // between the look and the consent
		lie := s.Parties[insurer.ID()]
		lie.Keys = s.Parties[thief.ID()].Keys
		s.Parties[insurer.ID()] = lie
	})
	terms.Requester = confirmed
	p, err := owner.Grant(t.Context(), request, terms)
	require.NoError(t, err)
	require.Equal(t, confirmed.Current().Encryption, p.Statement.RequesterKey)
	terms.Requester, err = chain.Party(t.Context(), thief.ID())
	require.NoError(t, err)
	_, err = owner.Grant(t.Context(), request, terms)
	require.ErrorIs(t, err, client.ErrNotOurs)
}
