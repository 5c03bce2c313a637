package contract_test

import (
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/stretchr/testify/require"
)

func TestRequestAccess(t *testing.T) {
	a := newAlliance(t)
	repair := a.recorded(a.shop, a.owner)
	foreign := a.recorded(a.shop, a.neighbour)
	r := a.request()
	r.Records = []record.RecordID{repair.Statement.ID}
	arg := func(r record.AccessRequest) string { return record.EncodeText(r.Encode()) }
	a.mustInvoke(a.insurer.identity, record.TxRequestAccess, arg(r))
	blocks := len(a.ledger.Blocks())
	first := query[record.Request](a, a.shop.identity, record.TxRequest, r.ID.String())
	a.advance(5)
	tx := a.mustInvoke(a.insurer.identity, record.TxRequestAccess, arg(r))
	require.Empty(t, tx.Writes, "the same request again changes nothing")
	require.Equal(t, first, decodeAnswer[record.Request](a, tx.Response.GetPayload()))
	require.Len(t, a.ledger.Blocks(), blocks+1)
	require.Equal(t, r, first.AccessRequest)
	require.Equal(t, a.insurer.ID, first.Requester)

	a.refused(record.ErrRequestExists, a.rival.identity, record.TxRequestAccess, arg(r))
	refuse := func(want *record.Error, spoil func(r *record.AccessRequest)) {
		t.Helper()
		r := a.request()
		spoil(&r)
		a.refused(want, a.insurer.identity, record.TxRequestAccess, arg(r))
	}
	refuse(record.ErrPartyUnknown, func(r *record.AccessRequest) { r.Owner[0]++ })
	refuse(record.ErrPartyUnknown, func(r *record.AccessRequest) { r.Holder[0]++ })
	refuse(record.ErrOwnerRole, func(r *record.AccessRequest) { r.Owner = a.shop.ID })
	refuse(record.ErrForbidden, func(r *record.AccessRequest) { r.Holder = a.proxy.ID })
	refuse(record.ErrRecordUnknown, func(r *record.AccessRequest) { r.Records = []record.RecordID{{1}} })
	refuse(record.ErrRecordUnknown, func(r *record.AccessRequest) { r.Records = []record.RecordID{foreign.Statement.ID} })
	refuse(record.ErrMalformed, func(r *record.AccessRequest) { r.Purpose = "Curiosity!" })
	a.refused(record.ErrForbidden, a.proxy.identity, record.TxRequestAccess, arg(a.request()))
	require.Len(t, query[record.Page[record.Request]](a, a.shop.identity, record.TxRequestsByRequester, a.insurer.PID, "50", "").Items, 1)
	a.refused(record.ErrRequestUnknown, a.shop.identity, record.TxRequest, record.RequestID{1}.String())
	a.refused(record.ErrMalformed, a.shop.identity, record.TxRequest, "1")
	a.mustInvoke(a.manager, record.TxSuspend, a.owner.ID.String(), "inquiry")
	refuse(record.ErrSuspended, func(*record.AccessRequest) {})
}

