package contract_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
)

// systemOf is the system.json of agencies that each have a manager and a deputy.
func systemOf(threshold int, msps ...string) string {
	list := make([]string, len(msps))
	for i, msp := range msps {
		list[i] = fmt.Sprintf(`{"msp":%q,"subjects":["CN=manager,OU=client","CN=deputy,OU=client"]}`, msp)
	}
	return fmt.Sprintf(`{"threshold":%d,"agencies":[%s]}`, threshold, strings.Join(list, ","))
}

// agencies is a consortium that several agencies manage: the manager, and those
// of two others.
type agencies struct {
	*consortium
	second, third *stub.Identity
	deputy        *stub.Identity // of the first agency
}

func newAgencies(t testing.TB, threshold int) *agencies {
	t.Helper()
	return &agencies{
		newAllianceOf(t, systemOf(threshold, "SMMSP", "BMSP", "CMSP")),
		newIdentity(t, "BMSP", "manager"), newIdentity(t, "CMSP", "manager"), newIdentity(t, "SMMSP", "deputy"),
	}
}

// proposal is one that may wait an hour.
func (a *consortium) proposal(action record.Action, party *member) record.Proposal {
	p := record.Proposal{Action: action, Reason: "board of " + action.String(), Expiry: a.now() + 3600}
	a.draw(p.ID[:])
	if party != nil {
		p.Party = party.ID
	} else {
		p.Rules = record.Rules{RecordWindow: 3600, ClockSkew: 30}
	}
	return p
}

func proposalArg(p record.Proposal) string { return record.EncodeText(p.Encode()) }

func (a *consortium) propose(id *stub.Identity, p record.Proposal) record.Decision {
	a.t.Helper()
	return decodeAnswer[record.Decision](a, a.mustInvoke(id, record.TxPropose, proposalArg(p)).Response.GetPayload())
}

func (a *consortium) approve(id *stub.Identity, p record.Proposal) record.Decision {
	a.t.Helper()
	return decodeAnswer[record.Decision](a, a.mustInvoke(id, record.TxApproveDecision, p.ID.String()).Response.GetPayload())
}

func (a *consortium) status(m *member) record.Status {
	a.t.Helper()
	return query[record.Party](a, a.manager, record.TxParty, m.ID.String()).Status
}

func (a *consortium) decision(p record.Proposal) record.Decision {
	a.t.Helper()
	d := query[record.Decision](a, a.garage.identity, record.TxDecision, p.ID.String())
	require.NoError(a.t, d.Validate())
	return d
}

// voices are the agencies whose approvals count.
func voices(d record.Decision) (list []string) {
	for _, approval := range d.Approvals {
		list = append(list, approval.Agency)
	}
	return list
}

// TestDecision is a decision from the proposal to its effect, and what an
// auditor finds of it.
func TestDecision(t *testing.T) {
	a := newAgencies(t, 2)
	p := a.proposal(record.ActionExpel, a.shop)
	proposed := a.mustInvoke(a.manager, record.TxPropose, proposalArg(p))
	open := decodeAnswer[record.Decision](a.consortium, proposed.Response.GetPayload())
	require.Equal(t, record.DecisionOpen, open.Status)
	require.Equal(t, []string{"SMMSP"}, voices(open))
	require.Equal(t, open, a.decision(p))
	require.Equal(t, record.StatusActive, a.status(a.shop))

	a.advance(60)
	enacting := a.mustInvoke(a.third, record.TxApproveDecision, p.ID.String())
	d := a.decision(p)
	digest := sha256.Sum256([]byte(systemOf(2, "SMMSP", "BMSP", "CMSP")))
	require.Equal(t, record.Decision{
		Proposal: p, Agency: "SMMSP", ProposedAt: a.now() - 60, ProposeTx: txID(t, proposed), Status: record.DecisionEnacted,
		Threshold: 2, Managers: digest, EnactedAt: a.now(), EnactTx: txID(t, enacting),
		Approvals: []record.Approval{
			{Decision: p.ID, Agency: "SMMSP", Subject: "CN=manager,OU=client", Time: a.now() - 60, Tx: txID(t, proposed)},
			{Decision: p.ID, Agency: "CMSP", Subject: "CN=manager,OU=client", Time: a.now(), Tx: txID(t, enacting)},
		},
	}, d)
	party := query[record.Party](a.consortium, a.manager, record.TxParty, a.shop.ID.String())
	require.Equal(t, record.StatusExpelled, party.Status)
	require.Equal(t, p.Reason, party.StatusReason)
	require.Equal(t, d.EnactTx, party.StatusTx)
	a.refusedBatch(record.ErrExpelled, a.shop, a.entry(a.shop, a.owner))

	// The blocks alone say the same: every document is in a write set.
	kinds := map[record.DocumentType]int{}
	for _, tx := range []*stub.Transaction{proposed, enacting} {
		for _, w := range tx.Writes {
			if document, err := record.DecodeDocument(w.Value); err == nil {
				kinds[document.DocumentType()]++
				if enacted, ok := document.(*record.Decision); ok && enacted.Status == record.DecisionEnacted {
					require.Equal(t, &d, enacted)
				}
			}
		}
	}
	require.Equal(t, map[record.DocumentType]int{record.DocumentDecision: 2, record.DocumentApproval: 2, record.DocumentParty: 1}, kinds)
	require.Equal(t, []string{"decision proposed " + p.ID.String(), "approval added " + p.ID.String()}, announced(t, proposed))
	require.Equal(t, []string{"approval added " + p.ID.String(), "decision enacted " + p.ID.String(), "party expelled " + a.shop.ID.String()}, announced(t, enacting))
}

