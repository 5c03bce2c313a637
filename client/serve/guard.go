package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/client/internal/pace"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/client/wire/trace"
)

// guard is what every call goes through: identifier, log, recovery, caller,
// limits, deadline.
type guard struct {
	identify func(context.Context) (context.Context, error)
	caller   func(context.Context) string
	limits   *limiter
	deadline time.Duration
	slow     pace.Limits
	log      *slog.Logger
	turned   rate.Sometimes // notes of calls that were turned away
}

func newGuard(c Config) *guard {
	g := &guard{identify: c.Identify, caller: c.Caller, limits: newLimiter(c.Limits), deadline: c.Limits.Unary, slow: c.Limits.Slow, log: c.Log}
	g.turned.First, g.turned.Interval = 100, time.Second
	if g.identify == nil {
		g.identify = func(ctx context.Context) (context.Context, error) { return ctx, nil }
	}
	if g.caller == nil {
		g.caller = func(context.Context) string { return "" }
	}
	return g
}

func (g *guard) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (answer any, err error) {
	ctx, cancel := context.WithTimeout(ctx, g.deadline)
	defer cancel()
	err = g.call(ctx, info.FullMethod, func(ctx context.Context) error {
		answer, err = handler(ctx, request)
		return err
	})
	return answer, err
}

func (g *guard) stream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return g.call(stream.Context(), info.FullMethod, func(ctx context.Context) error {
		again := func() error { return g.limits.again(g.caller(ctx)) }
		return paced(ctx, g.slow, func(ctx context.Context, m *pace.Meter) error {
			return handler(service, &guarded{ServerStream: stream, ctx: ctx, meter: m, again: again})
		})
	})
}

// call runs one call and turns its error into one that may cross.
func (g *guard) call(ctx context.Context, method string, run func(context.Context) error) error {
	began := time.Now()
	ctx = trace.Incoming(ctx)
	_ = grpc.SetTrailer(ctx, metadata.Pairs(trace.Header, trace.ID(ctx))) // fails only outside of a call
	caller, admitted := "", false
	err := g.safely(ctx, method, func(ctx context.Context) error {
		ctx, err := g.identify(ctx)
		if err != nil {
			return err
		}
		caller = g.caller(ctx)
		release, err := g.limits.admit(caller)
		if err != nil {
			return err
		}
		defer release()
		admitted = true
		return run(ctx)
	})
	crossing := refusal.ToStatus(ctx, err)
	code := status.Code(crossing)
	if !admitted || cheap(code) { // whoever is turned away does not fill the log
		g.turned.Do(func() { g.note(ctx, method, caller, time.Since(began), err, code) })
		return crossing
	}
	g.note(ctx, method, caller, time.Since(began), err, code)
	return crossing
}

// cheap reports whether a refusal is one that strangers get for next to nothing.
func cheap(code codes.Code) bool {
	return code == codes.Unauthenticated || code == codes.ResourceExhausted || code == codes.Unimplemented
}

// safely runs a call; a panic in it is an error, and its text stays here.
func (g *guard) safely(ctx context.Context, method string, run func(context.Context) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			g.log.ErrorContext(ctx, "panic", "request", trace.ID(ctx), "method", method, "panic", panicText(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: panic", refusal.ErrInternal)
		}
	}()
	return run(ctx)
}

// panicText is what the runtime says; other values may hold anything.
func panicText(r any) string {
	var e runtime.Error
	if err, ok := r.(error); ok && errors.As(err, &e) {
		return e.Error()
	}
	return fmt.Sprintf("%T", r)
}

func (g *guard) note(ctx context.Context, method, caller string, took time.Duration, err error, code codes.Code) {
	fields := []any{"request", trace.ID(ctx), "method", method, "caller", caller, "took", took.String(), "code", code.String()}
	if from, ok := peer.FromContext(ctx); ok {
		fields = append(fields, "from", from.Addr.String())
	}
	switch {
	case err == nil && strings.HasPrefix(method, "/grpc."): // health and reflection
		g.log.DebugContext(ctx, "answered", fields...)
	case err == nil:
		g.log.InfoContext(ctx, "answered", fields...)
	case code == codes.Internal:
		g.log.ErrorContext(ctx, "failed", append(fields, "error", err)...)
	default:
		g.log.InfoContext(ctx, "refused", append(fields, "error", err)...)
	}
}
