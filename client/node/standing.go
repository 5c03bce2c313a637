package node

import (
	"context"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// What an authority can do to a party.
const (
	StandingSuspend   = "suspend"
	StandingExpel     = "expel"
	StandingReinstate = "reinstate"
)

// Standing implements nodev1.OperatorServiceServer.
func (o *operator) Standing(ctx context.Context, r *nodev1.StandingRequest) (*nodev1.StandingResponse, error) {
	if err := o.forAuthority(); err != nil {
		return nil, err
	}
	id := named(r.Party)
	chain, answer := o.party.chain, &nodev1.StandingResponse{}
	o.party.log.Warn("a party's standing", "action", r.Action, "party", id.String())
	var (
		decision *record.Decision
		err      error
	)
	switch r.Action {
	case StandingSuspend:
		_, err = chain.Suspend(ctx, id, r.Reason)
	case StandingExpel:
		decision, err = chain.Decide(ctx, record.ActionExpel, id, r.Reason)
	case StandingReinstate:
		decision, err = chain.Decide(ctx, record.ActionReinstate, id, r.Reason)
	default:
		err = record.ErrMalformed.With("the action is %s, %s or %s, not %q", StandingSuspend, StandingExpel, StandingReinstate, r.Action)
	}
	if err != nil {
		return nil, unknown(r.Party, err)
	}
	if decision != nil {
		answer.Decision = describeDecision(decision)
	}
	now, err := chain.Party(ctx, id)
	if err != nil {
		return nil, err
	}
	answer.Party, answer.Status = now.ID.String(), now.Status.String()
	return answer, nil
}

// Decide implements nodev1.OperatorServiceServer.
func (o *operator) Decide(ctx context.Context, r *nodev1.DecideRequest) (*nodev1.DecideResponse, error) {
	if err := o.forAuthority(); err != nil {
		return nil, err
	}
	var id record.DecisionID
	if len(r.Decision) != len(id) {
		return nil, record.ErrMalformed.With("a decision id has %d bytes, not %d", len(id), len(r.Decision))
	}
	copy(id[:], r.Decision)
	decision, err := o.party.chain.ApproveDecision(ctx, id)
	if err != nil {
		return nil, err
	}
	return &nodev1.DecideResponse{Decision: describeDecision(decision)}, nil
}

func describeDecision(d *record.Decision) *nodev1.Decision {
	return &nodev1.Decision{
		Id: d.ID[:], Action: d.Action.String(), Status: d.Status.String(),
		Approvals: uint32(len(d.Approvals)), Threshold: d.Threshold, Expiry: d.Expiry, //nolint:gosec // at most record.MaxAgencies
	}
}
