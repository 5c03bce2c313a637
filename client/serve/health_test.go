package serve_test

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/client/serve"
)

// The health service says of each service that is offered what the node says.
func TestHealthTellsTheTruth(t *testing.T) {
	var broken atomic.Bool
	s := serve.NewServer(serve.Config{
		Credentials: insecure.NewCredentials(), Limits: serve.DefaultLimits(), Log: slog.New(slog.DiscardHandler),
		Healthy: func(service string) bool { return !broken.Load() || service == "grpc.reflection.v1.ServerReflection" },
	})
	on, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(on) }()
	t.Cleanup(func() {
		s.Close(context.Background())
		require.NoError(t, <-done)
	})
	conn, err := grpc.NewClient(on.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	ask := func(service string) healthv1.HealthCheckResponse_ServingStatus {
		r, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{Service: service}, grpc.WaitForReady(true))
		require.NoError(t, err)
		return r.GetStatus()
	}
	require.Equal(t, healthv1.HealthCheckResponse_SERVING, ask(""))
	broken.Store(true)
	require.Equal(t, healthv1.HealthCheckResponse_NOT_SERVING, ask(""))
	require.Equal(t, healthv1.HealthCheckResponse_SERVING, ask("grpc.reflection.v1.ServerReflection"))
	broken.Store(false)
	require.Equal(t, healthv1.HealthCheckResponse_SERVING, ask(""))
	_, err = healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{Service: "nobody"})
	require.Equal(t, codes.NotFound, status.Code(err))
}
