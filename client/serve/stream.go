package serve

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/claimshare/claimshare/client/internal/pace"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// guarded is a stream with the caller in its context, on which a caller that is
// too slow does not stay, nor one that says too much.
type guarded struct {
	grpc.ServerStream
	ctx   context.Context
	meter *pace.Meter
	again func() error // whether the caller may say more
	heard bool
}

// Context is the call's, with the caller.
func (s *guarded) Context() context.Context { return s.ctx }

// SendMsg sends, within the time that callers have for reading.
func (s *guarded) SendMsg(m any) error {
	size := 0
	if message, ok := m.(proto.Message); ok {
		size = proto.Size(message)
	}
	s.meter.Begin()
	err := s.ServerStream.SendMsg(m)
	s.meter.End(size)
	return err
}

// RecvMsg receives. Every message but the first counts as one more call.
func (s *guarded) RecvMsg(m any) error {
	if s.heard {
		if err := s.again(); err != nil {
			return err
		}
	}
	s.heard = true
	return s.ServerStream.RecvMsg(m)
}

// paced runs a handler that streams and returns when it does, or when the caller
// is too slow. Only the return of a handler ends a Send that waits for a caller
// that does not read: then the rest of run comes to its end right after.
func paced(ctx context.Context, limits pace.Limits, run func(context.Context, *pace.Meter) error) error {
	m, ctx := pace.New(ctx, limits)
	ended := make(chan outcome, 1)
	go func() {
		defer m.Stop()
		ended <- caught(func() error { return run(ctx, m) })
	}()
	<-ctx.Done()
	if cause := context.Cause(ctx); errors.Is(cause, refusal.ErrSlow) {
		return cause
	}
	// It has ended, or the stream has, and with it every Send.
	o := <-ended
	if o.panicked != nil {
		panic(o.panicked)
	}
	return o.err
}

// outcome is how a function ended.
type outcome struct {
	err      error
	panicked any
}

func caught(run func() error) (o outcome) {
	defer func() { o.panicked = recover() }()
	o.err = run()
	return o
}
