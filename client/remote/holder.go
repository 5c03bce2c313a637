package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/form"
	"github.com/claimshare/claimshare/client/internal/pace"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Holder is another party that keeps records.
type Holder struct{ party *party }

var _ client.Holder = (*Holder)(nil)

// ID is the holder's short pseudo-identity.
func (h *Holder) ID() record.PartyID { return h.party.id }

// Candidates are the capsules under a label; for system managers. It returns
// [client.ErrAnswer] for more than the options admit.
func (h *Holder) Candidates(ctx context.Context, label string) ([]client.Candidate, error) {
	var all []client.Candidate
	request := &nodev1.CandidatesRequest{AsOf: h.party.nodes.seen(), Label: label}
	err := h.party.unary(ctx, func(ctx context.Context, conn *grpc.ClientConn) (err error) {
		all, err = h.candidates(ctx, conn, request)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (h *Holder) candidates(ctx context.Context, conn *grpc.ClientConn, request *nodev1.CandidatesRequest) ([]client.Candidate, error) {
	o := &h.party.nodes.options
	m, ctx := pace.New(ctx, o.Slow)
	defer m.Stop()
	stream, err := nodev1.NewHolderServiceClient(conn).Candidates(ctx, request)
	if err != nil {
		return nil, err
	}
	var all []client.Candidate
	for size := 0; ; {
		m.Begin()
		r, err := stream.Recv()
		m.End(len(r.GetCapsule()))
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, slowOr(ctx, err)
		}
		c := client.Candidate{Capsule: r.GetCapsule()}
		if err := form.Fixed("record", c.Record[:], r.GetRecord()); err != nil {
			return nil, fmt.Errorf("%w: %w", client.ErrAnswer, err)
		}
		if size += len(c.Capsule); len(all) >= o.Candidates || size > o.CandidateBytes {
			return nil, fmt.Errorf("%w: more than %d capsules or %d bytes", client.ErrAnswer, o.Candidates, o.CandidateBytes)
		}
		all = append(all, c)
	}
}

// slowOr is the reason for which a stream ended: the meter's, if that ended it.
func slowOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, refusal.ErrSlow) {
		return cause
	}
	return err
}

// Deliver gives the holder an order; for proxies.
func (h *Holder) Deliver(ctx context.Context, o client.Order) (*client.Delivered, error) {
	var delivered *client.Delivered
	err := h.party.unary(ctx, func(ctx context.Context, conn *grpc.ClientConn) error {
		r, err := nodev1.NewHolderServiceClient(conn).Deliver(ctx, form.DeliverRequest(o))
		if err != nil {
			return err
		}
		if delivered, err = form.Delivered(r, o); err != nil {
			return fmt.Errorf("%w: %w", client.ErrDelivery, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return delivered, nil
}

// SendPayload writes the payload of a release to dst, from the order's offset
// on, and returns the trailer over the whole; for the receiver. A stream that
// breaks is taken up where it broke. Nothing of it is verified but its form:
// [client.Member.Receive] does that. Errors of dst end it and are returned.
func (h *Holder) SendPayload(ctx context.Context, o client.PayloadOrder, dst io.Writer) (*client.Trailer, error) {
	f := &fetch{order: o, dst: dst, slow: h.party.nodes.options.Slow, began: time.Now()}
	if err := h.party.call(ctx, f.attempt); err != nil {
		return nil, err
	}
	return f.trailer, nil
}

// fetch is one payload on its way.
type fetch struct {
	order   client.PayloadOrder
	dst     io.Writer
	slow    pace.Limits
	began   time.Time
	got     uint64
	trailer *client.Trailer
}

// attempt goes on with the payload and reports whether that brought any of it.
func (f *fetch) attempt(ctx context.Context, conn *grpc.ClientConn) (bool, error) {
	// Many attempts that bring a little each are as slow as one.
	allowed := f.slow.Grace + time.Duration(float64(f.got)/float64(f.slow.Rate)*float64(time.Second))
	if time.Since(f.began) > allowed {
		return false, refusal.ErrSlow
	}
	before := f.got
	err := f.read(ctx, conn)
	return f.got > before, err
}

func (f *fetch) read(ctx context.Context, conn *grpc.ClientConn) error {
	m, ctx := pace.New(ctx, f.slow)
	defer m.Stop()
	stream, err := nodev1.NewHolderServiceClient(conn).SendPayload(ctx, form.SendPayloadRequest(f.order))
	if err != nil {
		return err
	}
	f.trailer = nil
	for {
		m.Begin()
		r, err := stream.Recv()
		m.End(len(r.GetChunk()))
		if errors.Is(err, io.EOF) {
			if f.trailer == nil {
				return fmt.Errorf("%w: the stream ended without one", client.ErrTrailer)
			}
			return nil
		}
		if err != nil {
			return slowOr(ctx, err)
		}
		if err := f.take(r); err != nil {
			return err
		}
	}
}

func (f *fetch) take(r *nodev1.SendPayloadResponse) (err error) {
	if f.trailer != nil {
		return fmt.Errorf("%w: something follows it", client.ErrTrailer)
	}
	switch part := r.GetPart().(type) {
	case *nodev1.SendPayloadResponse_Trailer:
		if f.trailer, err = form.Trailer(part.Trailer); err != nil {
			f.trailer = nil
			return fmt.Errorf("%w: %w", client.ErrTrailer, err)
		}
		return nil
	case *nodev1.SendPayloadResponse_Chunk:
		if n := uint64(len(part.Chunk)); n == 0 || n > record.MaxPayloadSize-min(f.order.Offset, record.MaxPayloadSize) {
			return fmt.Errorf("%w: a part of %d bytes after %d", client.ErrAnswer, n, f.order.Offset)
		}
		n, err := f.dst.Write(part.Chunk)
		f.order.Offset += uint64(n)
		f.got += uint64(n)
		return err
	}
	return fmt.Errorf("%w: an empty part of a payload", client.ErrAnswer)
}
