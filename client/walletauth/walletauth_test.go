package walletauth

import (
	"context"
	"encoding/base64"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wallet is a policyholder with its key.
type wallet struct {
	pid pseudonym.PID
	key *bls.SecretKey
}

func (w wallet) id() record.PartyID { return record.NewPartyID(string(w.pid)) }

// node is a node with two services behind a guard, and the ledger that it looks at.
type node struct {
	nodev1.UnimplementedWalletServiceServer
	nodev1.UnimplementedGatewayServiceServer
	nodev1.UnimplementedCustodyServiceServer
	nodev1.UnimplementedManagerServiceServer

	t     *testing.T
	id    record.PartyID
	guard *Guard
	cc    *grpc.ClientConn // without a wallet's interceptors
	dial  func(...grpc.DialOption) *grpc.ClientConn

	mu      sync.Mutex
	parties map[record.PartyID]*record.Party
	served  []record.PartyID // who was let in
}

func (n *node) Challenge(_ context.Context, r *nodev1.ChallengeRequest) (*nodev1.ChallengeResponse, error) {
	nonce, err := n.guard.Challenge(r.GetPid())
	if err != nil {
		return nil, err
	}
	return &nodev1.ChallengeResponse{Nonce: nonce[:]}, nil
}

func (n *node) serve(ctx context.Context) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.served = append(n.served, Owner(ctx).ID)
}

func (n *node) Height(ctx context.Context, _ *nodev1.HeightRequest) (*nodev1.HeightResponse, error) {
	n.serve(ctx)
	return &nodev1.HeightResponse{Height: 7}, nil
}

func (n *node) Proposals(ctx context.Context, _ *nodev1.ProposalsRequest) (*nodev1.ProposalsResponse, error) {
	n.serve(ctx)
	return &nodev1.ProposalsResponse{}, nil
}

func (n *node) Rotate(ctx context.Context, _ *nodev1.RotateRequest) (*nodev1.RotateResponse, error) {
	n.serve(ctx)
	return &nodev1.RotateResponse{}, nil
}

func (n *node) Decline(ctx context.Context, _ *nodev1.DeclineRequest) (*nodev1.DeclineResponse, error) {
	n.serve(ctx)
	return &nodev1.DeclineResponse{}, nil
}

func (n *node) Payload(_ *nodev1.PayloadRequest, s grpc.ServerStreamingServer[nodev1.PayloadResponse]) error {
	n.serve(s.Context())
	for range 3 {
		if err := s.Send(&nodev1.PayloadResponse{Chunk: []byte("x")}); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) lookup(_ context.Context, id record.PartyID) (*record.Party, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.parties[id]; p != nil {
		return p, nil
	}
	return nil, record.ErrPartyUnknown
}

func newWallet(t *testing.T, name string) wallet {
	t.Helper()
	key, err := bls.GenerateKey()
	require.NoError(t, err)
	raw := make([]byte, 104)
	copy(raw, name)
	return wallet{pseudonym.PID(base64.RawURLEncoding.EncodeToString(raw)), key}
}

// enrol puts a wallet's present key on the node's ledger.
func (n *node) enrol(w wallet, role record.Role) *record.Party {
	p := &record.Party{ID: w.id(), PID: string(w.pid), Role: role, Status: record.StatusActive,
		Keys: []record.KeyVersion{{Version: 1, Signing: record.SigningKey(w.key.PublicKey().Bytes())}}}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.parties[p.ID] = p
	return p
}

func newNode(t *testing.T, name string) *node {
	t.Helper()
	book := NewNonceBook()
	n := &node{t: t, id: record.NewPartyID(name), parties: map[record.PartyID]*record.Party{}}
	n.guard = NewGuard(n.id, book, n.lookup)
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(func(ctx context.Context, r any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			answer, err := handle(ctx, r)
			return answer, refusal.ToStatus(ctx, err)
		}, n.guard.Unary),
		grpc.ChainStreamInterceptor(func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			return refusal.ToStatus(s.Context(), handle(srv, s))
		}, n.guard.Stream))
	nodev1.RegisterWalletServiceServer(server, n)
	nodev1.RegisterGatewayServiceServer(server, n)
	nodev1.RegisterCustodyServiceServer(server, n)
	nodev1.RegisterManagerServiceServer(server, n)
	lis := bufconn.Listen(1 << 16)
	done := make(chan error, 1)
	go func() { done <- server.Serve(lis) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-done)
	})
	n.dial = func(options ...grpc.DialOption) *grpc.ClientConn {
		cc, err := grpc.NewClient("passthrough:///node", append(options,
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }),
			grpc.WithTransportCredentials(insecure.NewCredentials()))...)
		require.NoError(t, err)
		t.Cleanup(func() { cc.Close() })
		return cc
	}
	n.cc = n.dial()
	return n
}

