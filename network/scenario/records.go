package scenario

import (
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
)

// recordsScenario: a policy and a repair are recorded, found, submitted again,
// and carried by the system manager.
func recordsScenario(s *Stage) {
	policy, repair := s.recorded(s.insurer, s.owner), s.recorded(s.shop, s.owner)
	for _, e := range []record.Entry{policy, repair} {
		found := decode[record.Record](s, s.ok("the record", s.ask(record.TxRecord, e.Statement.ID.String())))
		require.Equal(s.t, e, found.Entry())
	}
	s.ok("seen by any party", s.query(s.as(s.garage), record.TxRecord, repair.Statement.ID.String()))
	s.refused("not by a stranger", record.ErrUnknownCaller, s.query(s.visitor(), record.TxRecord, repair.Statement.ID.String()))
	s.refused("no such record", record.ErrRecordUnknown, s.ask(record.TxRecord, record.RecordID{1}.String()))
	s.pages("the owner's", 2, 1, s.ask(record.TxRecordsByOwner, s.owner.ID.String()))
	s.pages("the issuer's", 1, 10, s.ask(record.TxRecordsByIssuer, s.shop.PID))

	again := decode[record.BatchAnswer](s, s.ok("submitted again", s.batch(s.shop, repair)))
	require.Equal(s.t, []record.Verdict{record.VerdictAlready}, again.Verdicts())
	another := repair.Statement
	another.Digest[0] ^= 1
	s.refused("another record under its id", record.ErrRecordExists, s.batch(s.shop, s.SignEntry(another, s.shop, s.owner)))
	s.refused("an insurer's repair", record.ErrIssuerKind, s.batch(s.insurer, s.kind(s.insurer, record.KindRepair)))
	s.refused("for an owner that is none", record.ErrOwnerRole, s.batch(s.insurer, s.entry(s.insurer, s.rival)))

	s.refused("without its batch", record.ErrBatchMissing, s.from(s.shop, record.TxSubmitRecords, record.Digest{1}.String()))
	other := s.batch(s.shop, s.entry(s.shop, s.owner))
	other.Args = []string{record.Digest{1}.String()}
	s.refused("with another digest", record.ErrBatchDigest, other)
	s.refused("by another", record.ErrCarrier, s.carry(s.as(s.garage), record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{s.entry(s.shop, s.owner)}}))
	s.refused("by the manager without a carriage", record.ErrCarrier, s.carry(authority, record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{s.entry(s.shop, s.owner)}}))
	s.ok("by the manager with one", s.carry(authority, record.TxSubmitRecords, s.Carried(s.shop, s.now(), s.entry(s.shop, s.neighbour))))
	forged := s.Carried(s.shop, s.now(), s.entry(s.shop, s.neighbour))
	forged.Carriage.Signature = s.Carried(s.garage, s.now(), s.entry(s.shop, s.neighbour)).Carriage.Signature
	s.refused("with a forged one", record.ErrSignature, s.carry(authority, record.TxSubmitRecords, forged))
}

// kind is an entry of an issuer that may not issue that kind.
func (s *Stage) kind(issuer *alliance.Member, kind record.Kind) record.Entry {
	e := s.entry(issuer, s.owner)
	e.Statement.Kind, e.Statement.Evidence = kind, record.Digest{}
	return s.SignEntry(e.Statement, issuer, s.owner)
}