func TestGrantRefusals(t *testing.T) {
	a := newAlliance(t)
	policy, repair := a.recorded(a.insurer, a.owner), a.recorded(a.shop, a.owner)
	foreign := a.recorded(a.shop, a.neighbour)
	paper := a.newMember(record.RolePolicyholder, nil)
	refuse := func(want *record.Error, spoil func(g *record.GrantStatement)) {
		t.Helper()
		g := a.grant(policy.Statement.ID)
		spoil(&g)
		a.refused(want, a.insurer.identity, record.TxGrant, a.grantArgs(g, a.owner)...)
	}
	refuse(record.ErrPartyUnknown, func(g *record.GrantStatement) { g.Owner[0]++ })
	refuse(record.ErrPartyUnknown, func(g *record.GrantStatement) { g.Requester[0]++ })
	refuse(record.ErrPartyUnknown, func(g *record.GrantStatement) { g.Holder[0]++ })
	refuse(record.ErrPartyUnknown, func(g *record.GrantStatement) { g.Proxies[0][0]++ })
	refuse(record.ErrOwnerRole, func(g *record.GrantStatement) { g.Owner = a.shop.ID })
	refuse(record.ErrForbidden, func(g *record.GrantStatement) { g.Requester = a.neighbour.ID })
	refuse(record.ErrForbidden, func(g *record.GrantStatement) { g.Holder = a.proxy.ID })
	refuse(record.ErrForbidden, func(g *record.GrantStatement) { g.Proxies[0] = a.shop.ID })
	refuse(record.ErrStaleKeyVersion, func(g *record.GrantStatement) { g.OwnerVersion++ })
	refuse(record.ErrStaleKeyVersion, func(g *record.GrantStatement) { g.RequesterVersion++ })
	refuse(record.ErrKeyMismatch, func(g *record.GrantStatement) { g.OwnerKey = paper.Encryption() })
	refuse(record.ErrKeyMismatch, func(g *record.GrantStatement) { g.RequesterKey = paper.Encryption() })
	refuse(record.ErrRequestUnknown, func(g *record.GrantStatement) { a.draw(g.Request[:]) })
	refuse(record.ErrRecordUnknown, func(g *record.GrantStatement) { g.PolicyRecord = record.RecordID{1} })
	refuse(record.ErrRecordUnknown, func(g *record.GrantStatement) { g.PolicyRecord = repair.Statement.ID })
	refuse(record.ErrRecordUnknown, func(g *record.GrantStatement) {
		g.Records = []record.RecordVersion{{ID: repair.Statement.ID, Digest: policy.Statement.Digest}}
	})
	refuse(record.ErrRecordUnknown, func(g *record.GrantStatement) {
		g.Records = []record.RecordVersion{{ID: foreign.Statement.ID, Digest: foreign.Statement.Digest}}
	})
	refuse(record.ErrConsentExpired, func(g *record.GrantStatement) { g.NotBefore, g.Expiry = a.now()-100, a.now() })
	refuse(record.ErrMalformed, func(g *record.GrantStatement) { g.MaxReleases = 0 })

	request := a.request()
	a.mustInvoke(a.insurer.identity, record.TxRequestAccess, record.EncodeText(request.Encode()))
	refuse(record.ErrRequestMismatch, func(g *record.GrantStatement) { g.Request, g.Purpose = request.ID, "marketing" })
	refuse(record.ErrRequestMismatch, func(g *record.GrantStatement) {
		g.Request, g.Requester, g.RequesterKey = request.ID, a.rival.ID, a.rival.Encryption()
	})

	g := a.grant(policy.Statement.ID)
	a.refused(record.ErrSignature, a.insurer.identity, record.TxGrant, a.grantArgs(g, a.neighbour)...)
	a.refused(record.ErrMalformed, a.insurer.identity, record.TxGrant, a.grantArgs(g, a.owner)[0], "x")
	a.refused(record.ErrMalformed, a.insurer.identity, record.TxGrant, "", "")
	a.granted(g)
	tx := a.mustInvoke(a.manager, record.TxGrant, a.grantArgs(g, a.owner)...)
	require.Empty(t, tx.Writes, "the same grant again changes nothing")
	other := g
	other.Expiry++
	a.refused(record.ErrConsentExists, a.insurer.identity, record.TxGrant, a.grantArgs(other, a.owner)...)
	require.Len(t, query[record.Page[record.Consent]](a, a.shop.identity, record.TxConsentsByRequester, a.insurer.PID, "50", "").Items, 1)

	a.mustInvoke(a.manager, record.TxSuspend, a.insurer.ID.String(), "inquiry")
	next := a.grant(policy.Statement.ID)
	a.refused(record.ErrSuspended, a.shop.identity, record.TxGrant, a.grantArgs(next, a.owner)...)
}

