package story

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/mutual"
	"github.com/claimshare/claimshare/client/remote"
	"github.com/claimshare/claimshare/client/walletauth"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
	"github.com/claimshare/claimshare/network/consortium"
)

// program is a program of the story's own that acts as an organisation beside its
// node: with the organisation's keys and certificate, over the same wire. It does
// what the node would not, and paper mode, which nodes do not offer.
type program struct {
	keys   *client.Keys
	ledger *ledger.Ledger
	chain  *client.Chain
	mutual *mutual.Node
	nodes  *remote.Nodes
}

// programOf is the program that acts as an organisation.
func (c *cast) programOf(ctx context.Context, n *consortium.Node) (*program, error) {
	if p := c.programs[n.Identity]; p != nil {
		return p, nil
	}
	keys, err := c.keysOf(n)
	if err != nil {
		return nil, err
	}
	return c.start(ctx, n.Identity, keys)
}

// start makes a program of keys and the certificate of an identity of the
// network.
func (c *cast) start(ctx context.Context, identity string, keys *client.Keys) (_ *program, err error) {
	connection, err := ledger.LoadConnection(c.network.ConnectionFile(identity))
	if err != nil {
		return nil, err
	}
	p := &program{keys: keys}
	if p.ledger, err = ledger.Dial(connection); err != nil {
		return nil, err
	}
	p.chain = c.look.As(p.ledger)
	c.programs[identity] = p
	log, timing := slog.New(slog.DiscardHandler), mutual.DefaultTiming()
	credential, err := mutual.NewCredential(connection, log, timing)
	if err != nil {
		return nil, err
	}
	trust, err := mutual.NewTrust(ctx, p.ledger, log, timing)
	if err != nil {
		return nil, err
	}
	p.mutual = &mutual.Node{Credential: credential, Trust: trust, Registry: mutual.NewRegistry(p.chain, log, timing), Log: log}
	addresses := remote.Addresses{}
	for _, n := range c.nodes.Nodes() {
		addresses[n.Party] = n.Parties
	}
	options := remote.DefaultOptions()
	options.Seen = p.chain.Seen
	p.nodes = remote.New(p.mutual, addresses, options)
	return p, nil
}

func (p *program) close() error {
	if p.nodes != nil {
		p.nodes.Close()
	}
	return p.ledger.Close()
}

// demand asks a proxy for records, whatever the consent says.
func (p *program) demand(ctx context.Context, proxy *consortium.Node, consent record.ConsentID, records ...record.RecordID) error {
	_, err := p.nodes.Proxy(proxy.Party).Release(ctx, client.Demand{AsOf: p.chain.Seen(), Requester: p.keys.ID(), Consent: consent, Records: records})
	return err
}

// reveal names a seed and what follows from it.
func (c *cast) reveal(seed [32]byte, pid string, mode pre.Mode) error {
	keys, err := client.DeriveKeys(seed, pseudonym.PID(pid), mode)
	if err != nil {
		return err
	}
	c.secret("seed", seed[:])
	c.secret("signing key", keys.Signing.Bytes())
	if keys.Scoped != nil {
		c.secret("encryption key", keys.Scoped.Bytes())
	}
	if keys.Paper != nil {
		c.secret("paper-mode key", keys.Paper.Bytes())
	}
	return nil
}

func seedOf(text string) (seed [32]byte, err error) {
	raw, err := hex.DecodeString(text)
	if err == nil && len(raw) != len(seed) {
		err = fmt.Errorf("a seed of %d bytes", len(raw))
	}
	if err == nil {
		copy(seed[:], raw)
	}
	return seed, err
}

// dialWallet connects to a node's listener for wallets; with keys, every call is
// signed.
func dialWallet(n *consortium.Node, keys *client.Keys) (*grpc.ClientConn, error) {
	root, err := os.ReadFile(n.Server.Authority)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(root) {
		return nil, errors.New("the authority of a node's certificate is no PEM certificate")
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}))}
	if keys != nil {
		options = append(options, walletauth.NewClient(keys.PID, keys.Signing, n.Party).DialOptions()...)
	}
	return grpc.NewClient("passthrough:///"+n.Wallets, options...)
}
