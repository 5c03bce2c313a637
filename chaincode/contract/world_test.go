package contract_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/stretchr/testify/require"
)

// world is a ledger on which everybody of the permission table has something of
// their own to act on. Nothing is committed after it is made.
type world struct {
	*agencies
	empty     *agencies // a ledger that is not set up
	threshold int
	callers   map[string]*member

	policy  record.Entry             // the owner's
	records map[*member]record.Entry // a record of each issuer's
	// What each requester received and each proxy may release, a consent each.
	received, releasable map[*member]claim
	disputed             claim
	request              record.AccessRequest
	waiting              record.GrantStatement // granted, not approved
	open                 record.Proposal       // by the third agency
	// Deliveries to the first of two proxies that a consent names.
	shared struct{ announced, waiting record.Delivery }
}

func newWorld(t testing.TB, threshold int) *world {
	t.Helper()
	w := &world{
		agencies: newAgencies(t, threshold), empty: &agencies{consortium: newLedgerOf(t, systemOf(threshold, "SMMSP", "BMSP", "CMSP"))},
		threshold: threshold, records: map[*member]record.Entry{}, received: map[*member]claim{}, releasable: map[*member]claim{},
	}
	w.callers = map[string]*member{
		asManager: {identity: w.manager}, asSecond: {identity: w.second}, asColleague: {identity: newIdentity(t, "SMMSP", "janitor")},
		asInsurer: w.insurer, asShop: w.shop, asProxy: w.proxy,
		asNamesake: {identity: newIdentity(t, "NamesakeMSP", "insurer")}, asVisitor: {identity: w.visitor},
	}
	roles := map[string]record.Role{
		asSuspendedInsurer: record.RoleInsurer, asSuspendedShop: record.RoleRepairShop, asSuspendedProxy: record.RoleProxy,
		asExpelledInsurer: record.RoleInsurer, asExpelledShop: record.RoleRepairShop, asExpelledProxy: record.RoleProxy,
	}
	for name, role := range roles {
		w.callers[name] = w.join(role, newIdentity(t, "OrgMSP", name))
	}
	w.fill()
	for _, name := range []string{asSuspendedInsurer, asSuspendedShop, asSuspendedProxy} {
		w.mustInvoke(w.manager, record.TxSuspend, w.callers[name].ID.String(), "inquiry")
	}
	for _, name := range []string{asExpelledInsurer, asExpelledShop, asExpelledProxy} {
		w.expel(w.callers[name])
	}
	return w
}

func (w *world) expel(m *member) {
	w.t.Helper()
	p := w.proposal(record.ActionExpel, m)
	if w.propose(w.manager, p).Status == record.DecisionOpen {
		w.approve(w.second, p)
	}
	require.Equal(w.t, record.StatusExpelled, w.status(m))
}

// fill gives everybody what they need, while all may still act.
func (w *world) fill() {
	w.t.Helper()
	w.policy = w.recorded(w.insurer, w.owner)
	held := w.recorded(w.garage, w.owner)
	for _, m := range w.callers {
		switch m.Role {
		case record.RoleInsurer, record.RoleRepairShop:
			w.records[m] = w.recorded(m, w.owner)
			w.received[m] = w.consented(m, w.proxy, held)
			w.mustInvoke(w.proxy.identity, record.TxRelease, releaseArg(w.received[m].delivery))
		case record.RoleProxy:
			w.releasable[m] = w.consented(w.insurer, m, held)
		}
	}
	both := w.consented(w.insurer, w.proxy, held, w.relay)
	w.shared.announced, w.shared.waiting = both.delivery, w.delivery(both.grant, held, w.garage, w.proxy)
	w.mustInvoke(w.proxy.identity, record.TxRelease, releaseArg(w.shared.announced))
	w.disputed = w.consented(w.insurer, w.proxy, held)
	w.mustInvoke(w.proxy.identity, record.TxRelease, releaseArg(w.disputed.delivery))
	w.mustInvoke(w.insurer.identity, record.TxDispute, w.disputed.delivery.Statement.Release.String(), "capsule", "altered", "", "")
	w.request = w.consortium.request()
	w.mustInvoke(w.insurer.identity, record.TxRequestAccess, record.EncodeText(w.request.Encode()))
	w.waiting = w.grant(w.policy.Statement.ID)
	w.granted(w.waiting)
	if w.threshold > 1 { // else it would take effect at once
		w.open = w.proposal(record.ActionExpel, w.rival)
		w.propose(w.third, w.open)
	}
}

// consented is an approved consent for a requester through a proxy or several,
// and a delivery under it by the garage to the first.
func (w *world) consented(requester, proxy *member, held record.Entry, others ...*member) claim {
	w.t.Helper()
	g := w.grantOf(w.owner, requester, w.policy.Statement.ID)
	g.Proxies = []record.PartyID{proxy.ID}
	for _, other := range others {
		g.Proxies = append(g.Proxies, other.ID)
	}
	slices.SortFunc(g.Proxies, func(a, b record.PartyID) int { return bytes.Compare(a[:], b[:]) })
	w.granted(g)
	w.mustInvoke(w.manager, record.TxApprove, g.Consent.String())
	return claim{policy: w.policy, repair: held, grant: g, delivery: w.delivery(g, held, w.garage, proxy)}
}

