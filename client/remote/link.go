package remote

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/mutual"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// link is one connection to one party at one address. Its users and whether it
// is retired are its party's to look after.
type link struct {
	conn    *grpc.ClientConn
	address string
	users   int
	retired bool

	leaf    atomic.Pointer[x509.Certificate] // the party's, once it has shown it
	refused atomic.Pointer[error]            // why one side refused the other
}

func dial(node *mutual.Node, id record.PartyID, address string, o *Options) (*link, error) {
	l := &link{address: address}
	var err error
	l.conn, err = grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(&watched{node.ClientCredentials(id, func(c *x509.Certificate) { l.leaf.Store(c) }), l}),
		grpc.WithNoProxy(), // addresses in a directory are meant as they are
		grpc.WithUserAgent("claimshare"),
		grpc.WithDisableServiceConfig(),
		grpc.WithMaxHeaderListSize(maxHeader),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(o.Receive), grpc.MaxCallSendMsgSize(o.Send)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: o.FirstPause, Multiplier: 2, Jitter: 0.2, MaxDelay: o.LongestPause},
			MinConnectTimeout: o.Connect,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: o.Slow.Idle / 2, Timeout: o.Slow.Idle / 6}),
	)
	if err != nil {
		return nil, fmt.Errorf("remote: address %q: %w", address, err)
	}
	return l, nil
}

const maxHeader = 64 << 10 // bytes

// watched notes why a handshake fails, which the errors of gRPC tell as text
// only.
type watched struct {
	credentials.TransportCredentials
	link *link
}

// ClientHandshake notes what this side finds wrong, and later what the other
// does: in TLS 1.3 that arrives with the first bytes.
func (w *watched) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	w.link.refused.Store(nil)
	conn, info, err := w.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		if errors.Is(err, refusal.ErrCertificate) || errors.As(err, new(*record.Error)) {
			w.link.refused.Store(&err)
		}
		return nil, nil, err
	}
	return &listened{conn, w.link}, info, nil
}

// Clone copies the credentials.
func (w *watched) Clone() credentials.TransportCredentials {
	return &watched{w.TransportCredentials.Clone(), w.link}
}

// listened is a connection on which alerts of the other side are heard.
type listened struct {
	net.Conn
	link *link
}

// Read notes an alert.
func (c *listened) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	var alert *net.OpError
	if errors.As(err, &alert) && alert.Op == "remote error" {
		why := fmt.Errorf("%w: the other side says: %w", refusal.ErrCertificate, alert.Err)
		c.link.refused.Store(&why)
	}
	return n, err
}
