package remote

import (
	"context"
	"encoding/json"
	"fmt"

	"google.golang.org/grpc"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/form"
	"github.com/claimshare/claimshare/client/ledger"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// Proxy is another party that re-encrypts.
type Proxy struct{ party *party }

// ID is the proxy's short pseudo-identity.
func (p *Proxy) ID() record.PartyID { return p.party.id }

// Release demands records of one holder under a consent. The requester is this
// node, whatever the demand says. It returns [client.ErrAnswer] for handovers of
// anything else; what they are worth, [client.Member.Receive] finds out.
func (p *Proxy) Release(ctx context.Context, d client.Demand) ([]client.Handover, error) {
	var handovers []client.Handover
	err := p.party.unary(ctx, func(ctx context.Context, conn *grpc.ClientConn) error {
		r, err := nodev1.NewProxyServiceClient(conn).Release(ctx, form.ReleaseRequest(d))
		if err != nil {
			return err
		}
		handovers, err = answered(d, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return handovers, nil
}

func answered(d client.Demand, r *nodev1.ReleaseResponse) ([]client.Handover, error) {
	if len(r.GetHandovers()) != len(d.Records) {
		return nil, fmt.Errorf("%w: %d handovers for %d records", client.ErrAnswer, len(r.GetHandovers()), len(d.Records))
	}
	all := make([]client.Handover, len(d.Records))
	for i, id := range d.Records {
		h, err := form.Handover(r.GetHandovers()[i])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", client.ErrAnswer, err)
		}
		if s := &h.Delivery.Statement; s.Record != id || s.Consent != d.Consent || s.Release != h.Release {
			return nil, fmt.Errorf("%w: a handover of record %s for record %s", client.ErrAnswer, s.Record, id)
		}
		all[i] = h
	}
	return all, nil
}

// Authority is another party that is a system manager.
type Authority struct{ party *party }

var _ client.Carrier = (*Authority)(nil)

// ID is the authority's short pseudo-identity.
func (a *Authority) ID() record.PartyID { return a.party.id }

// Carry has the authority submit this node's batch, which has a carriage. It
// returns [client.ErrAnswer] for an answer that is not about this batch. That
// the records are on the ledger, the ledger says, not the authority.
func (a *Authority) Carry(ctx context.Context, batch record.Batch) (*record.BatchAnswer, ledger.Result, error) {
	encoded := batch.Encode()
	var answer record.BatchAnswer
	var result ledger.Result
	err := a.party.unary(ctx, func(ctx context.Context, conn *grpc.ClientConn) error {
		r, err := nodev1.NewAuthorityServiceClient(conn).SubmitBatch(ctx, &nodev1.SubmitBatchRequest{Batch: encoded})
		if err != nil {
			return err
		}
		answer = record.BatchAnswer{}
		if err := json.Unmarshal(r.GetAnswer(), &answer); err != nil {
			return fmt.Errorf("%w: %w", client.ErrAnswer, err)
		}
		if _, err := record.ParseTxID(r.GetTxId()); err != nil {
			return fmt.Errorf("%w: %w", client.ErrAnswer, err)
		}
		result = ledger.Result{TxID: r.GetTxId(), Block: r.GetBlock(), Payload: r.GetAnswer()}
		return about(&answer, len(batch.Entries))
	})
	if err != nil {
		return nil, ledger.Result{}, err
	}
	return &answer, result, nil
}

func about(a *record.BatchAnswer, entries int) error {
	if a.Entries != entries || len(a.Exceptions) > entries || a.Recorded < 0 || a.Recorded > entries {
		return fmt.Errorf("%w: %d verdicts for %d records", client.ErrAnswer, a.Entries, entries)
	}
	for _, e := range a.Exceptions {
		if e.Index < 0 || e.Index >= entries {
			return fmt.Errorf("%w: a verdict on record %d of %d", client.ErrAnswer, e.Index, entries)
		}
	}
	return nil
}
