package node

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/ledger"
)

// lonely is a party whose peer is away, and what it logs.
func lonely(t *testing.T) (*party, *bytes.Buffer) {
	t.Helper()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := nobody.Addr().String()
	require.NoError(t, nobody.Close())
	authority := nodetest.NewAuthority(t, "ShopMSP")
	root := filepath.Join(t.TempDir(), "root.pem")
	nodetest.Write(t, root, "CERTIFICATE", authority.Certificate.Raw)
	connection := authority.Issue(t, "shop", nil).Connection
	connection.Peers = []ledger.Peer{{Endpoint: address, TLSRootCert: root}}
	l, err := ledger.Dial(connection)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	log := &bytes.Buffer{}
	return &party{ledger: l, log: slog.New(slog.NewTextHandler(log, nil))}, log
}

// A node whose ledger is away says at once what it waits for, then what is in the
// way and what to do, and gives up in the end.
func TestANodeSaysWhatItWaitsFor(t *testing.T) {
	p, log := lonely(t)
	told := ""
	err := p.during(t.Context(), patience{whole: 1500 * time.Millisecond, first: 700 * time.Millisecond, next: 200 * time.Millisecond}, "read the parameters", func(ctx context.Context) error {
		told = log.String()
		_, err := client.OpenChain(ctx, p.ledger)
		return err
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "gave up after 1.5s")
	require.ErrorContains(t, err, p.peers())
	require.Contains(t, told, "read the parameters")
	require.Contains(t, told, p.peers())
	require.Contains(t, told, "for=1.5s")
	require.Contains(t, log.String(), "still waiting: read the parameters")
	require.Contains(t, log.String(), "connection refused")
	require.Contains(t, log.String(), "whatToDo=")
	require.Contains(t, log.String(), "givesUpIn=")
	require.Greater(t, bytes.Count(log.Bytes(), []byte("still waiting")), 1)
}

func TestANodeThatNeedNotWait(t *testing.T) {
	p, log := lonely(t)
	require.NoError(t, p.patiently(t.Context(), "ask", func(context.Context) error { return nil }))
	wrong := errors.New("wrong")
	require.Equal(t, wrong, p.patiently(t.Context(), "ask", func(context.Context) error { return wrong }))
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(wrong)
	err := p.patiently(gone, "ask", func(ctx context.Context) error { return context.Cause(ctx) })
	require.Equal(t, wrong, err, "who stops a node is not told that it gave up")
	require.NotContains(t, log.String(), "still waiting")
}