// batchesScenario: batches with wrong signatures, until their issuer is expelled
// and has been reinstated and is expelled again.
func batchesScenario(s *Stage) {
	submit := func(title string, issuer *alliance.Member, entries []record.Entry) record.BatchAnswer {
		s.nextSecond() // violations are listed by time
		return decode[record.BatchAnswer](s, s.ok(title, s.batch(issuer, entries...)))
	}
	spoiled := func(n, bad int) []record.Entry {
		entries := s.entries(n, s.shop, s.owner)
		for i := range bad {
			entries[2*i] = alliance.Spoiled(entries[2*i])
		}
		return entries
	}
	answer := submit("all good", s.shop, s.entries(8, s.shop, s.owner))
	require.Equal(s.t, 8, answer.Recorded)
	some := spoiled(9, 2)
	answer = submit("two bad", s.shop, some)
	require.Equal(s.t, 7, answer.Recorded)
	require.Equal(s.t, 75, *answer.Credit)
	answer = submit("the same again", s.shop, some)
	require.True(s.t, answer.Repeated, "the same batch costs nothing twice")
	answer = submit("too many bad", s.shop, spoiled(20, 9))
	require.Zero(s.t, answer.Recorded)
	require.Equal(s.t, 50, *answer.Credit)

	one := s.entry(s.shop, s.owner)
	s.refused("one entry twice", record.ErrDuplicateEntry, s.batch(s.shop, one, one))
	s.refused("two issuers", record.ErrMixedIssuers, s.batch(s.shop, one, s.entry(s.garage, s.owner)))
	s.refused("too many entries", record.ErrMalformed, s.batch(s.shop, s.entries(record.MaxBatch+1, s.shop, s.owner)...))
	s.refused("no entry", record.ErrMalformed, s.batch(s.shop))

	submit("a third", s.shop, spoiled(1, 1))
	answer = submit("a fourth", s.shop, spoiled(2, 1))
	require.True(s.t, answer.Expelled)
	require.Equal(s.t, 1, answer.Recorded, "the good entry of the last batch")
	s.refused("after the expulsion", record.ErrExpelled, s.batch(s.shop, s.entry(s.shop, s.owner)))
	standing := decode[record.Standing](s, s.ok("the standing", s.ask(record.TxStanding, s.shop.ID.String())))
	require.Equal(s.t, record.Standing{Party: s.shop.ID, Role: record.RoleRepairShop, Status: record.StatusExpelled, Violations: 4}, standing)
	s.pages("violations", 4, 3, s.ask(record.TxViolations, s.shop.ID.String()))
	s.ok("its records stay", s.ask(record.TxRecord, some[1].Statement.ID.String()))

	s.decide("reinstated", record.ActionReinstate, s.shop)
	require.Equal(s.t, 2, submit("reinstated", s.shop, s.entries(2, s.shop, s.owner)).Recorded)
	require.True(s.t, submit("every further one expels", s.shop, spoiled(1, 1)).Expelled)
	s.pages("history", 4, 2, s.ask(record.TxPartyHistory, s.shop.ID.String()))
}

// amendmentsScenario: a record gets new versions, each after the other.
func amendmentsScenario(s *Stage) {
	first := s.recorded(s.shop, s.owner)
	chain := []record.Entry{first}
	amend := func(e record.Entry) step {
		return s.carry(s.as(s.shop), record.TxAmend, &record.Batch{Entries: []record.Entry{e}})
	}
	next := func(e record.Entry) record.Entry {
		statement, err := s.Amended(e.Statement)
		s.must(err)
		return s.SignEntry(statement, s.shop, s.owner)
	}
	for range 3 {
		e := next(chain[len(chain)-1])
		s.ok("an amendment", amend(e))
		s.ok("again", amend(e))
		chain = append(chain, e)
	}
	last := chain[len(chain)-1]
	current := decode[record.Record](s, s.ok("the current version", s.ask(record.TxRecord, first.Statement.ID.String())))
	require.Equal(s.t, last, current.Entry())
	for _, e := range chain {
		found := decode[record.Record](s, s.ok("a version", s.ask(record.TxRecordVersion, e.Statement.ID.String(), e.Statement.Digest.String())))
		require.Equal(s.t, e, found.Entry())
	}
	s.pages("versions", 4, 1, s.ask(record.TxRecordHistory, first.Statement.ID.String()))

	s.refused("of an old version", record.ErrVersionConflict, amend(next(first)))
	s.refused("as a first version", record.ErrRecordExists, s.batch(s.shop, s.another(last)))
	s.refused("of no record", record.ErrRecordUnknown, amend(next(s.entry(s.shop, s.owner))))
	moved := next(last)
	moved.Statement.Owner, moved.Statement.OwnerKey = s.neighbour.ID, s.neighbour.Encryption()
	s.refused("to another owner", record.ErrAmendment, amend(s.SignEntry(moved.Statement, s.shop, s.neighbour)))
	s.refused("without a previous one", record.ErrVersionConflict, amend(s.another(last)))
	answer := decode[record.BatchAnswer](s, s.ok("with a wrong signature", amend(alliance.Spoiled(next(last)))))
	require.Equal(s.t, 75, *answer.Credit)
	s.pages("versions after all", 4, 10, s.ask(record.TxRecordHistory, first.Statement.ID.String()))
}

