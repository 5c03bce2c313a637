package ledger

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
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
	deliver  fabric.DeliverClient
	avoid    atomic.Int64 // Unix nanoseconds until which others are preferred
	current  atomic.Pointer[session]
}

// A session is one identity at one peer. What a call begins with one session it
// ends with it, so that certificate and signature fit each other.
type session struct {
	*client.Gateway
	signer
}

// session is the one to begin a call with.
func (p *gatewayPeer) session() *session { return p.current.Load() }

// actAs has calls that begin from now on made by another identity. The session
// before needs no closing: it holds nothing of its own.
func (p *gatewayPeer) actAs(who signer) error {
	gateway, err := client.Connect(who.id, client.WithSign(who.sign), client.WithClientConnection(p.conn))
	if err != nil {
		return fmt.Errorf("%w: peer %s: %w", ErrConnection, p.endpoint, err)
	}
	p.current.Store(&session{gateway, who})
	return nil
}

func (p Peer) connect(who signer) (*gatewayPeer, error) {
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
	peer := &gatewayPeer{endpoint: p.Endpoint, conn: conn, deliver: fabric.NewDeliverClient(conn)}
	if err := peer.actAs(who); err != nil {
		conn.Close()
		return nil, err
	}
	return peer, nil
}

func (p *gatewayPeer) close() error {
	p.session().Close() // never fails
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

// trouble is a peer's answer that was met by another attempt.
type trouble struct {
	peer string
	err  error
}

// Trouble is the last answer of a peer that was met by another attempt; nil when
// there was none. It tells who waits for a call what it may be waiting for.
func (l *Ledger) Trouble() error {
	if last := l.trouble.Load(); last != nil {
		return fmt.Errorf("peer %s: %w", last.peer, last.err)
	}
	return nil
}

// note passes a peer over for a while if its answer suggests that another one
// can do better.
func (l *Ledger) note(ctx context.Context, p *gatewayPeer, err error) {
	l.retried()
	l.trouble.Store(&trouble{p.endpoint, err})
	l.log.DebugContext(ctx, "a peer's answer is not final", "peer", p.endpoint, "error", err)
	if peerFailed(err) {
		l.passOver(p)
	}
}

func (l *Ledger) passOver(p *gatewayPeer) {
	p.avoid.Store(time.Now().Add(l.timing.avoidance).UnixNano())
}
