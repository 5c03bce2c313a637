package remote

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	retry "github.com/cenkalti/backoff/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/mutual"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/client/wire/trace"
)

// ErrClosed is the error of calls after Close.
var ErrClosed = errors.New("remote: closed")

// Nodes is the other parties' nodes. Its methods may be called by many
// goroutines at once.
type Nodes struct {
	node      *mutual.Node
	directory Directory
	options   Options

	mu      sync.Mutex
	parties map[record.PartyID]*party
	closed  bool
}

// New needs no network: a party that is away shows in the first call.
func New(node *mutual.Node, directory Directory, o Options) *Nodes {
	return &Nodes{node: node, directory: directory, options: o, parties: map[record.PartyID]*party{}}
}

// Close ends all connections and the calls on them.
func (n *Nodes) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for _, p := range n.parties {
		p.close()
	}
}

// Holder is a party that keeps records.
func (n *Nodes) Holder(id record.PartyID) *Holder { return &Holder{n.party(id)} }

// Proxy is a party that re-encrypts.
func (n *Nodes) Proxy(id record.PartyID) *Proxy { return &Proxy{n.party(id)} }

// Authority is a system manager.
func (n *Nodes) Authority(id record.PartyID) *Authority { return &Authority{n.party(id)} }

func (n *Nodes) party(id record.PartyID) *party {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.parties[id]
	if p == nil {
		p = &party{id: id, nodes: n, slots: make(chan struct{}, n.options.Concurrent), closed: n.closed}
		n.parties[id] = p
	}
	return p
}

func (n *Nodes) seen() uint64 {
	if n.options.Seen == nil {
		return 0
	}
	return n.options.Seen()
}

// party is one other node.
type party struct {
	id    record.PartyID
	nodes *Nodes
	slots chan struct{} // taken by calls in hand

	mu     sync.Mutex
	link   *link
	closed bool
}

func (p *party) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.link != nil {
		p.link.conn.Close()
	}
}

// take is a link for one call; give it back.
func (p *party) take(ctx context.Context) (*link, error) {
	address, err := p.nodes.directory.Address(p.id)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	have := p.link
	p.mu.Unlock()
	if have != nil {
		if leaf := have.leaf.Load(); have.address != address || leaf != nil && p.nodes.node.Accepts(ctx, leaf) != nil {
			p.retire(have)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	if p.link == nil {
		if p.link, err = dial(p.nodes.node, p.id, address, &p.nodes.options); err != nil {
			return nil, err
		}
	}
	p.link.users++
	return p.link, nil
}

func (p *party) give(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.users--
	if l.retired && l.users == 0 {
		l.conn.Close()
	}
}

// retire has later calls dial anew; those in hand may end.
func (p *party) retire(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.link != l {
		return
	}
	p.link, l.retired = nil, true
	if l.users == 0 {
		l.conn.Close()
	}
}

// attempt makes one call and tells what its error means.
func (p *party) attempt(ctx context.Context, call func(context.Context, *grpc.ClientConn) error) error {
	l, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer p.give(l)
	err = refusal.FromStatus(call(ctx, l.conn))
	if refused := l.refused.Load(); err != nil && refused != nil && status.Code(err) == codes.Unavailable {
		p.retire(l)
		return *refused
	}
	return err
}

// passes reports whether a call is worth repeating: it did not get through, or
// was turned away unread.
func passes(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	switch status.Code(err) {
	case codes.Unavailable:
		return true
	case codes.Canceled: // the other side's doing
		return errors.As(err, new(*refusal.Error))
	}
	return errors.Is(err, refusal.ErrBusy)
}

// call makes a call, again and again if need be, for as long as Patience without
// progress; call reports progress by its first answer.
func (p *party) call(ctx context.Context, call func(context.Context, *grpc.ClientConn) (bool, error)) error {
	end, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	return p.repeat(trace.Outgoing(ctx), call)
}

// begin takes one of the calls in hand; end must be called.
func (p *party) begin(ctx context.Context) (end func(), err error) {
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (p *party) repeat(ctx context.Context, call func(context.Context, *grpc.ClientConn) (bool, error)) error {
	o := &p.nodes.options
	pauses := retry.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = o.FirstPause, o.LongestPause
	since := time.Now()
	for {
		progress := false
		err := p.attempt(ctx, func(ctx context.Context, conn *grpc.ClientConn) (err error) {
			progress, err = call(ctx, conn)
			return err
		})
		if err == nil {
			return nil
		}
		if progress {
			since = time.Now()
			pauses.Reset()
		}
		if !passes(ctx, err) {
			return p.named(err)
		}
		if time.Since(since) >= o.Patience {
			return p.gaveUp(err)
		}
		select {
		case <-time.After(pauses.NextBackOff()):
		case <-ctx.Done():
			return p.named(errors.Join(context.Cause(ctx), err))
		}
	}
}

func (p *party) named(err error) error { return fmt.Errorf("party %s: %w", p.id, err) }

func (p *party) gaveUp(err error) error {
	if status.Code(err) == codes.Unavailable {
		return p.named(fmt.Errorf("%w: %w", refusal.ErrUnreachable, err))
	}
	return p.named(err)
}

// unary is call for one question with one answer. The time that it has begins
// with its turn.
func (p *party) unary(ctx context.Context, call func(context.Context, *grpc.ClientConn) error) error {
	end, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if _, set := ctx.Deadline(); !set {
		bounded, cancel := context.WithTimeout(ctx, p.nodes.options.Unary)
		defer cancel()
		ctx = bounded
	}
	return p.repeat(trace.Outgoing(ctx), func(ctx context.Context, conn *grpc.ClientConn) (bool, error) { return false, call(ctx, conn) })
}
