package client

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

// Offer keeps a proposal in the database until its owner comes for it: owners
// are not always there. It returns [ErrNotOurs] and [store.ErrExists].
func (m *Member) Offer(ctx context.Context, p *Proposal) error {
	s := &p.Statement
	if s.Issuer != m.ID() {
		return fmt.Errorf("%w: the record is by %s", ErrNotOurs, s.Issuer)
	}
	capsule, err := p.capsule()
	if err != nil {
		return err
	}
	src, err := p.Payload.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	sum := capsule.Payload()
	return m.store.PutProposal(ctx, store.Proposal{
		RecordID: s.ID, Owner: s.Owner, OwnerPID: p.OwnerPID, IssuerPID: p.IssuerPID, Statement: s.Encode(), Capsule: p.Capsule,
		PayloadSize: int64(sum.Size), PayloadDigest: sum.SHA256,
	}, src)
}

// Countersigned takes the owner's signature under an offered proposal, adds the
// issuer's own, and makes it a record to be submitted by [Member.Flush]. It
// checks the owner's signature first: a wrong one would cost the issuer credit.
// Done twice it is done once.
//
// It returns [store.ErrNotFound], [store.ErrState] for a proposal that its owner
// has declined, [ErrNotOurs], [ErrStatement] and [ErrSignature].
func (m *Member) Countersigned(ctx context.Context, id record.RecordID, ownerSignature record.Signature) error {
	offered, err := m.store.Proposal(ctx, id)
	if err != nil {
		if kept, keptErr := m.store.Record(ctx, id); keptErr == nil && kept.OwnerSignature == [len(ownerSignature)]byte(ownerSignature) {
			return nil
		}
		return err
	}
	statement, err := record.DecodeRecordStatement(offered.Statement)
	if err != nil {
		return fmt.Errorf("%w: in this issuer's own database: %w", ErrStatement, err)
	}
	owner, err := m.chain.Party(ctx, statement.Owner)
	if err != nil {
		return err
	}
	p := &Proposal{Statement: *statement, OwnerPID: offered.OwnerPID, IssuerPID: offered.IssuerPID, Capsule: offered.Capsule, Payload: offeredPayload{m.store, id}}
	entry, kept, err := m.complete(p, owner, ownerSignature)
	if err != nil {
		return err
	}
	if err := m.store.AcceptProposal(ctx, *kept); err != nil {
		return err
	}
	m.kept.Store(sha256.Sum256(entry.Encode()), nil)
	return nil
}

// offeredPayload reads a proposal's payload from the database.
type offeredPayload struct {
	store store.Proposals
	id    record.RecordID
}

// Open implements [Payload].
func (p offeredPayload) Open() (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(p.store.ProposalPayload(context.Background(), p.id, w)) }()
	return r, nil
}
