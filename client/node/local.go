package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/client/wire/trace"
)

// local serves the operator socket. Who can open it is the organisation itself,
// so errors cross in full.
type local struct {
	*grpc.Server
	log *slog.Logger
}

const (
	maxDocument = 4 << 20 // bytes of a message: a document is at most 1 MiB
	localDrain  = 10 * time.Second
)

func newLocal(log *slog.Logger, options ...grpc.ServerOption) *local {
	l := &local{log: log}
	l.Server = grpc.NewServer(append(options, grpc.MaxRecvMsgSize(maxDocument), grpc.WaitForHandlers(true),
		grpc.UnaryInterceptor(func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (answer any, err error) {
			err = l.call(ctx, info.FullMethod, func(ctx context.Context) (err error) {
				answer, err = handle(ctx, request)
				return err
			})
			return answer, err
		}),
		grpc.StreamInterceptor(func(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			return l.call(stream.Context(), info.FullMethod, func(ctx context.Context) error {
				return handle(service, &traced{stream, ctx})
			})
		}))...)
	return l
}

// traced is a stream with the request's identifier in its context.
type traced struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements grpc.ServerStream.
func (t *traced) Context() context.Context { return t.ctx }

func (l *local) call(ctx context.Context, method string, run func(context.Context) error) (err error) {
	ctx = trace.Incoming(ctx)
	began := time.Now()
	defer func() {
		if broken := recover(); broken != nil {
			l.log.ErrorContext(ctx, "a call failed", "method", method, "panic", fmt.Sprint(broken), "stack", string(debug.Stack()))
			err = status.Error(codes.Internal, "the node failed: look into its log for request "+trace.ID(ctx))
			return
		}
		level := slog.LevelInfo
		if method == nodev1.OperatorService_Status_FullMethodName && err == nil {
			level = slog.LevelDebug // programs ask again and again
		}
		l.log.Log(ctx, level, "operator", "method", method, "took", time.Since(began).String(), "error", loggable(ctx, method, err))
		if _, known := status.FromError(err); err != nil && !known {
			err = refusal.Full(err)
		}
	}()
	return run(ctx)
}

// loggable is what the log says of an error. What is wrong with a document may
// quote it: that, the operator alone is told.
func loggable(ctx context.Context, method string, err error) string {
	if method == nodev1.OperatorService_Issue_FullMethodName {
		return status.Convert(refusal.ToStatus(ctx, err)).Message()
	}
	return errorText(err)
}

// Serve accepts connections until Close; it returns nil then.
func (l *local) Serve(on net.Listener) error {
	err := l.Server.Serve(on)
	if errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return err
}

// Close lets calls in hand end for a while.
func (l *local) Close(context.Context) {
	stop := time.AfterFunc(localDrain, l.Stop)
	defer stop.Stop()
	l.GracefulStop()
}