func txID(t *testing.T, tx *stub.Transaction) record.TxID {
	t.Helper()
	id, err := record.ParseTxID(tx.ID)
	require.NoError(t, err)
	return id
}

// announced is a transaction's event, a change a line.
func announced(t *testing.T, tx *stub.Transaction) (changes []string) {
	t.Helper()
	var event record.Event
	require.NoError(t, json.Unmarshal(tx.Event.GetPayload(), &event))
	for _, c := range event.Changes {
		changes = append(changes, strings.TrimSpace(c.Document+" "+c.Change+" "+strings.Join(c.IDs, ",")))
	}
	return changes
}

// TestDecisionRefusals: what a proposal and an approval are refused for.
func TestDecisionRefusals(t *testing.T) {
	a := newAgencies(t, 2)
	refuse := func(want *record.Error, spoil func(p *record.Proposal)) {
		t.Helper()
		p := a.proposal(record.ActionExpel, a.shop)
		spoil(&p)
		a.refused(want, a.manager, record.TxPropose, proposalArg(p))
	}
	refuse(record.ErrMalformed, func(p *record.Proposal) { p.ID = record.DecisionID{} })
	refuse(record.ErrMalformed, func(p *record.Proposal) { p.Reason = "" })
	refuse(record.ErrMalformed, func(p *record.Proposal) { p.Expiry = a.now() + record.MaxProposalLife + 1 })
	refuse(record.ErrDecisionOver, func(p *record.Proposal) { p.Expiry = a.now() })
	refuse(record.ErrPartyUnknown, func(p *record.Proposal) { p.Party[0]++ })
	refuse(record.ErrPartyStatus, func(p *record.Proposal) { p.Action = record.ActionReinstate })
	a.refused(record.ErrMalformed, a.manager, record.TxPropose, "00")
	a.refused(record.ErrDecisionUnknown, a.manager, record.TxApproveDecision, record.DecisionID{1}.String())
	a.refused(record.ErrMalformed, a.manager, record.TxApproveDecision, "1")
	a.refused(record.ErrDecisionUnknown, a.shop.identity, record.TxDecision, record.DecisionID{1}.String())
	a.refused(record.ErrMalformed, a.shop.identity, record.TxDecision, "x")

	p := a.proposal(record.ActionExpel, a.shop)
	a.propose(a.manager, p)
	require.Empty(t, a.mustInvoke(a.manager, record.TxPropose, proposalArg(p)).Writes, "the same proposal again changes nothing")
	require.Empty(t, a.mustInvoke(a.deputy, record.TxPropose, proposalArg(p)).Writes, "nor does it from another of the agency")
	a.refused(record.ErrDecisionExists, a.second, record.TxPropose, proposalArg(p))
	other := p
	other.Reason = "other"
	a.refused(record.ErrDecisionExists, a.manager, record.TxPropose, proposalArg(other))

	// From the second of its expiry on nothing can be added, and it stays on the
	// ledger as open. Whoever approved in time is told the same as before.
	a.advance(3600)
	a.refused(record.ErrDecisionOver, a.second, record.TxApproveDecision, p.ID.String())
	require.Empty(t, a.mustInvoke(a.manager, record.TxApproveDecision, p.ID.String()).Writes)
	require.Empty(t, a.mustInvoke(a.manager, record.TxPropose, proposalArg(p)).Writes)
	require.Equal(t, record.DecisionOpen, a.decision(p).Status)
	require.Equal(t, record.StatusActive, a.status(a.shop))
}

