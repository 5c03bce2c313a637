package client

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// What an issuer keeps, it answers for with its credit.
func TestKeepRefuses(t *testing.T) {
	c, owner, issuer, other := newChain(t), newKeys(t, pre.ModeScoped), newKeys(t, pre.ModeScoped), newKeys(t, pre.ModeScoped)
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db.sqlite"))
	require.NoError(t, err)
	defer db.Close()
	m := NewMember(c, issuer, db)
	unsigned := func(p *Proposal) {}
	for _, one := range []struct {
		name   string
		issuer *Keys
		signer *Keys
		owner  *record.Party
		role   bls.Role
		alter  func(*Proposal)
		want   error
	}{
		{"nothing to refuse", issuer, owner, listed(owner), bls.RoleOwner, unsigned, nil},
		{"signed by another", issuer, other, listed(owner), bls.RoleOwner, unsigned, ErrSignature},
		{"signed in another role", issuer, owner, listed(owner), bls.RoleHolder, unsigned, ErrSignature},
		{"signed under a version that does not exist", issuer, owner, listed(owner), bls.RoleOwner, func(p *Proposal) { p.Statement.OwnerVersion = 2 }, ErrSignature},
		{"for another owner, who signed it", issuer, other, listed(other), bls.RoleOwner, unsigned, ErrNotOurs},
		{"by another issuer", other, owner, listed(owner), bls.RoleOwner, unsigned, ErrNotOurs},
		{"with another capsule", issuer, owner, listed(owner), bls.RoleOwner, func(p *Proposal) {
			p.Capsule = forge(t, c, owner, issuer, nil, func(*record.RecordStatement) {}).Capsule
		}, ErrStatement},
	} {
		t.Run(one.name, func(t *testing.T) {
			p := forge(t, c, owner, one.issuer, []byte("x"), func(*record.RecordStatement) {})
			one.alter(p)
			sig := one.signer.sign(c, one.role, &p.Statement)
			require.ErrorIs(t, m.Keep(t.Context(), p, one.owner, sig), one.want)
			_, err := db.Record(t.Context(), p.Statement.ID)
			if one.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, store.ErrNotFound)
			}
		})
	}
}
