package walletauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// Lookup finds a party on the ledger, as it is now.
// (*client.Chain).Party is one.
type Lookup func(ctx context.Context, id record.PartyID) (*record.Party, error)

// Guard lets in, at one node, the calls that carry a policyholder's proof.
type Guard struct {
	node   record.PartyID
	book   *NonceBook
	lookup Lookup
	open   []string
	now    func() time.Time

	suspects *suspects
}

// NewGuard makes the guard of a node. Calls to the services of the wallet's
// first steps and to the health service need no proof. The errors of its
// interceptors cross as package refusal says, by an interceptor before them.
func NewGuard(node record.PartyID, book *NonceBook, lookup Lookup) *Guard {
	open := append(slices.Clone(unsigned), healthv1.Health_ServiceDesc.ServiceName)
	return &Guard{node: node, book: book, lookup: lookup, open: open, now: time.Now, suspects: newSuspects()}
}

// Challenge is a nonce for one call of a wallet's to this node. It returns
// [ErrNoProof] for what is no pseudo-identity.
func (g *Guard) Challenge(pid string) (Nonce, error) {
	p, err := pseudonym.Parse(pid)
	if err != nil {
		return Nonce{}, fmt.Errorf("%w: the challenge names no pseudo-identity", ErrNoProof)
	}
	return g.book.New(record.NewPartyID(string(p))), nil
}

type ownerKey struct{}

// Owner is the policyholder whose wallet made the call, as the ledger knew it
// when the call came in. It is nil for a call that no guard has let in.
func Owner(ctx context.Context) *record.Party {
	p, _ := ctx.Value(ownerKey{}).(*record.Party)
	return p
}

// WithOwner is a context of a call by owner: for tests of services, which run
// behind a guard.
func WithOwner(ctx context.Context, owner *record.Party) context.Context {
	return context.WithValue(ctx, ownerKey{}, owner)
}

// Unary is the interceptor of calls.
func (g *Guard) Unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if slices.Contains(g.open, service(info.FullMethod)) {
		return handle(ctx, request)
	}
	ctx, err := g.admit(ctx, info.FullMethod, request)
	if err != nil {
		return nil, err
	}
	return handle(ctx, request)
}

// Stream is the interceptor of streams that answer one request.
func (g *Guard) Stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	if slices.Contains(g.open, service(info.FullMethod)) {
		return handle(srv, stream)
	}
	if info.IsClientStream {
		return fmt.Errorf("%w: a stream of requests cannot be signed", ErrNoProof)
	}
	return handle(srv, &guardedStream{ServerStream: stream, guard: g, method: info.FullMethod, ctx: stream.Context()})
}

// guardedStream checks the proof when the request arrives, before the service
// has it.
type guardedStream struct {
	grpc.ServerStream
	guard  *Guard
	method string
	ctx    context.Context
	done   bool
}

func (s *guardedStream) Context() context.Context { return s.ctx }

func (s *guardedStream) RecvMsg(m any) error {
	if s.done {
		return io.EOF // the proof is for one request
	}
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	ctx, err := s.guard.admit(s.ctx, s.method, m)
	if err != nil {
		return err
	}
	s.ctx, s.done = ctx, true
	return nil
}

// admit checks the proof of a call, what costs least first.
func (g *Guard) admit(ctx context.Context, method string, request any) (context.Context, error) {
	message, ok := request.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("walletauth: %T is no protobuf message", request)
	}
	values := metadata.ValueFromIncomingContext(ctx, metadataKey)
	if len(values) != 1 {
		return nil, ErrNoProof
	}
	proof, err := DecodeProof([]byte(values[0]))
	if err != nil {
		return nil, err
	}
	if err := proof.fresh(g.now()); err != nil {
		return nil, err
	}
	owner := proof.Owner()
	if err := g.book.Check(proof.Nonce, owner); err != nil {
		return nil, err
	}
	party, err := g.signer(ctx, proof, Call{Method: method, Request: message, Node: g.node})
	if err != nil {
		return nil, err
	}
	if err := g.book.Use(proof.Nonce, owner); err != nil {
		return nil, err
	}
	if err := standing(party, method); err != nil {
		return nil, err
	}
	return WithOwner(ctx, party), nil
}

// signer is who signed a call, by the key that the ledger lists now. The ledger is
// asked in every case; for whom it is asked in vain is bounded.
func (g *Guard) signer(ctx context.Context, proof *Proof, call Call) (*record.Party, error) {
	last, held := g.suspects.known(proof, call)
	if !held {
		if err := g.suspects.admit(ctx); err != nil {
			return nil, err
		}
	}
	party, err := g.present(ctx, proof)
	if err != nil {
		return nil, err
	}
	now := party.Current().Signing
	if held && now == last {
		return party, nil
	}
	key, err := bls.ParsePublicKey(now[:])
	if err != nil {
		return nil, fmt.Errorf("walletauth: the ledger's key of %s: %w", party.ID, err)
	}
	if err := proof.Verify(call, key); err != nil {
		return nil, err
	}
	g.suspects.keys.Add(party.ID, now)
	return party, nil
}

// present is the signer as the ledger lists it now.
func (g *Guard) present(ctx context.Context, proof *Proof) (*record.Party, error) {
	party, err := g.lookup(ctx, proof.Owner())
	switch {
	case errors.Is(err, record.ErrPartyUnknown):
		return nil, ErrUnknown
	case err != nil:
		return nil, err
	case party.PID != string(proof.PID) || party.Role != record.RolePolicyholder:
		return nil, ErrUnknown
	}
	return party, nil
}

// whatever are the calls that are taken from a policyholder of any status: to
// look, and to withdraw a consent.
var whatever = []string{
	nodev1.GatewayService_Evaluate_FullMethodName,
	nodev1.GatewayService_Height_FullMethodName,
	nodev1.GatewayService_CarryRevocation_FullMethodName,
}

// standing refuses who is suspended or expelled. Who is suspended may replace its
// keys: that needs a code of the system manager's, so that an owner whose wallet
// was stolen gets back into its own while the thief is kept out.
func standing(p *record.Party, method string) error {
	switch {
	case p.Status == record.StatusActive || slices.Contains(whatever, method):
		return nil
	case p.Status != record.StatusSuspended:
		return ErrExpelled
	case method == nodev1.ManagerService_Rotate_FullMethodName:
		return nil
	}
	return ErrSuspended
}
