package contract_test

import (
	"bytes"
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/stretchr/testify/require"
)

// scope is one thing that a consent can be limited to: what it lets through and
// what it does not.
type scope struct {
	name  string
	limit func(s *scopes, g *record.GrantStatement)
	admit []record.Entry
	deny  map[*record.Error][]record.Entry
}

// scopes is an owner's records, of two labels and two holders.
type scopes struct {
	*consortium
	policy                record.Entry
	first, second, garage record.Entry // under the consent's label; the last by another shop
	elsewhere             record.Entry // under another label
}

func newScopes(t *testing.T) *scopes {
	t.Helper()
	a := newAlliance(t)
	s := &scopes{consortium: a, policy: a.recorded(a.insurer, a.owner), first: a.recorded(a.shop, a.owner), second: a.recorded(a.shop, a.owner), garage: a.recorded(a.garage, a.owner)}
	other := a.statement(a.shop, a.owner)
	other.Label = "repair/2025"
	s.elsewhere = a.sign(other, a.shop, a.owner)
	a.submit(a.shop, s.elsewhere)
	return s
}

func versionOf(e record.Entry) record.RecordVersion {
	return record.RecordVersion{ID: e.Statement.ID, Digest: e.Statement.Digest}
}

// listing is the versions in the order that a grant lists them in.
func listing(entries ...record.Entry) (list []record.RecordVersion) {
	for _, e := range entries {
		list = append(list, versionOf(e))
	}
	if len(list) == 2 && bytes.Compare(list[0].ID[:], list[1].ID[:]) > 0 {
		list[0], list[1] = list[1], list[0]
	}
	return list
}

func (s *scopes) holder(e record.Entry) *member {
	if e.Statement.Issuer == s.garage.Statement.Issuer {
		return s.consortium.garage
	}
	return s.shop
}

// TestScopes: by label, by list within a label, and by holder.
func TestScopes(t *testing.T) {
	s := newScopes(t)
	for _, c := range []scope{
		{"label", func(*scopes, *record.GrantStatement) {}, []record.Entry{s.first, s.second, s.garage},
			map[*record.Error][]record.Entry{record.ErrConsentScope: {s.elsewhere}}},
		{"label and list", func(s *scopes, g *record.GrantStatement) { g.Records = listing(s.first, s.garage) }, []record.Entry{s.first, s.garage},
			map[*record.Error][]record.Entry{record.ErrConsentScope: {s.second, s.elsewhere}}},
		{"a listed record under another label", func(s *scopes, g *record.GrantStatement) { g.Records = listing(s.first, s.elsewhere) }, []record.Entry{s.first},
			map[*record.Error][]record.Entry{record.ErrConsentScope: {s.second, s.elsewhere}}},
		{"label and holder", func(s *scopes, g *record.GrantStatement) { g.Holder = s.consortium.garage.ID }, []record.Entry{s.garage},
			map[*record.Error][]record.Entry{record.ErrConsentScope: {s.first}}},
		{"number of releases", func(_ *scopes, g *record.GrantStatement) { g.MaxReleases = 1 }, []record.Entry{s.first},
			map[*record.Error][]record.Entry{record.ErrConsentExhausted: {s.first, s.second}}},
	} {
		t.Log(c.name)
		g := s.grant(s.policy.Statement.ID)
		g.MaxReleases = 9
		c.limit(s, &g)
		s.approved(g)
		for _, e := range c.admit {
			s.mustInvoke(s.proxy.identity, record.TxRelease, releaseArg(s.delivery(g, e, s.holder(e), s.proxy)))
		}
		for want, entries := range c.deny {
			for _, e := range entries {
				s.refused(want, s.proxy.identity, record.TxRelease, releaseArg(s.delivery(g, e, s.holder(e), s.proxy)))
			}
		}
	}
}