// own is what a caller has in a table, or else what one has who may use it.
func own(table map[*member]claim, caller, other *member) claim {
	if c, found := table[caller]; found {
		return c
	}
	return table[other]
}

// call is a call with which a transaction succeeds if it admits the caller.
func (w *world) call(function, name string) stub.Call {
	w.t.Helper()
	caller := w.callers[name]
	call := w.consortium.call(caller.identity, function)
	switch function {
	case record.TxSubmitRecords, record.TxAmend:
		return w.submission(function, caller)
	case record.TxErase:
		issuer := caller
		if _, found := w.records[caller]; !found {
			issuer = w.shop
		}
		call.Args = w.eraseArgs(w.records[issuer], issuer)
	case record.TxRelease:
		call.Args = []string{releaseArg(own(w.releasable, caller, w.proxy).delivery)}
	case record.TxAcknowledge:
		call.Args = []string{own(w.received, caller, w.insurer).delivery.Statement.Release.String()}
	case record.TxDispute:
		c := own(w.received, caller, w.insurer)
		trailer := w.trailerArgs(c, w.garage, nil)
		call.Args = alliance.DisputeArgs(c.delivery.Statement.Release, record.GroundPayload, "altered", trailer)
	default:
		call.Args = w.args(function)
	}
	return call
}

// submission is a caller's own batch, or one of the shop with its carriage.
func (w *world) submission(function string, caller *member) stub.Call {
	w.t.Helper()
	issuer := caller
	_, found := w.records[caller]
	if !found {
		issuer = w.shop
	}
	e := w.entry(issuer, w.owner)
	if function == record.TxAmend {
		e = w.sign(w.amended(w.records[issuer].Statement), issuer, w.owner)
	}
	if found {
		return batchCall(caller.identity, function, &record.Batch{Entries: []record.Entry{e}})
	}
	return batchCall(caller.identity, function, w.carried(issuer, e))
}

// args are arguments with which a transaction succeeds whoever calls it.
func (w *world) args(function string) []string {
	w.t.Helper()
	owner, issuer, release := w.owner.ID.String(), w.shop.ID.String(), w.disputed.delivery.Statement.Release.String()
	switch function {
	case record.TxSystem:
		return nil
	case record.TxInitSystem:
		setup := w.Setup()
		return []string{record.EncodeText(setup.Encode())}
	case record.TxRegister:
		r := w.registration(w.newMember(record.RoleInsurer, newIdentity(w.t, "NewMSP", "new")))
		return []string{record.EncodeText(r.Encode())}
	case record.TxRotateKeys:
		rotation, _ := w.rotateArgs(w.neighbour)
		return rotation
	case record.TxSuspend, record.TxExpel:
		return []string{w.rival.ID.String(), "reason"}
	case record.TxReinstate:
		return []string{w.callers[asSuspendedShop].ID.String(), "reason"}
	case record.TxPropose:
		return []string{proposalArg(w.proposal(record.ActionExpel, w.rival))}
	case record.TxApproveDecision, record.TxDecision:
		return []string{w.open.ID.String()}
	case record.TxRequestAccess:
		r := w.consortium.request()
		return []string{record.EncodeText(r.Encode())}
	case record.TxGrant:
		return w.grantArgs(w.grant(w.policy.Statement.ID), w.owner)
	case record.TxRevoke:
		return w.revokeArgs(w.waiting.Consent, w.owner)
	case record.TxApprove, record.TxConsent:
		return []string{w.waiting.Consent.String()}
	case record.TxResolve:
		return []string{release, record.OutcomeDismissed, "compared"}
	case record.TxReleaseByID:
		return []string{release}
	case record.TxRequest:
		return []string{w.request.ID.String()}
	case record.TxParty, record.TxStanding:
		return []string{issuer}
	case record.TxPartyHistory, record.TxRecordsByIssuer, record.TxRequestsByRequester, record.TxConsentsByRequester, record.TxReleasesByReceiver, record.TxViolations:
		return []string{issuer, "5", ""}
	case record.TxRecordsByOwner, record.TxRequestsByOwner, record.TxConsentsByOwner, record.TxReleasesByOwner:
		return []string{owner, "5", ""}
	case record.TxParties, record.TxStandings, record.TxDecisions:
		return []string{"5", ""}
	case record.TxRecord:
		return []string{w.policy.Statement.ID.String()}
	case record.TxRecordVersion:
		return []string{w.policy.Statement.ID.String(), w.policy.Statement.Digest.String()}
	case record.TxRecordHistory:
		return []string{w.policy.Statement.ID.String(), "5", ""}
	case record.TxReleasesByConsent:
		return []string{w.disputed.grant.Consent.String(), "5", ""}
	}
	require.Fail(w.t, "no arguments for "+function)
	return nil
}
