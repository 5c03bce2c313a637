package client

import (
	"context"
	"crypto/sha256"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
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

// faithless carries nothing and says that it did.
type faithless struct{}

func (faithless) Carry(_ context.Context, b record.Batch) (*record.BatchAnswer, ledger.Result, error) {
	return &record.BatchAnswer{Entries: len(b.Entries), Recorded: len(b.Entries)}, ledger.Result{TxID: "ab"}, nil
}

// What a carrier says has become of a record is believed when the issuer's own
// peer has the record.
func TestACarrierIsNotBelieved(t *testing.T) {
	c, owner, issuer := newChain(t), newKeys(t, pre.ModeScoped), newKeys(t, pre.ModeScoped)
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db.sqlite"))
	require.NoError(t, err)
	defer db.Close()
	m := NewCarriedMember(c, issuer, db, faithless{})
	p := forge(t, c, owner, issuer, []byte("x"), func(*record.RecordStatement) {})
	require.NoError(t, m.Keep(t.Context(), p, listed(owner), owner.sign(c, bls.RoleOwner, &p.Statement)))
	of := map[string]any{record.TxParty: known(record.RoleRepairShop, issuer), record.TxRecordVersion: record.ErrRecordUnknown}
	c.ledger = answers{of: of}
	state := func() store.State {
		e, err := db.Record(t.Context(), p.Statement.ID)
		require.NoError(t, err)
		return e.State
	}
	_, err = m.Flush(t.Context(), 10)
	require.ErrorIs(t, err, record.ErrRecordUnknown)
	require.Equal(t, store.Pending, state())

	of[record.TxRecordVersion] = recorded(c, p, owner, issuer)
	entry, err := db.Record(t.Context(), p.Statement.ID)
	require.NoError(t, err)
	e := record.Entry{Statement: p.Statement, OwnerSignature: record.Signature(entry.OwnerSignature), IssuerSignature: record.Signature(entry.IssuerSignature)}
	m.kept.Store(sha256.Sum256(e.Encode()), nil) // as if it had just been kept
	_, err = m.Flush(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, store.Recorded, state())
}
