package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// shelf is a database with capsules alone.
type shelf struct {
	store.Store
	of map[record.RecordID][]byte
}

func (s *shelf) Record(_ context.Context, id record.RecordID) (*store.Entry, error) {
	if s.of[id] == nil {
		return nil, store.ErrNotFound
	}
	return &store.Entry{RecordID: id, Capsule: s.of[id]}, nil
}

func (s *shelf) ReplaceCapsule(_ context.Context, id record.RecordID, capsule []byte) error {
	s.of[id] = capsule
	return nil
}

// versions are keys of one pseudo-identity.
func versions(t *testing.T, n int) []*Keys {
	t.Helper()
	all := []*Keys{newKeys(t, pre.ModeScoped)}
	for i := 1; i < n; i++ {
		next, err := DeriveKeys([32]byte{byte(i), 1}, all[0].PID, pre.ModeScoped)
		require.NoError(t, err)
		all = append(all, next)
	}
	return all
}

// recorded is what the ledger has of a proposal that was signed by both.
func recorded(c *Chain, p *Proposal, owner, issuer *Keys) *record.Record {
	return &record.Record{
		RecordStatement: p.Statement, OwnerSignature: owner.sign(c, bls.RoleOwner, &p.Statement),
		IssuerSignature: issuer.sign(c, bls.RoleIssuer, &p.Statement), RecordedAt: 1,
	}
}

// known is a party as a ledger answers.
func known(role record.Role, keys ...*Keys) *record.Party {
	p := listed(keys...)
	p.Role, p.Status = role, record.StatusActive
	if role != record.RolePolicyholder {
		p.MSP, p.Subject = "MSP", "CN="+role.String()
	}
	return p
}

// An owner makes older records fit its newest keys, whichever they were made for,
// and reads them before and after. What is not the record, it does not touch.
func TestBringAlong(t *testing.T) {
	c, issuer := newChain(t), newKeys(t, pre.ModeScoped)
	keys := versions(t, 3)
	p := forge(t, c, keys[0], issuer, []byte("an old record"), func(*record.RecordStatement) {})
	other := forge(t, c, keys[0], issuer, []byte("another"), func(*record.RecordStatement) {})
	r := recorded(c, p, keys[0], issuer)
	second, third := NewOwner(c, keys[1], keys[0]), NewOwner(c, keys[2], keys[0], keys[1])
	c.ledger = answers{of: map[string]any{record.TxRecordVersion: r, record.TxParty: known(record.RoleRepairShop, issuer)}}
	read := func(o *Owner, capsule []byte) error {
		var got []byte
		_, err := o.Read(t.Context(), r.Version(), capsule, p.Payload, func(plaintext io.Reader) (err error) {
			got, err = io.ReadAll(plaintext)
			return err
		})
		require.Equal(t, err == nil, string(got) == "an old record")
		return err
	}
	require.NoError(t, read(third, p.Capsule))
	once, err := second.BringAlong(r, p.Capsule)
	require.NoError(t, err)
	twice, err := third.BringAlong(r, once)
	require.NoError(t, err)
	direct, err := third.BringAlong(r, p.Capsule)
	require.NoError(t, err)
	require.Equal(t, direct, twice, "there is one capsule of a record for a key")
	require.NotEqual(t, once, direct)
	for _, capsule := range [][]byte{once, direct} {
		require.NoError(t, read(third, capsule))
	}
	nothing, err := third.BringAlong(r, direct)
	require.NoError(t, err)
	require.Nil(t, nothing, "it fits already")

	broken := bytes.Clone(p.Capsule)
	broken[len(broken)-1] ^= 1
	for name, capsule := range map[string][]byte{"another record's": other.Capsule, "altered": broken, "none": nil, "for keys that it has not got yet": direct} {
		_, err := second.BringAlong(r, capsule)
		require.ErrorIs(t, err, ErrTampered, name)
	}
	_, err = NewOwner(c, keys[2], keys[1]).BringAlong(r, p.Capsule)
	require.ErrorIs(t, err, ErrTampered, "a wallet that lacks the keys")
	_, err = NewOwner(c, newKeys(t, pre.ModePaper)).BringAlong(r, p.Capsule)
	require.ErrorIs(t, err, ErrMode)
	require.Error(t, read(second, direct), "the wallet has not got these keys")
}