// TestScopeByList: without a label, which only a paper-mode key has, a list is
// the whole scope.
func TestScopeByList(t *testing.T) {
	a := newAlliance(t)
	owner, insurer := a.newMemberOf(record.ModePaper, record.RolePolicyholder, nil), a.newMemberOf(record.ModePaper, record.RoleInsurer, newIdentity(t, "InsurerMSP", "claims desk 7"))
	a.register(owner)
	a.register(insurer)
	paper := func() record.Entry {
		s := a.statement(a.shop, owner)
		s.Label = ""
		e := a.sign(s, a.shop, owner)
		require.Equal(t, 1, a.submit(a.shop, e).Recorded)
		return e
	}
	listed, other := paper(), paper()
	g := a.grantOf(owner, insurer, record.RecordID{})
	g.Label, g.Records = "", listing(listed)
	a.mustInvoke(insurer.identity, record.TxGrant, a.grantArgs(g, owner)...)
	a.mustInvoke(a.manager, record.TxApprove, g.Consent.String())
	a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(a.delivery(g, listed, a.shop, a.proxy)))
	a.refused(record.ErrConsentScope, a.proxy.identity, record.TxRelease, releaseArg(a.delivery(g, other, a.shop, a.proxy)))
}

// TestReleasesByEachProxy: every proxy has the number that the owner allowed.
func TestReleasesByEachProxy(t *testing.T) {
	s := newScopes(t)
	g := s.grant(s.policy.Statement.ID)
	g.MaxReleases, g.Proxies = 1, []record.PartyID{s.proxy.ID, s.relay.ID}
	if bytes.Compare(s.proxy.ID[:], s.relay.ID[:]) > 0 {
		g.Proxies[0], g.Proxies[1] = s.relay.ID, s.proxy.ID
	}
	s.approved(g)
	for _, proxy := range []*member{s.proxy, s.relay} {
		s.mustInvoke(proxy.identity, record.TxRelease, releaseArg(s.delivery(g, s.first, s.shop, proxy)))
		s.refused(record.ErrConsentExhausted, proxy.identity, record.TxRelease, releaseArg(s.delivery(g, s.first, s.shop, proxy)))
	}
}

// TestPurposeAndClaim: a grant that answers a request repeats its purpose and
// claim number; every release carries them.
func TestPurposeAndClaim(t *testing.T) {
	s := newScopes(t)
	r := s.request()
	s.mustInvoke(s.insurer.identity, record.TxRequestAccess, record.EncodeText(r.Encode()))
	answer := func(change func(g *record.GrantStatement)) record.GrantStatement {
		g := s.grant(s.policy.Statement.ID)
		g.Request, g.Purpose, g.Claim = r.ID, r.Purpose, r.Claim
		change(&g)
		return g
	}
	for _, change := range []func(g *record.GrantStatement){
		func(g *record.GrantStatement) { g.Purpose = "marketing" },
		func(g *record.GrantStatement) { g.Claim = "C-2026-002" },
		func(g *record.GrantStatement) { g.Claim = "" },
	} {
		s.refused(record.ErrRequestMismatch, s.insurer.identity, record.TxGrant, s.grantArgs(answer(change), s.owner)...)
	}
	foreign := s.grantOf(s.neighbour, s.insurer, record.RecordID{1})
	foreign.Request, foreign.Purpose, foreign.Claim = r.ID, r.Purpose, r.Claim
	s.refused(record.ErrRequestMismatch, s.insurer.identity, record.TxGrant, s.grantArgs(foreign, s.neighbour)...)

	g := answer(func(g *record.GrantStatement) { g.Records = listing(s.first) }) // less than was asked for
	s.approved(g)
	d := s.delivery(g, s.first, s.shop, s.proxy)
	s.mustInvoke(s.proxy.identity, record.TxRelease, releaseArg(d))
	release := query[record.Release](s.consortium, s.insurer.identity, record.TxReleaseByID, d.Statement.Release.String())
	require.Equal(t, r.Purpose, release.Purpose)
	require.Equal(t, r.Claim, release.Claim)

	// Without a request, the owner's word alone says what for.
	own := s.grant(s.policy.Statement.ID)
	own.Purpose, own.Claim = "resale", ""
	s.approved(own)
	require.Equal(t, "resale", query[record.Consent](s.consortium, s.insurer.identity, record.TxConsent, own.Consent.String()).Purpose)
}
