package wallet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/client/wire/trace"
)

// Times that one call to a node may take.
const (
	callTime    = 30 * time.Second
	approveTime = 3 * time.Minute // the system manager searches all of a holder's capsules
)

// quick bounds a call that has no deadline of its own.
func quick(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, set := ctx.Deadline(); set {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

// transport is TLS 1.3 to the node, whose certificate must come from the
// authority that the directory names.
func (n Node) transport() (credentials.TransportCredentials, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(n.Authority)) {
		return nil, fmt.Errorf("%w: the authority of %s is no PEM certificate", ErrDirectory, n.Address)
	}
	return credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}), nil
}

func (n Node) dial(options ...grpc.DialOption) (*grpc.ClientConn, error) {
	secure, err := n.transport()
	if err != nil {
		return nil, err
	}
	cc, err := grpc.NewClient("passthrough:///"+n.Address, append(append(trace.DialOptions(), options...), grpc.WithTransportCredentials(secure))...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDirectory, n.Address, err)
	}
	return cc, nil
}

// introduce asks a node who it is and where the others are. It needs no keys.
func (n Node) introduce(ctx context.Context) (record.PartyID, []Node, error) {
	cc, err := n.dial()
	if err != nil {
		return record.PartyID{}, nil, err
	}
	defer cc.Close()
	ctx, cancel := quick(ctx, callTime)
	defer cancel()
	answer, err := nodev1.NewWalletServiceClient(cc).Node(ctx, &nodev1.NodeRequest{})
	if err != nil {
		return record.PartyID{}, nil, fromNode(n, err)
	}
	id, err := record.ParsePartyID(answer.GetParty())
	if err != nil {
		return id, nil, fmt.Errorf("%w: %w", ErrDirectory, err)
	}
	var nodes []Node
	for _, a := range answer.GetNodes() {
		party, err := record.ParsePartyID(a.GetParty())
		if err != nil {
			return id, nil, fmt.Errorf("%w: %w", ErrDirectory, err)
		}
		nodes = append(nodes, Node{party, a.GetRole(), a.GetName(), a.GetWallets(), string(a.GetAuthority())})
	}
	return id, nodes, nil
}

// learn takes the system manager's directory over. The manager's own entry
// stays as the wallet was given it, but for its name.
func (n *network) learn(nodes []Node) {
	manager := n.Nodes[0]
	all := []Node{manager}
	for _, node := range nodes {
		if node.Party == n.Manager {
			all[0].Name, all[0].Role = node.Name, node.Role
			continue
		}
		all = append(all, node)
	}
	n.Nodes = all
}

// members are the nodes that hold records and serve as gateways.
func (n *network) members() []Node {
	return slices.DeleteFunc(slices.Clone(n.Nodes), func(node Node) bool {
		return node.Role != record.RoleInsurer.String() && node.Role != record.RoleRepairShop.String()
	})
}

// proxies are the nodes that re-encrypt.
func (n *network) proxies() []Node {
	return slices.DeleteFunc(slices.Clone(n.Nodes), func(node Node) bool { return node.Role != record.RoleProxy.String() })
}

// connections are those of one set of keys.
type connections struct {
	keys *client.Keys
	open map[record.PartyID]*grpc.ClientConn
}

func newConnections(keys *client.Keys) *connections {
	return &connections{keys: keys, open: map[record.PartyID]*grpc.ClientConn{}}
}

// to is the connection to a node, on which every call is signed.
func (c *connections) to(n Node) (*grpc.ClientConn, error) {
	if cc := c.open[n.Party]; cc != nil {
		return cc, nil
	}
	options := append([]grpc.DialOption{grpc.WithChainUnaryInterceptor(patiently)}, walletauth.NewClient(c.keys.PID, c.keys.Signing, n.Party).DialOptions()...)
	cc, err := n.dial(options...)
	if err != nil {
		return nil, err
	}
	c.open[n.Party] = cc
	return cc, nil
}

func (c *connections) close() {
	for id, cc := range c.open {
		cc.Close()
		delete(c.open, id)
	}
}

// patiently calls again, after a while, when a node says that it is busy: it has
// done nothing then. Each attempt is signed anew.
func patiently(ctx context.Context, method string, request, answer any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	pauses := backoff.NewExponentialBackOff()
	for {
		err := invoke(ctx, method, request, answer, cc, options...)
		if !errors.Is(refusal.FromStatus(err), refusal.ErrBusy) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pauses.NextBackOff()):
		}
	}
}
