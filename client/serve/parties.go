package serve

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/form"
	"github.com/claimshare/claimshare/client/mutual"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// Proxy serves re-encryption.
type Proxy struct {
	nodev1.UnimplementedProxyServiceServer
	proxy   *client.Proxy
	waiting *waiting
	holders func(id record.PartyID) client.Holder
}

// NewProxy serves for a proxy that reads the ledger through chain. Holders is the
// way to a party that keeps records; it may be remote.
func NewProxy(p *client.Proxy, chain *client.Chain, holders func(id record.PartyID) client.Holder) *Proxy {
	return &Proxy{proxy: p, waiting: newWaiting(chain), holders: holders}
}

// Release re-encrypts for the requester that calls. All the records of a demand
// are kept by one holder.
func (p *Proxy) Release(ctx context.Context, r *nodev1.ReleaseRequest) (*nodev1.ReleaseResponse, error) {
	caller, err := callerOf(ctx, record.RoleInsurer, record.RoleRepairShop)
	if err != nil {
		return nil, err
	}
	d, err := form.Demand(r, caller.Party.ID)
	if err != nil {
		return nil, err
	}
	if err := p.waiting.await(ctx, caller.Party.ID, d.AsOf); err != nil {
		return nil, err
	}
	handovers, err := p.proxy.ReleaseFrom(ctx, d, p.holders)
	if err != nil {
		return nil, err
	}
	answer := &nodev1.ReleaseResponse{}
	for _, h := range handovers {
		answer.Handovers = append(answer.Handovers, form.HandoverOut(h))
	}
	return answer, nil
}

// Authority serves the system manager's part of Algorithm 1.
type Authority struct {
	nodev1.UnimplementedAuthorityServiceServer
	authority *client.Authority
}

// NewAuthority serves for a system manager.
func NewAuthority(a *client.Authority) *Authority { return &Authority{authority: a} }

// SubmitBatch carries the batch of the issuer that calls.
func (a *Authority) SubmitBatch(ctx context.Context, r *nodev1.SubmitBatchRequest) (*nodev1.SubmitBatchResponse, error) {
	caller, err := mutual.From(ctx)
	if err != nil {
		return nil, err
	}
	batch, err := record.DecodeBatch(r.GetBatch())
	if err != nil {
		return nil, err
	}
	answer, result, err := a.authority.Carry(ctx, caller.Party.ID, *batch)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("serve: encode the answer: %w", err)
	}
	return &nodev1.SubmitBatchResponse{Answer: encoded, TxId: result.TxID, Block: result.Block}, nil
}