func (n *node) connect(w wallet, to record.PartyID) *grpc.ClientConn {
	return n.dial(NewClient(w.pid, w.key, to).DialOptions()...)
}

func TestLetsIn(t *testing.T) {
	n, w := newNode(t, "shop"), newWallet(t, "alice")
	n.enrol(w, record.RolePolicyholder)
	cc := n.connect(w, n.id)
	height, err := nodev1.NewGatewayServiceClient(cc).Height(t.Context(), &nodev1.HeightRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 7, height.GetHeight())

	stream, err := nodev1.NewCustodyServiceClient(cc).Payload(t.Context(), &nodev1.PayloadRequest{Record: []byte{1}, Offset: 3})
	require.NoError(t, err)
	for range 3 {
		_, err = stream.Recv()
		require.NoError(t, err)
	}
	require.Equal(t, []record.PartyID{w.id(), w.id()}, n.served)

	// Many at once, each with a nonce of its own.
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			_, err := nodev1.NewGatewayServiceClient(cc).Height(t.Context(), &nodev1.HeightRequest{})
			require.NoError(t, err)
		})
	}
	group.Wait()
}

// What a proof is for, it is for alone.
func TestRefuses(t *testing.T) {
	n, other := newNode(t, "shop"), newNode(t, "insurer")
	alice, bob, stranger, insurer := newWallet(t, "alice"), newWallet(t, "bob"), newWallet(t, "stranger"), newWallet(t, "insurer")
	for _, one := range []*node{n, other} {
		one.enrol(alice, record.RolePolicyholder)
		one.enrol(bob, record.RolePolicyholder)
		one.enrol(insurer, record.RoleInsurer)
	}
	rotated := newWallet(t, "alice")
	request := &nodev1.DeclineRequest{Record: []byte{1}, Reason: "no"}

	for _, one := range []struct {
		name   string
		signer wallet
		alter  func(c *Call, now *time.Time, nonce *Nonce)
		proof  func(p *Proof)
		want   error
	}{
		{name: "nothing to refuse", signer: alice},
		{name: "another method", signer: alice, want: ErrSignature, alter: func(c *Call, _ *time.Time, _ *Nonce) {
			c.Method = nodev1.CustodyService_Countersign_FullMethodName
		}},
		{name: "another body", signer: alice, want: ErrSignature, alter: func(c *Call, _ *time.Time, _ *Nonce) {
			c.Request = &nodev1.DeclineRequest{Record: []byte{1}, Reason: "yes"}
		}},
		{name: "another node", signer: alice, want: ErrSignature, alter: func(c *Call, _ *time.Time, _ *Nonce) { c.Node = other.id }},
		{name: "another node's nonce", signer: alice, want: ErrNonce, alter: func(_ *Call, _ *time.Time, nonce *Nonce) {
			*nonce = other.guard.book.New(alice.id())
		}},
		{name: "a nonce that nobody gave", signer: alice, want: ErrNonce, alter: func(_ *Call, _ *time.Time, nonce *Nonce) { nonce[31] ^= 1 }},
		{name: "another owner's nonce", signer: alice, want: ErrNonceOwner, alter: func(_ *Call, _ *time.Time, nonce *Nonce) {
			*nonce = n.guard.book.New(bob.id())
		}},
		{name: "an old nonce", signer: alice, want: ErrNonceExpired, alter: func(_ *Call, _ *time.Time, nonce *Nonce) {
			n.guard.book.now = func() time.Time { return time.Now().Add(-2 * NonceLife) }
			n.guard.book.last = 0
			*nonce = n.guard.book.New(alice.id())
			n.guard.book.now = time.Now
		}},
		{name: "an old time", signer: alice, want: ErrTime, alter: func(_ *Call, now *time.Time, _ *Nonce) { *now = now.Add(-Skew - 2*time.Second) }},
		{name: "a time to come", signer: alice, want: ErrTime, alter: func(_ *Call, now *time.Time, _ *Nonce) { *now = now.Add(Skew + 2*time.Second) }},
		{name: "another time than signed", signer: alice, want: ErrSignature, proof: func(p *Proof) { p.Time++ }},
		{name: "a key that is not the present one", signer: rotated, want: ErrSignature},
		{name: "another owner's key", signer: wallet{alice.pid, bob.key}, want: ErrSignature},
		{name: "no signature", signer: alice, want: ErrSignature, proof: func(p *Proof) { clear(p.Signature[:]) }},
		{name: "nobody on the ledger", signer: stranger, want: ErrUnknown},
		{name: "an organisation", signer: insurer, want: ErrUnknown},
	} {
		t.Run(one.name, func(t *testing.T) {
			n.served = nil
			now, nonce := time.Now(), n.guard.book.New(one.signer.id())
			call := Call{Method: nodev1.CustodyService_Decline_FullMethodName, Request: request, Node: n.id}
			if one.alter != nil {
				one.alter(&call, &now, &nonce)
			}
			proof, err := Sign(one.signer.pid, one.signer.key, call, nonce, now)
			require.NoError(t, err)
			if one.proof != nil {
				one.proof(proof)
			}
			err = n.decline(proof, request)
			require.ErrorIs(t, err, one.want)
			if one.want != nil {
				require.Empty(t, n.served)
				return
			}
			require.NoError(t, err)
			require.ErrorIs(t, n.decline(proof, request), ErrNonceUsed, "the same once more")
			require.Len(t, n.served, 1)
		})
	}
}

