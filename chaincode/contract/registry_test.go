package contract_test

import (
	"fmt"
	"testing"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/stretchr/testify/require"
)

func TestRegister(t *testing.T) {
	a := newAlliance(t)
	party := query[record.Party](a, a.shop.identity, record.TxParty, a.insurer.PID)
	require.Equal(t, a.insurer.ID, party.ID)
	require.Equal(t, record.RoleInsurer, party.Role)
	require.Equal(t, "CN=insurer,OU=client", party.Subject)
	require.Equal(t, a.insurer.Encryption(), party.Current().Encryption)
	require.Equal(t, record.StatusActive, party.Status)

	a.register(a.newMemberOf(record.ModePaper, record.RolePolicyholder, nil))

	agency := a.newMember(record.RoleAuthority, a.manager)
	a.register(agency)
	require.Equal(t, record.RoleAuthority, query[record.Party](a, a.manager, record.TxParty, agency.ID.String()).Role)
	a.refused(record.ErrPartyUnknown, a.manager, record.TxParty, a.newPID())
	a.refused(record.ErrPartyUnknown, a.manager, record.TxPartyHistory, a.newPID(), "5", "")
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
	refuse(record.ErrPartyExists, func(_ *member, r *record.Registration) { r.PID = a.owner.PID })
	refuse(record.ErrCallerTaken, func(_ *member, r *record.Registration) { r.MSP, r.Subject = a.shop.MSP, a.shop.Subject })
	refuse(record.ErrForbidden, func(_ *member, r *record.Registration) { r.MSP, r.Subject = "SMMSP", "CN=deputy,OU=client" })
	refuse(record.ErrForbidden, func(_ *member, r *record.Registration) { r.Role = record.RoleAuthority })
	refuse(record.ErrPossession, func(_ *member, r *record.Registration) { r.PID = a.newPID() })
	refuse(record.ErrPossession, func(_ *member, r *record.Registration) { r.MSP = "OtherMSP" })
	refuse(record.ErrPossession, func(_ *member, r *record.Registration) {
		r.Signing = other.SigningKey()
	})
	refuse(record.ErrPossession, func(_ *member, r *record.Registration) { r.Encryption = other.Encryption() })
	refuse(record.ErrPossession, func(_ *member, r *record.Registration) { r.Encryption.Mode = record.ModePaper })
	refuse(record.ErrMalformed, func(_ *member, r *record.Registration) { r.Signing[5]++ })
	refuse(record.ErrMalformed, func(_ *member, r *record.Registration) { r.Encryption.Key = [32]byte{0x40} }) // the identity
	refuse(record.ErrKeyTaken, func(m *member, r *record.Registration) {
		r.Signing = a.owner.SigningKey()
		r.SigningProof = record.Signature(a.owner.Signing.ProvePossession(a.Params.ID(), m.PID, m.MSP))
	})
	refuse(record.ErrKeyTaken, func(m *member, r *record.Registration) {
		r.Encryption = a.owner.Encryption()
		proof, err := a.owner.Scoped.ProvePossession(a.Params.ID(), m.PID, m.MSP)
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
	a.Params, err = pre.NewParameters("double role", scoped.PublicKey().Bytes())
	require.NoError(t, err)
	setup := a.Setup()
	a.mustInvoke(a.manager, record.TxInitSystem, record.EncodeText(setup.Encode()))
	m := a.newMember(record.RolePolicyholder, nil)
	m.Scoped = scoped
	r := a.registration(m)
	a.refused(record.ErrKeyTaken, a.manager, record.TxRegister, record.EncodeText(r.Encode()))
}

func TestStatus(t *testing.T) {
	a := newAlliance(t)
	id := a.shop.ID.String()
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
		a.refused(record.ErrPartyUnknown, a.manager, tx, a.newPID(), "reason")
	}

	var statuses []string
	for bookmark, pages := "", 0; ; pages++ {
		require.Less(t, pages, 3)
		history := query[record.Page[record.Party]](a, a.garage.identity, record.TxPartyHistory, id, "2", bookmark)
		for _, p := range history.Items {
			statuses = append(statuses, fmt.Sprint(p.Status, ": ", p.StatusReason))
		}
		if bookmark = history.Bookmark; bookmark == "" {
			require.Equal(t, 2, pages)
			break
		}
	}
	first := query[record.Page[record.Party]](a, a.garage.identity, record.TxPartyHistory, id, "5", "")
	require.Len(t, first.Items, 5)
	require.Empty(t, first.Bookmark, "the last page says so")
	a.refused(record.ErrPage, a.garage.identity, record.TxPartyHistory, id, "5", first.Items[4].StatusTx.String())
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
	require.Equal(t, 100, query[record.Standing](a, a.shop.identity, record.TxStanding, a.shop.PID).Credit, "a stale key is no violation")
	a.recorded(a.shop, a.owner)
	a.rotate(a.shop)
	a.recorded(a.shop, a.owner)
	party := query[record.Party](a, a.shop.identity, record.TxParty, a.owner.PID)
	require.Len(t, party.Keys, 2)
	require.Equal(t, a.owner.Encryption(), party.Current().Encryption)

	a.rotate(a.proxy) // has no encryption key
}

func TestRotateRefusals(t *testing.T) {
	a := newAlliance(t)
	refuse := func(want *record.Error, spoil func(s *record.RotateStatement, old, next *member)) {
		t.Helper()
		old := *a.owner
		_, next := a.rotateArgs(a.owner)
		s := alliance.Rotation(&next.Member, a.now())
		spoil(&s, &old, &next)
		a.refused(want, a.manager, record.TxRotateKeys, a.rotationArgs(s, &old, &next)...)
	}
	refuse(record.ErrPartyUnknown, func(s *record.RotateStatement, _, _ *member) { s.Party[0]++ })
	refuse(record.ErrStaleKeyVersion, func(s *record.RotateStatement, _, _ *member) { s.Version = 3 })
	refuse(record.ErrTime, func(s *record.RotateStatement, _, _ *member) { s.Time -= record.DefaultRecordWindow + 1 })
	refuse(record.ErrTime, func(s *record.RotateStatement, _, _ *member) { s.Time += record.DefaultClockSkew + 1 })
	refuse(record.ErrKeyMismatch, func(s *record.RotateStatement, _, _ *member) { s.Encryption.Mode = record.ModePaper })
	refuse(record.ErrSignature, func(_ *record.RotateStatement, old, _ *member) { old.Signing = a.shop.Signing })
	refuse(record.ErrPossession, func(_ *record.RotateStatement, _, next *member) { next.Signing = a.shop.Signing })
	refuse(record.ErrPossession, func(_ *record.RotateStatement, _, next *member) { next.Scoped = a.shop.Scoped })
	refuse(record.ErrKeyTaken, func(s *record.RotateStatement, _, next *member) {
		next.Scoped = a.shop.Scoped
		s.Encryption = next.Encryption()
	})
	refuse(record.ErrKeyTaken, func(s *record.RotateStatement, _, next *member) {
		next.Signing = a.shop.Signing
		s.Signing = next.SigningKey()
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
	next.Version = 2
	fresh := a.newMember(record.RolePolicyholder, nil)
	next.Scoped = fresh.Scoped
	s := record.RotateStatement{Party: old.ID, Version: 2, Encryption: next.Encryption(), Signing: old.SigningKey(), Time: a.now()}
	a.mustInvoke(a.manager, record.TxRotateKeys, a.rotationArgs(s, &old, &next)...)
	s = record.RotateStatement{Party: old.ID, Version: 3, Encryption: old.Encryption(), Signing: s.Signing, Time: a.now()}
	a.refused(record.ErrKeyTaken, a.manager, record.TxRotateKeys, a.rotationArgs(s, &next, &old)...)

	a.mustInvoke(a.manager, record.TxExpel, old.ID.String(), "fraud")
	a.refused(record.ErrExpelled, a.manager, record.TxRotateKeys, a.rotationArgs(s, &next, fresh)...)
}
