package wallet

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// gateway is the ledger as members' nodes answer for it: the first that can be
// reached, and that one until it fails.
type gateway struct {
	names ledger.Connection // channel and chaincode
	to    func(Node) (nodev1.GatewayServiceClient, error)

	mu    sync.Mutex
	nodes []Node // the one in use is the first
}

var _ client.Channel = (*gateway)(nil)

// current is the node in use.
func (g *gateway) current() Node {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.nodes[0]
}

// next puts a node that failed behind the others.
func (g *gateway) next(failed Node) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.nodes[0].Party == failed.Party {
		g.nodes = append(g.nodes[1:len(g.nodes):len(g.nodes)], failed)
	}
}

// ask makes one call at one gateway after the other, until one is there.
func ask[T any](ctx context.Context, g *gateway, call func(context.Context, nodev1.GatewayServiceClient) (T, error)) (T, error) {
	var none T
	if len(g.nodes) == 0 {
		return none, fmt.Errorf("%w: a gateway to the ledger", ErrDirectory)
	}
	var missed error
	for range len(g.nodes) {
		n := g.current()
		c, err := g.to(n)
		if err != nil {
			return none, err
		}
		answer, err := func() (T, error) {
			ctx, cancel := quick(ctx, callTime)
			defer cancel()
			return call(ctx, c)
		}()
		if err == nil {
			return answer, nil
		}
		unreachable := status.Code(err) == codes.Unavailable
		err = fromNode(n, err)
		if !unreachable || ctx.Err() != nil {
			return none, err
		}
		missed = errors.Join(missed, err)
		g.next(n)
	}
	return none, missed
}

// Evaluate asks a query.
func (g *gateway) Evaluate(ctx context.Context, contract, transaction string, args ...string) ([]byte, error) {
	r := &nodev1.EvaluateRequest{Transaction: contract + ":" + transaction, Args: args}
	answer, err := ask(ctx, g, func(ctx context.Context, c nodev1.GatewayServiceClient) (*nodev1.EvaluateResponse, error) {
		return c.Evaluate(ctx, r)
	})
	return answer.GetAnswer(), err
}

// Submit is not for wallets: what they sign goes by calls of its own.
func (g *gateway) Submit(context.Context, ledger.Call) (ledger.Result, error) {
	return ledger.Result{}, errors.New("wallet: a wallet submits no transactions")
}

// Height is how many blocks the gateway's peer has.
func (g *gateway) Height(ctx context.Context) (uint64, error) {
	answer, err := ask(ctx, g, func(ctx context.Context, c nodev1.GatewayServiceClient) (*nodev1.HeightResponse, error) {
		return c.Height(ctx, &nodev1.HeightRequest{})
	})
	return answer.GetHeight(), err
}

// Connection names channel and chaincode.
func (g *gateway) Connection() ledger.Connection { return g.names }