// decline makes the call with a given proof.
func (n *node) decline(p *Proof, r *nodev1.DeclineRequest) error {
	encoded, err := p.Encode()
	require.NoError(n.t, err)
	ctx := metadata.AppendToOutgoingContext(n.t.Context(), metadataKey, string(encoded))
	_, err = nodev1.NewCustodyServiceClient(n.cc).Decline(ctx, r)
	return refusal.FromStatus(err)
}

// A wrong signature does not use a nonce up: who overhears one cannot spoil it.
func TestWrongSignatureLeavesTheNonce(t *testing.T) {
	n, w := newNode(t, "shop"), newWallet(t, "alice")
	n.enrol(w, record.RolePolicyholder)
	request := &nodev1.DeclineRequest{Reason: "no"}
	proof, err := Sign(w.pid, w.key, Call{nodev1.CustodyService_Decline_FullMethodName, request, n.id}, n.guard.book.New(w.id()), time.Now())
	require.NoError(t, err)
	forged := *proof
	forged.Time--
	require.ErrorIs(t, n.decline(&forged, request), ErrSignature)
	require.NoError(t, n.decline(proof, request))
}

// Of one proof that is sent many times at once, one is let in.
func TestReplayedAtOnce(t *testing.T) {
	n, w := newNode(t, "shop"), newWallet(t, "alice")
	n.enrol(w, record.RolePolicyholder)
	request := &nodev1.DeclineRequest{Reason: "no"}
	proof, err := Sign(w.pid, w.key, Call{nodev1.CustodyService_Decline_FullMethodName, request, n.id}, n.guard.book.New(w.id()), time.Now())
	require.NoError(t, err)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() { _ = n.decline(proof, request) })
	}
	group.Wait()
	require.Len(t, n.served, 1)
}

