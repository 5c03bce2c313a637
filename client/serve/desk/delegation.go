package desk

import (
	"context"
	"errors"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/turn"
	"github.com/claimshare/claimshare/client/store"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pre"
)

// Delegation is the DelegationService: the proxy's desk for policyholders.
type Delegation struct {
	nodev1.UnimplementedDelegationServiceServer
	chain *client.Chain
	proxy *client.Proxy

	waiting turn.Turns[record.PartyID] // owners whose blocks are waited for
}

// NewDelegation makes the service of a proxy's node.
func NewDelegation(chain *client.Chain, proxy *client.Proxy) *Delegation {
	return &Delegation{chain: chain, proxy: proxy}
}

// Accept takes the re-encryption key of a consent of the caller's. To have it
// already is fine: the consent commits to one key alone.
func (d *Delegation) Accept(ctx context.Context, r *nodev1.AcceptRequest) (*nodev1.AcceptResponse, error) {
	consent, err := consentOf(ctx, d.chain, &d.waiting, r.GetAsOf(), r.GetConsent())
	if err != nil {
		return nil, err
	}
	token, err := pre.ParseToken(r.GetToken())
	if err != nil {
		return nil, err
	}
	err = d.proxy.Accept(ctx, client.ProxyPart{AsOf: r.GetAsOf(), Consent: consent.Consent, Token: token})
	if err != nil && !errors.Is(err, store.ErrExists) {
		return nil, err
	}
	return &nodev1.AcceptResponse{}, nil
}
