package model

import (
	"slices"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
)

func (t *transaction) propose(args []string) {
	p, ok := decoded(t, args[0], record.DecodeProposal)
	if !ok {
		return
	}
	if before := get[record.Decision](t, decisionKey(p.ID)); before != nil {
		if !t.refuse(before.Agency != t.msp || before.Proposal != *p, record.ErrDecisionExists) {
			t.answer = t.shown(before)
		}
		return
	}
	t.refuse(p.Expiry <= t.now, record.ErrDecisionOver)
	t.refuse(p.Expiry > t.now+90*24*3600, record.ErrMalformed)
	if t.target(p); t.refused() {
		return
	}
	d := &record.Decision{
		Proposal: *p, Agency: t.msp, ProposedAt: t.now, ProposeTx: t.tx, Status: record.DecisionOpen,
		Threshold: uint32(t.m.threshold), Managers: t.m.managers, Approvals: []record.Approval{},
	}
	t.changed(record.DocumentDecision, "proposed", p.ID.String())
	t.addApproval(d, nil, true)
}

// target is the party that a proposal is about; a change of rules has none.
func (t *transaction) target(p *record.Proposal) *record.Party {
	if p.Action == record.ActionRules {
		return nil
	}
	party := t.known(p.Party)
	if party == nil {
		return nil
	}
	already := record.StatusExpelled
	if p.Action == record.ActionReinstate {
		already = record.StatusActive
	}
	t.refuse(party.Status == already, record.ErrPartyStatus)
	return party
}

// given lists the approvals of a decision by time.
func (t *transaction) given(id record.DecisionID) []record.Approval {
	list := []record.Approval{}
	for _, d := range t.list(approvals(id)) {
		list = append(list, *d.(*record.Approval))
	}
	return byTime(list)
}

func byTime(list []record.Approval) []record.Approval {
	slices.SortFunc(list, func(a, b record.Approval) int {
		if a.Time != b.Time {
			return int(a.Time - b.Time)
		}
		return strings.Compare(a.Agency, b.Agency)
	})
	return list
}

// shown is a decision with the approvals that it has so far.
func (t *transaction) shown(d *record.Decision) *record.Decision {
	if d.Status == record.DecisionOpen {
		d.Approvals = t.given(d.ID)
	}
	return d
}

func (t *transaction) approveDecision(args []string) {
	id, ok := parsed(t, args[0], record.ParseDecisionID)
	if !ok {
		return
	}
	d := get[record.Decision](t, decisionKey(id))
	if t.refuse(d == nil, record.ErrDecisionUnknown) {
		return
	}
	given := t.given(id)
	if slices.ContainsFunc(given, func(a record.Approval) bool { return a.Agency == t.msp }) {
		t.answer = t.shown(d)
		return
	}
	if t.refuse(d.Status == record.DecisionEnacted || t.now >= d.Expiry, record.ErrDecisionOver) {
		return
	}
	t.addApproval(d, given, false)
}

// addApproval adds the caller's agency; with enough of them the decision takes
// effect.
func (t *transaction) addApproval(d *record.Decision, given []record.Approval, isNew bool) {
	a := &record.Approval{Decision: d.ID, Agency: t.msp, Subject: t.subject, Time: t.now, Tx: t.tx}
	t.put(approvalKey(a), a)
	t.changed(record.DocumentApproval, "added", d.ID.String())
	given = byTime(append(given, *a))
	shown := *d
	shown.Approvals = given
	if len(given) >= t.m.threshold {
		party := t.target(&d.Proposal)
		if t.refused() {
			return
		}
		shown.Status, shown.EnactedAt, shown.EnactTx = record.DecisionEnacted, t.now, t.tx
		t.changed(record.DocumentDecision, "enacted", d.ID.String())
		t.enact(&d.Proposal, party)
		d = &shown
	}
	if isNew || d.Status == record.DecisionEnacted {
		t.put(decisionKey(d.ID), d)
	}
	t.answer = &shown
}

func (t *transaction) enact(p *record.Proposal, party *record.Party) {
	switch p.Action {
	case record.ActionExpel:
		t.setStatus(party, record.StatusExpelled, p.Reason, "expelled")
	case record.ActionReinstate:
		t.setStatus(party, record.StatusActive, p.Reason, "reinstated")
	default:
		t.system.RecordWindow, t.system.ClockSkew = p.Rules.RecordWindow, p.Rules.ClockSkew
		t.changed(record.DocumentSystem, "rules changed")
		t.put(systemKey, t.system)
	}
}
