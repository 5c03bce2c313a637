package contract_test

import (
	"fmt"
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/stretchr/testify/require"
)

func TestRegister(t *testing.T) {
	a := newAlliance(t)
	party := query[record.Party](a, a.shop.identity, record.TxParty, a.insurer.pid)
	require.Equal(t, a.insurer.id, party.ID)
	require.Equal(t, record.RoleInsurer, party.Role)
	require.Equal(t, "CN=insurer,OU=client", party.Subject)
	require.Equal(t, a.insurer.encryption(), party.Current().Encryption)
	require.Equal(t, record.StatusActive, party.Status)

	paper := a.newMember(record.RolePolicyholder, nil)
	paper.scoped = nil
	var err error
	paper.paper, err = pre.GeneratePaperKey()
	require.NoError(t, err)
	a.register(paper)

	agency := a.newMember(record.RoleAuthority, a.manager)
	a.register(agency)
	require.Equal(t, record.RoleAuthority, query[record.Party](a, a.manager, record.TxParty, agency.id.String()).Role)
	a.refused(record.ErrPartyUnknown, a.manager, record.TxParty, newPID(t))
	a.refused(record.ErrPartyUnknown, a.manager, record.TxPartyHistory, newPID(t))
}

func TestRegisterRefusals(t *testing.T) {
	a := newAlliance(t)
	refuse := func(want *record.Error, spoil func(m *member, r *record.Registration)) {
		t.Helper()
		m := a.newMember(record.RoleInsurer, newIdentity(t, "NewMSP", "new"))
		r := a.registration(m)
		spoil(m, &r)
		a.refused(want, a.manager, record.TxRegister, record.EncodeText(r.Encode()))
	}
	other := a.newMember(record.RolePolicyholder, nil)
	refuse(record.ErrPartyExists, func(_ *member, r *record.Registration) { r.PID = a.owner.pid })
	refuse(record.ErrCallerTaken, func(_ *member, r *record.Registration) { r.MSP, r.Subject = a.shop.msp(), a.shop.subject() })
	refuse(record.ErrForbidden, func(_ *member, r *record.Registration) { r.MSP, r.Subject = "SMMSP", "CN=deputy,OU=client" })
	refuse(record.ErrForbidden, func(_ *member, r *record.Registration) { r.Role = record.RoleAuthority })
	refuse(record.ErrPossession, func(_ *member, r *record.Registration) { r.PID = newPID(t) })
	refuse(record.ErrPossession, func(_ *member, r *record.Registration) { r.MSP = "OtherMSP" })
	refuse(record.ErrPossession, func(_ *member, r *record.Registration) {
		r.Signing = record.SigningKey(other.signing.PublicKey().Bytes())
	})
	refuse(record.ErrPossession, func(_ *member, r *record.Registration) { r.Encryption = other.encryption() })
	refuse(record.ErrPossession, func(_ *member, r *record.Registration) { r.Encryption.Mode = record.ModePaper })
	refuse(record.ErrMalformed, func(_ *member, r *record.Registration) { r.Signing[5]++ })
	refuse(record.ErrMalformed, func(_ *member, r *record.Registration) { r.Encryption.Key = [32]byte{0x40} }) // the identity
	refuse(record.ErrKeyTaken, func(m *member, r *record.Registration) {
		r.Signing = record.SigningKey(a.owner.signing.PublicKey().Bytes())
		r.SigningProof = record.Signature(a.owner.signing.ProvePossession(a.params.ID(), m.pid, m.msp()))
	})
	refuse(record.ErrKeyTaken, func(m *member, r *record.Registration) {
		r.Encryption = a.owner.encryption()
		proof, err := a.owner.scoped.ProvePossession(a.params.ID(), m.pid, m.msp())
		require.NoError(t, err)
		r.EncryptionProof = record.PossessionProof(proof)
	})
	a.refused(record.ErrMalformed, a.manager, record.TxRegister, "zz")
}

// TestMasterKeyIsTaken: whoever holds the system manager's secret may not also
// be a party with that key.
func TestMasterKeyIsTaken(t *testing.T) {
	a := newLedger(t)
	scoped, err := pre.GenerateScopedKey()
	require.NoError(t, err)
	a.params, err = pre.NewParameters("double role", scoped.PublicKey().Bytes())
	require.NoError(t, err)
	setup := a.setup()
	a.mustInvoke(a.manager, record.TxInitSystem, record.EncodeText(setup.Encode()))
	m := a.newMember(record.RolePolicyholder, nil)
	m.scoped = scoped
	r := a.registration(m)
	a.refused(record.ErrKeyTaken, a.manager, record.TxRegister, record.EncodeText(r.Encode()))
}

func TestStatus(t *testing.T) {
	a := newAlliance(t)
	id := a.shop.id.String()
	a.refused(record.ErrPartyStatus, a.manager, record.TxReinstate, id, "active anyway")
	a.advance(10)
	a.mustInvoke(a.manager, record.TxSuspend, id, "inquiry 7")
	a.refused(record.ErrPartyStatus, a.manager, record.TxSuspend, id, "again")
	a.refusedBatch(record.ErrSuspended, a.shop, a.entry(a.shop, a.owner))
	a.mustInvoke(a.manager, record.TxReinstate, id, "cleared")
	a.recorded(a.shop, a.owner)
	a.mustInvoke(a.manager, record.TxExpel, id, "fraud")
	a.refused(record.ErrPartyStatus, a.manager, record.TxExpel, id, "again")
	a.refusedBatch(record.ErrExpelled, a.shop, a.entry(a.shop, a.owner))
	a.mustInvoke(a.manager, record.TxReinstate, id, "court order")
	a.recorded(a.shop, a.owner)
	for _, tx := range []string{record.TxSuspend, record.TxExpel, record.TxReinstate} {
		a.refused(record.ErrMalformed, a.manager, tx, id, "")
		a.refused(record.ErrPartyUnknown, a.manager, tx, newPID(t), "reason")
	}

	history := query[[]record.Party](a, a.garage.identity, record.TxPartyHistory, id)
	var statuses []string
	for _, p := range history {
		statuses = append(statuses, fmt.Sprint(p.Status, ": ", p.StatusReason))
	}
	require.Equal(t, []string{"active: court order", "expelled: fraud", "active: cleared", "suspended: inquiry 7", "active: registered"}, statuses)
}

