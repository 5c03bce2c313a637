package wallets

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/serve"
	"github.com/claimshare/claimshare/client/serve/desk"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pre"
)

// node is a party with its listener for wallets.
type node struct {
	t       *testing.T
	name    string
	role    record.Role
	keys    *client.Keys
	chain   *client.Chain
	db      store.Store
	address string
	pem     []byte
	enrol   *desk.Enrolment

	rotations *desk.Rotations

	member    *client.Member
	proxy     *client.Proxy
	authority *client.Authority

	payload func(b []byte) []byte // what becomes of payloads for owners

	mu   sync.Mutex
	lose map[string]int // methods whose answers get lost, how often
	cut  map[string]int // methods whose calls get lost, how often
	snap map[string]int // how often connections break
	lie  func(method string, request, answer any) any
	fake map[string]any    // methods that do nothing, and what they answer
	whom walletauth.Lookup // whose key it is, instead of the ledger
}

// world is a deployment: a ledger and its nodes.
type world struct {
	t         *testing.T
	ledger    *stub.Ledger
	sm        *client.Chain
	authority *client.Authority
	nodes     map[string]*node
}

// newWorld has a system manager, a proxy, two insurers and a shop.
func newWorld(t *testing.T) *world {
	t.Helper()
	l, manager := newLedger(t)
	master, err := pre.GenerateMasterKey()
	require.NoError(t, err)
	params, err := pre.NewParameters("Claims of Ruritania", master.PublicKey())
	require.NoError(t, err)
	w := &world{t: t, ledger: l, nodes: map[string]*node{}}
	w.sm, err = client.Initialise(t.Context(), &view{l, manager}, params)
	require.NoError(t, err)
	w.authority, err = client.NewAuthority(w.sm, master)
	require.NoError(t, err)
	w.join("manager", record.RoleAuthority, manager)
	w.join("nordhaven", record.RoleInsurer, newIdentity(t, "NordMSP", "insurer"))
	w.join("suedhaven", record.RoleInsurer, newIdentity(t, "SuedMSP", "insurer"))
	w.join("shop", record.RoleRepairShop, newIdentity(t, "ShopMSP", "shop"))
	w.join("proxy", record.RoleProxy, newIdentity(t, "ProxyMSP", "proxy"))
	for _, n := range w.nodes {
		n.serve(w)
	}
	return w
}

func (w *world) join(name string, role record.Role, id *stub.Identity) {
	t := w.t
	pid, err := w.authority.Enrol(role, name)
	require.NoError(t, err)
	var seed [32]byte
	_, _ = rand.Read(seed[:])
	mode := pre.ModeScoped
	if role == record.RoleAuthority || role == record.RoleProxy {
		mode = 0
	}
	n := &node{t: t, name: name, role: role, chain: w.sm.As(&view{w.ledger, id}), lose: map[string]int{}, cut: map[string]int{}, snap: map[string]int{}}
	n.keys, err = client.DeriveKeys(seed, pid, mode)
	require.NoError(t, err)
	registration, err := n.keys.Apply(w.sm.Parameters(), role, id.MSP(), id.Subject())
	require.NoError(t, err)
	_, err = w.authority.Register(t.Context(), registration)
	require.NoError(t, err)
	n.db, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), name+".db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.db.Close()) })
	switch role {
	case record.RoleAuthority:
		n.authority = w.authority
	case record.RoleProxy:
		n.proxy = client.NewProxy(n.chain, n.keys, n.db)
	default:
		n.member = client.NewMember(n.chain, n.keys, n.db)
	}
	w.nodes[name] = n
}

// directory is where wallets find the nodes.
func (w *world) directory() []*nodev1.NodeAddress {
	var all []*nodev1.NodeAddress
	for _, name := range []string{"manager", "nordhaven", "suedhaven", "shop", "proxy"} {
		n := w.nodes[name]
		all = append(all, &nodev1.NodeAddress{Party: n.keys.ID().String(), Role: n.role.String(), Name: name, Wallets: n.address, Authority: n.pem})
	}
	return all
}

func (w *world) holder(_ context.Context, id record.PartyID) (client.Holder, error) {
	for _, n := range w.nodes {
		if n.member != nil && n.keys.ID() == id {
			return n.member, nil
		}
	}
	return nil, store.ErrNotFound
}

// serve starts the listener.
func (n *node) serve(w *world) {
	t := n.t
	certificate, authority := newCertificate(t)
	n.pem = authority
	guard := walletauth.NewGuard(n.keys.ID(), walletauth.NewNonceBook(), func(ctx context.Context, id record.PartyID) (*record.Party, error) {
		n.mu.Lock()
		whom := n.whom
		n.mu.Unlock()
		if whom == nil {
			whom = n.chain.Party
		}
		return whom(ctx, id)
	})
	unary, stream := desk.Interceptors(guard, desk.DefaultLimits)
	server := serve.NewServer(serve.Config{
		Credentials: credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}),
		Caller:      desk.Address, Limits: serve.DefaultLimits(), Log: slog.New(slog.DiscardHandler),
		Unary: append([]grpc.UnaryServerInterceptor{n.faults}, unary...), Stream: stream,
	})
	nodev1.RegisterWalletServiceServer(server, desk.NewWallet(n.keys.ID(), []string{n.role.String()}, guard, w.directory))
	nodev1.RegisterGatewayServiceServer(server, desk.NewGateway(n.chain))
	switch {
	case n.member != nil:
		nodev1.RegisterCustodyServiceServer(server, desk.NewHoldings(custody{n}))
	case n.proxy != nil:
		nodev1.RegisterDelegationServiceServer(server, desk.NewDelegation(n.chain, n.proxy))
	case n.authority != nil:
		n.enrol = desk.NewEnrolment(n.chain, n.authority, n.db)
		nodev1.RegisterEnrolmentServiceServer(server, n.enrol)
		n.rotations = desk.NewRotations(n.chain, n.authority, n.db)
		nodev1.RegisterManagerServiceServer(server, desk.NewManager(n.chain, n.authority, n.rotations, w.holder))
	}
	on, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	n.address = on.Addr().String()
	done := make(chan error, 1)
	go func() { done <- server.Serve(&breaking{on, n}) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-done)
	})
}

