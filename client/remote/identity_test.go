package remote_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/remote"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// deliver makes a call that a liar answers; what it answers does not matter.
func deliver(t *testing.T, n *remote.Nodes, id record.PartyID) error {
	t.Helper()
	_, err := n.Holder(id).Deliver(t.Context(), client.Order{})
	return err
}

// reached is the answer of a node that has let the caller in.
var reached = record.ErrConsentUnknown

func answers(l *liar, called *int) {
	l.deliver = func(context.Context) (*nodev1.DeliverResponse, error) {
		*called++
		return nil, reached
	}
}

// Callers whose certificate does not do never reach a service.
func TestCallersThatAreRefused(t *testing.T) {
	l, c, nodes := lying(t, options())
	called := 0
	answers(l, &called)
	require.ErrorIs(t, deliver(t, nodes, c.shop.id), reached)
	revoked := c.rival.ca.Issue(t, "insurer2", nil)
	c.rival.ca.Revoke(revoked.Certificate)
	c.ledger.Change(func(s *nodetest.State) {
		for i := range *s.Organisations {
			if (*s.Organisations)[i].ID == c.rival.ca.MSP {
				(*s.Organisations)[i] = c.rival.ca.Organisation(t)
			}
		}
	})
	require.NoError(t, c.shop.node.Trust.Refresh(t.Context()))
	for name, one := range map[string]struct {
		cert *nodetest.Member
		want error
	}{
		"of no organisation":                 {nodetest.NewAuthority(t, c.insurer.ca.MSP).Issue(t, "insurer1", nil), refusal.ErrCertificate},
		"revoked":                            {revoked, refusal.ErrCertificate},
		"not yet in force":                   {c.insurer.ca.Issue(t, "insurer1", func(x *x509.Certificate) { x.NotBefore = time.Now().Add(time.Hour) }), refusal.ErrCertificate},
		"of another's employee":              {c.insurer.ca.Issue(t, "clerk", nil), record.ErrUnknownCaller},
		"with the name, elsewhere":           {c.rival.ca.Issue(t, "insurer1", nil), record.ErrUnknownCaller},
		"of another, with its own all right": {c.rival.cert, reached},
	} {
		t.Run(name, func(t *testing.T) {
			before := called
			n := remote.New(c.node(t, one.cert), c.addresses, options())
			defer n.Close()
			require.ErrorIs(t, deliver(t, n, c.shop.id), one.want)
			require.Equal(t, isErr(one.want, reached), called > before)
		})
	}
}

// Whoever answers at a party's address without being that party gets nothing.
func TestNodesThatAreNotTheParty(t *testing.T) {
	l, c, nodes := lying(t, options())
	called := 0
	answers(l, &called)
	c.addresses[c.rival.id] = c.addresses[c.shop.id]
	err := deliver(t, nodes, c.rival.id)
	require.ErrorIs(t, err, refusal.ErrCertificate)
	require.ErrorContains(t, err, "CN=shop1")
	require.Zero(t, called)
	require.ErrorIs(t, deliver(t, nodes, c.proxy.id), refusal.ErrAddress)
	stranger := nodetest.Stranger()
	c.addresses[stranger] = c.addresses[c.shop.id]
	require.ErrorIs(t, deliver(t, nodes, stranger), record.ErrPartyUnknown)
	require.ErrorIs(t, deliver(t, nodes, c.shop.id), reached)

	expired := c.shop.ca.Issue(t, "shop1", func(x *x509.Certificate) { x.NotAfter = time.Now().Add(-time.Minute) })
	pair, err := tls.LoadX509KeyPair(expired.Connection.ClientCert, expired.Connection.ClientKey)
	require.NoError(t, err)
	s := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert})))
	nodev1.RegisterHolderServiceServer(s, l)
	c.addresses[c.shop.id] = listen(t, s)
	called = 0
	err = deliver(t, nodes, c.shop.id)
	require.ErrorIs(t, err, refusal.ErrCertificate)
	require.ErrorContains(t, err, "expired")

	plain := grpc.NewServer()
	nodev1.RegisterHolderServiceServer(plain, l)
	c.addresses[c.shop.id] = listen(t, plain)
	require.ErrorIs(t, deliver(t, nodes, c.shop.id), refusal.ErrUnreachable, "a node without TLS")
	require.Zero(t, called)
}

