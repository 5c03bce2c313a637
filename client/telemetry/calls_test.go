package telemetry

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"net"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/client/wire/trace"
)

// fabric answers as it is told.
type fabric struct {
	client.Channel
	result ledger.Result
	err    error
	blocks int
}

func (f *fabric) Evaluate(context.Context, string, string, ...string) ([]byte, error) {
	return nil, f.err
}
func (f *fabric) Submit(context.Context, ledger.Call) (ledger.Result, error) { return f.result, f.err }
func (f *fabric) Height(context.Context) (uint64, error)                     { return 0, f.err }
func (f *fabric) Blocks(context.Context, uint64) iter.Seq2[ledger.Block, error] {
	return func(yield func(ledger.Block, error) bool) {
		for range f.blocks {
			if !yield(ledger.Block{}, nil) {
				return
			}
		}
		yield(ledger.Block{}, errors.New("the peer went away"))
	}
}

func TestLedgerCalls(t *testing.T) {
	m := New(Build{})
	var out bytes.Buffer
	below := &fabric{result: ledger.Result{TxID: "abc", Block: 7, Endorsements: 3, Broadcasts: 2}}
	c := m.Channel(below, trace.Logger(slog.New(slog.NewJSONHandler(&out, nil))))
	_, err := c.Submit(trace.With(t.Context(), "claim-7"), ledger.Call{Contract: "consents", Transaction: "Release", Args: []string{"argument"}})
	require.NoError(t, err)
	require.Contains(t, out.String(), `"transaction":"consents:Release","txId":"abc","block":7,"code":"ok"`)
	require.Contains(t, out.String(), `"request":"claim-7"`)
	require.NotContains(t, out.String(), "argument")
	require.Equal(t, 1.0, testutil.ToFloat64(m.submissions.WithLabelValues(record.TxRelease, ok)))
	require.Equal(t, 2.0, testutil.ToFloat64(m.retries.WithLabelValues(retryEndorsement)))
	require.Equal(t, 1.0, testutil.ToFloat64(m.retries.WithLabelValues(retryBroadcast)))
	m.Retried()
	require.Equal(t, 1.0, testutil.ToFloat64(m.retries.WithLabelValues(retryAnswer)))

	below.err = record.ErrConsentRevoked
	_, err = c.Evaluate(t.Context(), "consents", "Consent", "id")
	require.ErrorIs(t, err, record.ErrConsentRevoked)
	_, err = c.Evaluate(t.Context(), "somebody", "Chose this")
	require.Error(t, err)
	_, err = c.Height(t.Context())
	require.Error(t, err)
	for _, name := range []string{record.TxConsent, "other", heightOf} {
		require.Equal(t, 1.0, testutil.ToFloat64(m.evaluations.WithLabelValues(name, "CLAIMSHARE_CONSENT_REVOKED")), name)
	}
}

func TestBlocksAreCounted(t *testing.T) {
	m := New(Build{})
	for range m.Source(&fabric{blocks: 4}).Blocks(t.Context(), 0) {
		continue
	}
	require.Equal(t, 4.0, testutil.ToFloat64(m.blocks))
	require.Positive(t, testutil.ToFloat64(m.lastBlock))
}

// proxy releases, or answers an error.
type proxy struct {
	nodev1.UnimplementedProxyServiceServer
	err error
}

func (p *proxy) Release(context.Context, *nodev1.ReleaseRequest) (*nodev1.ReleaseResponse, error) {
	return &nodev1.ReleaseResponse{}, p.err
}

func TestCallsAndReleases(t *testing.T) {
	m := New(Build{})
	crossing := func(ctx context.Context, r any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		answer, err := handle(ctx, r)
		return answer, refusal.ToStatus(ctx, err)
	}
	server := grpc.NewServer(m.Server("parties"), grpc.ChainUnaryInterceptor(crossing, m.Releases))
	service := &proxy{}
	nodev1.RegisterProxyServiceServer(server, service)
	on := bufconn.Listen(1 << 16)
	go func() { _ = server.Serve(on) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return on.DialContext(ctx) }))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	demand := func(records int) error {
		_, err := nodev1.NewProxyServiceClient(conn).Release(t.Context(), &nodev1.ReleaseRequest{Records: make([][]byte, records)})
		return err
	}
	require.NoError(t, demand(2))
	service.err = record.ErrConsentRevoked
	require.Error(t, demand(3))
	service.err = refusal.ErrBusy
	require.Error(t, demand(0))
	require.Error(t, conn.Invoke(t.Context(), "/whatever/Strangers/Choose", &nodev1.ReleaseRequest{}, &nodev1.ReleaseResponse{}))
	server.GracefulStop() // ends are counted after answers

	const method = nodev1.ProxyService_Release_FullMethodName
	count := func(c codes.Code) float64 {
		return testutil.ToFloat64(m.calls.WithLabelValues("parties", method, status.New(c, "").Code().String()))
	}
	require.Equal(t, 1.0, count(codes.OK))
	require.Equal(t, 1.0, count(codes.FailedPrecondition))
	require.Equal(t, 1.0, count(codes.ResourceExhausted))
	require.Equal(t, 3, testutil.CollectAndCount(m.calls), "a method of a stranger's choice has no row")
	require.Zero(t, testutil.ToFloat64(m.inFlight.WithLabelValues("parties")))
	require.Equal(t, 1.0, testutil.ToFloat64(m.limited.WithLabelValues("parties")))
	require.Equal(t, 2.0, testutil.ToFloat64(m.releases.WithLabelValues(released)))
	require.Equal(t, 3.0, testutil.ToFloat64(m.releases.WithLabelValues("CLAIMSHARE_CONSENT_REVOKED")))
	require.Equal(t, 1.0, testutil.ToFloat64(m.releases.WithLabelValues("NODE_BUSY")))
	require.Equal(t, 1.0, testutil.ToFloat64(m.errors.WithLabelValues("parties", "CLAIMSHARE_CONSENT_REVOKED")))
}