// Whoever sends a capsule to a holder, and whatever it is: the record's, under the
// owner's present key, is all that is taken.
func TestReplaceCapsule(t *testing.T) {
	c, issuer, stranger := newChain(t), newKeys(t, pre.ModeScoped), newKeys(t, pre.ModeScoped)
	keys := versions(t, 3)
	p := forge(t, c, keys[0], issuer, []byte("an old record"), func(*record.RecordStatement) {})
	other := forge(t, c, keys[0], issuer, []byte("another"), func(*record.RecordStatement) {})
	theirs := forge(t, c, stranger, issuer, []byte("a stranger's"), func(*record.RecordStatement) {})
	rotated := func(from, to *Keys, p *Proposal) []byte {
		capsule, err := NewOwner(c, to, from).BringAlong(recorded(c, p, from, issuer), p.Capsule)
		require.NoError(t, err)
		return capsule
	}
	r := recorded(c, p, keys[0], issuer)
	ledger := answers{of: map[string]any{record.TxRecord: r, record.TxParty: known(record.RolePolicyholder, keys[0], keys[1])}}
	c.ledger = ledger
	db := &shelf{of: map[record.RecordID][]byte{r.ID: p.Capsule}}
	m := NewMember(c, issuer, db)
	broken := rotated(keys[0], keys[1], p)
	broken[len(broken)-1] ^= 1
	for name, one := range map[string]struct {
		owner   record.PartyID
		capsule []byte
		want    error
	}{
		"the old one again":          {r.Owner, p.Capsule, ErrTampered},
		"under keys of long ago":     {r.Owner, rotated(keys[0], keys[2], p), ErrTampered},
		"another record's":           {r.Owner, rotated(keys[0], keys[1], other), ErrTampered},
		"a stranger's record":        {r.Owner, theirs.Capsule, ErrTampered},
		"altered":                    {r.Owner, broken, ErrTampered},
		"nothing":                    {r.Owner, nil, ErrTampered},
		"right, by somebody else":    {stranger.ID(), rotated(keys[0], keys[1], p), ErrNotOurs},
		"right, by the issuer, even": {issuer.ID(), rotated(keys[0], keys[1], p), ErrNotOurs},
	} {
		require.ErrorIs(t, m.ReplaceCapsule(t.Context(), one.owner, r.ID, one.capsule), one.want, name)
		require.Equal(t, p.Capsule, db.of[r.ID], name)
	}
	elsewhere := NewMember(c, stranger, db)
	require.ErrorIs(t, elsewhere.ReplaceCapsule(t.Context(), r.Owner, r.ID, rotated(keys[0], keys[1], p)), ErrNotOurs)

	fits := rotated(keys[0], keys[1], p)
	for range 2 {
		require.NoError(t, m.ReplaceCapsule(t.Context(), r.Owner, r.ID, fits))
		require.Equal(t, fits, db.of[r.ID])
	}
	// The keys are rotated once more: what fitted is old by now.
	ledger.of[record.TxParty] = known(record.RolePolicyholder, keys...)
	latest := rotated(keys[0], keys[2], p)
	require.NoError(t, m.ReplaceCapsule(t.Context(), r.Owner, r.ID, latest))
	require.ErrorIs(t, m.ReplaceCapsule(t.Context(), r.Owner, r.ID, fits), ErrTampered)
	require.Equal(t, latest, db.of[r.ID])
	delete(db.of, r.ID)
	require.ErrorIs(t, m.ReplaceCapsule(t.Context(), r.Owner, r.ID, latest), store.ErrNotFound)
}