func TestParties(t *testing.T) {
	a := newAlliance(t)
	seen := map[record.PartyID]bool{}
	bookmark, pages := "", 0
	for {
		page := query[record.Page[record.Party]](a, a.manager, record.TxParties, "3", bookmark)
		for _, p := range page.Items {
			require.False(t, seen[p.ID])
			seen[p.ID] = true
		}
		pages++
		if bookmark = page.Bookmark; bookmark == "" {
			break
		}
	}
	require.Len(t, seen, 8)
	require.Equal(t, 3, pages)
}

func TestRotate(t *testing.T) {
	a := newAlliance(t)
	before := a.entry(a.shop, a.owner)
	a.rotate(a.owner)
	a.refusedBatch(record.ErrStaleKeyVersion, a.shop, before)
	require.Equal(t, 100, query[record.Standing](a, a.shop.identity, record.TxStanding, a.shop.pid).Credit, "a stale key is no violation")
	a.recorded(a.shop, a.owner)
	a.rotate(a.shop)
	a.recorded(a.shop, a.owner)
	party := query[record.Party](a, a.shop.identity, record.TxParty, a.owner.pid)
	require.Len(t, party.Keys, 2)
	require.Equal(t, a.owner.encryption(), party.Current().Encryption)

	proxy := *a.proxy // has no encryption key
	next := proxy
	next.version++
	var err error
	next.signing, err = bls.GenerateKey()
	require.NoError(t, err)
	s := record.RotateStatement{Party: proxy.id, Version: 2, Signing: record.SigningKey(next.signing.PublicKey().Bytes()), Time: a.now()}
	args := a.rotationArgs(s, &proxy, &next)
	args[2] = ""
	a.mustInvoke(a.manager, record.TxRotateKeys, args...)
}

func TestRotateRefusals(t *testing.T) {
	a := newAlliance(t)
	refuse := func(want *record.Error, spoil func(s *record.RotateStatement, old, next *member)) {
		t.Helper()
		old := *a.owner
		_, next := a.rotateArgs(a.owner)
		s := record.RotateStatement{
			Party: old.id, Version: 2, Encryption: next.encryption(), Signing: record.SigningKey(next.signing.PublicKey().Bytes()), Time: a.now(),
		}
		spoil(&s, &old, &next)
		a.refused(want, a.manager, record.TxRotateKeys, a.rotationArgs(s, &old, &next)...)
	}
	refuse(record.ErrPartyUnknown, func(s *record.RotateStatement, _, _ *member) { s.Party[0]++ })
	refuse(record.ErrStaleKeyVersion, func(s *record.RotateStatement, _, _ *member) { s.Version = 3 })
	refuse(record.ErrTime, func(s *record.RotateStatement, _, _ *member) { s.Time -= record.DefaultRecordWindow + 1 })
	refuse(record.ErrTime, func(s *record.RotateStatement, _, _ *member) { s.Time += record.DefaultClockSkew + 1 })
	refuse(record.ErrKeyMismatch, func(s *record.RotateStatement, _, _ *member) { s.Encryption.Mode = record.ModePaper })
	refuse(record.ErrSignature, func(_ *record.RotateStatement, old, _ *member) { old.signing = a.shop.signing })
	refuse(record.ErrPossession, func(_ *record.RotateStatement, _, next *member) { next.signing = a.shop.signing })
	refuse(record.ErrPossession, func(_ *record.RotateStatement, _, next *member) { next.scoped = a.shop.scoped })
	refuse(record.ErrKeyTaken, func(s *record.RotateStatement, _, next *member) {
		next.scoped = a.shop.scoped
		s.Encryption = next.encryption()
	})
	refuse(record.ErrKeyTaken, func(s *record.RotateStatement, _, next *member) {
		next.signing = a.shop.signing
		s.Signing = record.SigningKey(next.signing.PublicKey().Bytes())
	})
	args, _ := a.rotateArgs(a.owner)
	for i := range args {
		wrong := append([]string(nil), args...)
		wrong[i] = "x"
		a.refused(record.ErrMalformed, a.manager, record.TxRotateKeys, wrong...)
	}

	// One key alone may change; an old one never comes back.
	old := *a.owner
	next := old
	next.version = 2
	fresh := a.newMember(record.RolePolicyholder, nil)
	next.scoped = fresh.scoped
	s := record.RotateStatement{Party: old.id, Version: 2, Encryption: next.encryption(), Signing: record.SigningKey(old.signing.PublicKey().Bytes()), Time: a.now()}
	a.mustInvoke(a.manager, record.TxRotateKeys, a.rotationArgs(s, &old, &next)...)
	s = record.RotateStatement{Party: old.id, Version: 3, Encryption: old.encryption(), Signing: s.Signing, Time: a.now()}
	a.refused(record.ErrKeyTaken, a.manager, record.TxRotateKeys, a.rotationArgs(s, &next, &old)...)

	a.mustInvoke(a.manager, record.TxExpel, old.id.String(), "fraud")
	a.refused(record.ErrExpelled, a.manager, record.TxRotateKeys, a.rotationArgs(s, &next, fresh)...)
}
