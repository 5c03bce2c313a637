package contract

import (
	"github.com/claimshare/claimshare/chaincode/record"
)

// Decisions of several agencies. An agency has one voice, whichever of its
// identities uses it. Each approval is a key of its own; they are counted with a
// range query, so that of two that reach the ledger together the second is
// invalid as a phantom and has to be submitted again. It then counts the first.

// Propose puts a proposal on the ledger, approved by the caller's agency. Where
// one agency is enough it takes effect at once.
func (*registry) Propose(c *Context, proposal string) (string, error) {
	p, err := argument(record.ArgProposal, proposal, record.DecodeProposal)
	if err != nil {
		return "", err
	}
	existing, err := load(c, record.DecisionKey(p.ID), record.DecodeDecision)
	if err != nil {
		return "", err
	}
	if existing != nil {
		if existing.Agency == c.caller.msp && existing.Proposal == *p {
			return c.answerDecision(existing)
		}
		return "", record.ErrDecisionExists.With("decision %s is there with other contents", p.ID)
	}
	if c.now >= p.Expiry {
		return "", record.ErrDecisionOver.With("the proposal expired at %s", record.FormatTime(p.Expiry))
	}
	if p.Expiry > c.now+record.MaxProposalLife {
		return "", record.ErrMalformed.With("a proposal may wait for approvals no longer than until %s", record.FormatTime(c.now+record.MaxProposalLife))
	}
	if _, err := c.checkTarget(p); err != nil {
		return "", err
	}
	d := &record.Decision{
		Proposal: *p, Agency: c.caller.msp, ProposedAt: c.now, ProposeTx: c.tx, Status: record.DecisionOpen,
		Threshold: c.managers.threshold, Managers: c.managers.digest, Approvals: []record.Approval{},
	}
	if err := c.putIndex(indexDecision, sortable(c.now), record.KeyPart(p.ID[:])); err != nil {
		return "", err
	}
	c.changed(record.DocumentDecision, "proposed", p.ID.String())
	return c.approveDecision(d, nil, true)
}

// ApproveDecision adds the voice of the caller's agency to a proposal.
func (*registry) ApproveDecision(c *Context, decision string) (string, error) {
	d, err := c.namedDecision(decision)
	if err != nil {
		return "", err
	}
	given, err := c.approvals(d.ID)
	if err != nil {
		return "", err
	}
	for i := range given {
		if given[i].Agency == c.caller.msp {
			return c.answerDecision(d)
		}
	}
	switch {
	case d.Status == record.DecisionEnacted:
		return "", record.ErrDecisionOver.With("decision %s took effect at %s", d.ID, record.FormatTime(d.EnactedAt))
	case c.now >= d.Expiry:
		return "", record.ErrDecisionOver.With("the proposal expired at %s", record.FormatTime(d.Expiry))
	}
	return c.approveDecision(d, given, false)
}

// approveDecision adds the caller's approval to those given, and enacts the
// decision when enough of them count. The document of a decision is written
// when it is new or takes effect, so that approvals share no key.
func (c *Context) approveDecision(d *record.Decision, given []record.Approval, isNew bool) (string, error) {
	approval := &record.Approval{Decision: d.ID, Agency: c.caller.msp, Subject: c.caller.subject, Time: c.now, Tx: c.tx}
	key, err := approvalKey(d.ID, approval.Agency)
	if err != nil {
		return "", err
	}
	if err := c.put(key, approval); err != nil {
		return "", err
	}
	c.changed(record.DocumentApproval, "added", d.ID.String())
	counted := c.counted(append(given, *approval))
	enough := len(counted) >= int(c.managers.threshold)
	if enough {
		if err := c.enact(d, counted); err != nil {
			return "", err
		}
	}
	if enough || isNew {
		if err := c.put(record.DecisionKey(d.ID), d); err != nil {
			return "", err
		}
	}
	return c.done(c.view(d, counted))
}

