package scenario

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
)

// consentsScenario: a request, the owner's consent, releases until they are used
// up, and the acknowledgement.
func consentsScenario(s *Stage) {
	c := s.consent(2)
	request, err := s.Request(s.owner, repairLabel)
	s.must(err)
	s.ascending(request.ID[:])
	asking := s.from(s.insurer, record.TxRequestAccess, alliance.RequestArgs(request)...)
	s.ok("the request", asking)
	s.ok("again", asking)
	changed := request
	changed.Purpose = "curiosity"
	s.refused("another under its id", record.ErrRequestExists, s.from(s.insurer, record.TxRequestAccess, alliance.RequestArgs(changed)...))
	s.refused("a proxy's request", record.ErrForbidden, s.from(s.proxy, record.TxRequestAccess, alliance.RequestArgs(request)...))
	s.pages("requests to the owner", 1, 5, s.ask(record.TxRequestsByOwner, s.owner.ID.String()))
	s.pages("the insurer's requests", 1, 5, s.ask(record.TxRequestsByRequester, s.insurer.ID.String()))

	unknown := c.grant
	unknown.Request = record.RequestID{9}
	s.refused("an answer to no request", record.ErrRequestUnknown, s.granting(unknown))
	c.grant.Request = request.ID
	mismatch := c.grant
	mismatch.Claim = "C-2026-002"
	s.refused("an answer to another request", record.ErrRequestMismatch, s.granting(mismatch))
	s.refused("signed by another", record.ErrSignature, s.from(s.insurer, record.TxGrant, s.GrantArgs(c.grant, s.neighbour)...))
	s.ok("the grant, by whoever carries it", s.from(s.garage, record.TxGrant, s.GrantArgs(c.grant, s.owner)...))
	s.ok("again", s.granting(c.grant))
	other := c.grant
	other.MaxReleases = 1000
	s.refused("another under its id", record.ErrConsentExists, s.granting(other))

	first := s.delivery(c, c.repair, s.shop, s.proxy)
	s.refused("not approved", record.ErrConsentUnapproved, s.releasing(s.proxy, first))
	id := c.grant.Consent.String()
	s.refused("approved by a member", record.ErrNotSystemManager, s.from(s.insurer, record.TxApprove, id))
	s.ok("the approval", s.call(authority, record.TxApprove, id))
	s.ok("again, by another agency", s.call(secondAuthority, record.TxApprove, id))
	s.refused("no such consent", record.ErrConsentUnknown, s.call(authority, record.TxApprove, record.ConsentID{1}.String()))

	s.refused("by another proxy", record.ErrConsentProxy, s.releasing(s.relay, s.delivery(c, c.repair, s.shop, s.relay)))
	s.refused("by no proxy", record.ErrForbidden, s.releasing(s.garage, first))
	s.refused("signed by another holder", record.ErrNotHolder, s.releasing(s.proxy, s.delivery(c, c.repair, s.garage, s.proxy)))
	forged := s.SignDelivery(first, s.garage)
	s.refused("with a forged signature", record.ErrSignature, s.releasing(s.proxy, forged))
	s.refused("outside its scope", record.ErrConsentScope, s.releasing(s.proxy, s.delivery(c, s.recorded(s.shop, s.neighbour), s.shop, s.proxy)))
	s.ok("a release", s.releasing(s.proxy, first))
	s.ok("again", s.releasing(s.proxy, first))
	s.nextSecond() // releases are listed by time
	second := s.delivery(c, c.repair, s.shop, s.proxy)
	s.ok("the last one", s.releasing(s.proxy, second))
	s.refused("one more", record.ErrConsentExhausted, s.releasing(s.proxy, s.delivery(c, c.repair, s.shop, s.proxy)))

	release := first.Statement.Release.String()
	s.refused("acknowledged by another", record.ErrNotReceiver, s.from(s.rival, record.TxAcknowledge, release))
	s.refused("acknowledged by a proxy", record.ErrForbidden, s.from(s.proxy, record.TxAcknowledge, release))
	s.ok("the acknowledgement", s.from(s.insurer, record.TxAcknowledge, release))
	s.ok("again", s.from(s.insurer, record.TxAcknowledge, release))
	s.refused("of no release", record.ErrReleaseUnknown, s.from(s.insurer, record.TxAcknowledge, record.ReleaseID{1}.String()))
	s.refused("disputed after all", record.ErrReleaseStatus, s.from(s.insurer, record.TxDispute, alliance.DisputeArgs(first.Statement.Release, record.GroundCapsule, "no", nil)...))

	s.ok("the consent", s.ask(record.TxConsent, id))
	s.ok("the release", s.query(s.as(s.garage), record.TxReleaseByID, release))
	s.ok("the request", s.ask(record.TxRequest, request.ID.String()))
	s.pages("the owner's consents", 1, 1, s.ask(record.TxConsentsByOwner, s.owner.ID.String()))
	s.pages("the insurer's consents", 1, 1, s.ask(record.TxConsentsByRequester, s.insurer.ID.String()))
	s.pages("releases under the consent", 2, 1, s.ask(record.TxReleasesByConsent, id))
	s.pages("releases of the owner's", 2, 1, s.ask(record.TxReleasesByOwner, s.owner.ID.String()))
	s.pages("releases to the insurer", 2, 2, s.ask(record.TxReleasesByReceiver, s.insurer.ID.String()))
}

