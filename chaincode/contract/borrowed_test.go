package contract_test

import (
	"testing"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/stretchr/testify/require"
)

// borrowing is an act in someone else's name, with everything right but who
// does it.
type borrowing struct {
	tx, who, with string
	want          *record.Error // nil: it may
	call          func(w *world) stub.Call
}

// borrowed is what TestSomeoneElsesName enforces. The table in docs/ledger.md is
// made from it.
var borrowed = []borrowing{
	{record.TxSubmitRecords, "the issuer", "its own batch", nil, func(w *world) stub.Call { return w.batchOf(w.insurer, false) }},
	{record.TxSubmitRecords, "another insurer", "an insurer's batch", record.ErrCarrier, func(w *world) stub.Call { return w.batchOf(w.rival, false) }},
	{record.TxSubmitRecords, "another insurer", "an insurer's batch and its carriage", record.ErrCarrier, func(w *world) stub.Call { return w.batchOf(w.rival, true) }},
	{record.TxSubmitRecords, "system manager", "an insurer's batch", record.ErrCarrier, func(w *world) stub.Call { return w.batchOf(w.callers[asManager], false) }},
	{record.TxSubmitRecords, "any agency's system manager", "an insurer's batch and its carriage", nil, func(w *world) stub.Call { return w.batchOf(w.callers[asSecond], true) }},
	{record.TxAmend, "the issuer", "a new version of its record", nil, func(w *world) stub.Call { return w.amendmentBy(w.insurer) }},
	{record.TxAmend, "another insurer", "a new version of an insurer's record", record.ErrCarrier, func(w *world) stub.Call { return w.amendmentBy(w.rival) }},
	{record.TxErase, "the issuer", "its signed erasure", nil, func(w *world) stub.Call { return w.erasureBy(w.insurer, w.insurer, w.insurer) }},
	{record.TxErase, "an expelled issuer", "its signed erasure", nil, func(w *world) stub.Call {
		expelled := w.callers[asExpelledShop]
		return w.erasureBy(expelled, expelled, expelled)
	}},
	{record.TxErase, "another insurer", "the issuer's signed erasure", record.ErrForbidden, func(w *world) stub.Call { return w.erasureBy(w.rival, w.insurer, w.insurer) }},
	{record.TxErase, "another insurer", "its own erasure of that record", record.ErrForbidden, func(w *world) stub.Call { return w.erasureBy(w.rival, w.rival, w.rival) }},
	{record.TxErase, "system manager", "the issuer's signed erasure", record.ErrUnknownCaller, func(w *world) stub.Call { return w.erasureBy(w.callers[asManager], w.insurer, w.insurer) }},
	{record.TxErase, "the issuer", "an erasure that the owner signed", record.ErrSignature, func(w *world) stub.Call { return w.erasureBy(w.insurer, w.insurer, w.owner) }},
	{record.TxRequestAccess, "the requester", "its request again", nil, func(w *world) stub.Call { return w.requestBy(w.insurer) }},
	{record.TxRequestAccess, "another insurer", "an insurer's request", record.ErrRequestExists, func(w *world) stub.Call { return w.requestBy(w.rival) }},

	{record.TxGrant, "any active member", "an owner's signed grant", nil, func(w *world) stub.Call { return w.grantBy(w.garage, w.owner) }},
	{record.TxGrant, "proxy", "an owner's signed grant", nil, func(w *world) stub.Call { return w.grantBy(w.proxy, w.owner) }},
	{record.TxGrant, "stranger", "an owner's signed grant", record.ErrUnknownCaller, func(w *world) stub.Call { return w.grantBy(w.callers[asVisitor], w.owner) }},
	{record.TxGrant, "suspended proxy", "an owner's signed grant", record.ErrSuspended, func(w *world) stub.Call { return w.grantBy(w.callers[asSuspendedProxy], w.owner) }},
	{record.TxGrant, "expelled insurer", "an owner's signed grant", record.ErrExpelled, func(w *world) stub.Call { return w.grantBy(w.callers[asExpelledInsurer], w.owner) }},
	{record.TxGrant, "any active member", "a grant that another policyholder signed", record.ErrSignature, func(w *world) stub.Call { return w.grantBy(w.garage, w.neighbour) }},
	{record.TxGrant, "the requester", "a grant that it signed itself", record.ErrSignature, func(w *world) stub.Call { return w.grantBy(w.insurer, w.insurer) }},
	{record.TxRevoke, "any active member", "the owner's signed withdrawal", nil, func(w *world) stub.Call { return w.revocationBy(w.garage, w.owner) }},
	{record.TxRevoke, "stranger", "the owner's signed withdrawal", record.ErrUnknownCaller, func(w *world) stub.Call { return w.revocationBy(w.callers[asVisitor], w.owner) }},
	{record.TxRevoke, "expelled proxy", "the owner's signed withdrawal", record.ErrExpelled, func(w *world) stub.Call { return w.revocationBy(w.callers[asExpelledProxy], w.owner) }},
	{record.TxRevoke, "any active member", "another policyholder's withdrawal", record.ErrForbidden, func(w *world) stub.Call { return w.revocationBy(w.garage, w.neighbour) }},

	{record.TxRelease, "the proxy that the consent names", "a delivery to it", nil, func(w *world) stub.Call { return w.releaseBy(w.proxy, w.proxy) }},
	{record.TxRelease, "another proxy", "a delivery to itself under that consent", record.ErrConsentProxy, func(w *world) stub.Call { return w.releaseBy(w.relay, w.relay) }},
	{record.TxRelease, "another proxy", "the delivery to the named proxy", record.ErrConsentProxy, func(w *world) stub.Call { return w.releaseBy(w.relay, w.proxy) }},
	{record.TxRelease, "a second proxy that the consent names", "the delivery to the first", record.ErrReleaseID, func(w *world) stub.Call {
		return w.consortium.call(w.relay.identity, record.TxRelease, releaseArg(w.shared.waiting))
	}},
	{record.TxRelease, "a second proxy that the consent names", "what the first has announced", record.ErrReleaseExists, func(w *world) stub.Call {
		return w.consortium.call(w.relay.identity, record.TxRelease, releaseArg(w.shared.announced))
	}},
	{record.TxRelease, "the holder", "its own delivery", record.ErrForbidden, func(w *world) stub.Call { return w.releaseBy(w.garage, w.proxy) }},
	{record.TxRelease, "the proxy that the consent names", "a delivery signed by another than the holder", record.ErrSignature, func(w *world) stub.Call { return w.forgedRelease() }},
	{record.TxAcknowledge, "the receiver", "its release", nil, func(w *world) stub.Call { return w.answerBy(record.TxAcknowledge, w.insurer) }},
	{record.TxAcknowledge, "another insurer", "an insurer's release", record.ErrNotReceiver, func(w *world) stub.Call { return w.answerBy(record.TxAcknowledge, w.rival) }},
	{record.TxAcknowledge, "the holder", "the release of its record", record.ErrNotReceiver, func(w *world) stub.Call { return w.answerBy(record.TxAcknowledge, w.garage) }},
	{record.TxDispute, "the receiver", "its release", nil, func(w *world) stub.Call { return w.answerBy(record.TxDispute, w.insurer) }},
	{record.TxDispute, "another insurer", "an insurer's release", record.ErrNotReceiver, func(w *world) stub.Call { return w.answerBy(record.TxDispute, w.rival) }},
	{record.TxDispute, "the receiver", "a trailer that another holder signed", record.ErrNotHolder, func(w *world) stub.Call { return w.foreignTrailer() }},

	{record.TxRotateKeys, "system manager", "a rotation that the party signed", nil, func(w *world) stub.Call { return w.rotationBy(w.manager, w.neighbour) }},
	{record.TxRotateKeys, "system manager", "a rotation that another party signed", record.ErrSignature, func(w *world) stub.Call { return w.rotationBy(w.manager, w.owner) }},
	{record.TxRotateKeys, "another than a manager", "a rotation that the party signed", record.ErrNotSystemManager, func(w *world) stub.Call { return w.rotationBy(w.insurer.identity, w.neighbour) }},
	{record.TxPropose, "another certificate of the agency", "its agency's proposal again", nil, func(w *world) stub.Call { return w.proposalBy(newIdentity(w.t, "CMSP", "deputy")) }},
	{record.TxPropose, "another agency", "an agency's proposal", record.ErrDecisionExists, func(w *world) stub.Call { return w.proposalBy(w.second) }},
}

