package contract_test

import (
	"testing"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
)

func TestSubmit(t *testing.T) {
	a := newAlliance(t)
	entries := []record.Entry{a.entry(a.shop, a.owner), a.entry(a.shop, a.neighbour), a.entry(a.shop, a.owner)}
	answer := a.submit(a.shop, entries...)
	require.Equal(t, record.BatchAnswer{Entries: 3, Recorded: 3}, answer)

	rec := query[record.Record](a, a.insurer.identity, record.TxRecord, entries[1].Statement.ID.String())
	require.Equal(t, entries[1], rec.Entry())
	require.Equal(t, a.now(), rec.RecordedAt)
	require.Equal(t, entries[1].Statement.Hash(a.Context), rec.Statement().Hash(a.Context), "the ledger has every signed field")

	owned := query[record.Page[record.Record]](a, a.insurer.identity, record.TxRecordsByOwner, a.owner.PID, "1", "")
	require.Len(t, owned.Items, 1)
	rest := query[record.Page[record.Record]](a, a.insurer.identity, record.TxRecordsByOwner, a.owner.PID, "50", owned.Bookmark)
	require.Len(t, rest.Items, 1)
	require.Empty(t, rest.Bookmark)
	require.NotEqual(t, owned.Items[0].ID, rest.Items[0].ID)
	issued := query[record.Page[record.Record]](a, a.insurer.identity, record.TxRecordsByIssuer, a.shop.ID.String(), "50", "")
	require.Len(t, issued.Items, 3)

	again := a.submit(a.shop, append(entries, a.entry(a.shop, a.owner))...)
	require.Equal(t, 1, again.Recorded)
	require.Equal(t, []record.Verdict{record.VerdictAlready, record.VerdictAlready, record.VerdictAlready, record.VerdictRecorded}, again.Verdicts())
	a.advance(record.DefaultRecordWindow + 100)
	require.Equal(t, 0, a.submit(a.shop, entries...).Recorded, "a late repetition is no error")
}

func TestLargestBatch(t *testing.T) {
	a := newAlliance(t)
	entries := make([]record.Entry, record.MaxBatch)
	for i := range entries {
		entries[i] = a.entry(a.shop, a.owner)
	}
	entries[41] = alliance.Spoiled(entries[41])
	answer := a.submit(a.shop, entries...)
	require.Equal(t, 99, answer.Recorded)
	require.Equal(t, []record.Exception{{Index: 41, Verdict: record.VerdictSignature, Issuer: true}}, answer.Exceptions)
	require.Equal(t, 75, *answer.Credit)
	require.Len(t, query[record.Page[record.Record]](a, a.manager, record.TxRecordsByOwner, a.owner.PID, "100", "").Items, 99)
}