// What does not fit a consent because of a rotation is told from what was
// altered.
func TestBehind(t *testing.T) {
	c, issuer := newChain(t), newKeys(t, pre.ModeScoped)
	keys := versions(t, 2)
	p := forge(t, c, keys[0], issuer, []byte("an old record"), func(*record.RecordStatement) {})
	r := recorded(c, p, keys[0], issuer)
	c.ledger = answers{of: map[string]any{record.TxParty: known(record.RolePolicyholder, keys...)}}
	m := NewMember(c, issuer, nil)
	under := func(k *Keys) *record.Consent {
		return &record.Consent{GrantStatement: record.GrantStatement{OwnerKey: k.encryption()}}
	}
	wrong := errors.New("it is wrong")
	require.ErrorIs(t, m.behind(t.Context(), p.Capsule, r, under(keys[1]), wrong), ErrFormerKey)
	require.ErrorIs(t, m.behind(t.Context(), p.Capsule, r, under(keys[0]), wrong), record.ErrStaleKeyVersion)
	broken := bytes.Clone(p.Capsule)
	broken[len(broken)-1] ^= 1
	for _, capsule := range [][]byte{broken, nil} {
		require.ErrorIs(t, m.behind(t.Context(), capsule, r, under(keys[1]), wrong), wrong)
	}
}

// Keys are rotated to keys of the same pseudo-identity and mode, from the present
// ones.
func TestRotateRefuses(t *testing.T) {
	c := newChain(t)
	keys := versions(t, 2)
	of := map[string]any{record.TxParty: known(record.RolePolicyholder, keys[0])}
	c.ledger = answers{of: of}
	r, err := keys[0].Rotate(t.Context(), c, keys[1], "")
	require.NoError(t, err)
	require.Equal(t, uint32(2), r.Statement.Version)
	require.Equal(t, keys[0].ID(), r.Statement.Party)
	_, err = keys[0].Rotate(t.Context(), c, newKeys(t, pre.ModeScoped), "")
	require.ErrorIs(t, err, ErrKeys, "another's")
	paper, err := DeriveKeys([32]byte{9}, keys[0].PID, pre.ModePaper)
	require.NoError(t, err)
	_, err = keys[0].Rotate(t.Context(), c, paper, "")
	require.ErrorIs(t, err, ErrMode)
	of[record.TxParty] = known(record.RolePolicyholder, keys...)
	_, err = keys[0].Rotate(t.Context(), c, keys[1], "")
	require.ErrorIs(t, err, ErrKeys, "they are not the present ones")
}

// A gateway lists a record that the owner, or the issuer, did not sign so.
func TestReadRefuses(t *testing.T) {
	c, issuer := newChain(t), newKeys(t, pre.ModeScoped)
	keys := versions(t, 1)
	p := forge(t, c, keys[0], issuer, []byte("x"), func(*record.RecordStatement) {})
	of := map[string]any{record.TxParty: known(record.RoleRepairShop, issuer)}
	c.ledger = answers{of: of}
	owner := NewOwner(c, keys[0])
	for name, one := range map[string]struct {
		lie  func(r *record.Record)
		want error
	}{
		"the truth": {func(*record.Record) {}, nil},
		"another's signature": {func(r *record.Record) {
			r.OwnerSignature = newKeys(t, pre.ModeScoped).sign(c, bls.RoleOwner, r.Statement())
		}, ErrSignature},
		"no signature":                       {func(r *record.Record) { r.OwnerSignature = record.Signature{} }, ErrSignature},
		"one in another role":                {func(r *record.Record) { r.OwnerSignature = keys[0].sign(c, bls.RoleParty, r.Statement()) }, ErrSignature},
		"the owner's under something else":   {func(r *record.Record) { r.IssuedAt++ }, ErrSignature},
		"not the issuer's":                   {func(r *record.Record) { r.IssuerSignature = r.OwnerSignature }, ErrSignature},
		"another owner's":                    {func(r *record.Record) { r.Owner = record.PartyID{7} }, ErrNotOurs},
		"under keys that the wallet has not": {func(r *record.Record) { r.OwnerKey = issuer.encryption() }, ErrKeys},
	} {
		r := recorded(c, p, keys[0], issuer)
		one.lie(r)
		of[record.TxRecordVersion] = r
		_, err := owner.Read(t.Context(), r.Version(), p.Capsule, p.Payload, func(plaintext io.Reader) error {
			_, err := io.Copy(io.Discard, plaintext)
			return err
		})
		require.ErrorIs(t, err, one.want, name)
	}
}