// TestOneVoice: an agency has one voice, however many identities it has and
// however often they use it.
func TestOneVoice(t *testing.T) {
	a := newAgencies(t, 2)
	p := a.proposal(record.ActionExpel, a.shop)
	a.propose(a.manager, p)
	for _, id := range []*stub.Identity{a.manager, a.deputy, a.manager} {
		tx := a.mustInvoke(id, record.TxApproveDecision, p.ID.String())
		require.Empty(t, tx.Writes)
		require.Empty(t, tx.Event.GetEventName())
	}
	require.Equal(t, record.StatusActive, a.status(a.shop))
	a.approve(a.second, p)
	require.Equal(t, record.StatusExpelled, a.status(a.shop))
	a.refused(record.ErrDecisionOver, a.third, record.TxApproveDecision, p.ID.String())
	require.Empty(t, a.mustInvoke(a.second, record.TxApproveDecision, p.ID.String()).Writes, "a retry is no error")
	require.Empty(t, a.mustInvoke(a.manager, record.TxPropose, proposalArg(p)).Writes)
}

// TestDecisionNeeded: where several agencies decide, none does alone; a
// suspension is urgent and stays with one, and so does the fourth violation.
func TestDecisionNeeded(t *testing.T) {
	a := newAgencies(t, 2)
	id := a.shop.ID.String()
	a.refused(record.ErrDecisionNeeded, a.manager, record.TxExpel, id, "fraud")
	a.mustInvoke(a.second, record.TxSuspend, id, "inquiry")
	a.refused(record.ErrDecisionNeeded, a.manager, record.TxReinstate, id, "cleared")
	p := a.proposal(record.ActionReinstate, a.shop)
	a.propose(a.third, p)
	a.approve(a.second, p)
	require.Equal(t, record.StatusActive, a.status(a.shop))
	for i := 0; i < record.ExpelAt; i++ {
		a.submit(a.shop, alliance.Spoiled(a.entry(a.shop, a.owner)))
	}
	require.Equal(t, record.StatusExpelled, a.status(a.shop))
}

// TestOneIsEnough: with a threshold of 1 a proposal takes effect at once, and
// Expel and Reinstate work without one.
func TestOneIsEnough(t *testing.T) {
	a := newAgencies(t, 1)
	p := a.proposal(record.ActionExpel, a.shop)
	d := a.propose(a.second, p)
	require.Equal(t, record.DecisionEnacted, d.Status)
	require.Equal(t, d, a.decision(p))
	require.Equal(t, record.StatusExpelled, a.status(a.shop))
	a.refused(record.ErrDecisionOver, a.manager, record.TxApproveDecision, p.ID.String())
	a.mustInvoke(a.third, record.TxReinstate, a.shop.ID.String(), "cleared")
	a.mustInvoke(a.manager, record.TxExpel, a.shop.ID.String(), "fraud")
}

// TestStatusAtEnactment: what counts is what the party is when the last agency
// approves. Refused, the approval is not recorded either.
func TestStatusAtEnactment(t *testing.T) {
	a := newAgencies(t, 2)
	expel := a.proposal(record.ActionExpel, a.shop)
	a.propose(a.manager, expel)
	a.mustInvoke(a.manager, record.TxSuspend, a.shop.ID.String(), "inquiry") // does not stand in its way
	other := a.proposal(record.ActionExpel, a.shop)
	a.propose(a.second, other)
	a.approve(a.third, other)
	a.refused(record.ErrPartyStatus, a.second, record.TxApproveDecision, expel.ID.String())
	require.Equal(t, []string{"SMMSP"}, voices(a.decision(expel)))
	a.refused(record.ErrPartyStatus, a.second, record.TxPropose, proposalArg(a.proposal(record.ActionExpel, a.shop)))
}