func TestPlaintextCaller(t *testing.T) {
	l, c, _ := lying(t, options())
	called := 0
	answers(l, &called)
	for name, creds := range map[string]credentials.TransportCredentials{
		"plaintext":      insecure.NewCredentials(),
		"no certificate": credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}),
	} {
		conn, err := grpc.NewClient("passthrough:///"+c.addresses[c.shop.id], grpc.WithTransportCredentials(creds))
		require.NoError(t, err)
		_, err = nodev1.NewHolderServiceClient(conn).Deliver(t.Context(), &nodev1.DeliverRequest{})
		require.Equal(t, codes.Unavailable, status.Code(err), name)
		require.NoError(t, conn.Close())
	}
	require.Zero(t, called)
}

// A party that moves is followed; calls in hand end where they began.
func TestNewAddress(t *testing.T) {
	l, c, nodes := lying(t, options())
	hold, began := make(chan struct{}), make(chan struct{})
	l.deliver = func(context.Context) (*nodev1.DeliverResponse, error) {
		close(began)
		<-hold
		return nil, reached
	}
	old := make(chan error)
	go func() {
		_, err := nodes.Holder(c.shop.id).Deliver(context.Background(), client.Order{})
		old <- err
	}()
	<-began
	second := &liar{}
	called := 0
	answers(second, &called)
	c.serve(t, c.shop, limits(), second.register)
	require.ErrorIs(t, deliver(t, nodes, c.shop.id), reached)
	require.Equal(t, 1, called)
	close(hold)
	require.ErrorIs(t, <-old, reached)
}

// A certificate that is revoked ends the connection on which it was shown.
func TestRevokedWhileConnected(t *testing.T) {
	l, c, nodes := lying(t, options())
	called := 0
	answers(l, &called)
	require.ErrorIs(t, deliver(t, nodes, c.shop.id), reached)
	c.shop.ca.Revoke(c.shop.cert.Certificate)
	c.ledger.Change(func(s *nodetest.State) {
		for i := range *s.Organisations {
			if (*s.Organisations)[i].ID == c.shop.ca.MSP {
				(*s.Organisations)[i] = c.shop.ca.Organisation(t)
			}
		}
	})
	require.NoError(t, c.insurer.node.Trust.Refresh(t.Context()))
	require.ErrorIs(t, deliver(t, nodes, c.shop.id), refusal.ErrCertificate)
	require.Equal(t, 1, called)
	c.shop.ca.Renew(t, c.shop.cert, "shop1", nil)
	require.Eventually(t, func() bool { return isErr(deliver(t, nodes, c.shop.id), reached) }, 5*time.Second, 20*time.Millisecond, "the renewed one will do")
}

func TestNodeThatIsAway(t *testing.T) {
	c := newCast(t)
	c.addresses[c.shop.id] = "127.0.0.1:1"
	nodes := c.calls(t, c.insurer, options())
	began := time.Now()
	require.ErrorIs(t, deliver(t, nodes, c.shop.id), refusal.ErrUnreachable)
	require.GreaterOrEqual(t, time.Since(began), options().Patience)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := nodes.Holder(c.shop.id).Deliver(ctx, client.Order{})
	require.ErrorIs(t, err, context.Canceled)
	nodes.Close()
	require.ErrorIs(t, deliver(t, nodes, c.shop.id), remote.ErrClosed)
	require.ErrorIs(t, deliver(t, nodes, c.rival.id), refusal.ErrAddress)
	c.addresses[c.rival.id] = "127.0.0.1:1"
	require.ErrorIs(t, deliver(t, nodes, c.rival.id), remote.ErrClosed)
}