// enact puts a decision into effect.
func (c *Context) enact(d *record.Decision, counted []record.Approval) error {
	party, err := c.checkTarget(&d.Proposal)
	if err != nil {
		return err
	}
	d.Status, d.EnactedAt, d.EnactTx = record.DecisionEnacted, c.now, c.tx
	d.Threshold, d.Managers, d.Approvals = c.managers.threshold, c.managers.digest, counted
	c.changed(record.DocumentDecision, "enacted", d.ID.String())
	switch d.Action {
	case record.ActionExpel:
		return c.setStatus(party, record.StatusExpelled, d.Reason, "expelled")
	case record.ActionReinstate:
		return c.setStatus(party, record.StatusActive, d.Reason, "reinstated")
	}
	system := *c.setUp
	system.RecordWindow, system.ClockSkew = d.Rules.RecordWindow, d.Rules.ClockSkew
	c.changed(record.DocumentSystem, "rules changed")
	return c.put(record.SystemKey, &system)
}

// checkTarget loads the party that a proposal is about and refuses when it is
// already what the proposal would make of it. A change of rules has no party.
func (c *Context) checkTarget(p *record.Proposal) (*record.Party, error) {
	from := expellable
	switch p.Action {
	case record.ActionRules:
		return nil, nil
	case record.ActionReinstate:
		from = reinstatable
	}
	party, err := c.party(p.Party)
	if err != nil {
		return nil, err
	}
	return party, hasStatus(party, from)
}

// approvals lists every approval of a decision.
func (c *Context) approvals(id record.DecisionID) ([]record.Approval, error) {
	rows, err := c.GetStub().GetStateByPartialCompositeKey(indexApproval, []string{record.KeyPart(id[:])})
	if err != nil {
		return nil, internal("query", err)
	}
	list, err := drain(rows)
	if err != nil {
		return nil, err
	}
	approvals := make([]record.Approval, len(list))
	for i, row := range list {
		approval, err := decodeState(row.key, row.value, record.DecodeApproval)
		if err != nil {
			return nil, err
		}
		approvals[i] = *approval
	}
	return approvals, nil
}

// counted keeps the approvals of agencies that system.json lists: one that an
// upgrade of the chaincode has removed has no voice any more.
func (c *Context) counted(approvals []record.Approval) []record.Approval {
	list := []record.Approval{}
	for _, a := range approvals {
		if c.managers.agencies[a.Agency] {
			list = append(list, a)
		}
	}
	record.SortApprovals(list)
	return list
}

// view is a decision with its approvals and the present threshold as long as it
// is open.
func (c *Context) view(d *record.Decision, counted []record.Approval) *record.Decision {
	if d.Status == record.DecisionEnacted {
		return d
	}
	open := *d
	open.Threshold, open.Managers, open.Approvals = c.managers.threshold, c.managers.digest, counted
	return &open
}

func (c *Context) viewDecision(d *record.Decision) (*record.Decision, error) {
	if d.Status == record.DecisionEnacted {
		return d, nil
	}
	given, err := c.approvals(d.ID)
	if err != nil {
		return nil, err
	}
	return c.view(d, c.counted(given)), nil
}

func (c *Context) answerDecision(d *record.Decision) (string, error) {
	viewed, err := c.viewDecision(d)
	if err != nil {
		return "", err
	}
	return c.done(viewed)
}

func (c *Context) namedDecision(name string) (*record.Decision, error) {
	id, err := record.ParseDecisionID(name)
	if err != nil {
		return nil, err
	}
	d, err := load(c, record.DecisionKey(id), record.DecodeDecision)
	if err == nil && d == nil {
		err = record.ErrDecisionUnknown.With("there is no decision %s", id)
	}
	return d, err
}

// Decision answers with one decision.
func (*registry) Decision(c *Context, decision string) (string, error) {
	d, err := c.namedDecision(decision)
	if err != nil {
		return "", err
	}
	return c.answerDecision(d)
}

// Decisions answers with a page of the decisions.
func (*registry) Decisions(c *Context, pageSize, bookmark string) (string, error) {
	page, err := documentPage(c, pageSize, bookmark, record.DecisionPrefix, record.DecodeDecision, indexDecision)
	if err != nil {
		return "", err
	}
	for i, d := range page.Items {
		if page.Items[i], err = c.viewDecision(d); err != nil {
			return "", err
		}
	}
	return c.done(page)
}