// TestSubmissionRefusals: what is wrong with a batch, signatures apart, fails
// the transaction and costs nothing. First versions and amendments alike.
func TestSubmissionRefusals(t *testing.T) {
	a := newAlliance(t)
	paper := a.newMember(record.RolePolicyholder, nil)
	for _, function := range []string{record.TxSubmitRecords, record.TxAmend} {
		fresh := func() record.RecordStatement {
			if function == record.TxSubmitRecords {
				return a.statement(a.shop, a.owner)
			}
			first := a.recorded(a.shop, a.owner).Statement
			first.Previous = first.Digest
			a.draw(first.Digest[:])
			return first
		}
		refuse := func(want *record.Error, spoil func(s *record.RecordStatement)) {
			t.Helper()
			s := fresh()
			spoil(&s)
			a.refusedCall(want, batchCall(a.shop.identity, function, &record.Batch{Entries: []record.Entry{a.sign(s, a.shop, a.owner)}}))
		}
		refuse(record.ErrPartyUnknown, func(s *record.RecordStatement) { s.Owner = paper.ID })
		refuse(record.ErrPartyUnknown, func(s *record.RecordStatement) { s.Issuer = paper.ID })
		refuse(record.ErrOwnerRole, func(s *record.RecordStatement) { s.Owner = a.insurer.ID })
		refuse(record.ErrStaleKeyVersion, func(s *record.RecordStatement) { s.OwnerVersion = 2 })
		refuse(record.ErrStaleKeyVersion, func(s *record.RecordStatement) { s.IssuerVersion = 2 })
		refuse(record.ErrKeyMismatch, func(s *record.RecordStatement) { s.OwnerKey = paper.Encryption() })
		refuse(record.ErrTime, func(s *record.RecordStatement) { s.IssuedAt += record.DefaultClockSkew + 1 })
		refuse(record.ErrTime, func(s *record.RecordStatement) { s.IssuedAt -= record.DefaultRecordWindow + 1 })
		refuse(record.ErrVersionConflict, func(s *record.RecordStatement) { a.draw(s.Previous[:]) })
		refuse(record.ErrCarrier, func(s *record.RecordStatement) { s.Issuer = a.garage.ID })
		refuse(record.ErrMalformed, func(s *record.RecordStatement) { s.Label = "UPPER" })

		entry := a.sign(fresh(), a.shop, a.owner)
		other := a.entry(a.garage, a.owner)
		a.refusedCall(record.ErrMixedIssuers, batchCall(a.shop.identity, function, &record.Batch{Entries: []record.Entry{entry, other}}))
		a.refusedCall(record.ErrDuplicateEntry, batchCall(a.shop.identity, function, &record.Batch{Entries: []record.Entry{entry, entry}}))
		call := batchCall(a.shop.identity, function, &record.Batch{Entries: []record.Entry{entry}})
		a.refusedCall(record.ErrBatchMissing, stub.Call{Identity: call.Identity, Function: function, Args: call.Args})
		a.refusedCall(record.ErrBatchDigest, stub.Call{Identity: call.Identity, Function: function, Args: []string{record.Digest{1}.String()}, Transient: call.Transient})
		a.refusedCall(record.ErrMalformed, stub.Call{Identity: call.Identity, Function: function, Args: []string{"x"}, Transient: call.Transient})
		a.refusedCall(record.ErrForbidden, stub.Call{Identity: a.proxy.identity, Function: function, Args: call.Args, Transient: call.Transient})

		carried := a.carried(a.shop, entry)
		carried.Carriage.Signature = entry.OwnerSignature
		a.refusedCall(record.ErrSignature, batchCall(a.manager, function, carried))
	}
	require.Zero(t, query[record.Standing](a, a.manager, record.TxStanding, a.shop.PID).Violations)

	policy := a.statement(a.insurer, a.owner)
	policy.Issuer = a.shop.ID
	a.refusedBatch(record.ErrIssuerKind, a.shop, a.sign(policy, a.shop, a.owner))

	first := a.recorded(a.shop, a.owner)
	changed := first.Statement
	a.draw(changed.Digest[:])
	a.refusedBatch(record.ErrRecordExists, a.shop, a.sign(changed, a.shop, a.owner))
	a.refusedCall(record.ErrRecordUnknown, batchCall(a.shop.identity, record.TxAmend, &record.Batch{Entries: []record.Entry{a.entry(a.shop, a.owner)}}))
	a.mustInvoke(a.manager, record.TxSuspend, a.owner.ID.String(), "inquiry")
	a.refusedBatch(record.ErrSuspended, a.shop, a.entry(a.shop, a.owner))
}

func TestAmend(t *testing.T) {
	a := newAlliance(t)
	versions := []record.Entry{a.recorded(a.shop, a.owner)}
	amend := func(e record.Entry) stub.Call {
		return batchCall(a.shop.identity, record.TxAmend, &record.Batch{Entries: []record.Entry{e}})
	}
	for i := 0; i < 4; i++ {
		e := a.sign(a.amended(versions[0].Statement), a.shop, a.owner)
		versions = append([]record.Entry{e}, versions...)
		require.Equal(t, 1, a.mustSubmit(amend(e)).Recorded)
	}
	id := versions[0].Statement.ID.String()
	require.Equal(t, versions[0], ptr(query[record.Record](a, a.manager, record.TxRecord, id)).Entry())

	var history []record.Entry
	for bookmark := ""; ; {
		page := query[record.Page[record.Record]](a, a.manager, record.TxRecordHistory, id, "2", bookmark)
		for i := range page.Items {
			history = append(history, page.Items[i].Entry())
		}
		if bookmark = page.Bookmark; bookmark == "" {
			break
		}
	}
	require.Equal(t, versions, history)
	for _, v := range versions {
		require.Equal(t, v, ptr(query[record.Record](a, a.manager, record.TxRecordVersion, id, v.Statement.Digest.String())).Entry())
	}
	require.Len(t, query[record.Page[record.Record]](a, a.manager, record.TxRecordsByOwner, a.owner.PID, "50", "").Items, 1, "the index has the record once")

	for _, v := range versions[:4] {
		require.Equal(t, []record.Verdict{record.VerdictAlready}, ptr(a.mustSubmit(amend(v))).Verdicts())
	}
	require.Equal(t, []record.Verdict{record.VerdictAlready}, ptr(a.submit(a.shop, versions[4])).Verdicts())

	stale := a.sign(a.amended(versions[1].Statement), a.shop, a.owner)
	a.refusedCall(record.ErrVersionConflict, amend(stale))
	back := versions[0].Statement
	back.Previous, back.Digest = back.Digest, versions[3].Statement.Digest
	a.refusedCall(record.ErrAmendment, amend(a.sign(back, a.shop, a.owner)))
	stolen := a.amended(versions[0].Statement)
	stolen.Owner, stolen.OwnerKey = a.neighbour.ID, a.neighbour.Encryption()
	a.refusedCall(record.ErrAmendment, amend(a.sign(stolen, a.shop, a.neighbour)))

	for _, tx := range []string{record.TxRecord, record.TxRecordVersion, record.TxRecordHistory} {
		args := map[string][]string{record.TxRecordVersion: {record.Digest{1}.String()}, record.TxRecordHistory: {"1", ""}}[tx]
		a.refused(record.ErrRecordUnknown, a.manager, tx, append([]string{record.RecordID{1}.String()}, args...)...)
	}
	a.refused(record.ErrRecordUnknown, a.manager, record.TxRecordVersion, id, record.Digest{1}.String())
	a.refused(record.ErrRecordUnknown, a.manager, record.TxRecordHistory, id, "1", record.Digest{1}.String())
	a.refused(record.ErrMalformed, a.manager, record.TxRecordVersion, id, "x")
	a.refused(record.ErrMalformed, a.manager, record.TxRecordVersion, "x", record.Digest{1}.String())
	a.refused(record.ErrMalformed, a.manager, record.TxRecord, "x")
	a.refused(record.ErrMalformed, a.manager, record.TxParty, "x")
	a.refused(record.ErrPage, a.manager, record.TxRecordHistory, id, "1", "x")
}