func TestApprove(t *testing.T) {
	a := newAlliance(t)
	policy := a.recorded(a.insurer, a.owner).Statement.ID
	a.refused(record.ErrConsentUnknown, a.manager, record.TxApprove, record.ConsentID{1}.String())
	a.refused(record.ErrMalformed, a.manager, record.TxApprove, "1")
	g := a.grant(policy)
	a.approved(g)
	tx := a.mustInvoke(a.manager, record.TxApprove, g.Consent.String())
	require.Empty(t, tx.Writes, "approving again changes nothing")
	a.refused(record.ErrConsentUnknown, a.shop.identity, record.TxConsent, record.ConsentID{1}.String())
	consent := query[record.Consent](a, a.shop.identity, record.TxConsent, g.Consent.String())
	require.Equal(t, a.now(), consent.ApprovedAt)
	require.Equal(t, g, *consent.Statement())

	short := a.grant(policy)
	short.Expiry = a.now() + 10
	a.granted(short)
	revoked := a.grant(policy)
	a.granted(revoked)
	a.mustInvoke(a.shop.identity, record.TxRevoke, a.revokeArgs(revoked.Consent, a.owner)...)
	pending := a.grant(policy)
	a.granted(pending)
	a.advance(10)
	a.refused(record.ErrConsentExpired, a.manager, record.TxApprove, short.Consent.String())
	a.refused(record.ErrConsentRevoked, a.manager, record.TxApprove, revoked.Consent.String())

	id := a.insurer.ID.String()
	a.mustInvoke(a.manager, record.TxSuspend, id, "inquiry")
	a.refused(record.ErrSuspended, a.manager, record.TxApprove, pending.Consent.String())
	a.mustInvoke(a.manager, record.TxExpel, id, "fraud")
	a.refused(record.ErrExpelled, a.manager, record.TxApprove, pending.Consent.String())
	a.mustInvoke(a.manager, record.TxReinstate, id, "cleared")
	a.rotate(a.owner)
	a.refused(record.ErrStaleKeyVersion, a.manager, record.TxApprove, pending.Consent.String())
}

func TestRevoke(t *testing.T) {
	a := newAlliance(t)
	c := a.claim()
	args := a.revokeArgs(c.grant.Consent, a.owner)
	a.refused(record.ErrSignature, a.shop.identity, record.TxRevoke, args[0], a.revokeArgs(c.grant.Consent, a.neighbour)[1])
	a.refused(record.ErrForbidden, a.shop.identity, record.TxRevoke, a.revokeArgs(c.grant.Consent, a.neighbour)...)
	a.refused(record.ErrMalformed, a.shop.identity, record.TxRevoke, args[0], "x")
	a.refused(record.ErrMalformed, a.shop.identity, record.TxRevoke, "x", args[1])
	for want, s := range map[*record.Error]record.RevokeStatement{
		record.ErrPartyUnknown:    {Consent: c.grant.Consent, Owner: record.PartyID{1}, OwnerVersion: 1, Time: a.now()},
		record.ErrOwnerRole:       {Consent: c.grant.Consent, Owner: a.shop.ID, OwnerVersion: 1, Time: a.now()},
		record.ErrStaleKeyVersion: {Consent: c.grant.Consent, Owner: a.owner.ID, OwnerVersion: 2, Time: a.now()},
	} {
		a.refused(want, a.shop.identity, record.TxRevoke, record.EncodeText(s.Encode()), a.signedBy(a.owner, bls.RoleOwner, &s))
	}
	// A suspended owner may still withdraw.
	a.mustInvoke(a.manager, record.TxSuspend, a.owner.ID.String(), "inquiry")
	a.mustInvoke(a.garage.identity, record.TxRevoke, args...)
	a.mustInvoke(a.manager, record.TxReinstate, a.owner.ID.String(), "cleared")
	require.Empty(t, a.mustInvoke(a.shop.identity, record.TxRevoke, args...).Writes)
	a.refused(record.ErrConsentRevoked, a.proxy.identity, record.TxRelease, releaseArg(c.delivery))
	consent := query[record.Consent](a, a.shop.identity, record.TxConsent, c.grant.Consent.String())
	require.Equal(t, record.ConsentRevoked, consent.Status)
	require.Equal(t, a.now(), consent.RevokedAt)
}

// TestTombstone: a withdrawal that arrives before its grant keeps it out; a
// stranger's does not.
func TestTombstone(t *testing.T) {
	a := newAlliance(t)
	policy := a.recorded(a.insurer, a.owner).Statement.ID
	late := a.grant(policy)
	a.mustInvoke(a.shop.identity, record.TxRevoke, a.revokeArgs(late.Consent, a.owner)...)
	a.refused(record.ErrConsentRevoked, a.insurer.identity, record.TxGrant, a.grantArgs(late, a.owner)...)

	fine := a.grant(policy)
	a.mustInvoke(a.shop.identity, record.TxRevoke, a.revokeArgs(fine.Consent, a.neighbour)...)
	a.granted(fine)
}

