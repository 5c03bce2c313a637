package serve_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/serve"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/client/wire/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service answers Deliver as a test says.
type service struct {
	nodev1.UnimplementedHolderServiceServer
	deliver func(context.Context) error
}

func (s *service) Deliver(ctx context.Context, _ *nodev1.DeliverRequest) (*nodev1.DeliverResponse, error) {
	return &nodev1.DeliverResponse{}, s.deliver(ctx)
}

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// listener is a server without TLS, whose callers say who they are.
type listener struct {
	*serve.Server
	address string
	log     *journal
}

type nameKey struct{}

func start(t *testing.T, l serve.Limits, deliver func(context.Context) error) *listener {
	t.Helper()
	out := &listener{log: &journal{}}
	out.Server = serve.NewServer(serve.Config{
		Credentials: insecure.NewCredentials(), Limits: l, Log: slog.New(slog.NewTextHandler(out.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Identify: func(ctx context.Context) (context.Context, error) {
			name := metadata.ValueFromIncomingContext(ctx, "name")
			if len(name) != 1 {
				return nil, record.ErrUnknownCaller
			}
			return context.WithValue(ctx, nameKey{}, name[0]), nil
		},
		Caller: func(ctx context.Context) string { return ctx.Value(nameKey{}).(string) },
	})
	nodev1.RegisterHolderServiceServer(out, &service{deliver: deliver})
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	out.address = socket.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- out.Serve(socket) }()
	t.Cleanup(func() {
		out.Close(context.Background())
		require.NoError(t, <-ended)
	})
	return out
}

func (l *listener) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+l.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

func as(t *testing.T, name string) context.Context {
	return metadata.AppendToOutgoingContext(t.Context(), "name", name)
}

func deliver(ctx context.Context, conn *grpc.ClientConn) error {
	_, err := nodev1.NewHolderServiceClient(conn).Deliver(ctx, &nodev1.DeliverRequest{})
	return refusal.FromStatus(err)
}

func TestRateOfOneCaller(t *testing.T) {
	l := serve.DefaultLimits()
	l.Rate, l.Burst = 0.001, 3
	s := start(t, l, func(context.Context) error { return nil })
	conn := s.dial(t)
	for range 3 {
		require.NoError(t, deliver(as(t, "a"), conn))
	}
	err := deliver(as(t, "a"), conn)
	require.ErrorIs(t, err, refusal.ErrBusy)
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	require.NoError(t, deliver(as(t, "b"), conn), "others are not held up")
	for range 1000 {
		require.ErrorIs(t, deliver(as(t, "a"), conn), refusal.ErrBusy)
	}
	require.Less(t, strings.Count(s.log.String(), "refused"), 500, "nor is the log filled")
}

func TestCallsInHand(t *testing.T) {
	l := serve.DefaultLimits()
	l.Concurrent, l.All = 2, 3
	begun, hold := make(chan struct{}, 9), make(chan struct{})
	s := start(t, l, func(context.Context) error { begun <- struct{}{}; <-hold; return nil })
	var all sync.WaitGroup
	hang := func(name string) {
		conn := s.dial(t)
		all.Go(func() {
			if err := deliver(as(t, name), conn); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		<-begun
	}
	hang("a")
	hang("a")
	require.ErrorIs(t, deliver(as(t, "a"), s.dial(t)), refusal.ErrBusy, "two are in hand")
	hang("b")
	require.ErrorIs(t, deliver(as(t, "c"), s.dial(t)), refusal.ErrBusy, "three in all")
	close(hold)
	all.Wait()
	require.NoError(t, deliver(as(t, "a"), s.dial(t)))
}

func TestWhatEveryCallGoesThrough(t *testing.T) {
	var id string
	var fail func(context.Context) error
	var mu sync.Mutex
	s := start(t, serve.DefaultLimits(), func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		id = trace.ID(ctx)
		return fail(ctx)
	})
	conn := s.dial(t)
	set := func(f func(context.Context) error) { mu.Lock(); defer mu.Unlock(); fail = f }

	set(func(context.Context) error { return nil })
	var trailer metadata.MD
	_, err := nodev1.NewHolderServiceClient(conn).Deliver(trace.Outgoing(trace.With(as(t, "a"), "claim-1")), &nodev1.DeliverRequest{}, grpc.Trailer(&trailer))
	require.NoError(t, err)
	require.Equal(t, "claim-1", id)
	require.Equal(t, []string{"claim-1"}, trailer.Get(trace.Header))

	set(func(context.Context) error { return errors.New("open /var/lib/claims.db: secret") })
	err = deliver(as(t, "a"), conn)
	require.ErrorIs(t, err, refusal.ErrInternal)
	require.NotContains(t, err.Error(), "secret")
	require.Contains(t, err.Error(), id, "under which the log has it")
	require.Contains(t, s.log.String(), "/var/lib/claims.db: secret")
	require.Contains(t, s.log.String(), "request="+id)

	set(func(context.Context) error { panic("the plaintext of a record") })
	require.ErrorIs(t, deliver(as(t, "a"), conn), refusal.ErrInternal)
	var none []int
	set(func(context.Context) error { return errors.New(strings.Repeat("a", none[len(none)])) })
	require.ErrorIs(t, deliver(as(t, "a"), conn), refusal.ErrInternal)
	require.Contains(t, s.log.String(), "index out of range")
	require.NotContains(t, s.log.String(), "plaintext of a record")

	set(func(context.Context) error { return record.ErrConsentExpired.With("consent %s", "1") })
	err = deliver(as(t, "a"), conn)
	require.ErrorIs(t, err, record.ErrConsentExpired)
	require.ErrorIs(t, deliver(t.Context(), conn), record.ErrUnknownCaller)
}

func TestDeadline(t *testing.T) {
	l := serve.DefaultLimits()
	l.Unary = 50 * time.Millisecond
	conn := start(t, l, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }).dial(t)
	require.ErrorIs(t, deliver(as(t, "a"), conn), context.DeadlineExceeded, "the server's own")
}

func TestMessageTooLarge(t *testing.T) {
	called := false
	conn := start(t, serve.DefaultLimits(), func(context.Context) error { called = true; return nil }).dial(t)
	_, err := nodev1.NewHolderServiceClient(conn).Deliver(as(t, "a"), &nodev1.DeliverRequest{Release: make([]byte, 1<<20)})
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	_, err = nodev1.NewHolderServiceClient(conn).Deliver(metadata.AppendToOutgoingContext(as(t, "a"), "x", strings.Repeat("y", 64<<10)), &nodev1.DeliverRequest{})
	require.Error(t, err)
	require.False(t, called)
}

// Health and reflection are for identified callers, as everything is.
func TestHealthAndReflection(t *testing.T) {
	s := start(t, serve.DefaultLimits(), func(context.Context) error { return nil })
	conn := s.dial(t)
	for _, name := range []string{"", "claimshare.node.v1.HolderService"} {
		r, err := healthv1.NewHealthClient(conn).Check(as(t, "a"), &healthv1.HealthCheckRequest{Service: name})
		require.NoError(t, err)
		require.Equal(t, healthv1.HealthCheckResponse_SERVING, r.GetStatus())
	}
	_, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
	require.ErrorIs(t, refusal.FromStatus(err), record.ErrUnknownCaller)
	watched, err := healthv1.NewHealthClient(conn).Watch(as(t, "a"), &healthv1.HealthCheckRequest{})
	require.NoError(t, err)
	_, err = watched.Recv()
	require.Equal(t, codes.Unimplemented, status.Code(err), "waiting for a change would keep a call in hand")
	ctx, cancel := context.WithCancel(as(t, "a"))
	defer cancel()
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	require.NoError(t, err)
	require.NoError(t, stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}))
	answer, err := stream.Recv()
	require.NoError(t, err)
	require.Contains(t, answer.String(), "claimshare.node.v1.HolderService")
}

