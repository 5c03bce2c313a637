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

func (a *consortium) amendCall(issuer *member, entries ...record.Entry) stub.Call {
	return batchCall(issuer.identity, record.TxAmend, &record.Batch{Entries: entries})
}

// TestErase: the issuer's word stands on the record with its time, once.
func TestErase(t *testing.T) {
	a := newAlliance(t)
	e := a.recorded(a.shop, a.owner)
	before := query[record.Record](a, a.manager, record.TxRecord, e.Statement.ID.String())
	a.advance(60)
	tx := a.mustInvoke(a.shop.identity, record.TxErase, a.eraseArgs(e, a.shop)...)
	erased := decodeAnswer[record.Record](a, tx.Response.GetPayload())
	event := decodeAnswer[record.Event](a, tx.Event.GetPayload())
	require.Equal(t, []record.Change{{Document: "record", Change: "erased", IDs: []string{e.Statement.ID.String()}}}, event.Changes)
	require.Len(t, tx.Writes, 1, "the record alone")
	require.Equal(t, a.now(), erased.Erased)
	require.Equal(t, tx.ID, erased.Erasure.Tx.String())
	require.NoError(t, bls.Verify(a.shop.Signing.PublicKey(), bls.RoleIssuer, erased.EraseStatement().Hash(a.Context), bls.Signature(erased.Erasure.Signature)))
	require.Equal(t, erased, query[record.Record](a, a.manager, record.TxRecord, e.Statement.ID.String()))
	kept := erased
	kept.Erased, kept.Erasure = 0, nil
	require.Equal(t, before, kept, "everything else stays")

	a.advance(record.DefaultRecordWindow + 100)
	again := a.mustInvoke(a.shop.identity, record.TxErase, a.eraseArgs(e, a.shop)...)
	require.Empty(t, again.Writes)
	require.Equal(t, erased, decodeAnswer[record.Record](a, again.Response.GetPayload()), "the first word stays")
	late := a.EraseArgs(e.Statement.ID, &a.shop.Member, a.now()-2*record.DefaultRecordWindow)
	require.Empty(t, a.mustInvoke(a.shop.identity, record.TxErase, late...).Writes, "a late repetition is no error")
}

func TestErasureRefusals(t *testing.T) {
	a := newAlliance(t)
	e := a.recorded(a.shop, a.owner)
	refuse := func(want *record.Error, spoil func(s *record.EraseStatement)) {
		t.Helper()
		s := record.EraseStatement{Record: e.Statement.ID, Issuer: a.shop.ID, IssuerVersion: 1, Time: a.now()}
		spoil(&s)
		a.refused(want, a.shop.identity, record.TxErase, a.SignErasure(s, &a.shop.Member)...)
	}
	refuse(record.ErrRecordUnknown, func(s *record.EraseStatement) { a.draw(s.Record[:]) })
	refuse(record.ErrForbidden, func(s *record.EraseStatement) { s.Issuer = a.garage.ID })
	refuse(record.ErrForbidden, func(s *record.EraseStatement) { s.Record = a.recorded(a.garage, a.owner).Statement.ID })
	refuse(record.ErrStaleKeyVersion, func(s *record.EraseStatement) { s.IssuerVersion = 2 })
	refuse(record.ErrTime, func(s *record.EraseStatement) { s.Time += record.DefaultClockSkew + 1 })
	refuse(record.ErrTime, func(s *record.EraseStatement) { s.Time -= record.DefaultRecordWindow + 1 })
	refuse(record.ErrMalformed, func(s *record.EraseStatement) { s.Time = 0 })
	args := a.eraseArgs(e, a.shop)
	a.refused(record.ErrMalformed, a.shop.identity, record.TxErase, args[0]+"00", args[1])
	a.refused(record.ErrMalformed, a.shop.identity, record.TxErase, args[0], "signature")
	a.refused(record.ErrSignature, a.shop.identity, record.TxErase, args[0], e.IssuerSignature.String())
	require.Zero(t, query[record.Standing](a, a.manager, record.TxStanding, a.shop.PID).Violations)
	require.Zero(t, query[record.Record](a, a.manager, record.TxRecord, e.Statement.ID.String()).Erased)
}