func TestMalformedProofs(t *testing.T) {
	n, w := newNode(t, "shop"), newWallet(t, "alice")
	n.enrol(w, record.RolePolicyholder)
	good := func() *nodev1.WalletProof {
		return &nodev1.WalletProof{Pid: string(w.pid), Nonce: make([]byte, 32), Time: time.Now().Unix(), Signature: make([]byte, 32)}
	}
	for name, spoil := range map[string]func(p *nodev1.WalletProof){
		"no pid":          func(p *nodev1.WalletProof) { p.Pid = "" },
		"no pseudonym":    func(p *nodev1.WalletProof) { p.Pid = "Alice" },
		"short nonce":     func(p *nodev1.WalletProof) { p.Nonce = p.Nonce[1:] },
		"long nonce":      func(p *nodev1.WalletProof) { p.Nonce = append(p.Nonce, 0) },
		"no time":         func(p *nodev1.WalletProof) { p.Time = 0 },
		"short signature": func(p *nodev1.WalletProof) { p.Signature = nil },
		"unknown fields":  func(p *nodev1.WalletProof) { p.ProtoReflect().SetUnknown(protoreflect.RawFields{0x78, 1}) },
		"far too long":    func(p *nodev1.WalletProof) { p.Pid = string(make([]byte, 4096)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := good()
			spoil(p)
			b, err := proto.Marshal(p)
			require.NoError(t, err)
			_, err = DecodeProof(b)
			require.ErrorIs(t, err, ErrNoProof)
		})
	}
	b, err := proto.Marshal(good())
	require.NoError(t, err)
	_, err = DecodeProof(b)
	require.NoError(t, err)

	// No proof, or two.
	call := func(ctx context.Context) error {
		_, err := nodev1.NewGatewayServiceClient(n.cc).Height(ctx, &nodev1.HeightRequest{})
		return refusal.FromStatus(err)
	}
	require.ErrorIs(t, call(t.Context()), ErrNoProof)
	two := metadata.AppendToOutgoingContext(t.Context(), metadataKey, string(b), metadataKey, string(b))
	require.ErrorIs(t, call(two), ErrNoProof)
	stream, err := nodev1.NewCustodyServiceClient(n.cc).Payload(t.Context(), &nodev1.PayloadRequest{})
	require.NoError(t, err)
	_, err = stream.Recv()
	require.ErrorIs(t, refusal.FromStatus(err), ErrNoProof)
	_, err = nodev1.NewWalletServiceClient(n.cc).Challenge(t.Context(), &nodev1.ChallengeRequest{Pid: "Alice"})
	require.ErrorIs(t, refusal.FromStatus(err), ErrNoProof)
	require.Empty(t, n.served)
}

// Who is suspended or expelled can look and withdraw, and nothing else.
func TestStanding(t *testing.T) {
	n, w := newNode(t, "shop"), newWallet(t, "alice")
	p := n.enrol(w, record.RolePolicyholder)
	cc := n.connect(w, n.id)
	set := func(s record.Status) {
		n.mu.Lock()
		defer n.mu.Unlock()
		next := *p
		next.Status = s
		n.parties[p.ID] = &next
	}
	look := func() error {
		_, err := nodev1.NewGatewayServiceClient(cc).Height(t.Context(), &nodev1.HeightRequest{})
		return err
	}
	sign := func() error {
		_, err := nodev1.NewCustodyServiceClient(cc).Proposals(t.Context(), &nodev1.ProposalsRequest{})
		return err
	}
	rotate := func() error {
		_, err := nodev1.NewManagerServiceClient(cc).Rotate(t.Context(), &nodev1.RotateRequest{})
		return err
	}
	set(record.StatusSuspended)
	require.NoError(t, look())
	require.ErrorIs(t, sign(), ErrSuspended)
	require.NoError(t, rotate(), "which takes a code of the system manager's")
	set(record.StatusExpelled)
	require.NoError(t, look())
	require.ErrorIs(t, sign(), ErrExpelled)
	require.ErrorIs(t, rotate(), ErrExpelled)
	set(record.StatusActive)
	require.NoError(t, sign())
}

// A node that was started again has forgotten its nonces: the wallet asks for
// another one by itself.
func TestNodeStartedAgain(t *testing.T) {
	n, w := newNode(t, "shop"), newWallet(t, "alice")
	n.enrol(w, record.RolePolicyholder)
	restarted := false
	cc := n.dial(append(NewClient(w.pid, w.key, n.id).DialOptions(), grpc.WithChainUnaryInterceptor(
		func(ctx context.Context, method string, req, answer any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			if !restarted { // between the challenge and the call
				restarted = true
				n.guard.book = NewNonceBook()
			}
			return invoke(ctx, method, req, answer, cc, opts...)
		}))...)
	_, err := nodev1.NewGatewayServiceClient(cc).Height(t.Context(), &nodev1.HeightRequest{})
	require.NoError(t, err)
	require.Len(t, n.served, 1)
}

