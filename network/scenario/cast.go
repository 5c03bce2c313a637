package scenario

import (
	"encoding/binary"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
)

const (
	repairLabel = "repair/2026"
	policyLabel = "policy/2026"
)

// join registers the scenario's parties: two of most kinds.
func (s *Stage) join() {
	s.t.Helper()
	for _, one := range []struct {
		who  string
		role record.Role
		mode record.KeyMode
		as   **alliance.Member
	}{
		{"insurer", record.RoleInsurer, record.ModeScoped, &s.insurer},
		{"rival", record.RoleInsurer, record.ModeScoped, &s.rival},
		{"shop", record.RoleRepairShop, record.ModeScoped, &s.shop},
		{"garage", record.RoleRepairShop, record.ModeScoped, &s.garage},
		{"proxy", record.RoleProxy, record.ModeNone, &s.proxy},
		{"relay", record.RoleProxy, record.ModeNone, &s.relay},
		{"", record.RolePolicyholder, record.ModeScoped, &s.owner},
		{"", record.RolePolicyholder, record.ModeScoped, &s.neighbour},
	} {
		m, err := s.NewMember(one.role, parties[one.who], one.who, one.mode)
		s.must(err)
		*one.as = m
	}
	var all []step
	for _, m := range []*alliance.Member{s.insurer, s.rival, s.shop, s.garage, s.proxy, s.relay, s.owner, s.neighbour} {
		all = append(all, s.registration(m))
	}
	s.together("registrations", all, repeat(ledger.Valid, len(all))...)
}

// registration registers a member. The certificate's subject is the ledger's.
func (s *Stage) registration(m *alliance.Member) step {
	s.t.Helper()
	r, err := s.Registration(m)
	s.must(err)
	x := s.call(authority, record.TxRegister)
	x.differs = func(l Ledger) []string {
		r := r
		if m.Subject != "" {
			subject, err := l.Subject(s.as(m))
			s.must(err)
			r.Subject = subject
		}
		return []string{record.EncodeText(r.Encode())}
	}
	return x
}

// as is the identity of a member: of its Subject, only the part before the
// ledger's own is known here.
func (s *Stage) as(m *alliance.Member) string { return s.name + "-" + m.Subject }

func (s *Stage) visitor() string { return s.name + "-visitor" }

// from is a call by a member.
func (s *Stage) from(m *alliance.Member, name string, args ...string) step {
	return s.call(s.as(m), name, args...)
}

// ask is a query by the first agency.
func (s *Stage) ask(name string, args ...string) step { return s.query(authority, name, args...) }

// ascending makes an id greater than those drawn before: lists that are in the
// order of time and then of ids are the same on all ledgers.
func (s *Stage) ascending(id []byte) {
	s.drawn++
	binary.BigEndian.PutUint16(id, s.drawn)
}

func (s *Stage) entry(issuer, owner *alliance.Member) record.Entry {
	s.t.Helper()
	label := repairLabel
	if issuer.Role == record.RoleInsurer {
		label = policyLabel
	}
	e, err := s.Entry(issuer, owner, label, s.now())
	s.must(err)
	return e
}

func (s *Stage) entries(n int, issuer, owner *alliance.Member) []record.Entry {
	all := make([]record.Entry, n)
	for i := range all {
		all[i] = s.entry(issuer, owner)
	}
	return all
}

// batch submits entries.
func (s *Stage) batch(issuer *alliance.Member, entries ...record.Entry) step {
	return s.carry(s.as(issuer), record.TxSubmitRecords, &record.Batch{Entries: entries})
}

func (s *Stage) carry(as, name string, b *record.Batch) step {
	x := s.call(as, name)
	x.Args, x.Transient = alliance.BatchArgs(b)
	return x
}

func (s *Stage) recorded(issuer, owner *alliance.Member) record.Entry {
	s.t.Helper()
	e := s.entry(issuer, owner)
	s.ok("a record", s.batch(issuer, e))
	return e
}

// consent is an owner's consent for the insurer, from a policy and a repair of
// which it may have releases.
type consent struct {
	policy, repair record.Entry
	grant          record.GrantStatement
}

// consent puts a policy and a repair on the ledgers and makes the grant.
func (s *Stage) consent(releases uint32) *consent {
	s.t.Helper()
	c := &consent{policy: s.recorded(s.insurer, s.owner), repair: s.recorded(s.shop, s.owner)}
	c.grant = s.grant(c.policy, releases)
	return c
}

func (s *Stage) grant(policy record.Entry, releases uint32) record.GrantStatement {
	s.t.Helper()
	g := s.grantTo(s.insurer, s.owner)
	g.PolicyRecord, g.MaxReleases = policy.Statement.ID, releases
	return g
}

// grantTo is an owner's grant for one release.
func (s *Stage) grantTo(requester, owner *alliance.Member) record.GrantStatement {
	s.t.Helper()
	g, err := s.Grant(owner, requester, repairLabel, s.now(), s.proxy)
	s.must(err)
	s.ascending(g.Consent[:])
	return g
}

func (s *Stage) granting(g record.GrantStatement) step {
	return s.from(s.insurer, record.TxGrant, s.GrantArgs(g, s.owner)...)
}

// agreed is a consent that the first agency has approved.
func (s *Stage) agreed(releases uint32) *consent {
	s.t.Helper()
	c := s.consent(releases)
	s.ok("the grant", s.granting(c.grant))
	s.ok("the approval", s.call(authority, record.TxApprove, c.grant.Consent.String()))
	return c
}

// delivery is a holder's delivery of a repair under a consent.
func (s *Stage) delivery(c *consent, e record.Entry, holder, proxy *alliance.Member) record.Delivery {
	s.t.Helper()
	d, err := s.Delivery(c.grant.Consent, version(e), holder, proxy, s.now())
	s.must(err)
	return d
}

func (s *Stage) releasing(proxy *alliance.Member, list ...record.Delivery) step {
	return s.from(proxy, record.TxRelease, alliance.ReleaseArgs(list...)...)
}

// released is a release that the insurer has received.
func (s *Stage) released(c *consent) record.ReleaseID {
	s.t.Helper()
	d := s.delivery(c, c.repair, s.shop, s.proxy)
	s.ok("a release", s.releasing(s.proxy, d))
	return d.Statement.Release
}

func version(e record.Entry) record.RecordVersion {
	return record.RecordVersion{ID: e.Statement.ID, Digest: e.Statement.Digest}
}
