package wallet

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// Proposal is a sealed record that waits for the owner's signature.
type Proposal struct {
	Statement record.RecordStatement
	IssuerPID string
	Node      Node // the issuer's
}

// Proposals asks every member's node for what waits for the owner. With what
// could be asked comes the error of every node that could not.
func (w *Wallet) Proposals(ctx context.Context) ([]Proposal, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.session(ctx); err != nil {
		return nil, err
	}
	// Another member may have joined. Without the system manager, those known do.
	missed := w.refresh(ctx)
	if missed != nil && !errors.Is(missed, ErrUnreachable) {
		return nil, missed
	}
	if _, err := w.session(ctx); err != nil {
		return nil, err
	}
	var all []Proposal
	for _, n := range w.c.Network.members() {
		some, err := w.proposalsAt(ctx, n)
		all, missed = append(all, some...), errors.Join(missed, err)
	}
	return all, missed
}

func (w *Wallet) proposalsAt(ctx context.Context, n Node) ([]Proposal, error) {
	_, cc, err := w.connection(n.Party)
	if err != nil {
		return nil, err
	}
	ctx, cancel := quick(ctx, callTime)
	defer cancel()
	answer, err := nodev1.NewCustodyServiceClient(cc).Proposals(ctx, &nodev1.ProposalsRequest{})
	if err != nil {
		return nil, fromNode(n, err)
	}
	var all []Proposal
	for _, p := range answer.GetProposals() {
		s, err := record.DecodeRecordStatement(p.GetStatement())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.Name, err)
		}
		if s.Issuer != n.Party || s.Owner != w.ID() || record.NewPartyID(p.GetIssuerPid()) != s.Issuer {
			return nil, fmt.Errorf("%s: %w: a proposal of another issuer or for another owner", n.Name, client.ErrNotOurs)
		}
		all = append(all, Proposal{*s, p.GetIssuerPid(), n})
	}
	return all, nil
}

// Reviewed is a proposal that was opened and checked: what it says, and the
// signature that it would get. The signature leaves the wallet by
// [Wallet.Countersign] alone.
type Reviewed struct {
	Proposal
	Issuer    *record.Party
	Document  *document.Document
	signature record.Signature
}

// Review fetches a proposal, opens it and checks all that [client.Owner.Countersign]
// checks, and that the issuer is who may issue such a record. Its attachments
// come into the new directory dir, or are only checked when dir is empty.
//
// It answers [ErrRole], [ErrDisagree] and the errors of Countersign.
func (w *Wallet) Review(ctx context.Context, p Proposal, dir string) (*Reviewed, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.session(ctx)
	if err != nil {
		return nil, err
	}
	issuer, err := w.confirm(ctx, s, p.Statement.Issuer)
	if err != nil {
		return nil, err
	}
	if err := mayIssue(issuer, p.Statement.Kind); err != nil {
		return nil, err
	}
	h, err := w.holding(p.Statement.Issuer, p.Statement.ID)
	if err != nil {
		return nil, err
	}
	capsule, err := h.capsule(ctx)
	if err != nil {
		return nil, err
	}
	payload, err := h.payload(ctx, p.Statement.PayloadSize)
	if err != nil {
		return nil, err
	}
	defer payload.close()
	r := &Reviewed{Proposal: p, Issuer: issuer}
	r.signature, err = s.owner.Countersign(
		&client.Proposal{Statement: p.Statement, OwnerPID: string(w.c.PID), IssuerPID: p.IssuerPID, Capsule: capsule, Payload: payload},
		func(plaintext io.Reader) (err error) {
			r.Document, err = unpack(plaintext, dir)
			return err
		})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// limits are those of a record itself: an owner may read all of it.
var limits = document.Limits{Attachment: record.MaxPayloadSize, Total: record.MaxPayloadSize}

func unpack(plaintext io.Reader, dir string) (*document.Document, error) {
	if dir != "" {
		return document.Extract(plaintext, limits, dir)
	}
	return document.Unpack(plaintext, limits, nil)
}

func mayIssue(p *record.Party, kind record.Kind) error {
	want := record.RoleRepairShop
	if kind == record.KindPolicy {
		want = record.RoleInsurer
	}
	if p.Role != want {
		return fmt.Errorf("%w: %s is issued by %s, and %s is %s", ErrRole, article(kind), article(want), p.ID, article(p.Role))
	}
	return nil
}

// Countersign signs what was reviewed and hands the signature to the issuer. δ of
// a policy is in the wallet's file before.
func (w *Wallet) Countersign(ctx context.Context, r *Reviewed) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.session(ctx); err != nil {
		return err
	}
	if err := w.noteEvidence(r.Statement.ID, r.Document); err != nil {
		return err
	}
	h, err := w.holding(r.Statement.Issuer, r.Statement.ID)
	if err != nil {
		return err
	}
	ctx, cancel := quick(ctx, callTime)
	defer cancel()
	_, err = h.custody.Countersign(ctx, &nodev1.CountersignRequest{Record: r.Statement.ID[:], Signature: r.signature[:]})
	return fromNode(h.node, err)
}

// noteEvidence keeps δ of a policy that was checked against its commitment.
func (w *Wallet) noteEvidence(id record.RecordID, doc *document.Document) error {
	policy, ok := doc.Policy()
	if !ok {
		return nil
	}
	delta, err := policy.Delta()
	if err != nil {
		return fmt.Errorf("%w: %w", client.ErrEvidence, err)
	}
	if w.c.Evidence[id] == secret(delta) {
		return nil
	}
	if w.c.Evidence == nil {
		w.c.Evidence = map[record.RecordID]secret{}
	}
	w.c.Evidence[id] = secret(delta)
	return w.save()
}

// Decline refuses a proposal; its issuer is told the reason.
func (w *Wallet) Decline(ctx context.Context, p Proposal, reason string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.session(ctx); err != nil {
		return err
	}
	h, err := w.holding(p.Statement.Issuer, p.Statement.ID)
	if err != nil {
		return err
	}
	ctx, cancel := quick(ctx, callTime)
	defer cancel()
	_, err = h.custody.Decline(ctx, &nodev1.DeclineRequest{Record: p.Statement.ID[:], Reason: reason})
	return fromNode(h.node, err)
}
