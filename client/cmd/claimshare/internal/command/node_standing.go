package command

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/node"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

func (a *app) nodeSuspend() *cobra.Command {
	return a.nodeStanding(node.StandingSuspend, "Suspend a party at once (authority)",
		`Suspend a party: whatever is signed or sent in its name is refused, until it is
reinstated. This needs no other agency, because it is urgent: a stolen key, say.`)
}

func (a *app) nodeExpel() *cobra.Command {
	return a.nodeStanding(node.StandingExpel, "Expel a party (authority)",
		`Expel a party: it can submit nothing any more. What it recorded stays readable for
those who have a copy. Where the alliance has several agencies this is a proposal,
which the others approve within 30 days with "claimshare node decide".`)
}

func (a *app) nodeReinstate() *cobra.Command {
	return a.nodeStanding(node.StandingReinstate, "Make a suspended or expelled party active again (authority)",
		`Make a suspended or expelled party active again; its violations stay. Where the
alliance has several agencies this is a proposal, which the others approve within
30 days with "claimshare node decide".`)
}

func (a *app) nodeStanding(action, short, long string) *cobra.Command {
	var reason string
	c := &cobra.Command{Use: action + " PARTY", Short: short, Long: long + "\n\nPARTY is a party id or a pseudo-identity.", Args: arguments("PARTY")}
	c.Flags().StringVar(&reason, "reason", "", "in clear on the ledger, 1 to 256 characters")
	c = a.operate(c, func(ctx context.Context, o nodev1.OperatorServiceClient, args []string) error {
		r, err := o.Standing(ctx, &nodev1.StandingRequest{Party: args[0], Action: action, Reason: reason})
		if err != nil {
			return err
		}
		said := answer{{"party", "party", r.Party}, {"status", "status", r.Status}}
		if r.Decision != nil {
			said = append(said, describeDecision(r.Decision)...)
		}
		return a.print(said)
	})
	return needed(c, "reason TEXT")
}

func describeDecision(d *nodev1.Decision) answer {
	return answer{
		{"decision", "decision", hex.EncodeToString(d.Id)}, {"decisionStatus", "which is", d.Status},
		{"approvals", "approved by", fmt.Sprintf("%d of %d agencies", d.Approvals, d.Threshold)},
		{"expires", "open until", time.Unix(d.Expiry, 0).UTC().Format(time.RFC3339)},
	}
}

func (a *app) nodeDecide() *cobra.Command {
	c := &cobra.Command{
		Use:   "decide DECISION",
		Short: "Approve a decision that another agency proposed (authority)",
		Args:  arguments("DECISION"),
	}
	return a.operate(c, func(ctx context.Context, o nodev1.OperatorServiceClient, args []string) error {
		id, err := record.ParseDecisionID(args[0])
		if err != nil {
			return usage("%w", err)
		}
		r, err := o.Decide(ctx, &nodev1.DecideRequest{Decision: id[:]})
		if err != nil {
			return err
		}
		return a.print(append(answer{{"action", "action", r.Decision.Action}}, describeDecision(r.Decision)...))
	})
}
