package scenario

import (
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
)

// erasuresScenario: issuers erase records, what was released before stays, and
// nothing follows.
func erasuresScenario(s *Stage) {
	c := s.agreed(5)
	next, err := s.Amended(c.repair.Statement)
	s.must(err)
	amending := func(statement record.RecordStatement) step {
		return s.carry(s.as(s.shop), record.TxAmend, &record.Batch{Entries: []record.Entry{s.SignEntry(statement, s.shop, s.owner)}})
	}
	amendment := amending(next)
	s.ok("a second version", amendment)
	announced := s.delivery(c, c.repair, s.shop, s.proxy)
	s.ok("a release of the first", s.releasing(s.proxy, announced))
	disputed := s.released(c)
	id := c.repair.Statement.ID
	word := record.EraseStatement{Record: id, Issuer: s.shop.ID, IssuerVersion: s.shop.Version, Time: s.now()}
	erasure := s.erasing(s.shop, word, s.shop)
	s.refusedErasures(word, erasure)

	erased := decode[record.Record](s, s.ok("the erasure", erasure))
	require.NotZero(s.t, erased.Erased)
	require.Equal(s.t, word, *erased.EraseStatement())
	s.ok("again", erasure)
	late := word
	late.Time -= record.DefaultRecordWindow
	s.ok("again with another time", s.erasing(s.shop, late, s.shop))
	s.ok("the record", s.ask(record.TxRecord, id.String()))
	s.ok("its first version", s.ask(record.TxRecordVersion, id.String(), c.repair.Statement.Digest.String()))
	s.pages("its versions", 2, 1, s.ask(record.TxRecordHistory, id.String()))
	s.pages("the issuer's records", 1, 5, s.ask(record.TxRecordsByIssuer, s.shop.ID.String()))

	s.refused("a release of it", record.ErrRecordErased, s.releasing(s.proxy, s.delivery(c, c.repair, s.shop, s.proxy)))
	s.refused("the release again", record.ErrRecordErased, s.releasing(s.proxy, announced))
	after, err := s.Amended(next)
	s.must(err)
	s.refused("a third version", record.ErrRecordErased, amending(after))
	s.ok("the second version again", amendment)
	s.refused("another record under its id", record.ErrRecordExists, s.batch(s.shop, s.another(c.repair)))
	s.ok("a release of another record", s.releasing(s.proxy, s.delivery(c, s.recorded(s.shop, s.owner), s.shop, s.proxy)))
	s.ok("what was released is acknowledged", s.from(s.insurer, record.TxAcknowledge, announced.Statement.Release.String()))
	s.ok("or disputed", s.from(s.insurer, record.TxDispute, alliance.DisputeArgs(disputed, record.GroundCapsule, "altered", nil)...))
	s.ok("and upheld", s.call(authority, record.TxResolve, disputed.String(), record.OutcomeUpheld, "compared"))
	s.lateErasures(c)
}

// erasing is a member's call with an erasure that somebody signed.
func (s *Stage) erasing(caller *alliance.Member, word record.EraseStatement, signer *alliance.Member) step {
	return s.from(caller, record.TxErase, s.SignErasure(word, signer)...)
}

// refusedErasures are of a record that the shop has issued.
func (s *Stage) refusedErasures(word record.EraseStatement, erasure step) {
	s.t.Helper()
	garage := word
	garage.Issuer = s.garage.ID
	unknown, stale, future := word, word, word
	unknown.Record, stale.IssuerVersion, future.Time = record.RecordID{1}, 2, s.clock.Now().Unix()+3600
	s.refused("by another", record.ErrForbidden, s.erasing(s.garage, word, s.shop))
	s.refused("by another in its own name", record.ErrForbidden, s.erasing(s.garage, garage, s.garage))
	s.refused("by the manager", record.ErrUnknownCaller, s.call(authority, record.TxErase, erasure.Args...))
	s.refused("by a proxy", record.ErrForbidden, s.erasing(s.proxy, word, s.shop))
	s.refused("signed by the owner", record.ErrSignature, s.erasing(s.shop, word, s.owner))
	s.refused("of no record", record.ErrRecordUnknown, s.erasing(s.shop, unknown, s.shop))
	s.refused("with keys of another version", record.ErrStaleKeyVersion, s.erasing(s.shop, stale, s.shop))
	s.refused("from the future", record.ErrTime, s.erasing(s.shop, future, s.shop))
}

// lateErasures are races, and what the expelled may still do.
func (s *Stage) lateErasures(c *consent) {
	s.t.Helper()
	e := s.recorded(s.shop, s.owner)
	word := func(e record.Entry) record.EraseStatement {
		return record.EraseStatement{Record: e.Statement.ID, Issuer: s.shop.ID, IssuerVersion: s.shop.Version, Time: s.now()}
	}
	release := s.releasing(s.proxy, s.delivery(c, e, s.shop, s.proxy))
	s.together("an erasure before a release", []step{s.erasing(s.shop, word(e), s.shop), release}, valid, mvcc)
	s.refused("the release again", record.ErrRecordErased, release)
	first, second := s.recorded(s.shop, s.owner), s.recorded(s.shop, s.owner)
	s.ok("a suspension", s.call(authority, record.TxSuspend, s.shop.ID.String(), "urgent"))
	s.ok("erased by the suspended", s.erasing(s.shop, word(first), s.shop))
	s.decide("an expulsion", record.ActionExpel, s.shop)
	s.ok("erased by the expelled", s.erasing(s.shop, word(second), s.shop))
}
