package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/internal/skip"
	"github.com/claimshare/claimshare/client/serve/desk"
	"github.com/claimshare/claimshare/client/store"
)

// custody is what a member's node keeps for the owners of its records
// ([desk.Custody]).
type custody struct{ party *party }

var _ desk.Custody = custody{}

// absent is the answer for another owner's things too.
func absent(id record.RecordID) error { return fmt.Errorf("record %s: %w", id, store.ErrNotFound) }

// Proposals implements desk.Custody.
func (c custody) Proposals(ctx context.Context, owner record.PartyID, max int) ([]desk.Proposed, error) {
	var list []desk.Proposed
	for p, err := range c.party.store.ProposalsFor(ctx, owner) {
		if err != nil {
			return nil, err
		}
		s, err := record.DecodeRecordStatement(p.Statement)
		if err != nil {
			return nil, fmt.Errorf("proposal %s in this node's own database: %w", p.RecordID, err)
		}
		if list = append(list, desk.Proposed{Statement: *s, IssuerPID: p.IssuerPID}); len(list) == max {
			break
		}
	}
	return list, nil
}

// offered is a proposal to the owner.
func (c custody) offered(ctx context.Context, owner record.PartyID, id record.RecordID) (*store.Proposal, error) {
	p, err := c.party.store.Proposal(ctx, id)
	if err == nil && p.Owner != owner {
		err = absent(id)
	}
	return p, err
}

// kept is a record of the owner's.
func (c custody) kept(ctx context.Context, owner record.PartyID, id record.RecordID) (*store.Entry, error) {
	e, err := c.party.store.Record(ctx, id)
	if err == nil && e.Owner != owner {
		err = absent(id)
	}
	return e, err
}

// Countersign implements desk.Custody.
func (c custody) Countersign(ctx context.Context, owner record.PartyID, id record.RecordID, sig record.Signature) error {
	if _, err := c.offered(ctx, owner, id); err != nil {
		if _, keptErr := c.kept(ctx, owner, id); keptErr != nil {
			return err
		}
	}
	if err := c.party.member.Countersigned(ctx, id, sig); err != nil {
		return err
	}
	nudge(c.party.recorded)
	return nil
}

// Decline implements desk.Custody.
func (c custody) Decline(ctx context.Context, owner record.PartyID, id record.RecordID, reason string) error {
	if _, err := c.offered(ctx, owner, id); err != nil {
		return err
	}
	return c.party.store.DeclineProposal(ctx, id, reason)
}

// Capsule implements desk.Custody.
func (c custody) Capsule(ctx context.Context, owner record.PartyID, id record.RecordID) ([]byte, error) {
	p, err := c.offered(ctx, owner, id)
	if err == nil {
		return p.Capsule, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	e, err := c.kept(ctx, owner, id)
	if err != nil {
		return nil, err
	}
	if !e.Erased.IsZero() {
		return nil, fmt.Errorf("record %s, on %s: %w", id, e.Erased.Format(time.DateOnly), store.ErrErased)
	}
	return e.Capsule, nil
}

// Payload implements desk.Custody.
func (c custody) Payload(ctx context.Context, owner record.PartyID, id record.RecordID, offset uint64, dst io.Writer) error {
	rest := &skip.Writer{W: dst, Left: offset}
	if _, err := c.offered(ctx, owner, id); err == nil {
		return c.party.store.ProposalPayload(ctx, id, rest)
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if _, err := c.kept(ctx, owner, id); err != nil {
		return err
	}
	return c.party.store.Payload(ctx, id, rest)
}

// ReplaceCapsule implements desk.Custody.
func (c custody) ReplaceCapsule(ctx context.Context, owner record.PartyID, id record.RecordID, capsule []byte) error {
	if _, err := c.kept(ctx, owner, id); err != nil {
		return err
	}
	return c.party.member.ReplaceCapsule(ctx, owner, id, capsule)
}
