package alliance_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/stretchr/testify/require"
)

// counter is a source of randomness that says the same every time.
type counter struct{ n uint64 }

func (c *counter) Read(b []byte) (int, error) {
	for i := 0; i < len(b); i += 32 {
		c.n++
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, c.n))
		copy(b[i:], sum[:])
	}
	return len(b), nil
}

func deployment(t testing.TB) *alliance.Deployment {
	t.Helper()
	random := new(counter)
	params, err := alliance.NewParameters("test", random)
	require.NoError(t, err)
	return alliance.New(params, "channel", "chaincode", random)
}

func join(t testing.TB, d *alliance.Deployment, role record.Role, mode record.KeyMode) *alliance.Member {
	t.Helper()
	msp, subject := "MSP", "CN=somebody"
	if role == record.RolePolicyholder {
		msp, subject = "", ""
	}
	m, err := d.NewMember(role, msp, subject, mode)
	require.NoError(t, err)
	return m
}

// TestRepeatable: the same randomness makes the same alliance.
func TestRepeatable(t *testing.T) {
	make := func() (record.Context, record.Entry, []string) {
		d := deployment(t)
		shop, owner := join(t, d, record.RoleRepairShop, record.ModeScoped), join(t, d, record.RolePolicyholder, record.ModePaper)
		e, err := d.Entry(shop, owner, "repair", 1_700_000_000)
		require.NoError(t, err)
		g, err := d.Grant(owner, shop, "", 1_700_000_000, shop)
		require.NoError(t, err)
		return d.Context, e, d.GrantArgs(g, owner)
	}
	context, entry, grant := make()
	againContext, againEntry, againGrant := make()
	require.Equal(t, context, againContext)
	require.Equal(t, entry, againEntry)
	require.Equal(t, grant, againGrant)
}

// TestProofs: every mode's registration proves what the ledger will ask for, and
// every statement is well formed and rightly signed.
func TestProofs(t *testing.T) {
	d := deployment(t)
	for _, mode := range []record.KeyMode{record.ModeScoped, record.ModePaper} {
		shop, owner := join(t, d, record.RoleRepairShop, mode), join(t, d, record.RolePolicyholder, mode)
		proxy := join(t, d, record.RoleProxy, record.ModeNone)
		for _, m := range []*alliance.Member{shop, owner, proxy} {
			renewed, err := d.Renewed(m)
			require.NoError(t, err)
			require.Equal(t, m.Version+1, renewed.Version)
			require.NotEqual(t, m.SigningKey(), renewed.SigningKey())
			for _, m := range []*alliance.Member{m, renewed} {
				r, err := d.Registration(m)
				require.NoError(t, err)
				require.NoError(t, r.Validate())
				require.NoError(t, bls.VerifyPossession(d.Params.ID(), m.Signing.PublicKey(), m.PID, m.MSP, bls.Signature(r.SigningProof)))
				if m.Mode() != record.ModeNone {
					key, err := pre.ParsePublicKey(pre.Mode(m.Mode()), r.Encryption.Key[:])
					require.NoError(t, err)
					require.NoError(t, pre.VerifyPossession(d.Params.ID(), key, m.PID, m.MSP, r.EncryptionProof[:]))
				}
			}
			args, err := d.RotateArgs(alliance.Rotation(renewed, 1_700_000_000), m, renewed)
			require.NoError(t, err)
			require.Len(t, args, 4)
		}
		e, err := d.Entry(shop, owner, "repair", 1_700_000_000)
		require.NoError(t, err)
		require.NoError(t, e.Validate())
		hash := e.Statement.Hash(d.Context)
		require.NoError(t, bls.Verify(owner.Signing.PublicKey(), bls.RoleOwner, hash, bls.Signature(e.OwnerSignature)))
		require.NoError(t, bls.Verify(shop.Signing.PublicKey(), bls.RoleIssuer, hash, bls.Signature(e.IssuerSignature)))
		require.Error(t, bls.Verify(shop.Signing.PublicKey(), bls.RoleIssuer, hash, bls.Signature(alliance.Spoiled(e).IssuerSignature)))
		batch := d.Carried(shop, 1_700_000_000, e)
		require.NoError(t, batch.Validate())
		args, transient := alliance.BatchArgs(batch)
		require.Equal(t, record.BatchDigest(transient[record.TransientBatch]).String(), args[0])
		g, err := d.Grant(owner, shop, "repair", 1_700_000_000, proxy, join(t, d, record.RoleProxy, record.ModeNone))
		require.NoError(t, err)
		g.PolicyRecord = e.Statement.ID
		require.NoError(t, g.Validate())
		require.Equal(t, mode == record.ModePaper, g.Label == "")
		v, err := d.Delivery(g.Consent, record.RecordVersion{ID: e.Statement.ID, Digest: e.Statement.Digest}, shop, proxy, 1_700_000_000)
		require.NoError(t, err)
		require.NoError(t, v.Validate())
		require.NoError(t, bls.Verify(shop.Signing.PublicKey(), bls.RoleHolder, v.Statement.Hash(d.Context), bls.Signature(v.Signature)))
	}
}

type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, errors.New("dried up") }

// TestNoRandomness: nothing is made of too little of it.
func TestNoRandomness(t *testing.T) {
	_, err := alliance.NewParameters("test", empty{})
	require.Error(t, err)
	full := deployment(t)
	shop, owner := join(t, full, record.RoleRepairShop, record.ModeScoped), join(t, full, record.RolePolicyholder, record.ModeScoped)
	_, err = full.NewMember(record.RoleProxy, "MSP", "CN=x", 7)
	require.ErrorContains(t, err, "key mode")
	d := alliance.New(full.Params, "channel", "chaincode", empty{})
	_, err = d.NewMember(record.RoleInsurer, "MSP", "CN=x", record.ModeScoped)
	require.Error(t, err)
	_, err = d.Renewed(shop)
	require.Error(t, err)
	_, err = d.Entry(shop, owner, "repair", 1)
	require.Error(t, err)
	_, err = d.Amended(record.RecordStatement{})
	require.Error(t, err)
	_, err = d.Request(owner, "repair")
	require.Error(t, err)
	_, err = d.Grant(owner, shop, "repair", 1)
	require.Error(t, err)
	_, err = d.Delivery(record.ConsentID{1}, record.RecordVersion{}, shop, shop, 1)
	require.Error(t, err)
	_, err = d.Trailer(record.ReleaseID{1}, shop)
	require.Error(t, err)
}
