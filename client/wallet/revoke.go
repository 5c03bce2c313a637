package wallet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// Revoke withdraws a consent, given or still on its way. It holds from the block
// in which it reaches the ledger; what was read stays read. A gateway could keep
// the withdrawal back and say that it did not: another node, the system manager's
// if that answers, is asked whether the ledger has it, and given it as well when
// that node does not know of it.
//
// It answers [ErrUnconfirmed] when no other node says so: then call it again, by
// way of another gateway ([Wallet.Via]).
func (w *Wallet) Revoke(ctx context.Context, id record.ConsentID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.session(ctx)
	if err != nil {
		return err
	}
	statement, sig, err := s.owner.Revoke(ctx, id)
	if err != nil {
		return err
	}
	r := &nodev1.CarryRevocationRequest{Statement: statement.Encode(), Signature: sig[:]}
	asOf, err := carryRevocation(ctx, s.gate, r)
	if err != nil {
		return err
	}
	w.c.drop(id)
	if err := w.save(); err != nil {
		return err
	}
	used := s.gate.current()
	var missed error
	for _, other := range w.others(s) {
		err := withdrawn(ctx, s, other, id, r)
		if err == nil {
			return s.chain.Await(ctx, asOf)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		missed = errors.Join(missed, err)
	}
	return fmt.Errorf("%w: %s was given it: %w", ErrUnconfirmed, used.Name, missed)
}

func carryRevocation(ctx context.Context, g *gateway, r *nodev1.CarryRevocationRequest) (uint64, error) {
	answer, err := ask(ctx, g, func(ctx context.Context, c nodev1.GatewayServiceClient) (*nodev1.CarryRevocationResponse, error) {
		return c.CarryRevocation(ctx, r)
	})
	return answer.GetAsOf(), err
}

// others are the nodes that can be asked beside the gateway in use, the system
// manager's first.
func (w *Wallet) others(s *session) []*gateway {
	used := s.gate.current()
	var all []*gateway
	for _, n := range append([]Node{w.c.Network.Nodes[0]}, s.gate.nodes...) {
		if n.Party != used.Party {
			all = append(all, &gateway{names: s.gate.names, nodes: []Node{n}, to: s.gate.to})
		}
	}
	return all
}

// withdrawn has a node confirm that the ledger has a withdrawal. Its peer may be a
// moment behind. Where the ledger lists no such consent, the node carries the
// withdrawal itself: it keeps a consent out that has not arrived.
func withdrawn(ctx context.Context, s *session, other *gateway, id record.ConsentID, r *nodev1.CarryRevocationRequest) error {
	chain := s.chain.As(other)
	for range confirmTries {
		listed, err := revokedAt(ctx, chain, id)
		if listed || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lagPause):
		}
	}
	if _, err := carryRevocation(ctx, other, r); err != nil {
		return err
	}
	_, err := chain.Consent(ctx, id)
	if errors.Is(err, record.ErrConsentUnknown) {
		return nil
	}
	listed, err := revokedAt(ctx, chain, id)
	if err == nil && !listed {
		err = fmt.Errorf("%s: the consent is not withdrawn", other.current().Name)
	}
	return err
}

// confirmTries is how often another node is asked before it is given the
// withdrawal, too.
const confirmTries = 8

// revokedAt says whether a node's peer lists a consent as withdrawn.
func revokedAt(ctx context.Context, chain *client.Chain, id record.ConsentID) (bool, error) {
	consent, err := chain.Consent(ctx, id)
	if errors.Is(err, record.ErrConsentUnknown) {
		return false, nil
	}
	return err == nil && consent.Status == record.ConsentRevoked, err
}
