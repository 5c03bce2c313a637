package contract_test

import (
	"testing"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
)

// TestExpulsion: 100, 75, 50, 25, 0, expelled.
func TestExpulsion(t *testing.T) {
	a := newAlliance(t)
	good := a.recorded(a.shop, a.owner)
	for i, credit := range []int{75, 50, 25, 0} {
		before := query[record.Standing](a, a.insurer.identity, record.TxStanding, a.shop.PID)
		require.Equal(t, record.StatusActive, before.Status)
		answer := a.submit(a.shop, alliance.Spoiled(a.entry(a.shop, a.owner)))
		require.Equal(t, 0, answer.Recorded)
		require.Equal(t, credit, *answer.Credit)
		require.Equal(t, i == 3, answer.Expelled)
		a.advance(1)
	}
	standing := query[record.Standing](a, a.insurer.identity, record.TxStanding, a.shop.ID.String())
	require.Equal(t, record.Standing{Party: a.shop.ID, Role: record.RoleRepairShop, Status: record.StatusExpelled, Violations: 4}, standing)
	a.refusedBatch(record.ErrExpelled, a.shop, a.entry(a.shop, a.owner))
	a.refusedCall(record.ErrExpelled, batchCall(a.manager, record.TxSubmitRecords, a.carried(a.shop, a.entry(a.shop, a.owner))))
	require.Equal(t, good, ptr(query[record.Record](a, a.insurer.identity, record.TxRecord, good.Statement.ID.String())).Entry(), "its records stay readable")

	first := query[record.Page[record.Violation]](a, a.insurer.identity, record.TxViolations, a.shop.PID, "3", "")
	rest := query[record.Page[record.Violation]](a, a.insurer.identity, record.TxViolations, a.shop.PID, "3", first.Bookmark)
	require.Len(t, first.Items, 3)
	require.Len(t, rest.Items, 1)
	require.Greater(t, rest.Items[0].Time, first.Items[0].Time)

	a.mustInvoke(a.manager, record.TxReinstate, a.shop.ID.String(), "audited")
	a.recorded(a.shop, a.owner)
	answer := a.submit(a.shop, alliance.Spoiled(a.entry(a.shop, a.owner)))
	require.True(t, answer.Expelled, "violations are not forgotten")
	require.Equal(t, 0, *answer.Credit)

	standings := query[record.Page[record.Standing]](a, a.insurer.identity, record.TxStandings, "100", "")
	require.Len(t, standings.Items, 8)
	for _, s := range standings.Items {
		require.Equal(t, record.Credit(s.Violations), s.Credit)
		require.Equal(t, s.Party == a.shop.ID, s.Violations == 5)
	}
	a.refused(record.ErrPartyUnknown, a.manager, record.TxStanding, a.newPID())
}

// TestEvidence: a violation keeps what proves it, and whose signature failed.
func TestEvidence(t *testing.T) {
	a := newAlliance(t)
	owner, issuer, both := a.entry(a.shop, a.owner), a.entry(a.shop, a.owner), a.entry(a.shop, a.owner)
	owner.OwnerSignature = issuer.OwnerSignature
	issuer.IssuerSignature = owner.IssuerSignature
	both.OwnerSignature, both.IssuerSignature = record.Signature{}, record.Signature{0xff}
	batch := &record.Batch{Entries: []record.Entry{a.entry(a.shop, a.owner), owner, issuer, both}}
	answer := a.mustSubmit(batchCall(a.shop.identity, record.TxSubmitRecords, batch))
	require.Equal(t, []record.Exception{
		{Index: 1, Verdict: record.VerdictSignature, Owner: true},
		{Index: 2, Verdict: record.VerdictSignature, Issuer: true},
		{Index: 3, Verdict: record.VerdictSignature, Owner: true, Issuer: true},
	}, answer.Exceptions)
	v := query[record.Page[record.Violation]](a, a.shop.identity, record.TxViolations, a.shop.PID, "1", "").Items[0]
	require.Equal(t, record.OffenceSignature, v.Offence)
	require.Equal(t, record.BatchDigest(batch.Encode()), v.Batch)
	require.EqualValues(t, 4, v.Entries)
	require.False(t, v.WholeBatch)
	require.Equal(t, []record.BadEntry{{Index: 1, Owner: true, Entry: owner}, {Index: 2, Issuer: true, Entry: issuer}, {Index: 3, Owner: true, Issuer: true, Entry: both}}, v.Bad)
	a.refused(record.ErrRecordUnknown, a.manager, record.TxRecord, owner.Statement.ID.String())
}

// TestWholeBatch: above eight bad entries the batch is refused as a whole, for
// one violation.
func TestWholeBatch(t *testing.T) {
	for _, c := range []struct {
		bad, kept int
		whole     bool
	}{{8, 8, false}, {9, 8, true}, {30, 1, true}} {
		a := newAlliance(t)
		entries := make([]record.Entry, 40)
		for i := range entries {
			entries[i] = a.entry(a.shop, a.owner)
			if i >= 40-c.bad {
				entries[i] = alliance.Spoiled(entries[i])
			}
		}
		known := entries[0]
		a.submit(a.shop, known)
		answer := a.submit(a.shop, entries...)
		require.Equal(t, 75, *answer.Credit)
		v := query[record.Page[record.Violation]](a, a.shop.identity, record.TxViolations, a.shop.PID, "5", "").Items
		require.Len(t, v, 1)
		require.Equal(t, c.whole, v[0].WholeBatch)
		require.Len(t, v[0].Bad, c.kept)
		require.True(t, v[0].Bad[0].Issuer)
		recorded := 40 - 1 - c.bad
		if c.whole {
			recorded = 0
			require.Equal(t, record.VerdictBatch, answer.Verdicts()[1])
		}
		require.Equal(t, recorded, answer.Recorded)
		require.Equal(t, record.VerdictAlready, answer.Verdicts()[0])
		require.Len(t, query[record.Page[record.Record]](a, a.manager, record.TxRecordsByIssuer, a.shop.PID, "100", "").Items, recorded+1)
	}
}

// TestViolationRace: two violations of one party on one block: the second is
// invalid, so that the fourth is never missed.
func TestViolationRace(t *testing.T) {
	a := newAlliance(t)
	var both []*stub.Transaction
	for i := 0; i < 2; i++ {
		tx, err := a.ledger.Simulate(batchCall(a.shop.identity, record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{alliance.Spoiled(a.entry(a.shop, a.owner))}}))
		require.NoError(t, err)
		both = append(both, tx)
	}
	require.Equal(t, []peer.TxValidationCode{peer.TxValidationCode_VALID, peer.TxValidationCode_PHANTOM_READ_CONFLICT}, a.ledger.Commit(both...))
}

// TestExpulsionStopsTheRest: a batch that was simulated before its issuer was
// expelled does not come in afterwards.
func TestExpulsionStopsTheRest(t *testing.T) {
	a := newAlliance(t)
	early, err := a.ledger.Simulate(batchCall(a.shop.identity, record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{a.entry(a.shop, a.owner)}}))
	require.NoError(t, err)
	a.mustInvoke(a.manager, record.TxExpel, a.shop.ID.String(), "fraud")
	require.Equal(t, peer.TxValidationCode_MVCC_READ_CONFLICT, a.ledger.Commit(early)[0])
}