func TestReleaseRefusals(t *testing.T) {
	a := newAlliance(t)
	c := a.claim()
	foreign, unlabelled := a.recorded(a.shop, a.neighbour), a.statement(a.shop, a.owner)
	unlabelled.Label = "repair/2025"
	elsewhere := a.sign(unlabelled, a.shop, a.owner)
	a.submit(a.shop, elsewhere)
	refuse := func(want *record.Error, e record.Entry, spoil func(d *record.Delivery)) {
		t.Helper()
		d := a.delivery(c.grant, e, a.shop, a.proxy)
		spoil(&d)
		a.refused(want, a.proxy.identity, record.TxRelease, releaseArg(a.signDelivery(d, a.shop)))
	}
	rename := func(d *record.Delivery) {
		d.Statement.Release = record.NewReleaseID(d.Statement.Consent, d.Statement.Record, a.proxy.ID, d.Nonce)
	}
	refuse(record.ErrConsentUnknown, c.repair, func(d *record.Delivery) { d.Statement.Consent[0]++ })
	refuse(record.ErrReleaseID, c.repair, func(d *record.Delivery) { d.Nonce[0]++ })
	refuse(record.ErrRecordUnknown, c.repair, func(d *record.Delivery) { d.Statement.Record[0]++; rename(d) })
	refuse(record.ErrRecordUnknown, c.repair, func(d *record.Delivery) { d.Statement.Digest[0]++ })
	refuse(record.ErrNotHolder, c.repair, func(d *record.Delivery) { d.Statement.Holder = a.garage.ID })
	refuse(record.ErrStaleKeyVersion, c.repair, func(d *record.Delivery) { d.Statement.HolderVersion = 2 })
	refuse(record.ErrTime, c.repair, func(d *record.Delivery) { d.Statement.Time += record.DefaultClockSkew + 1 })
	refuse(record.ErrConsentScope, foreign, func(*record.Delivery) {})
	refuse(record.ErrConsentScope, elsewhere, func(*record.Delivery) {})
	refuse(record.ErrConsentScope, c.policy, func(d *record.Delivery) { d.Statement.Holder = a.insurer.ID })

	forged := a.signDelivery(c.delivery, a.garage)
	a.refused(record.ErrSignature, a.proxy.identity, record.TxRelease, releaseArg(forged))
	second := a.signDelivery(a.delivery(c.grant, c.repair, a.shop, a.proxy), a.garage)
	a.refused(record.ErrSignature, a.proxy.identity, record.TxRelease, releaseArg(forged, second))
	a.refused(record.ErrDuplicateEntry, a.proxy.identity, record.TxRelease, releaseArg(c.delivery, c.delivery))
	a.refused(record.ErrConsentProxy, a.relay.identity, record.TxRelease, releaseArg(a.delivery(c.grant, c.repair, a.shop, a.relay)))
	a.refused(record.ErrForbidden, a.shop.identity, record.TxRelease, releaseArg(c.delivery))
	a.refused(record.ErrMalformed, a.proxy.identity, record.TxRelease, "00")

	a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(c.delivery))
	require.Empty(t, a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(c.delivery)).Writes, "the same release again changes nothing")
	other := c.delivery
	other.Statement.Capsule[0]++
	a.refused(record.ErrReleaseExists, a.proxy.identity, record.TxRelease, releaseArg(a.signDelivery(other, a.shop)))
	three := []record.Delivery{a.delivery(c.grant, c.repair, a.shop, a.proxy), a.delivery(c.grant, c.repair, a.shop, a.proxy), a.delivery(c.grant, c.repair, a.shop, a.proxy)}
	a.refused(record.ErrConsentExhausted, a.proxy.identity, record.TxRelease, releaseArg(three...))
	a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(three[:2]...))
	a.refused(record.ErrConsentExhausted, a.proxy.identity, record.TxRelease, releaseArg(three[2]))
	require.Len(t, query[record.Page[record.Release]](a, a.shop.identity, record.TxReleasesByConsent, c.grant.Consent.String(), "50", "").Items, 3)
	require.Len(t, query[record.Page[record.Release]](a, a.shop.identity, record.TxReleasesByReceiver, a.insurer.PID, "50", "").Items, 3)
	a.refused(record.ErrMalformed, a.shop.identity, record.TxReleasesByConsent, "x", "1", "")
}