func ptr[T any](v T) *T { return &v }

// TestAmendRace: of two amendments of one version only one is valid.
func TestAmendRace(t *testing.T) {
	a := newAlliance(t)
	first := a.recorded(a.shop, a.owner)
	var both []*stub.Transaction
	for i := 0; i < 2; i++ {
		tx, err := a.ledger.Simulate(batchCall(a.shop.identity, record.TxAmend, &record.Batch{Entries: []record.Entry{a.sign(a.amended(first.Statement), a.shop, a.owner)}}))
		require.NoError(t, err)
		both = append(both, tx)
	}
	require.Equal(t, []peer.TxValidationCode{peer.TxValidationCode_VALID, peer.TxValidationCode_MVCC_READ_CONFLICT}, a.ledger.Commit(both...))
}

// TestConcurrentSubmissions: 64 batches of one issuer on one block, no conflict.
func TestConcurrentSubmissions(t *testing.T) {
	a := newAlliance(t)
	var all []*stub.Transaction
	for i := 0; i < 64; i++ {
		tx, err := a.ledger.Simulate(batchCall(a.shop.identity, record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{a.entry(a.shop, a.owner)}}))
		require.NoError(t, err)
		all = append(all, tx)
	}
	for _, code := range a.ledger.Commit(all...) {
		require.Equal(t, peer.TxValidationCode_VALID, code)
	}
}

func TestCarriage(t *testing.T) {
	a := newAlliance(t)
	entry := a.entry(a.shop, a.owner)
	a.refusedCall(record.ErrCarrier, batchCall(a.garage.identity, record.TxSubmitRecords, a.carried(a.shop, entry)))
	a.refusedCall(record.ErrCarrier, batchCall(a.manager, record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{entry}}))
	a.refusedCall(record.ErrCarrier, batchCall(a.manager, record.TxSubmitRecords, a.carried(a.garage, entry)))
	stale := a.carried(a.shop, entry)
	stale.Carriage.Statement.IssuerVersion = 2
	a.refusedCall(record.ErrStaleKeyVersion, batchCall(a.manager, record.TxSubmitRecords, stale))
	late := a.carried(a.shop, entry)
	late.Carriage.Statement.Time = a.now() - record.DefaultRecordWindow - 1
	late.Carriage = a.SignCarriage(late.Carriage.Statement, &a.shop.Member)
	a.refusedCall(record.ErrTime, batchCall(a.manager, record.TxSubmitRecords, late))
	require.Equal(t, 1, a.mustSubmit(batchCall(a.manager, record.TxSubmitRecords, a.carried(a.shop, entry))).Recorded)
}

// TestReplay: a faulty batch costs once, however often it is carried; nobody
// but its issuer can make it.
func TestReplay(t *testing.T) {
	a := newAlliance(t)
	batch := a.carried(a.shop, alliance.Spoiled(a.entry(a.shop, a.owner)), a.entry(a.shop, a.owner))
	answer := a.mustSubmit(batchCall(a.manager, record.TxSubmitRecords, batch))
	require.Equal(t, 75, *answer.Credit)
	require.Equal(t, 1, answer.Recorded)
	for i := 0; i < 3; i++ {
		again := a.mustSubmit(batchCall(a.manager, record.TxSubmitRecords, batch))
		require.True(t, again.Repeated)
		require.Nil(t, again.Credit)
		require.Equal(t, []record.Verdict{record.VerdictSignature, record.VerdictAlready}, again.Verdicts())
	}
	a.submit(a.shop, batch.Entries...) // the same entries, without the carriage
	violations := query[record.Page[record.Violation]](a, a.shop.identity, record.TxViolations, a.shop.PID, "10", "")
	require.Len(t, violations.Items, 1)
	v := violations.Items[0]
	require.Equal(t, batch.Carriage, v.Carriage, "the evidence has the issuer's word")
	require.Equal(t, answer.Violation, v.Tx.String())
	require.NoError(t, bls.Verify(a.shop.Signing.PublicKey(), bls.RoleIssuer, v.Carriage.Statement.Hash(a.Context), bls.Signature(v.Carriage.Signature)))
}