// TestSomeoneElsesName: everything is right but who does it.
func TestSomeoneElsesName(t *testing.T) {
	w := newWorld(t, 2)
	rightful := map[string]bool{}
	for _, b := range borrowed {
		w.expect(b.want, b.call(w), b.tx+": "+b.who+" with "+b.with)
		rightful[b.tx] = rightful[b.tx] || b.want == nil
	}
	for tx, found := range rightful {
		require.True(t, found, "%s: nobody may", tx)
	}
}

// batchOf is a batch of the insurer's that a caller submits.
func (w *world) batchOf(caller *member, carriage bool) stub.Call {
	w.t.Helper()
	e := w.entry(w.insurer, w.owner)
	if carriage {
		return batchCall(caller.identity, record.TxSubmitRecords, w.carried(w.insurer, e))
	}
	return batchCall(caller.identity, record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{e}})
}

func (w *world) amendmentBy(caller *member) stub.Call {
	w.t.Helper()
	e := w.sign(w.amended(w.records[w.insurer].Statement), w.insurer, w.owner)
	return batchCall(caller.identity, record.TxAmend, &record.Batch{Entries: []record.Entry{e}})
}

// erasureBy is an erasure of the named issuer's record, or else of the
// insurer's, that somebody has signed.
func (w *world) erasureBy(caller, issuer, signer *member) stub.Call {
	w.t.Helper()
	e, found := w.records[issuer]
	if !found {
		e = w.records[w.insurer]
	}
	s := record.EraseStatement{Record: e.Statement.ID, Issuer: issuer.ID, IssuerVersion: issuer.Version, Time: w.now()}
	return w.consortium.call(caller.identity, record.TxErase, w.SignErasure(s, &signer.Member)...)
}

