package ledger

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	fabric "github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
)

// maxMessage is what peers allow by default; gRPC's own default of 4 MiB would
// refuse answers that a peer is ready to send.
const maxMessage = 100 << 20

// A gatewayPeer is one connection. The connection opens with the first question
// and repairs itself.
type gatewayPeer struct {
	endpoint string
	conn     *grpc.ClientConn
	gateway  *client.Gateway
	deliver  fabric.DeliverClient
	avoid    atomic.Int64 // Unix nanoseconds until which others are preferred
}

func (p Peer) connect(id identity.Identity, sign identity.Sign) (*gatewayPeer, error) {
	roots, err := p.roots()
	if err != nil {
		return nil, err
	}
	security := credentials.NewTLS(&tls.Config{
		RootCAs:    roots,
		ServerName: p.ServerName,
		MinVersion: tls.VersionTLS12,
	})
	conn, err := grpc.NewClient(p.Endpoint,
		grpc.WithTransportCredentials(security),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		// A peer is back 2 to 4 seconds after a restart; the default would
		// let a connection rest for up to two minutes.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		// A peer that vanishes without a word would leave a stream of blocks
		// waiting for ever. Peers hang up on pings below one a minute.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 75 * time.Second, Timeout: 15 * time.Second}),
	)
	if err != nil {
		return nil, fmt.Errorf("%w: peer %s: %w", ErrConnection, p.Endpoint, err)
	}
	gateway, err := client.Connect(id, client.WithSign(sign), client.WithClientConnection(conn))
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("%w: peer %s: %w", ErrConnection, p.Endpoint, err)
	}
	return &gatewayPeer{endpoint: p.Endpoint, conn: conn, gateway: gateway, deliver: fabric.NewDeliverClient(conn)}, nil
}

func (p *gatewayPeer) close() error {
	p.gateway.Close() // never fails
	return p.conn.Close()
}

// peer is the first one that has not just failed; if all have, the one whose
// failure is longest ago.
func (l *Ledger) peer() *gatewayPeer {
	now := time.Now().UnixNano()
	best := l.peers[0]
	for _, p := range l.peers {
		if p.avoid.Load() <= now {
			return p
		}
		if p.avoid.Load() < best.avoid.Load() {
			best = p
		}
	}
	return best
}

// note passes a peer over for a while if its answer suggests that another one
// can do better.
func (l *Ledger) note(ctx context.Context, p *gatewayPeer, err error) {
	l.retried()
	l.log.DebugContext(ctx, "a peer's answer is not final", "peer", p.endpoint, "error", err)
	if peerFailed(err) {
		l.passOver(p)
	}
}

func (l *Ledger) passOver(p *gatewayPeer) {
	p.avoid.Store(time.Now().Add(l.timing.avoidance).UnixNano())
}
