package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/net/netutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/mutual"
	"github.com/claimshare/claimshare/client/store"
)

// Config is what a server is made of.
type Config struct {
	Credentials credentials.TransportCredentials
	// Identify puts the caller into the context or refuses it; for parties it is
	// [mutual.Node.Identify]. When it is nil everybody is let in.
	Identify func(ctx context.Context) (context.Context, error)
	// Caller names, for limits and logs, whom Identify has found; for parties it
	// is [PartyCaller].
	Caller func(ctx context.Context) string
	// Unary and Stream come after Identify and the limits. Their errors cross as
	// package refusal says.
	Unary  []grpc.UnaryServerInterceptor
	Stream []grpc.StreamServerInterceptor
	// Healthy says whether a service works now, for the health service; "" is
	// the whole node. When it is nil, all do.
	Healthy func(service string) bool
	Options []grpc.ServerOption // further ones
	Limits  Limits
	Log     *slog.Logger
}

// PartyCaller is the id of the party that calls.
func PartyCaller(ctx context.Context) string {
	caller, err := mutual.From(ctx)
	if err != nil {
		return ""
	}
	return caller.Party.ID.String()
}

// Server is one listener. Register the services, then call Serve.
type Server struct {
	*grpc.Server
	health *health.Server
	limits Limits
	log    *slog.Logger
	closed sync.Once
}

// NewServer makes a server with health and reflection services.
func NewServer(c Config) *Server {
	s := &Server{health: health.NewServer(), limits: c.Limits, log: c.Log}
	g := newGuard(c)
	l := c.Limits
	s.Server = grpc.NewServer(append(c.Options,
		grpc.Creds(c.Credentials),
		grpc.ChainUnaryInterceptor(append([]grpc.UnaryServerInterceptor{g.unary}, c.Unary...)...),
		grpc.ChainStreamInterceptor(append([]grpc.StreamServerInterceptor{g.stream}, c.Stream...)...),
		grpc.MaxRecvMsgSize(l.Receive), grpc.MaxSendMsgSize(l.Send), grpc.MaxHeaderListSize(maxHeader),
		grpc.MaxConcurrentStreams(uint32(l.Concurrent)), grpc.ConnectionTimeout(l.Handshake),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: l.Ping, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: l.Idle, MaxConnectionAge: l.Age, MaxConnectionAgeGrace: l.Grace, Time: probe, Timeout: probe / 2,
		}),
		grpc.WaitForHandlers(true),
	)...)
	healthv1.RegisterHealthServer(s.Server, pulse{s.health, c.Healthy})
	reflection.Register(s.Server)
	return s
}

// pulse answers how the server is, and does not report changes: who waits for
// one would keep a call in hand for nothing.
type pulse struct {
	*health.Server
	healthy func(service string) bool
}

// Check tells of a service that is offered whether it works.
func (p pulse) Check(ctx context.Context, r *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	answer, err := p.Server.Check(ctx, r)
	if err != nil { // its only one
		return nil, fmt.Errorf("service %q: %w", r.GetService(), store.ErrNotFound)
	}
	if p.healthy == nil || p.healthy(r.GetService()) {
		return answer, nil
	}
	return &healthv1.HealthCheckResponse{Status: healthv1.HealthCheckResponse_NOT_SERVING}, nil
}

// Watch is not offered.
func (pulse) Watch(*healthv1.HealthCheckRequest, grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error {
	return record.ErrUnknownTransaction.With("this server reports no changes: ask again by Check")
}

const (
	maxHeader = 16 << 10 // bytes
	probe     = 30 * time.Second
)

// Serve accepts connections until Close; it returns nil then. From then on the
// health service reports the services, as Config.Healthy has them.
func (s *Server) Serve(listener net.Listener) error {
	for name := range s.GetServiceInfo() {
		s.health.SetServingStatus(name, healthv1.HealthCheckResponse_SERVING)
	}
	err := s.Server.Serve(netutil.LimitListener(share(listener, s.limits.Address, s.limits.Connections), s.limits.Connections))
	if errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return err
}

// Close lets calls in hand end and accepts no more. Those that have not ended
// after Limits.Drain, or when ctx ends, are cut off.
func (s *Server) Close(ctx context.Context) {
	s.closed.Do(func() {
		s.health.Shutdown()
		ctx, cancel := context.WithTimeout(ctx, s.limits.Drain)
		defer cancel()
		drained := make(chan struct{})
		go func() {
			s.GracefulStop()
			close(drained)
		}()
		select {
		case <-drained:
		case <-ctx.Done():
			s.log.Warn("calls in hand are cut off")
			s.Stop()
			<-drained
		}
	})
}
