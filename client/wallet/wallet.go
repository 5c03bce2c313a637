package wallet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pre"
)

// Wallet is a policyholder's wallet: a file, held open, and connections to
// nodes. Its methods can be called from many goroutines; one works at a time.
type Wallet struct {
	mu   sync.Mutex
	file *file
	c    *contents
	via  record.PartyID // the gateway to prefer; zero: any

	conns *connections // of the present keys
	known *session     // nil until a method needed the ledger
}

// session is what needs the ledger.
type session struct {
	chain *client.Chain
	owner *client.Owner
	keys  *client.Keys
	gate  *gateway
}

// Open opens the wallet in a file. It answers [ErrInUse], [ErrNewer],
// keyfile.ErrLocked, keyfile.ErrPermissions, keyfile.ErrMalformed, and what the
// operating system answers. It reaches no node.
func Open(path string, lock Lock) (*Wallet, error) {
	f, c, err := openFile(path, lock)
	if err != nil {
		return nil, err
	}
	return newWallet(f, c)
}

func newWallet(f *file, c *contents) (*Wallet, error) {
	keys, err := c.keys()
	if err != nil {
		f.close()
		return nil, err
	}
	return &Wallet{file: f, c: c, conns: newConnections(keys[len(keys)-1])}, nil
}

// Close ends the connections and lets go of the file.
func (w *Wallet) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget()
	w.file.close()
	return nil
}

// forget ends what was made of the present keys.
func (w *Wallet) forget() {
	w.conns.close()
	w.known = nil
}

// ID is the owner's party id.
func (w *Wallet) ID() record.PartyID { return record.NewPartyID(string(w.c.PID)) }

// Via prefers one member's node as the gateway to the ledger. It answers
// [ErrDirectory] when the directory has none for that party.
func (w *Wallet) Via(id record.PartyID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.c.Network.node(id); !ok {
		return fmt.Errorf("%w: party %s", ErrDirectory, id)
	}
	w.via, w.known = id, nil
	return nil
}

// Nodes are the nodes of the directory.
func (w *Wallet) Nodes() []Node {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.c.Network.Nodes)
}

func (w *Wallet) save() error { return w.file.save(w.c) }

// session opens the ledger, after finishing what an interrupted run has left.
func (w *Wallet) session(ctx context.Context) (*session, error) {
	if w.known != nil {
		return w.known, nil
	}
	if w.c.Enrolment != nil {
		if err := w.register(ctx); err != nil {
			return nil, err
		}
	}
	if len(w.c.Network.Nodes) == 1 {
		if err := w.refresh(ctx); err != nil {
			return nil, err
		}
	}
	if w.c.Next != nil {
		// One that waits for another code does not keep the present keys from use.
		if err := w.settleRotation(ctx); err != nil && w.c.NextCode != "" {
			return nil, err
		}
	}
	s, err := w.connect(ctx, w.conns, w.c.Keys, walletauth.ErrUnknown)
	if errors.Is(err, walletauth.ErrSignature) {
		return nil, fmt.Errorf("%w: %w", ErrRotated, err)
	}
	if err != nil {
		return nil, err
	}
	w.known = s
	return s, nil
}

// refresh takes over the system manager's directory.
func (w *Wallet) refresh(ctx context.Context) error {
	id, nodes, err := w.c.Network.Nodes[0].introduce(ctx)
	if err != nil {
		return err
	}
	if id != w.c.Network.Manager {
		return fmt.Errorf("%w: %s is not the system manager of this wallet", ErrDirectory, w.c.Network.Nodes[0].Address)
	}
	before := w.c.Network.Nodes
	w.c.Network.learn(nodes)
	if slices.Equal(before, w.c.Network.Nodes) {
		return nil
	}
	w.forget() // an address may have changed
	return w.save()
}

// Refresh takes over the system manager's directory of nodes, as it is now.
func (w *Wallet) Refresh(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refresh(ctx)
}

// gatewayOver is the ledger through the members' nodes.
func (w *Wallet) gatewayOver(conns *connections) *gateway {
	nodes := w.c.Network.members()
	slices.SortStableFunc(nodes, func(a, b Node) int {
		switch w.via {
		case a.Party:
			return -1
		case b.Party:
			return 1
		}
		return 0
	})
	return &gateway{
		names: ledger.Connection{Channel: w.c.Network.Channel, Chaincode: w.c.Network.Chaincode}, nodes: nodes,
		to: func(n Node) (nodev1.GatewayServiceClient, error) {
			cc, err := conns.to(n)
			return nodev1.NewGatewayServiceClient(cc), err
		},
	}
}

// connect opens the ledger with the keys of the seeds, the last of which are the
// present ones. The parameters must be those that the wallet was enrolled under.
// A refusal that may only mean that the gateway's peer is about to hear of these
// keys is met by asking again for a while.
func (w *Wallet) connect(ctx context.Context, conns *connections, seeds []secret, lagging error) (*session, error) {
	g := w.gatewayOver(conns)
	chain, err := client.OpenChain(ctx, g)
	for tries := 0; lagging != nil && errors.Is(err, lagging) && tries < lagTries; tries++ {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lagPause):
		}
		chain, err = client.OpenChain(ctx, g)
	}
	if err != nil {
		return nil, err
	}
	if chain.Parameters().ID() != [32]byte(w.c.Network.ParamsID) {
		return nil, fmt.Errorf("%w: the gateway %s speaks of another deployment", client.ErrSystem, g.current().Name)
	}
	all, err := (&contents{PID: w.c.PID, Keys: seeds}).keys()
	if err != nil {
		return nil, err
	}
	last := len(all) - 1
	return &session{chain: chain, owner: client.NewOwner(chain, all[last], all[:last]...), keys: all[last], gate: g}, nil
}

const (
	lagTries = 20
	lagPause = 250 * time.Millisecond
)

// confirm asks for a party at the gateway in use and at another node, the system
// manager's if that answers, and insists that both know the same keys: what a
// wallet signs and gives away depends on whose keys these are.
func (w *Wallet) confirm(ctx context.Context, s *session, id record.PartyID) (*record.Party, error) {
	party, err := s.chain.Party(ctx, id)
	if err != nil {
		return nil, err
	}
	used := s.gate.current()
	for _, second := range w.others(s) {
		theirs, err := s.chain.As(second).Party(ctx, id)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue // a third may answer; a node that will not is no proof of anything
		}
		if theirs.PID != party.PID || theirs.Role != party.Role || !slices.Equal(theirs.Keys, party.Keys) {
			return nil, fmt.Errorf("%w: %s and %s, about party %s", ErrDisagree, used.Name, second.current().Name, id)
		}
		return party, nil
	}
	return party, nil
}

// connection is the signed connection to a party's node.
func (w *Wallet) connection(id record.PartyID) (Node, *grpc.ClientConn, error) {
	n, ok := w.c.Network.node(id)
	if !ok {
		return n, nil, fmt.Errorf("%w: party %s", ErrDirectory, id)
	}
	cc, err := w.conns.to(n)
	return n, cc, err
}

// params are the deployment's parameters, of the enrolment or, after a restore,
// of the ledger; both are checked against their identifier.
func (s *session) params() *pre.Parameters { return s.chain.Parameters() }
