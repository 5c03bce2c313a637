package store

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

// Proposal is a sealed record that waits for its owner's signature, without the
// payload.
type Proposal struct {
	RecordID  record.RecordID
	Owner     record.PartyID
	OwnerPID  string
	IssuerPID string
	Statement []byte // the body to be signed, canonical

	Capsule       []byte
	PayloadSize   int64
	PayloadDigest record.Digest

	// The store fills these in.
	Declined string // the owner's reason; "" while it waits
	Created  time.Time
}

// Proposals holds what an issuer has sealed and its owner has not yet signed.
type Proposals interface {
	// PutProposal adds a proposal with its payload: ErrExists, ErrPayload.
	PutProposal(ctx context.Context, p Proposal, payload io.Reader) error
	// Proposal answers one, or ErrNotFound.
	Proposal(ctx context.Context, id record.RecordID) (*Proposal, error)
	// ProposalPayload is Payload for a proposal.
	ProposalPayload(ctx context.Context, id record.RecordID, dst io.Writer) error
	// ProposalsFor goes through the proposals that wait for an owner, or for
	// anybody when owner is zero, oldest first.
	ProposalsFor(ctx context.Context, owner record.PartyID) iter.Seq2[*Proposal, error]
	// DeclineProposal notes the owner's reason, which must not be empty, and
	// removes the payload. It answers ErrNotFound, or ErrState when the owner
	// has declined before.
	DeclineProposal(ctx context.Context, id record.RecordID, reason string) error
	// AcceptProposal turns a proposal into a Pending entry with both
	// signatures. It answers ErrNotFound, ErrExists, or ErrState when the owner
	// has declined it.
	AcceptProposal(ctx context.Context, e Entry) error
}

// Invitation is what a one-time code stands for. The code itself is not kept.
type Invitation struct {
	Code    record.Digest // SHA-256 of the code
	Role    record.Role
	PID     string
	MSP     string // the organisation that it is for; "" for policyholders
	Expires time.Time

	// The store fills these in.
	Used    time.Time // zero until the party is registered
	Created time.Time
}

// Invitations holds one-time codes.
type Invitations interface {
	// PutInvitation adds one: ErrExists.
	PutInvitation(ctx context.Context, i Invitation) error
	// Invitation answers one, used and expired ones too, or ErrNotFound.
	Invitation(ctx context.Context, code record.Digest) (*Invitation, error)
	// UseInvitation notes that the party has been registered. Doing so twice is
	// harmless. It answers ErrNotFound.
	UseInvitation(ctx context.Context, code record.Digest) error
}

// Evidence is what proves that a holder sent something else than was recorded.
type Evidence struct {
	Release          record.ReleaseID
	Trailer          []byte // record.TrailerStatement, canonical
	TrailerSignature bls.Signature
	Finding          string // what was wrong

	Created time.Time // filled in by the store
}

// Findings holds evidence for disputes.
type Findings interface {
	// PutEvidence adds evidence, or replaces what there was for that release.
	PutEvidence(ctx context.Context, e Evidence) error
	// Evidence answers it, or ErrNotFound.
	Evidence(ctx context.Context, id record.ReleaseID) (*Evidence, error)
}
