package scenario

import (
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
)

const (
	valid   = ledger.Valid
	mvcc    = ledger.ErrMVCCReadConflict
	phantom = ledger.ErrPhantomReadConflict
)

// conflictsScenario: calls that knew nothing of each other when they were
// endorsed. What is not valid is then submitted again.
func conflictsScenario(s *Stage) {
	// An issuer's submissions have no key in common.
	var many []step
	for range 64 {
		many = append(many, s.batch(s.shop, s.entry(s.shop, s.owner)))
	}
	s.together("64 submissions of one issuer", many, repeat(valid, len(many))...)
	s.pages("all of them", len(many), record.MaxPage, s.ask(record.TxRecordsByIssuer, s.shop.ID.String()))

	e := s.entry(s.shop, s.owner)
	s.together("one entry twice", []step{s.batch(s.shop, e), s.batch(s.shop, e)}, valid, mvcc)
	answer := decode[record.BatchAnswer](s, s.ok("the second again", s.batch(s.shop, e)))
	require.Equal(s.t, []record.Verdict{record.VerdictAlready}, answer.Verdicts())

	amend := func() step {
		next, err := s.Amended(e.Statement)
		s.must(err)
		return s.carry(s.as(s.shop), record.TxAmend, &record.Batch{Entries: []record.Entry{s.SignEntry(next, s.shop, s.owner)}})
	}
	first, second := amend(), amend()
	s.together("two amendments of one version", []step{first, second}, valid, mvcc)
	s.refused("the second again", record.ErrVersionConflict, second)

	spoiled := func() step { return s.batch(s.garage, alliance.Spoiled(s.entry(s.garage, s.owner))) }
	s.nextSecond()
	first, second = spoiled(), spoiled()
	s.together("two violations of one party", []step{first, second}, valid, phantom)
	s.nextSecond() // violations are listed by time
	s.ok("the second again", second)
	s.pages("both", 2, 5, s.ask(record.TxViolations, s.garage.ID.String()))

	c := s.agreed(2)
	release := func() step { return s.releasing(s.proxy, s.delivery(c, c.repair, s.shop, s.proxy)) }
	first, second = release(), release()
	s.together("two releases by one proxy", []step{first, second}, valid, phantom)
	s.nextSecond()
	s.ok("the second again", second)
	s.refused("no third", record.ErrConsentExhausted, release())

	more := s.agreed(2)
	late := s.releasing(s.proxy, s.delivery(more, more.repair, s.shop, s.proxy))
	withdrawal := s.from(s.garage, record.TxRevoke, s.RevokeArgs(more.grant.Consent, s.owner, s.now())...)
	s.together("a withdrawal before a release", []step{withdrawal, late}, valid, mvcc)
	s.refused("the release again", record.ErrConsentRevoked, late)

	p := s.proposal(record.ActionExpel, s.rival)
	s.ok("a proposal", s.proposing(authority, p))
	s.together("two approvals", []step{s.approving(secondAuthority, p), s.approving(thirdAuthority, p)}, valid, mvcc)
	s.refused("the second again", record.ErrDecisionOver, s.approving(thirdAuthority, p))

	suspension := s.call(authority, record.TxSuspend, s.garage.ID.String(), "urgent")
	s.together("a suspension while the party submits", []step{suspension, s.batch(s.garage, s.entry(s.garage, s.owner))}, valid, mvcc)
	s.together("issuers of one owner", []step{s.batch(s.insurer, s.entry(s.insurer, s.owner)), s.batch(s.shop, s.entry(s.shop, s.owner))}, valid, valid)
}
