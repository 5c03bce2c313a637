package scenario

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/launch"
)

// Fabric is a running network, through the SDK. All its calls go to one peer,
// the first agency's: it endorses, and it reports the commits, so that every
// call sees what those before it have done.
type Fabric struct {
	network *launch.Network
	system  []byte
	conn    *grpc.ClientConn
	ledgers map[string]*ledger.Ledger
}

var _ Ledger = (*Fabric)(nil)

// NewFabric connects to a network that was made of the suite's [Topology]. Close
// it after use.
func NewFabric(network *launch.Network) (*Fabric, error) {
	f := &Fabric{network: network, ledgers: map[string]*ledger.Ledger{}}
	var err error
	if f.system, err = os.ReadFile(network.SystemFile()); err != nil {
		return nil, err
	}
	c, err := f.connection(authority)
	if err != nil {
		return nil, err
	}
	root, err := os.ReadFile(c.Peers[0].TLSRootCert)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	f.conn, err = grpc.NewClient(c.Peers[0].Endpoint, grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(pool, c.Peers[0].ServerName)))
	return f, err
}

// Close ends all connections.
func (f *Fabric) Close() error {
	all := []error{f.conn.Close()}
	for _, l := range f.ledgers {
		all = append(all, l.Close())
	}
	return errors.Join(all...)
}

// connection is an identity's, with the first agency's peer alone.
func (f *Fabric) connection(identity string) (ledger.Connection, error) {
	first, err := ledger.LoadConnection(f.network.ConnectionFile(authority))
	if err != nil {
		return first, err
	}
	c, err := ledger.LoadConnection(f.network.ConnectionFile(identity))
	if err != nil {
		return c, fmt.Errorf("%w: %s: %w", errNoIdentity, identity, err)
	}
	c.Peers = first.Peers[:1]
	return c, nil
}

func (f *Fabric) as(identity string) (*ledger.Ledger, error) {
	if l, open := f.ledgers[identity]; open {
		return l, nil
	}
	c, err := f.connection(identity)
	if err != nil {
		return nil, err
	}
	l, err := ledger.Dial(c)
	if err == nil {
		f.ledgers[identity] = l
	}
	return l, err
}

// Name implements Ledger.
func (f *Fabric) Name() string { return "network" }

// System implements Ledger.
func (f *Fabric) System() []byte { return f.system }

// Subject implements Ledger.
func (f *Fabric) Subject(identity string) (string, error) {
	c, err := f.connection(identity)
	if err != nil {
		return "", err
	}
	certificate, err := c.Certificate()
	if err != nil {
		return "", err
	}
	return certificate.Subject.String(), nil
}

// Submit implements Ledger.
func (f *Fabric) Submit(ctx context.Context, call Call) Outcome {
	l, err := f.as(call.As)
	if err != nil {
		return Outcome{Err: err}
	}
	result, err := l.Submit(ctx, ledger.Call{Transaction: call.Name, Args: call.Args, Transient: call.Transient})
	if err != nil {
		return failure(err)
	}
	if result.Endorsements != 1 {
		return Outcome{Err: fmt.Errorf("the SDK has submitted %d times", result.Endorsements)}
	}
	return f.lookUp(ctx, l, result.TxID, result.Payload)
}

// lookUp completes the outcome of an ordered transaction by what the ledger
// holds of it.
func (f *Fabric) lookUp(ctx context.Context, l *ledger.Ledger, txID string, payload []byte) Outcome {
	t, err := l.Transaction(ctx, txID)
	if err != nil {
		return Outcome{Err: err}
	}
	o := Outcome{Payload: payload, TxID: txID, Time: t.Time, Code: t.Code, Event: t.Event}
	if t.Code != ledger.Valid {
		o.Err = &ledger.CommitError{TxID: txID, Block: t.Block, Code: t.Code}
	}
	for _, w := range t.Writes {
		if w.Namespace == t.Chaincode {
			o.Writes = append(o.Writes, w)
		}
	}
	return o
}

// failure is an error of the SDK.
func failure(err error) Outcome {
	o := Outcome{Err: err}
	var refusal *ledger.ChaincodeError
	if errors.As(err, &refusal) {
		o.Status, o.Message = refusal.Status, refusal.Message
	}
	return o
}

// Evaluate implements Ledger.
func (f *Fabric) Evaluate(ctx context.Context, call Call) Outcome {
	l, err := f.as(call.As)
	if err != nil {
		return Outcome{Err: err}
	}
	payload, err := l.Evaluate(ctx, "", call.Name, call.Args...)
	if err != nil {
		return failure(err)
	}
	return Outcome{Payload: payload}
}

// Together implements Ledger, below the SDK: that would endorse and order each
// call in one go, and submit again what met a conflict.
func (f *Fabric) Together(ctx context.Context, calls []Call) []Outcome {
	outcomes := make([]Outcome, len(calls))
	endorsed := make([]*client.Transaction, len(calls))
	var work errgroup.Group
	for i, call := range calls {
		gateway, err := f.gateway(call.As)
		if err != nil {
			outcomes[i].Err = err
			continue
		}
		defer gateway.Close()
		work.Go(func() error {
			endorsed[i], outcomes[i].Err = f.endorse(ctx, gateway, call)
			return nil
		})
	}
	_ = work.Wait() // errors are in the outcomes
	commits := make([]*client.Commit, len(calls))
	for i, transaction := range endorsed {
		if outcomes[i].Err == nil {
			commits[i], outcomes[i].Err = transaction.SubmitWithContext(ctx)
		}
	}
	for i, commit := range commits {
		if outcomes[i].Err != nil {
			continue
		}
		if _, err := commit.StatusWithContext(ctx); err != nil {
			outcomes[i].Err = err
			continue
		}
		l, err := f.as(calls[i].As)
		if err != nil {
			outcomes[i].Err = err
			continue
		}
		outcomes[i] = f.lookUp(ctx, l, commit.TransactionID(), endorsed[i].Result())
	}
	return outcomes
}

func (f *Fabric) endorse(ctx context.Context, gateway *client.Gateway, call Call) (*client.Transaction, error) {
	t := f.network.Topology()
	options := []client.ProposalOption{client.WithArguments(call.Args...), client.WithEndorsingOrganizations(t.Chaincode.Endorsers...)}
	if len(call.Transient) > 0 {
		options = append(options, client.WithTransient(call.Transient))
	}
	proposal, err := gateway.GetNetwork(t.Channel).GetContract(t.Chaincode.Name).NewProposal(call.Name, options...)
	if err != nil {
		return nil, err
	}
	return proposal.EndorseWithContext(ctx)
}

func (f *Fabric) gateway(who string) (*client.Gateway, error) {
	c, err := f.connection(who)
	if err != nil {
		return nil, err
	}
	certificate, err := c.Certificate()
	if err != nil {
		return nil, err
	}
	id, err := identity.NewX509Identity(c.MSPID, certificate)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(c.ClientKey)
	if err != nil {
		return nil, err
	}
	key, err := identity.PrivateKeyFromPEM(text)
	if err != nil {
		return nil, err
	}
	sign, err := identity.NewPrivateKeySign(key)
	if err != nil {
		return nil, err
	}
	return client.Connect(id, client.WithSign(sign), client.WithClientConnection(f.conn))
}
