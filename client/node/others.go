package node

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/remote"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// others is how a node reaches other parties' nodes.
type others interface {
	// Holder is an insurer or repair shop.
	Holder(id record.PartyID) client.Holder
	// Release demands records of a proxy.
	Release(ctx context.Context, proxy record.PartyID, d client.Demand) ([]client.Handover, error)
}

// reached is others over the network. What is asked of them is logged.
type reached struct {
	nodes *remote.Nodes
	log   *slog.Logger
}

// Holder implements others.
func (r *reached) Holder(id record.PartyID) client.Holder {
	return &loggedHolder{r.nodes.Holder(id), r.log}
}

// Release implements others.
func (r *reached) Release(ctx context.Context, proxy record.PartyID, d client.Demand) ([]client.Handover, error) {
	began := time.Now()
	handovers, err := r.nodes.Proxy(proxy).Release(ctx, d)
	note(ctx, r.log, "demanded of a proxy", began, err, "proxy", proxy.String(), "consent", d.Consent.String(), "records", len(d.Records))
	return handovers, err
}

// carrier gives batches to the system manager's node, whichever of several
// agencies' answers.
type carrier struct {
	party *party
	nodes *remote.Nodes
}

// Carry implements client.Carrier.
func (c *carrier) Carry(ctx context.Context, batch record.Batch) (*record.BatchAnswer, ledger.Result, error) {
	parties, err := c.party.chain.Parties(ctx)
	if err != nil {
		return nil, ledger.Result{}, err
	}
	err = errors.New("the ledger lists no active system manager that runs a node")
	for i := range parties {
		if parties[i].Role != record.RoleAuthority || parties[i].Status != record.StatusActive {
			continue
		}
		var answer *record.BatchAnswer
		var result ledger.Result
		if answer, result, err = c.nodes.Authority(parties[i].ID).Carry(ctx, batch); err == nil {
			return answer, result, nil
		}
		if !away(err) {
			return nil, result, err
		}
	}
	return nil, ledger.Result{}, err
}

// away reports whether a party could not be asked at all.
func away(err error) bool {
	return errors.Is(err, refusal.ErrUnreachable) || errors.Is(err, refusal.ErrAddress)
}