func (w *world) requestBy(caller *member) stub.Call {
	return w.consortium.call(caller.identity, record.TxRequestAccess, record.EncodeText(w.request.Encode()))
}

func (w *world) grantBy(carrier, signer *member) stub.Call {
	w.t.Helper()
	return w.consortium.call(carrier.identity, record.TxGrant, w.grantArgs(w.grant(w.policy.Statement.ID), signer)...)
}

func (w *world) revocationBy(carrier, owner *member) stub.Call {
	return w.consortium.call(carrier.identity, record.TxRevoke, w.revokeArgs(w.waiting.Consent, owner)...)
}

// releaseBy is a release under the consent that names the proxy, by a caller and
// to a proxy.
func (w *world) releaseBy(caller, to *member) stub.Call {
	w.t.Helper()
	c := w.releasable[w.proxy]
	return w.consortium.call(caller.identity, record.TxRelease, releaseArg(w.delivery(c.grant, c.repair, w.garage, to)))
}

func (w *world) forgedRelease() stub.Call {
	forged := w.signDelivery(w.releasable[w.proxy].delivery, w.shop)
	return w.consortium.call(w.proxy.identity, record.TxRelease, releaseArg(forged))
}

// answerBy answers for the insurer's release.
func (w *world) answerBy(function string, caller *member) stub.Call {
	call := w.call(function, asInsurer)
	call.Identity = caller.identity
	return call
}

func (w *world) foreignTrailer() stub.Call {
	w.t.Helper()
	c := w.received[w.insurer]
	args := alliance.DisputeArgs(c.delivery.Statement.Release, record.GroundPayload, "altered", w.trailerArgs(c, w.shop, nil))
	return w.consortium.call(w.insurer.identity, record.TxDispute, args...)
}

// rotationBy is a rotation of the neighbour's keys that somebody has signed.
func (w *world) rotationBy(caller *stub.Identity, signer *member) stub.Call {
	w.t.Helper()
	args, next := w.rotateArgs(w.neighbour)
	s := alliance.Rotation(&next.Member, w.now())
	args[1] = w.signedBy(signer, bls.RoleParty, &s)
	return w.consortium.call(caller, record.TxRotateKeys, args...)
}

func (w *world) proposalBy(caller *stub.Identity) stub.Call {
	return w.consortium.call(caller, record.TxPropose, proposalArg(w.open))
}