// A stream is one call, and every message of the caller's after the first is one
// more.
func TestTalkativeCaller(t *testing.T) {
	l := serve.DefaultLimits()
	l.Rate, l.Burst = 0.001, 5
	conn := start(t, l, func(context.Context) error { return nil }).dial(t)
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(as(t, "a"))
	require.NoError(t, err)
	answers := 0
	for err == nil && answers < 100 {
		_ = stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
		if _, err = stream.Recv(); err == nil {
			answers++
		}
	}
	require.ErrorIs(t, refusal.FromStatus(err), refusal.ErrBusy)
	require.Equal(t, 5, answers)
}

func TestClose(t *testing.T) {
	l := serve.DefaultLimits()
	l.Drain = 300 * time.Millisecond
	begun := make(chan struct{}, 2)
	hold := make(chan struct{})
	s := start(t, l, func(ctx context.Context) error {
		begun <- struct{}{}
		select {
		case <-hold:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	conn := s.dial(t)
	ends := make(chan error, 2)
	go func() { ends <- deliver(as(t, "a"), conn) }()
	<-begun
	closed := make(chan struct{})
	go func() { s.Close(context.Background()); close(closed) }()
	require.Eventually(t, func() bool {
		other, err := net.DialTimeout("tcp", s.address, time.Second)
		if err == nil {
			other.Close()
		}
		return err != nil
	}, time.Second, 5*time.Millisecond, "nobody new is let in")
	select {
	case <-closed:
		t.Fatal("a call in hand was cut off")
	default:
	}
	close(hold)
	require.NoError(t, <-ends, "and ends as it should")
	<-closed
}

func TestCloseCutsOff(t *testing.T) {
	l := serve.DefaultLimits()
	l.Drain = 50 * time.Millisecond
	begun := make(chan struct{})
	s := start(t, l, func(ctx context.Context) error { close(begun); <-ctx.Done(); return ctx.Err() })
	conn := s.dial(t)
	ends := make(chan error, 1)
	go func() { ends <- deliver(as(t, "a"), conn) }()
	<-begun
	began := time.Now()
	s.Close(context.Background())
	require.Less(t, time.Since(began), 5*time.Second)
	require.Error(t, <-ends)
	s.Close(context.Background())
}

// Whoever connects and says nothing is hung up on, and connections are counted.
func TestSilentConnections(t *testing.T) {
	l := serve.DefaultLimits()
	l.Handshake, l.Connections = 200*time.Millisecond, 2
	s := start(t, l, func(context.Context) error { return nil })
	for range 2 {
		silent, err := net.Dial("tcp", s.address)
		require.NoError(t, err)
		defer silent.Close()
	}
	began := time.Now()
	require.NoError(t, deliver(metadata.AppendToOutgoingContext(t.Context(), "name", "a"), s.dial(t)), "as soon as there is a place")
	require.GreaterOrEqual(t, time.Since(began), 100*time.Millisecond)
}