// withdrawalsScenario: withdrawals before and after the grant.
func withdrawalsScenario(s *Stage) {
	c := s.consent(3)
	revoke := func(g record.GrantStatement, owner *alliance.Member) step {
		return s.from(s.garage, record.TxRevoke, s.RevokeArgs(g.Consent, owner, s.now())...)
	}
	early := s.grant(c.policy, 3)
	withdrawal := revoke(early, s.owner)
	s.ok("a withdrawal before its grant", withdrawal)
	s.ok("again", withdrawal)
	s.refused("the grant comes late", record.ErrConsentRevoked, s.granting(early))

	free := s.grant(c.policy, 3)
	s.ok("a stranger's withdrawal", revoke(free, s.neighbour))
	s.ok("keeps no grant out", s.granting(free))

	s.ok("a grant", s.granting(c.grant))
	s.refused("a stranger's withdrawal of what is granted", record.ErrForbidden, revoke(c.grant, s.neighbour))
	s.ok("its approval", s.call(authority, record.TxApprove, c.grant.Consent.String()))
	release := s.delivery(c, c.repair, s.shop, s.proxy)
	s.ok("a release", s.releasing(s.proxy, release))
	s.refused("a forged withdrawal", record.ErrSignature, s.forgedWithdrawal(c))
	s.ok("its withdrawal", revoke(c.grant, s.owner))
	s.refused("the release again", record.ErrConsentRevoked, s.releasing(s.proxy, release))
	s.refused("another release", record.ErrConsentRevoked, s.releasing(s.proxy, s.delivery(c, c.repair, s.shop, s.proxy)))
	s.refused("its approval again", record.ErrConsentRevoked, s.call(authority, record.TxApprove, c.grant.Consent.String()))
	consent := decode[record.Consent](s, s.ok("the consent", s.ask(record.TxConsent, c.grant.Consent.String())))
	require.Equal(s.t, record.ConsentRevoked, consent.Status)
	s.ok("what was released is acknowledged", s.from(s.insurer, record.TxAcknowledge, release.Statement.Release.String()))

	expelled := s.agreed(1)
	s.decide("the requester is expelled", record.ActionExpel, s.insurer)
	s.observed("a release to an expelled party", s.releasing(s.proxy, s.delivery(expelled, expelled.repair, s.shop, s.proxy)))
}

func (s *Stage) forgedWithdrawal(c *consent) step {
	args := s.RevokeArgs(c.grant.Consent, s.owner, s.now())
	args[1] = s.GrantArgs(c.grant, s.owner)[1]
	return s.from(s.garage, record.TxRevoke, args...)
}

// timesScenario: consents that begin and end, and statements out of time. The
// seconds in between are for networks that are slow.
func timesScenario(s *Stage) {
	const patience = 8
	c := s.consent(5)
	now := s.clock.Now().Unix()
	ending, never, coming := *c, *c, *c
	ending.grant.Expiry, never.grant.Expiry, coming.grant.NotBefore = now+patience, now+patience, now+patience
	for _, one := range []*consent{&ending, &never, &coming} {
		s.ascending(one.grant.Consent[:])
		s.ok("a grant", s.granting(one.grant))
	}
	approve := func(c consent) step { return s.call(authority, record.TxApprove, c.grant.Consent.String()) }
	s.ok("approved", approve(ending))
	s.ok("approved too", approve(coming))
	release := func(c consent) step { return s.releasing(s.proxy, s.delivery(&c, c.repair, s.shop, s.proxy)) }
	early := release(coming)
	s.refused("before it begins", record.ErrConsentEarly, early)
	s.ok("before it is over", release(ending))
	s.waitUntil(now + patience)
	s.ok("when it has begun", early)
	s.refused("when it is over", record.ErrConsentExpired, release(ending))
	s.ok("the approval again changes nothing", approve(ending))
	s.refused("an approval too late", record.ErrConsentExpired, approve(never))
	past := s.grant(c.policy, 1)
	past.NotBefore, past.Expiry = now-100, now-10
	s.refused("a grant that is over", record.ErrConsentExpired, s.granting(past))

	const day = 24 * 3600
	for title, at := range map[string]int64{"too old": now - 8*day, "from the future": now + 3600} {
		e, err := s.Entry(s.shop, s.owner, repairLabel, at)
		s.must(err)
		s.refused("a record "+title, record.ErrTime, s.batch(s.shop, e))
		s.refused("a carriage "+title, record.ErrTime, s.carry(authority, record.TxSubmitRecords, s.Carried(s.shop, at, s.entry(s.shop, s.owner))))
	}
}