// TestApprovalRaces: of two agencies that approve at the same moment the second
// is submitted again, and the decision takes effect once.
func TestApprovalRaces(t *testing.T) {
	a := newAgencies(t, 3)
	p := a.proposal(record.ActionExpel, a.shop)
	a.propose(a.manager, p)
	simulate := func(id *stub.Identity, function, arg string) *stub.Transaction {
		tx, err := a.ledger.Simulate(a.call(id, function, arg))
		require.NoError(t, err)
		return tx
	}
	approving := func(id *stub.Identity) *stub.Transaction {
		return simulate(id, record.TxApproveDecision, p.ID.String())
	}
	verdict := func(second peer.TxValidationCode, list ...*stub.Transaction) {
		t.Helper()
		require.Equal(t, []peer.TxValidationCode{peer.TxValidationCode_VALID, second}, a.ledger.Commit(list...))
	}
	verdict(peer.TxValidationCode_PHANTOM_READ_CONFLICT, approving(a.second), approving(a.third))
	require.ElementsMatch(t, []string{"SMMSP", "BMSP"}, voices(a.decision(p)))
	a.approve(a.third, p)
	require.Equal(t, record.DecisionEnacted, a.decision(p).Status)
	require.Equal(t, record.StatusExpelled, a.status(a.shop))

	// Also of two of which either would have been the last.
	b := newAgencies(t, 2)
	q := b.proposal(record.ActionExpel, b.shop)
	b.propose(b.manager, q)
	var last []*stub.Transaction
	for _, id := range []*stub.Identity{b.second, b.third} {
		tx, err := b.ledger.Simulate(b.call(id, record.TxApproveDecision, q.ID.String()))
		require.NoError(t, err)
		last = append(last, tx)
	}
	codes := b.ledger.Commit(last...)
	require.Equal(t, peer.TxValidationCode_VALID, codes[0])
	require.NotEqual(t, peer.TxValidationCode_VALID, codes[1])
	b.refused(record.ErrDecisionOver, b.third, record.TxApproveDecision, q.ID.String())
	require.ElementsMatch(t, []string{"SMMSP", "BMSP"}, voices(b.decision(q)))

	// Two proposals under one id, and the same proposal twice.
	r, other := a.proposal(record.ActionRules, nil), a.proposal(record.ActionRules, nil)
	other.ID = r.ID
	other.Rules.ClockSkew++
	verdict(peer.TxValidationCode_MVCC_READ_CONFLICT, simulate(a.manager, record.TxPropose, proposalArg(r)), simulate(a.second, record.TxPropose, proposalArg(other)))
	a.refused(record.ErrDecisionExists, a.second, record.TxPropose, proposalArg(other))
}

// TestRules: a change of the rules holds for everything after it, also for what
// was signed or simulated before; it is never a violation.
func TestRules(t *testing.T) {
	a := newAgencies(t, 2)
	before := query[record.System](a.consortium, a.visitor, record.TxSystem)
	p := a.proposal(record.ActionRules, nil)
	a.propose(a.manager, p)
	old := a.entry(a.shop, a.owner)
	a.advance(int64(p.Rules.RecordWindow) - 1)
	call := batchCall(a.shop.identity, record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{old}})
	flying, err := a.ledger.Simulate(call)
	require.NoError(t, err)
	late := batchCall(a.shop.identity, record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{a.entry(a.shop, a.owner)}})
	enacting, err := a.ledger.Simulate(a.call(a.second, record.TxApproveDecision, p.ID.String()))
	require.NoError(t, err)
	require.Equal(t, []peer.TxValidationCode{peer.TxValidationCode_VALID, peer.TxValidationCode_MVCC_READ_CONFLICT}, a.ledger.Commit(enacting, flying))
	require.Equal(t, []string{"approval added " + p.ID.String(), "decision enacted " + p.ID.String(), "system rules changed"}, announced(t, enacting))

	want := before
	want.RecordWindow, want.ClockSkew = p.Rules.RecordWindow, p.Rules.ClockSkew
	require.Equal(t, want, query[record.System](a.consortium, a.visitor, record.TxSystem))
	require.Equal(t, before.Context(), want.Context(), "what was signed stays signed")
	a.mustSubmit(late)
	a.advance(2) // the old statement is now a second too old
	a.refusedCall(record.ErrTime, call)
	require.Zero(t, query[record.Standing](a.consortium, a.manager, record.TxStanding, a.shop.PID).Violations)
	future := a.statement(a.shop, a.owner)
	future.IssuedAt += int64(p.Rules.ClockSkew) + 1
	a.refusedBatch(record.ErrTime, a.shop, a.sign(future, a.shop, a.owner))
}

