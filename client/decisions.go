package client

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Propose proposes to expel or reinstate a party, or to change the rules, and
// approves it for the caller's agency; a system manager's act. Where one agency
// is enough it takes effect at once: see the status of the answer. The id is
// drawn here unless the proposal has one; to try again after an error whose
// outcome is unknown, propose with the same id.
//
// A [Chain] keeps the rules of the time when it was opened. Open it anew after a
// change of the rules; what is too old for the new ones, the ledger refuses.
//
// The errors are [record.ErrDecisionExists], [record.ErrDecisionOver],
// [record.ErrPartyUnknown], [record.ErrPartyStatus] and the chaincode's others.
func (c *Chain) Propose(ctx context.Context, p record.Proposal) (*record.Decision, error) {
	if p.ID.IsZero() {
		if _, err := rand.Read(p.ID[:]); err != nil {
			return nil, fmt.Errorf("client: draw a decision id: %w", err)
		}
	}
	return submit[record.Decision](ctx, c, record.TxPropose, record.EncodeText(p.Encode()))
}

// ApproveDecision adds the voice of the caller's agency to a proposal; a system
// manager's act. The approval that makes the number of agencies full puts the
// decision into effect. An agency that has approved already changes nothing.
//
// It returns [record.ErrDecisionUnknown], [record.ErrDecisionOver] when the
// proposal has expired or taken effect without this agency,
// [record.ErrPartyStatus] when the party already is what it would become, and the
// chaincode's other errors.
func (c *Chain) ApproveDecision(ctx context.Context, id record.DecisionID) (*record.Decision, error) {
	return submit[record.Decision](ctx, c, record.TxApproveDecision, id.String())
}

// Decision is one decision, with who has approved it when and in which
// transaction. It returns [record.ErrDecisionUnknown].
func (c *Chain) Decision(ctx context.Context, id record.DecisionID) (*record.Decision, error) {
	return one(ctx, c, record.TxDecision, func(d *record.Decision) bool { return d.ID == id }, id.String())
}

// Decisions is every decision, the oldest proposal first.
func (c *Chain) Decisions(ctx context.Context) ([]record.Decision, error) {
	return pages[record.Decision](ctx, c.ledger, record.TxDecisions)
}