// waitUntil waits until a second of the ledgers' time has begun.
func (s *Stage) waitUntil(second int64) {
	s.clock.Wait(time.Unix(second, 0).Sub(s.clock.Now()) + 50*time.Millisecond)
}

// disputesScenario: disputes about the capsule and the payload, upheld and
// dismissed.
func disputesScenario(s *Stage) {
	c := s.agreed(5)
	dispute := func(release record.ReleaseID, ground record.Ground, trailer []string) step {
		return s.from(s.insurer, record.TxDispute, alliance.DisputeArgs(release, ground, "does not match", trailer)...)
	}
	resolve := func(release record.ReleaseID, outcome string) step {
		return s.call(authority, record.TxResolve, release.String(), outcome, "looked into")
	}
	trailer := func(release record.ReleaseID, holder *alliance.Member) []string {
		made, err := s.Trailer(release, holder)
		s.must(err)
		return s.TrailerArgs(made, holder)
	}
	capsule := s.released(c)
	s.refused("not disputed", record.ErrReleaseStatus, resolve(capsule, "upheld"))
	s.refused("by another", record.ErrNotReceiver, s.from(s.rival, record.TxDispute, alliance.DisputeArgs(capsule, record.GroundCapsule, "no", nil)...))
	s.ok("about the capsule", dispute(capsule, record.GroundCapsule, nil))
	s.observed("again", dispute(capsule, record.GroundCapsule, nil))
	s.refused("acknowledged after all", record.ErrReleaseStatus, s.from(s.insurer, record.TxAcknowledge, capsule.String()))
	s.refused("resolved by a member", record.ErrNotSystemManager, s.from(s.insurer, record.TxResolve, capsule.String(), "upheld", "mine"))
	s.refused("resolved as nothing known", record.ErrMalformed, resolve(capsule, "maybe"))
	s.ok("upheld", resolve(capsule, "upheld"))
	s.observed("dismissed after all", resolve(capsule, "dismissed"))
	standing := decode[record.Standing](s, s.ok("the holder's standing", s.ask(record.TxStanding, s.shop.ID.String())))
	require.Equal(s.t, 75, standing.Credit)

	s.nextSecond() // releases are listed by time
	payload := s.released(c)
	s.refused("without the trailer", record.ErrTrailerMissing, dispute(payload, record.GroundPayload, nil))
	s.refused("with another's trailer", record.ErrNotHolder, dispute(payload, record.GroundPayload, trailer(payload, s.garage)))
	s.refused("with another release's trailer", record.ErrNotHolder, dispute(payload, record.GroundPayload, trailer(capsule, s.shop)))
	wrong := trailer(payload, s.shop)
	wrong[1] = trailer(payload, s.garage)[1]
	s.refused("with a forged trailer", record.ErrSignature, dispute(payload, record.GroundPayload, wrong))
	s.ok("about the payload", dispute(payload, record.GroundPayload, trailer(payload, s.shop)))
	s.ok("dismissed", resolve(payload, "dismissed"))
	standing = decode[record.Standing](s, s.ok("the holder's standing", s.ask(record.TxStanding, s.shop.ID.String())))
	require.Equal(s.t, 75, standing.Credit)
	s.pages("violations", 1, 1, s.ask(record.TxViolations, s.shop.ID.String()))
	s.pages("releases", 2, 1, s.ask(record.TxReleasesByConsent, c.grant.Consent.String()))
	s.refused("of no release", record.ErrReleaseUnknown, resolve(record.ReleaseID{1}, "upheld"))
}
