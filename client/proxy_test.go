package client

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// Whoever endorses the ledger could write another consent there than the one
// that the owner signed and the proxy accepted a key under.
func TestStretchedConsent(t *testing.T) {
	c, owner, requester := newChain(t), newKeys(t, pre.ModeScoped), newKeys(t, pre.ModeScoped)
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db.sqlite"))
	require.NoError(t, err)
	defer db.Close()
	p := NewProxy(c, newKeys(t, 0), db)
	consent := &record.Consent{Status: record.ConsentApproved, GrantStatement: record.GrantStatement{
		Consent: record.ConsentID{1}, Owner: owner.ID(), OwnerVersion: 1, OwnerKey: owner.encryption(),
		Requester: requester.ID(), RequesterVersion: 1, RequesterKey: requester.encryption(),
		Label: "repair/2026", Purpose: "claim", NotBefore: 1, Expiry: time.Now().Unix() + 3600, MaxReleases: 1,
		Proxies: []record.PartyID{p.ID()}, Threshold: 1,
	}}
	to, err := pre.ParseScopedPublicKey(consent.RequesterKey.Key[:])
	require.NoError(t, err)
	token, err := owner.Scoped.DelegateReencryption(c.params, consent.Label, consent.Consent, to)
	require.NoError(t, err)
	consent.PayloadToken = token.Commitment(c.params)
	g := consent.Statement()
	require.NoError(t, db.PutToken(t.Context(), store.Token{
		Consent: consent.Consent, Owner: consent.Owner, Requester: consent.Requester, Label: consent.Label,
		Grant: g.Encode(), Signature: bls.Signature(owner.sign(c, bls.RoleOwner, g)), PayloadToken: token.Bytes(), Expires: time.Unix(consent.Expiry, 0),
	}))

	for _, one := range []struct {
		name  string
		alter func(*record.Consent)
		want  error
	}{
		{"as it was", func(*record.Consent) {}, nil},
		{"longer", func(c *record.Consent) { c.Expiry += 365 * 24 * 3600 }, ErrStatement},
		{"more often", func(c *record.Consent) { c.MaxReleases = 1000 }, ErrStatement},
		{"for another requester", func(c *record.Consent) { c.Requester[0] ^= 1 }, ErrStatement},
		{"any holder's", func(c *record.Consent) { c.Holder = record.PartyID{1} }, ErrStatement},
		{"another one", func(c *record.Consent) { c.Consent[0] ^= 1 }, store.ErrNotFound},
	} {
		t.Run(one.name, func(t *testing.T) {
			stretched := *consent
			one.alter(&stretched)
			convert, err := p.converter(t.Context(), &stretched)
			require.ErrorIs(t, err, one.want)
			require.Equal(t, one.want == nil, convert != nil)
		})
	}
}