// The wallet means to call one node and another answers.
func TestWrongNode(t *testing.T) {
	n, w := newNode(t, "shop"), newWallet(t, "alice")
	n.enrol(w, record.RolePolicyholder)
	_, err := nodev1.NewGatewayServiceClient(n.connect(w, record.NewPartyID("insurer"))).Height(t.Context(), &nodev1.HeightRequest{})
	require.ErrorIs(t, err, ErrSignature)
}

// One wallet does not use up what all wallets have.
func TestNoncesOfOneWallet(t *testing.T) {
	b := NewNonceBook()
	now := time.Now()
	b.now = func() time.Time { return now }
	greedy, other := record.PartyID{1}, record.PartyID{2}
	for range oneOwners {
		require.NoError(t, b.Use(b.New(greedy), greedy))
	}
	require.ErrorIs(t, b.Use(b.New(greedy), greedy), ErrBusy)
	require.NoError(t, b.Use(b.New(other), other))
	now = now.Add(2 * NonceLife)
	require.NoError(t, b.Use(b.New(greedy), greedy))
	require.Len(t, b.each, 1, "the book forgets")
}

func TestNonceBook(t *testing.T) {
	b := NewNonceBook()
	b.max = 3
	now := time.Now()
	b.now = func() time.Time { return now }
	owner := record.PartyID{1}
	seen := map[Nonce]bool{}
	for range 1000 { // asked for within one instant, and never used
		n := b.New(owner)
		require.False(t, seen[n])
		seen[n] = true
	}
	require.Empty(t, b.used)
	for range 3 {
		n := b.New(owner)
		require.NoError(t, b.Use(n, owner))
		require.ErrorIs(t, b.Use(n, owner), ErrNonceUsed)
	}
	last := b.New(owner)
	require.ErrorIs(t, b.Use(last, owner), ErrBusy)
	now = now.Add(NonceLife + time.Millisecond)
	require.ErrorIs(t, b.Use(last, owner), ErrNonceExpired)
	for range 3 {
		require.NoError(t, b.Use(b.New(owner), owner))
	}
	require.Len(t, b.used, 3, "the book forgets")
	for i := range NonceSize {
		n := b.New(owner)
		n[i] ^= 0x80
		require.ErrorIs(t, b.Check(n, owner), ErrNonce)
	}
}

// The requests that wallets sign have one deterministic encoding: no maps.
func TestRequestsHaveNoMaps(t *testing.T) {
	messages := nodev1.File_claimshare_node_v1_wallet_proto.Messages()
	for i := range messages.Len() {
		fields := messages.Get(i).Fields()
		for j := range fields.Len() {
			require.False(t, fields.Get(j).IsMap(), fields.Get(j).FullName())
		}
	}
}

// The hash is the one of docs/protocol.md, section 9.3, which was computed from
// these words with a few lines of Python.
func TestHash(t *testing.T) {
	h, err := Call{Method: "/a.B/C", Request: &nodev1.DeclineRequest{Record: []byte{1, 2}, Reason: "no"}, Node: record.PartyID{9}}.hash(Nonce{8}, 7)
	require.NoError(t, err)
	require.Equal(t, "cT4gwvLxRhqunNPnbRVF1PuWVxd86gQoB7Esk4ywZ74=", base64.StdEncoding.EncodeToString(h[:]))
}

func FuzzDecodeProof(f *testing.F) {
	raw := make([]byte, 104)
	good, err := (&Proof{PID: pseudonym.PID(base64.RawURLEncoding.EncodeToString(raw)), Time: 1}).Encode()
	require.NoError(f, err)
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodeProof(b)
		if err != nil {
			require.ErrorIs(t, err, ErrNoProof)
			return
		}
		encoded, err := p.Encode()
		require.NoError(t, err)
		again, err := DecodeProof(encoded)
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}