// TestReleaseInTime: not before it begins, not before it is approved, not from
// the second on at which it expires.
func TestReleaseInTime(t *testing.T) {
	a := newAlliance(t)
	policy, repair := a.recorded(a.insurer, a.owner), a.recorded(a.shop, a.owner)
	g := a.grant(policy.Statement.ID)
	g.NotBefore, g.Expiry = a.now()+100, a.now()+200
	release := func() string { return releaseArg(a.delivery(g, repair, a.shop, a.proxy)) }
	a.granted(g)
	a.refused(record.ErrConsentUnapproved, a.proxy.identity, record.TxRelease, release())
	a.mustInvoke(a.manager, record.TxApprove, g.Consent.String())
	a.refused(record.ErrConsentEarly, a.proxy.identity, record.TxRelease, release())
	a.advance(100)
	a.mustInvoke(a.proxy.identity, record.TxRelease, release())
	a.advance(99)
	a.mustInvoke(a.proxy.identity, record.TxRelease, release())
	a.advance(1)
	a.refused(record.ErrConsentExpired, a.proxy.identity, record.TxRelease, release())
}

// TestExpelledParties: an expelled requester's or owner's consents stop; an
// expelled holder's records stay readable; rotated keys end a consent.
func TestExpelledParties(t *testing.T) {
	a := newAlliance(t)
	c := a.claim()
	release := func() string { return releaseArg(a.delivery(c.grant, c.repair, a.shop, a.proxy)) }
	for _, m := range []*member{a.insurer, a.owner} {
		a.mustInvoke(a.manager, record.TxExpel, m.ID.String(), "fraud")
		a.refused(record.ErrExpelled, a.proxy.identity, record.TxRelease, release())
		a.mustInvoke(a.manager, record.TxReinstate, m.ID.String(), "cleared")
	}
	a.mustInvoke(a.manager, record.TxExpel, a.shop.ID.String(), "fraud")
	a.mustInvoke(a.proxy.identity, record.TxRelease, release())
	a.rotate(a.insurer)
	a.refused(record.ErrStaleKeyVersion, a.proxy.identity, record.TxRelease, release())
}

// TestListedRecords: a consent by list covers exactly the versions it names.
func TestListedRecords(t *testing.T) {
	a := newAlliance(t)
	policy, first, other := a.recorded(a.insurer, a.owner), a.recorded(a.shop, a.owner), a.recorded(a.shop, a.owner)
	g := a.grant(policy.Statement.ID)
	g.Holder = a.shop.ID
	g.Records = []record.RecordVersion{{ID: first.Statement.ID, Digest: first.Statement.Digest}}
	a.approved(g)
	a.refused(record.ErrConsentScope, a.proxy.identity, record.TxRelease, releaseArg(a.delivery(g, other, a.shop, a.proxy)))
	second := a.sign(a.amended(first.Statement), a.shop, a.owner)
	a.mustSubmit(batchCall(a.shop.identity, record.TxAmend, &record.Batch{Entries: []record.Entry{second}}))
	a.refused(record.ErrConsentScope, a.proxy.identity, record.TxRelease, releaseArg(a.delivery(g, second, a.shop, a.proxy)))
	a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(a.delivery(g, first, a.shop, a.proxy)))
	// A grant may name a version that is no longer the current one.
	past := a.grant(policy.Statement.ID)
	past.Records = g.Records
	a.approved(past)
}

// TestPaperMode: fresh paper-mode keys of owner and requester, no label.
func TestPaperMode(t *testing.T) {
	a := newAlliance(t)
	owner := a.newMemberOf(record.ModePaper, record.RolePolicyholder, nil)
	insurer := a.newMemberOf(record.ModePaper, record.RoleInsurer, newIdentity(t, "InsurerMSP", "claims desk 7"))
	a.register(owner)
	a.register(insurer)
	repair := a.recorded(a.shop, owner)
	g := a.grantOf(owner, insurer, record.RecordID{})
	a.mustInvoke(insurer.identity, record.TxGrant, a.grantArgs(g, owner)...)
	a.mustInvoke(a.manager, record.TxApprove, g.Consent.String())
	a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(a.delivery(g, repair, a.shop, a.proxy)))
}