// TestRemovedAgency: chaincode with another system.json counts only the agencies
// that this one lists, whatever was approved before.
func TestRemovedAgency(t *testing.T) {
	a := newAgencies(t, 2)
	p := a.proposal(record.ActionExpel, a.shop)
	a.propose(a.second, p)
	system := systemOf(2, "SMMSP", "CMSP")
	upgraded := newCode(t, system)
	run := func(id *stub.Identity, function string, args ...string) (*stub.Transaction, error) {
		return a.ledger.SimulateWith(upgraded, a.call(id, function, args...))
	}
	answer := func(tx *stub.Transaction, err error) record.Decision {
		t.Helper()
		require.NoError(t, err)
		return decodeAnswer[record.Decision](a.consortium, tx.Response.GetPayload())
	}
	_, err := run(a.second, record.TxApproveDecision, p.ID.String())
	require.ErrorContains(t, err, string(record.ErrNotSystemManager.Code))
	open := answer(run(a.shop.identity, record.TxDecision, p.ID.String()))
	require.Empty(t, voices(open), "the proposer's own voice is gone")
	require.Equal(t, record.Digest(sha256.Sum256([]byte(system))), open.Managers, "an open decision shows what counts at present")

	first, err := run(a.manager, record.TxApproveDecision, p.ID.String())
	require.Equal(t, []string{"SMMSP"}, voices(answer(first, err)))
	require.Equal(t, []peer.TxValidationCode{peer.TxValidationCode_VALID}, a.ledger.Commit(first))
	require.Equal(t, record.StatusActive, a.status(a.shop), "two have approved, of whom one is no agency any more")
	d := answer(run(a.third, record.TxApproveDecision, p.ID.String()))
	require.Equal(t, record.DecisionEnacted, d.Status)
	require.ElementsMatch(t, []string{"SMMSP", "CMSP"}, voices(d))
	require.Equal(t, record.Digest(sha256.Sum256([]byte(system))), d.Managers, "it says under which system.json it was taken")

	// The set-up's digest stays what it was: that of the first system.json.
	stored := query[record.System](a.consortium, a.visitor, record.TxSystem)
	require.NotEqual(t, stored.Managers, d.Managers)
}

// TestDecisions: all decisions, the oldest proposal first.
func TestDecisions(t *testing.T) {
	a := newAgencies(t, 2)
	require.Empty(t, query[record.Page[record.Decision]](a.consortium, a.shop.identity, record.TxDecisions, "5", "").Items)
	var want []record.DecisionID
	for _, m := range []*member{a.shop, a.garage, a.insurer, a.rival, a.proxy} {
		p := a.proposal(record.ActionExpel, m)
		a.propose(a.manager, p)
		want = append(want, p.ID)
		a.advance(1)
	}
	approved := record.Proposal{ID: want[3]}
	a.approve(a.second, approved)
	var got []record.DecisionID
	for bookmark := ""; ; {
		page := query[record.Page[record.Decision]](a.consortium, a.shop.identity, record.TxDecisions, "2", bookmark)
		require.LessOrEqual(t, len(page.Items), 2)
		for _, d := range page.Items {
			require.NoError(t, d.Validate())
			require.Equal(t, d.ID == approved.ID, d.Status == record.DecisionEnacted)
			require.True(t, slices.Contains(voices(d), "SMMSP"))
			got = append(got, d.ID)
		}
		if bookmark = page.Bookmark; bookmark == "" {
			break
		}
	}
	require.Equal(t, want, got)
}
