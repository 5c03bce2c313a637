package scenario

import (
	"bytes"
	"slices"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
)

// scopesScenario: consents by label, by records, by holder, and for several
// proxies.
func scopesScenario(s *Stage) {
	c := s.consent(10)
	listed, unlisted, elsewhere := s.recorded(s.shop, s.owner), s.recorded(s.shop, s.owner), s.recorded(s.garage, s.owner)
	old, err := s.Entry(s.shop, s.owner, "repair/2025", s.now())
	s.must(err)
	s.ok("a record under another label", s.batch(s.shop, old))

	agree := func(title string, change func(*record.GrantStatement)) *consent {
		made := *c
		s.ascending(made.grant.Consent[:])
		change(&made.grant)
		s.ok(title, s.granting(made.grant))
		s.ok(title+", approved", s.call(authority, record.TxApprove, made.grant.Consent.String()))
		return &made
	}
	release := func(c *consent, e record.Entry, holder, proxy *alliance.Member) step {
		return s.releasing(proxy, s.delivery(c, e, holder, proxy))
	}
	byLabel := agree("by label", func(*record.GrantStatement) {})
	s.ok("any holder's", release(byLabel, elsewhere, s.garage, s.proxy))
	s.refused("another label", record.ErrConsentScope, release(byLabel, old, s.shop, s.proxy))

	byHolder := agree("by holder", func(g *record.GrantStatement) { g.Holder = s.shop.ID })
	s.ok("that holder's", release(byHolder, unlisted, s.shop, s.proxy))
	s.refused("another holder's", record.ErrConsentScope, release(byHolder, elsewhere, s.garage, s.proxy))

	byRecords := agree("by records", func(g *record.GrantStatement) {
		g.Records = []record.RecordVersion{version(listed), version(elsewhere)}
		slices.SortFunc(g.Records, func(a, b record.RecordVersion) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	})
	s.ok("a listed one", release(byRecords, listed, s.shop, s.proxy))
	s.refused("one that is not", record.ErrConsentScope, release(byRecords, unlisted, s.shop, s.proxy))
	amended, err := s.Amended(listed.Statement)
	s.must(err)
	next := s.SignEntry(amended, s.shop, s.owner)
	s.ok("an amendment", s.carry(s.as(s.shop), record.TxAmend, &record.Batch{Entries: []record.Entry{next}}))
	s.refused("another version", record.ErrConsentScope, release(byRecords, next, s.shop, s.proxy))
	s.ok("the listed version still", release(byRecords, listed, s.shop, s.proxy))

	byTwo := agree("through two proxies", func(g *record.GrantStatement) {
		g.MaxReleases = 1
		g.Proxies = []record.PartyID{s.proxy.ID, s.relay.ID}
		slices.SortFunc(g.Proxies, func(a, b record.PartyID) int { return bytes.Compare(a[:], b[:]) })
	})
	s.ok("by the one", release(byTwo, listed, s.shop, s.proxy))
	s.ok("by the other", release(byTwo, listed, s.shop, s.relay))
	s.refused("each has its number", record.ErrConsentExhausted, release(byTwo, listed, s.shop, s.relay))

	wrong := c.grant
	s.ascending(wrong.Consent[:])
	wrong.PolicyRecord = unlisted.Statement.ID
	s.refused("a repair for a policy", record.ErrRecordUnknown, s.granting(wrong))
	wrong.PolicyRecord, wrong.Records = c.grant.PolicyRecord, []record.RecordVersion{{ID: listed.Statement.ID, Digest: record.Digest{1}}}
	s.refused("a version that is not there", record.ErrRecordUnknown, s.granting(wrong))
	several := s.delivery(byLabel, unlisted, s.shop, s.proxy)
	s.ok("several at once", s.releasing(s.proxy, several, s.delivery(byLabel, elsewhere, s.garage, s.proxy)))
	s.refused("one of them twice", record.ErrDuplicateEntry, s.releasing(s.proxy, several, several))
}

// paperScenario: keys of the paper's mode serve one relationship.
func paperScenario(s *Stage) {
	join := func(title string, role record.Role, who string) *alliance.Member {
		m, err := s.NewMember(role, parties[who], who, record.ModePaper)
		s.must(err)
		s.ok(title, s.registration(m))
		return m
	}
	owner, other := join("an owner", record.RolePolicyholder, ""), join("another owner", record.RolePolicyholder, "")
	requester := join("a requester", record.RoleInsurer, "visitor")
	repair := s.recorded(s.shop, owner)
	grant := func(requester, owner *alliance.Member) record.GrantStatement { return s.grantTo(requester, owner) }
	carry := func(g record.GrantStatement, owner *alliance.Member) step {
		return s.from(s.shop, record.TxGrant, s.GrantArgs(g, owner)...)
	}
	first := grant(requester, owner)
	s.ok("the first consent ties them", carry(first, owner))
	s.ok("another between them", carry(grant(requester, owner), owner))
	s.refused("the requester with a second owner", record.ErrKeyTaken, carry(grant(requester, other), other))
	mixed := grant(requester, owner)
	mixed.Requester, mixed.RequesterKey = s.insurer.ID, s.insurer.Encryption()
	s.refused("modes do not mix", record.ErrMalformed, carry(mixed, owner))
	s.ok("the approval", s.call(authority, record.TxApprove, first.Consent.String()))
	c := &consent{repair: repair, grant: first}
	s.ok("a release", s.releasing(s.proxy, s.delivery(c, repair, s.shop, s.proxy)))
	labelled := s.entry(s.shop, owner)
	labelled.Statement.Label = repairLabel
	s.refused("records have no label", record.ErrMalformed, s.batch(s.shop, s.SignEntry(labelled.Statement, s.shop, owner)))
}
