package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/mutual"
	"github.com/claimshare/claimshare/client/remote"
	"github.com/claimshare/claimshare/client/serve"
	"github.com/claimshare/claimshare/client/serve/desk"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/trace"
)

// Serving says where a node listens.
type Serving struct {
	Party    record.PartyID
	Parties  string // host:port
	Wallets  string // host:port; empty for none
	Operator string // path of the socket
	Metrics  string // host:port; empty for none
}

// Run runs a node until ctx ends. When everything listens it calls ready, whose
// error ends it. Calls in hand have some time to end. SIGHUP has it read
// certificates, keys and directory again; it does so by itself, too.
//
// It returns nil after ctx has ended, [ErrConfig], with [ErrNoKeys] or [ErrRunning]
// inside when there are no keys or the node runs already, [client.ErrKeys], or what
// keeps the node from working: another ledger behind the same name, a broken
// database.
func Run(ctx context.Context, config *Config, log *slog.Logger, ready func(Serving) error) (err error) {
	stop, err := profile(config)
	if err != nil {
		return err
	}
	defer stop()
	if err := config.startable(); err != nil {
		return err
	}
	w, err := openWatch(config, log)
	if err != nil {
		return err
	}
	defer w.close()
	log.Info("starting", "role", config.Role, "version", w.build.Version, "keys", config.Keys)
	p, err := openParty(ctx, config, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if err := p.settle(ctx); err != nil {
		return err
	}
	if names := config.connectionNames(); names != "" {
		log.Info("the environment describes the connection to Fabric, before its file", "variables", names)
	}
	hangup, deaf := hangups()
	defer deaf()
	n := &process{party: p, hangup: hangup}
	if err := n.reach(ctx); err != nil {
		return err
	}
	defer n.others.nodes.Close()
	if err := n.listen(); err != nil {
		return err
	}
	w.health.serving(n.certificates)
	return n.serve(ctx, ready)
}

// process is a node at work.
type process struct {
	party     *party
	mutual    *mutual.Node
	others    *reached
	directory *directory
	shown     *mutual.Credential // to wallets; nil without their listener

	listeners []listening
	serving   Serving
	hangup    <-chan os.Signal
}

// listening is a server with its listener.
type listening struct {
	server interface {
		Serve(net.Listener) error
		Close(context.Context)
	}
	on net.Listener
}

// reach prepares the ways to and from other parties' nodes.
func (n *process) reach(ctx context.Context) error {
	p := n.party
	timing := mutual.DefaultTiming()
	credential, err := mutual.NewCredential(p.ledger.Connection(), p.log, timing)
	if err != nil {
		return err
	}
	trust, err := mutual.NewTrust(ctx, p.ledger, p.log, timing)
	if err != nil {
		return err
	}
	n.mutual = &mutual.Node{Credential: credential, Trust: trust, Registry: mutual.NewRegistry(p.chain, p.log, timing), Log: p.log}
	if n.directory, err = openDirectory(p.config.Directory, p.log); err != nil {
		return err
	}
	options := remote.DefaultOptions()
	options.Seen = p.chain.Seen
	n.others = &reached{remote.New(n.mutual, n.directory, options), p.log}
	if p.config.Submit == SubmitAuthority {
		p.member = client.NewCarriedMember(p.chain, p.keys, p.store, &carrier{p, n.others.nodes})
	}
	return nil
}

func (n *process) listen() error {
	if err := n.listenParties(); err != nil {
		return n.abandon(err)
	}
	if n.party.config.Wallets.Address != "" {
		if err := n.listenWallets(); err != nil {
			return n.abandon(err)
		}
	}
	if err := n.listenOperator(); err != nil {
		return n.abandon(err)
	}
	return nil
}

func (n *process) abandon(err error) error {
	for _, l := range n.listeners {
		err = errors.Join(err, l.on.Close())
	}
	return err
}

func (n *process) listenParties() error {
	p := n.party
	points := newPoints(p.config)
	server := serve.NewServer(serve.Config{
		Credentials: n.mutual.ServerCredentials(), Identify: n.mutual.Identify, Caller: serve.PartyCaller, Limits: serve.DefaultLimits(), Log: p.log,
		Healthy: p.watch.serves, Options: []grpc.ServerOption{p.watch.metrics.Server("parties")},
		Unary: points.unary([]grpc.UnaryServerInterceptor{p.watch.metrics.Releases}), Stream: points.stream(nil),
	})
	switch {
	case p.member != nil:
		nodev1.RegisterHolderServiceServer(server, serve.NewHolder(p.member, serve.DefaultLimits()))
	case p.proxy != nil:
		nodev1.RegisterProxyServiceServer(server, serve.NewProxy(p.proxy, p.view, n.others.Holder))
	case p.authority != nil:
		nodev1.RegisterAuthorityServiceServer(server, serve.NewAuthority(p.authority))
	}
	on, err := net.Listen("tcp", p.config.Parties.Address)
	if err != nil {
		return listenError("parties.address", err)
	}
	n.serving.Parties = on.Addr().String()
	n.listeners = append(n.listeners, listening{server, on})
	return nil
}

func (n *process) listenWallets() error {
	p := n.party
	w := p.config.Wallets
	var err error
	if n.shown, err = mutual.NewServerCertificate(w.Certificate, w.Key, p.log, mutual.DefaultTiming()); err != nil {
		return fmt.Errorf("%w: wallets: %w", ErrConfig, err)
	}
	guard := walletauth.NewGuard(p.id(), walletauth.NewNonceBook(), p.chain.Party)
	points := newPoints(p.config)
	unary, stream := desk.Interceptors(guard, w.limits())
	server := serve.NewServer(serve.Config{
		Credentials: credentials.NewTLS(&tls.Config{GetCertificate: n.showWallets, MinVersion: tls.VersionTLS13}),
		Unary:       points.unary(unary), Stream: points.stream(stream),
		Caller: desk.Address, Limits: serve.DefaultLimits(), Log: p.log,
		Healthy: p.watch.serves, Options: []grpc.ServerOption{p.watch.metrics.Server("wallets")},
	})
	nodev1.RegisterWalletServiceServer(server, desk.NewWallet(p.id(), []string{p.role.String()}, guard, n.directory.forWallets))
	nodev1.RegisterGatewayServiceServer(server, desk.NewGateway(p.chain))
	switch {
	case p.member != nil:
		nodev1.RegisterCustodyServiceServer(server, desk.NewHoldings(custody{p}))
	case p.proxy != nil:
		nodev1.RegisterDelegationServiceServer(server, desk.NewDelegation(p.chain, p.proxy))
	case p.authority != nil:
		nodev1.RegisterEnrolmentServiceServer(server, p.enrolment())
		nodev1.RegisterManagerServiceServer(server, desk.NewManager(p.chain, p.authority, p.rotations(), func(_ context.Context, id record.PartyID) (client.Holder, error) {
			return n.others.Holder(id), nil
		}))
	}
	on, err := net.Listen("tcp", w.Address)
	if err != nil {
		return listenError("wallets.address", err)
	}
	n.serving.Wallets = on.Addr().String()
	n.listeners = append(n.listeners, listening{server, on})
	return nil
}

// showWallets is the certificate for a wallet's connection.
func (n *process) showWallets(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return n.shown.Current(), nil
}

// enrolment is the authority's desk for one-time codes.
func (p *party) enrolment() *desk.Enrolment {
	return desk.NewEnrolment(p.chain, p.authority, p.store)
}

// rotations is the authority's desk for replaced keys.
func (p *party) rotations() *desk.Rotations {
	return desk.NewRotations(p.chain, p.authority, p.store)
}

func (n *process) listenOperator() error {
	p := n.party
	server := newLocal(p.log, p.watch.metrics.Server("operator")) // the socket's mode is its credential
	nodev1.RegisterOperatorServiceServer(server, &operator{party: p, others: n.others})
	on, err := listenPrivate(p.config.Operator)
	if err != nil {
		return fmt.Errorf("%w: operator: %w", ErrConfig, err)
	}
	n.serving.Operator = p.config.Operator
	n.listeners = append(n.listeners, listening{server, on})
	return nil
}

// listenPrivate listens on a Unix socket that only this user can open. A socket
// that a dead process left behind is replaced, a living one's is not.
func listenPrivate(path string) (net.Listener, error) {
	if other, err := net.Dial("unix", path); err == nil {
		_ = other.Close() // nothing was said
		return nil, fmt.Errorf("another process listens on %s", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	old := umask(0o177)
	on, err := net.Listen("unix", path)
	umask(old)
	return on, err
}

// DialOperator connects to a node's operator socket. It needs no node: one that
// does not run shows in the first call.
func DialOperator(path string) (*grpc.ClientConn, error) {
	return grpc.NewClient("unix:"+path, append(trace.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
}

// serve runs loops and servers until ctx ends or one of them fails.
func (n *process) serve(ctx context.Context, ready func(Serving) error) error {
	p := n.party
	n.serving.Party = p.id()
	if p.watch.on != nil {
		n.serving.Metrics = p.watch.on.Addr().String()
	}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return p.followLoop(ctx) })
	all.Go(func() error { return p.settleLoop(ctx) })
	all.Go(func() error { return n.renewLoop(ctx, n.hangup) })
	all.Go(func() error { return n.expiryLoop(ctx) })
	if p.member != nil {
		all.Go(func() error { return p.submitLoop(ctx) })
		all.Go(func() error { return p.eraseLoop(ctx) })
	}
	if p.proxy != nil {
		all.Go(func() error { return p.sweepLoop(ctx) })
	}
	for _, l := range n.listeners {
		all.Go(func() error { return l.server.Serve(l.on) })
		all.Go(func() error {
			<-ctx.Done()
			l.server.Close(context.WithoutCancel(ctx))
			return nil
		})
	}
	all.Go(func() error { return ready(n.serving) })
	p.log.Info("serving", "party", p.id().String(), "role", p.role.String(), "parties", n.serving.Parties, "wallets", n.serving.Wallets, "metrics", n.serving.Metrics)
	err := all.Wait()
	if err != nil {
		p.log.Info("stopped", "error", err.Error())
	} else {
		p.log.Info("stopped")
	}
	return err
}
