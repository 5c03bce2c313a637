package desk

import (
	"context"
	"io"
	"strings"

	"google.golang.org/grpc"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// Proposed is a sealed record that waits for its owner's signature, without
// capsule and payload.
type Proposed struct {
	Statement record.RecordStatement
	IssuerPID string
}

// Custody is what a holder keeps for the owners of its records. Every method is
// for one owner: what is another's, it answers with store.ErrNotFound, as if it
// were not there.
type Custody interface {
	// Proposals is what waits for the owner, oldest first, at most max.
	Proposals(ctx context.Context, owner record.PartyID, max int) ([]Proposed, error)
	// Countersign takes the owner's signature under a proposal, adds the
	// issuer's and has the record submitted. Doing so twice is harmless. It
	// answers the errors of client.Member.Keep.
	Countersign(ctx context.Context, owner record.PartyID, id record.RecordID, sig record.Signature) error
	// Decline ends a proposal.
	Decline(ctx context.Context, owner record.PartyID, id record.RecordID, reason string) error
	// Capsule is the capsule of a proposal or record.
	Capsule(ctx context.Context, owner record.PartyID, id record.RecordID) ([]byte, error)
	// Payload writes the payload of a proposal or record from an offset on.
	Payload(ctx context.Context, owner record.PartyID, id record.RecordID, offset uint64, dst io.Writer) error
	// ReplaceCapsule takes the capsule of a record as its owner has brought it
	// along to its present key. It answers the errors of
	// client.Member.ReplaceCapsule.
	ReplaceCapsule(ctx context.Context, owner record.PartyID, id record.RecordID, capsule []byte) error
}

// MaxProposals bounds one answer: what else waits comes after these are done.
const MaxProposals = 100

// maxReason bounds the reason of a refusal, in bytes.
const maxReason = 256

// chunkSize is how much of a payload one message carries, in bytes.
const chunkSize = 256 << 10

// Holdings is the CustodyService: a holder's desk for the owners of its records.
type Holdings struct {
	nodev1.UnimplementedCustodyServiceServer
	custody Custody
}

// NewHoldings makes the service of a member's node.
func NewHoldings(c Custody) *Holdings { return &Holdings{custody: c} }

// Proposals lists what waits for the caller's signature.
func (h *Holdings) Proposals(ctx context.Context, _ *nodev1.ProposalsRequest) (*nodev1.ProposalsResponse, error) {
	caller, err := owner(ctx)
	if err != nil {
		return nil, err
	}
	list, err := h.custody.Proposals(ctx, caller.ID, MaxProposals)
	if err != nil {
		return nil, err
	}
	answer := new(nodev1.ProposalsResponse)
	for i := range list {
		answer.Proposals = append(answer.Proposals, &nodev1.Proposal{Statement: list[i].Statement.Encode(), IssuerPid: list[i].IssuerPID})
	}
	return answer, nil
}

// Countersign takes the caller's signature under a proposal.
func (h *Holdings) Countersign(ctx context.Context, r *nodev1.CountersignRequest) (*nodev1.CountersignResponse, error) {
	caller, id, err := callerAndRecord(ctx, r.GetRecord())
	if err != nil {
		return nil, err
	}
	sig, err := signature(r.GetSignature())
	if err != nil {
		return nil, err
	}
	if err := h.custody.Countersign(ctx, caller.ID, id, sig); err != nil {
		return nil, err
	}
	return &nodev1.CountersignResponse{}, nil
}

// Decline ends a proposal to the caller.
func (h *Holdings) Decline(ctx context.Context, r *nodev1.DeclineRequest) (*nodev1.DeclineResponse, error) {
	caller, id, err := callerAndRecord(ctx, r.GetRecord())
	if err != nil {
		return nil, err
	}
	reason := strings.ToValidUTF8(r.GetReason(), "?")
	if len(reason) == 0 || len(reason) > maxReason {
		return nil, record.ErrMalformed.With("the reason has 1 to %d bytes, not %d", maxReason, len(reason))
	}
	if err := h.custody.Decline(ctx, caller.ID, id, reason); err != nil {
		return nil, err
	}
	return &nodev1.DeclineResponse{}, nil
}

// Capsule answers the capsule of a proposal or record of the caller's.
func (h *Holdings) Capsule(ctx context.Context, r *nodev1.CapsuleRequest) (*nodev1.CapsuleResponse, error) {
	caller, id, err := callerAndRecord(ctx, r.GetRecord())
	if err != nil {
		return nil, err
	}
	capsule, err := h.custody.Capsule(ctx, caller.ID, id)
	if err != nil {
		return nil, err
	}
	return &nodev1.CapsuleResponse{Capsule: capsule}, nil
}

// Payload streams the payload of a proposal or record of the caller's.
func (h *Holdings) Payload(r *nodev1.PayloadRequest, stream grpc.ServerStreamingServer[nodev1.PayloadResponse]) error {
	caller, id, err := callerAndRecord(stream.Context(), r.GetRecord())
	if err != nil {
		return err
	}
	chunks := &chunker{send: func(b []byte) error { return stream.Send(&nodev1.PayloadResponse{Chunk: b}) }}
	if err := h.custody.Payload(stream.Context(), caller.ID, id, r.GetOffset(), chunks); err != nil {
		return err
	}
	return chunks.flush()
}

// ReplaceCapsule takes a capsule that the caller has brought along to its present
// key. It is checked as if a stranger had made it.
func (h *Holdings) ReplaceCapsule(ctx context.Context, r *nodev1.ReplaceCapsuleRequest) (*nodev1.ReplaceCapsuleResponse, error) {
	caller, id, err := callerAndRecord(ctx, r.GetRecord())
	if err != nil {
		return nil, err
	}
	if err := h.custody.ReplaceCapsule(ctx, caller.ID, id, r.GetCapsule()); err != nil {
		return nil, err
	}
	return &nodev1.ReplaceCapsuleResponse{}, nil
}

func callerAndRecord(ctx context.Context, id []byte) (*record.Party, record.RecordID, error) {
	caller, err := owner(ctx)
	if err != nil {
		return nil, record.RecordID{}, err
	}
	r, err := identifier[record.RecordID]("record id", id)
	return caller, r, err
}

// chunker cuts what is written into messages.
type chunker struct {
	send func([]byte) error
	buf  []byte
}

func (c *chunker) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		room := min(chunkSize-len(c.buf), len(b))
		c.buf, b = append(c.buf, b[:room]...), b[room:]
		if len(c.buf) == chunkSize {
			if err := c.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// flush sends what is left. gRPC may keep a message while it sends it, so the
// next one gets memory of its own.
func (c *chunker) flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	full := c.buf
	c.buf = nil
	return c.send(full)
}
