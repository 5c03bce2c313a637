package walletauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// metadataKey is where the proof of a call travels.
const metadataKey = "claimshare-wallet-bin"

// unsigned are the services that take calls without a proof: they are there
// before a wallet has keys or a nonce.
var unsigned = []string{nodev1.WalletService_ServiceDesc.ServiceName, nodev1.EnrolmentService_ServiceDesc.ServiceName}

// service is the service of a full method name.
func service(method string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	return name
}

// Client signs the calls of one wallet to one node.
type Client struct {
	pid  pseudonym.PID
	key  *bls.SecretKey
	node record.PartyID
	now  func() time.Time
}

// NewClient makes the signer of a wallet's calls to a node. The node's id has to
// come from somewhere else than the node: a proof for one node is worth nothing
// to another only as long as the wallet knows whom it calls.
func NewClient(pid pseudonym.PID, key *bls.SecretKey, node record.PartyID) *Client {
	return &Client{pid: pid, key: key, node: node, now: time.Now}
}

// DialOptions are the interceptors for a connection to the node.
func (c *Client) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(c.unary), grpc.WithChainStreamInterceptor(c.stream)}
}

// attach fetches a nonce and puts the proof for the call into the context.
func (c *Client) attach(ctx context.Context, cc *grpc.ClientConn, method string, request any) (context.Context, error) {
	message, ok := request.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("walletauth: %T is no protobuf message", request)
	}
	answer, err := nodev1.NewWalletServiceClient(cc).Challenge(ctx, &nodev1.ChallengeRequest{Pid: string(c.pid)})
	if err != nil {
		return nil, refusal.FromStatus(err)
	}
	if len(answer.GetNonce()) != NonceSize {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrNonce, len(answer.GetNonce()))
	}
	proof, err := Sign(c.pid, c.key, Call{Method: method, Request: message, Node: c.node}, Nonce(answer.GetNonce()), c.now())
	if err != nil {
		return nil, err
	}
	encoded, err := proof.Encode()
	if err != nil {
		return nil, fmt.Errorf("walletauth: encode the proof: %w", err)
	}
	return metadata.AppendToOutgoingContext(ctx, metadataKey, string(encoded)), nil
}

// stale says that a call was refused for its nonce alone, which a node forgets
// when it is started again: another nonce may do.
func stale(err error) bool { return errors.Is(err, ErrNonce) || errors.Is(err, ErrNonceExpired) }

func (c *Client) unary(ctx context.Context, method string, request, answer any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if slices.Contains(unsigned, service(method)) {
		return refusal.FromStatus(invoke(ctx, method, request, answer, cc, opts...))
	}
	for again := true; ; again = false {
		signed, err := c.attach(ctx, cc, method, request)
		if err != nil {
			return err
		}
		err = refusal.FromStatus(invoke(signed, method, request, answer, cc, opts...))
		if err == nil || !again || !stale(err) {
			return err
		}
	}
}

// stream opens the stream when its only request is known.
func (c *Client) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if slices.Contains(unsigned, service(method)) {
		return open(ctx, desc, cc, method, opts...)
	}
	if desc.ClientStreams {
		return nil, fmt.Errorf("walletauth: %s: a stream of requests cannot be signed", method)
	}
	return &signedStream{ctx: ctx, open: func(request any) (grpc.ClientStream, error) {
		signed, err := c.attach(ctx, cc, method, request)
		if err != nil {
			return nil, err
		}
		return open(signed, desc, cc, method, opts...)
	}}, nil
}

// signedStream is a server's stream that begins with the client's request. Its
// methods are used as generated code does: SendMsg first.
type signedStream struct {
	ctx   context.Context
	open  func(request any) (grpc.ClientStream, error)
	inner grpc.ClientStream
}

var errNotOpen = errors.New("walletauth: the stream's request was not sent yet")

func (s *signedStream) SendMsg(m any) (err error) {
	if s.inner != nil {
		return io.EOF
	}
	if s.inner, err = s.open(m); err != nil {
		s.inner = nil
		return err
	}
	return s.inner.SendMsg(m)
}

func (s *signedStream) RecvMsg(m any) error {
	if s.inner == nil {
		return errNotOpen
	}
	return refusal.FromStatus(s.inner.RecvMsg(m))
}

func (s *signedStream) CloseSend() error {
	if s.inner == nil {
		return errNotOpen
	}
	return s.inner.CloseSend()
}

func (s *signedStream) Header() (metadata.MD, error) {
	if s.inner == nil {
		return nil, errNotOpen
	}
	return s.inner.Header()
}

func (s *signedStream) Trailer() metadata.MD {
	if s.inner == nil {
		return nil
	}
	return s.inner.Trailer()
}

func (s *signedStream) Context() context.Context {
	if s.inner == nil {
		return s.ctx
	}
	return s.inner.Context()
}
