package serve

import (
	"bufio"
	"bytes"
	"context"

	"google.golang.org/grpc"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/form"
	"github.com/claimshare/claimshare/client/mutual"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// Holder serves what an insurer or repair shop keeps.
type Holder struct {
	nodev1.UnimplementedHolderServiceServer
	member  *client.Member
	waiting *waiting
	limits  Limits
}

// NewHolder serves for a member.
func NewHolder(m *client.Member, l Limits) *Holder {
	return &Holder{member: m, waiting: newWaiting(m.Chain()), limits: l}
}

// Candidates streams the capsules under a label to a system manager.
func (h *Holder) Candidates(r *nodev1.CandidatesRequest, stream grpc.ServerStreamingServer[nodev1.CandidatesResponse]) error {
	ctx := stream.Context()
	caller, err := callerOf(ctx, record.RoleAuthority)
	if err != nil {
		return err
	}
	if err := h.waiting.await(ctx, caller.Party.ID, r.GetAsOf()); err != nil {
		return err
	}
	all, err := h.member.Candidates(ctx, r.GetLabel())
	if err != nil {
		return err
	}
	for i := range all {
		if err := stream.Send(&nodev1.CandidatesResponse{Record: all[i].Record[:], Capsule: all[i].Capsule}); err != nil {
			return err
		}
	}
	return nil
}

// Deliver answers the order of the proxy that calls.
func (h *Holder) Deliver(ctx context.Context, r *nodev1.DeliverRequest) (*nodev1.DeliverResponse, error) {
	caller, err := callerOf(ctx, record.RoleProxy)
	if err != nil {
		return nil, err
	}
	o, err := form.Order(r, caller.Party.ID)
	if err != nil {
		return nil, err
	}
	if err := h.waiting.await(ctx, caller.Party.ID, o.AsOf); err != nil {
		return nil, err
	}
	delivered, err := h.member.Deliver(ctx, o)
	if err != nil {
		return nil, err
	}
	return form.DeliverResponse(delivered), nil
}

// SendPayload streams a released payload to the receiver of the release.
func (h *Holder) SendPayload(r *nodev1.SendPayloadRequest, stream grpc.ServerStreamingServer[nodev1.SendPayloadResponse]) error {
	ctx := stream.Context()
	caller, err := mutual.From(ctx)
	if err != nil {
		return err
	}
	o, err := form.PayloadOrder(r)
	if err != nil {
		return err
	}
	if err := h.waiting.await(ctx, caller.Party.ID, o.AsOf); err != nil {
		return err
	}
	release, err := h.member.Chain().Release(ctx, o.Release)
	if err != nil {
		return err
	}
	if release.Receiver != caller.Party.ID {
		return record.ErrNotReceiver.With("release %s is to another party than %s", o.Release, caller.Party.ID)
	}
	out := bufio.NewWriterSize(chunks{stream}, h.limits.Chunk)
	trailer, err := h.member.SendPayload(ctx, o, out)
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return stream.Send(&nodev1.SendPayloadResponse{Part: &nodev1.SendPayloadResponse_Trailer{Trailer: form.TrailerOut(trailer)}})
}

// chunks writes parts of a payload.
type chunks struct {
	stream grpc.ServerStreamingServer[nodev1.SendPayloadResponse]
}

// Write sends one chunk.
func (c chunks) Write(b []byte) (int, error) {
	part := &nodev1.SendPayloadResponse_Chunk{Chunk: bytes.Clone(b)} // the transport may still read it
	if err := c.stream.Send(&nodev1.SendPayloadResponse{Part: part}); err != nil {
		return 0, err
	}
	return len(b), nil
}

// callerOf is the caller, if it is of a role.
func callerOf(ctx context.Context, roles ...record.Role) (*mutual.Caller, error) {
	caller, err := mutual.From(ctx)
	if err != nil {
		return nil, err
	}
	for _, role := range roles {
		if caller.Party.Role == role {
			return caller, nil
		}
	}
	return nil, record.ErrForbidden.With("party %s is of role %s", caller.Party.ID, caller.Party.Role)
}