// faults loses calls or answers, as a cut connection does.
func (n *node) faults(ctx context.Context, r any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if n.take(n.cut, info.FullMethod) {
		return nil, status.Error(codes.Aborted, "the call was lost")
	}
	n.mu.Lock()
	fake, pretended := n.fake[info.FullMethod]
	n.mu.Unlock()
	if pretended {
		return fake, nil
	}
	answer, err := handle(ctx, r)
	if err == nil && n.take(n.lose, info.FullMethod) {
		return nil, status.Error(codes.Aborted, "the answer was lost")
	}
	n.mu.Lock()
	lie := n.lie
	n.mu.Unlock()
	if err == nil && lie != nil {
		answer = lie(info.FullMethod, r, answer)
	}
	return answer, err
}

// lying has the node answer what lie makes of its answers.
func (n *node) lying(lie func(method string, request, answer any) any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lie = lie
}

// pretending has the node do nothing and answer as if it had.
func (n *node) pretending(method string, answer any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fake = map[string]any{method: answer}
}

// believing has the node take calls for signed by whom it likes.
func (n *node) believing(whom walletauth.Lookup) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.whom = whom
}

func (n *node) take(from map[string]int, method string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if from[method] == 0 {
		return false
	}
	from[method]--
	return true
}

func (n *node) losing(method string, calls, answers int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[method], n.lose[method] = calls, answers
}

func newCertificate(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// custody is a member's database for the owners of its records.
type custody struct{ n *node }

func (c custody) Proposals(ctx context.Context, owner record.PartyID, max int) ([]desk.Proposed, error) {
	var all []desk.Proposed
	for p, err := range c.n.db.ProposalsFor(ctx, owner) {
		if err != nil {
			return nil, err
		}
		s, err := record.DecodeRecordStatement(p.Statement)
		if err != nil {
			return nil, err
		}
		if all = append(all, desk.Proposed{Statement: *s, IssuerPID: p.IssuerPID}); len(all) == max {
			break
		}
	}
	return all, nil
}

func (c custody) Countersign(ctx context.Context, _ record.PartyID, id record.RecordID, sig record.Signature) error {
	if err := c.n.member.Countersigned(ctx, id, sig); err != nil {
		return err
	}
	_, err := c.n.member.Flush(context.WithoutCancel(ctx), record.MaxBatch) // a node does so in a loop of its own
	return err
}

func (c custody) Decline(ctx context.Context, owner record.PartyID, id record.RecordID, reason string) error {
	if p, err := c.n.db.Proposal(ctx, id); err != nil || p.Owner != owner {
		return store.ErrNotFound
	}
	return c.n.db.DeclineProposal(ctx, id, reason)
}

func (c custody) Capsule(ctx context.Context, owner record.PartyID, id record.RecordID) ([]byte, error) {
	if p, err := c.n.db.Proposal(ctx, id); err == nil && p.Owner == owner {
		return p.Capsule, nil
	}
	if e, err := c.n.db.Record(ctx, id); err == nil && e.Owner == owner {
		return e.Capsule, nil
	}
	return nil, store.ErrNotFound
}

func (c custody) Payload(ctx context.Context, owner record.PartyID, id record.RecordID, offset uint64, dst io.Writer) error {
	var b bytes.Buffer
	if p, err := c.n.db.Proposal(ctx, id); err == nil && p.Owner == owner {
		err = c.n.db.ProposalPayload(ctx, id, &b)
		if err != nil {
			return err
		}
	} else if e, err := c.n.db.Record(ctx, id); err == nil && e.Owner == owner {
		if err := c.n.db.Payload(ctx, id, &b); err != nil {
			return err
		}
	} else {
		return store.ErrNotFound
	}
	whole := b.Bytes()
	if c.n.payload != nil {
		whole = c.n.payload(whole)
	}
	_, err := dst.Write(whole[min(offset, uint64(len(whole))):])
	return err
}

func (c custody) ReplaceCapsule(ctx context.Context, owner record.PartyID, id record.RecordID, capsule []byte) error {
	return c.n.member.ReplaceCapsule(ctx, owner, id, capsule)
}

// breaking accepts connections that break, as often as the node says, after
// having carried a few kilobytes of a payload.
type breaking struct {
	net.Listener
	n *node
}

func (b *breaking) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &fragile{Conn: c, n: b.n}, nil
}

type fragile struct {
	net.Conn
	n *node
}

// Write breaks the connection at a large piece, half of which arrives.
func (f *fragile) Write(b []byte) (int, error) {
	if len(b) > 2<<10 && f.n.take(f.n.snap, "") {
		_, _ = f.Conn.Write(b[:len(b)/2])
		return 0, errors.Join(io.ErrClosedPipe, f.Close())
	}
	return f.Conn.Write(b)
}