// TestErasedIsOver: nothing of an erased record is released or amended, in none
// of its versions; what was submitted before may still be repeated.
func TestErasedIsOver(t *testing.T) {
	a := newAlliance(t)
	c := a.claim()
	first := c.repair
	next := a.sign(a.amended(first.Statement), a.shop, a.owner)
	a.mustSubmit(a.amendCall(a.shop, next))
	deliveries := map[string]record.Delivery{
		"an earlier version": c.delivery,
		"the current one":    a.delivery(c.grant, next, a.shop, a.proxy),
		"what is announced":  a.delivery(c.grant, next, a.shop, a.proxy),
	}
	a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(deliveries["what is announced"]))
	erased := a.erase(next, a.shop)
	require.Equal(t, next, erased.Entry())
	for name, d := range deliveries {
		t.Log(name)
		a.refused(record.ErrRecordErased, a.proxy.identity, record.TxRelease, releaseArg(d))
	}
	for _, previous := range []record.RecordStatement{next.Statement, first.Statement} {
		a.refusedCall(record.ErrRecordErased, a.amendCall(a.shop, a.sign(a.amended(previous), a.shop, a.owner)))
	}
	for _, e := range []record.Entry{first, next} {
		answer := a.mustSubmit(a.amendCall(a.shop, e))
		require.Equal(t, []record.Verdict{record.VerdictAlready}, answer.Verdicts())
	}
	other := a.statement(a.shop, a.owner)
	other.ID = first.Statement.ID
	a.refusedBatch(record.ErrRecordExists, a.shop, a.sign(other, a.shop, a.owner))

	history := query[record.Page[record.Record]](a, a.manager, record.TxRecordHistory, first.Statement.ID.String(), "5", "")
	require.Len(t, history.Items, 2)
	require.NotZero(t, history.Items[0].Erased)
	require.Zero(t, history.Items[1].Erased, "the mark stands on the current version and counts for all")
	consents := []record.GrantStatement{c.grant, a.grant(c.policy.Statement.ID)}
	a.approved(consents[1])
	kept := a.recorded(a.shop, a.owner)
	a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(a.delivery(consents[1], kept, a.shop, a.proxy)))
}

// TestReleasedBeforeErasure: erasing saves no holder: what was released before
// may still be disputed, and acknowledged.
func TestReleasedBeforeErasure(t *testing.T) {
	a := newAlliance(t)
	c := a.released()
	disputed, acknowledged := c.delivery, a.delivery(c.grant, c.repair, a.shop, a.proxy)
	a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(acknowledged))
	a.erase(c.repair, a.shop)
	args := alliance.DisputeArgs(disputed.Statement.Release, record.GroundPayload, "altered", a.trailerArgs(c, a.shop, nil))
	a.mustInvoke(a.insurer.identity, record.TxDispute, args...)
	a.mustInvoke(a.manager, record.TxResolve, disputed.Statement.Release.String(), record.OutcomeUpheld, "compared")
	require.Equal(t, 75, query[record.Standing](a, a.manager, record.TxStanding, a.shop.PID).Credit)
	a.mustInvoke(a.insurer.identity, record.TxAcknowledge, acknowledged.Statement.Release.String())
}

// TestErasureByTheExpelled: the duty to delete does not end with membership.
func TestErasureByTheExpelled(t *testing.T) {
	a := newAlliance(t)
	first, second := a.recorded(a.shop, a.owner), a.recorded(a.shop, a.owner)
	a.mustInvoke(a.manager, record.TxSuspend, a.shop.ID.String(), "inquiry")
	require.NotZero(t, a.erase(first, a.shop).Erased)
	a.mustInvoke(a.manager, record.TxExpel, a.shop.ID.String(), "fraud")
	require.NotZero(t, a.erase(second, a.shop).Erased)
}

// TestErasureRaces: of an erasure and a release or an amendment that knew nothing
// of it, the later one in the block is not valid.
func TestErasureRaces(t *testing.T) {
	a := newAlliance(t)
	c := a.claim()
	simulate := func(call stub.Call) *stub.Transaction {
		t.Helper()
		tx, err := a.ledger.Simulate(call)
		require.NoError(t, err)
		return tx
	}
	release := a.call(a.proxy.identity, record.TxRelease, releaseArg(c.delivery))
	amendment := a.amendCall(a.shop, a.sign(a.amended(c.repair.Statement), a.shop, a.owner))
	erasure := a.call(a.shop.identity, record.TxErase, a.eraseArgs(c.repair, a.shop)...)
	require.Equal(t,
		[]peer.TxValidationCode{peer.TxValidationCode_VALID, peer.TxValidationCode_MVCC_READ_CONFLICT, peer.TxValidationCode_MVCC_READ_CONFLICT, peer.TxValidationCode_MVCC_READ_CONFLICT},
		a.ledger.Commit(simulate(erasure), simulate(release), simulate(amendment), simulate(erasure)))
	a.refusedCall(record.ErrRecordErased, release)
	a.refusedCall(record.ErrRecordErased, amendment)

	other := a.recorded(a.shop, a.owner)
	first := a.call(a.proxy.identity, record.TxRelease, releaseArg(a.delivery(c.grant, other, a.shop, a.proxy)))
	after := a.call(a.shop.identity, record.TxErase, a.eraseArgs(other, a.shop)...)
	require.Equal(t, []peer.TxValidationCode{peer.TxValidationCode_VALID, peer.TxValidationCode_VALID}, a.ledger.Commit(simulate(first), simulate(after)),
		"what was released before the erasure was released")
}
