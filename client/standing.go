package client

import (
	"context"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Suspend suspends an active party; a system manager's act, which needs no
// other agency because it is urgent. A suspended party can submit nothing until
// it is reinstated. The reason is in clear on the ledger.
//
// It returns [record.ErrPartyUnknown], [record.ErrPartyStatus] for a party that
// is not active, and the chaincode's other errors.
func (c *Chain) Suspend(ctx context.Context, id record.PartyID, reason string) (*record.Party, error) {
	return submit[record.Party](ctx, c, record.TxSuspend, id.String(), reason)
}

// decisionLife is how long other agencies have to approve what [Chain.Decide]
// proposes.
const decisionLife = 30 * 24 * time.Hour

// Decide proposes to expel or to reinstate a party, and leaves the other
// agencies 30 days to approve. Where one agency is enough it takes effect at
// once: see the status of the answer. The errors are those of [Chain.Propose].
func (c *Chain) Decide(ctx context.Context, action record.Action, id record.PartyID, reason string) (*record.Decision, error) {
	return c.Propose(ctx, record.Proposal{Action: action, Party: id, Reason: reason, Expiry: time.Now().Add(decisionLife).Unix()})
}