// another is a first version under the id of a record.
func (s *Stage) another(e record.Entry) record.Entry {
	other := s.entry(s.shop, s.owner)
	other.Statement.ID = e.Statement.ID
	return s.SignEntry(other.Statement, s.shop, s.owner)
}

// keysScenario: keys are rotated, and statements under old ones are stale.
func keysScenario(s *Stage) {
	old := *s.owner
	stale := s.entry(s.shop, &old)
	next, err := s.Renewed(s.owner)
	s.must(err)
	rotate := func(signer, next *alliance.Member) step {
		args, err := s.RotateArgs(alliance.Rotation(next, s.now()), signer, next)
		s.must(err)
		return s.call(authority, record.TxRotateKeys, args...)
	}
	s.refused("signed with another's key", record.ErrSignature, rotate(s.neighbour, next))
	s.refused("not by the manager", record.ErrNotSystemManager, step{Call: Call{As: s.as(s.shop), Name: record.TxRotateKeys, Args: rotate(&old, next).Args}})
	s.ok("the rotation", rotate(&old, next))
	s.refused("again", record.ErrStaleKeyVersion, rotate(&old, next))
	s.refused("a stale statement", record.ErrStaleKeyVersion, s.batch(s.shop, stale))
	s.owner = next
	s.ok("a fresh statement", s.batch(s.shop, s.entry(s.shop, s.owner)))
	mixed := s.entry(s.shop, s.owner)
	mixed.Statement.OwnerKey = old.Encryption()
	s.refused("with the old encryption key", record.ErrKeyMismatch, s.batch(s.shop, s.SignEntry(mixed.Statement, s.shop, s.owner)))

	back := old
	back.Version = next.Version + 1
	s.refused("back to the old keys", record.ErrKeyTaken, rotate(next, &back))
	stolen, err := s.Renewed(s.neighbour)
	s.must(err)
	stolen.Signing, stolen.Scoped = next.Signing, next.Scoped
	s.refused("another's keys", record.ErrKeyTaken, rotate(s.neighbour, stolen))
	twin := *s.neighbour
	s.refused("a registration again", record.ErrPartyExists, s.registration(&twin))
	fresh, err := s.NewMember(record.RoleInsurer, s.insurer.MSP, s.insurer.Subject, record.ModeScoped)
	s.must(err)
	s.refused("another party for a certificate", record.ErrCallerTaken, s.registration(fresh))

	foreign := s.entry(s.shop, s.owner)
	before := *s.shop
	renewed, err := s.Renewed(s.shop)
	s.must(err)
	s.ok("the issuer's rotation", rotate(&before, renewed))
	s.refused("the issuer's stale statement", record.ErrStaleKeyVersion, s.batch(s.shop, foreign))
	s.shop = renewed
	s.ok("the issuer's fresh one", s.batch(s.shop, s.entry(s.shop, s.owner)))
	s.ok("the party", s.ask(record.TxParty, s.owner.ID.String()))
	s.pages("its history", 2, 1, s.ask(record.TxPartyHistory, s.owner.ID.String()))
}
