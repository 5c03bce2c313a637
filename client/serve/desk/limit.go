package desk

import (
	"context"
	"net"
	"net/netip"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// Rate is how often something may happen: so many times a second in the long
// run, and so many at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Limits are those of a listener for wallets.
type Limits struct {
	Address Rate // calls from one address, signed or not
	Codes   Rate // calls with a one-time code from one address
	Owner   Rate // signed calls of one policyholder
}

// DefaultLimits suit a few hundred wallets behind one address.
var DefaultLimits = Limits{
	Address: Rate{PerSecond: 100, Burst: 400},
	Codes:   Rate{PerSecond: 0.2, Burst: 20},
	Owner:   Rate{PerSecond: 20, Burst: 200},
}

// Sizes and numbers of one connection.
const (
	maxRequest = 64 << 10 // bytes; the largest is a grant of 64 records
	maxStreams = 32       // calls at once
)

// remembered is how many addresses and owners are told apart at one time. Who is
// forgotten starts anew, with a full burst.
const remembered = 1 << 14

// ServerOptions are those of a listener for wallets: sizes, rates, and the guard
// that lets calls in. Options of the node's own, for TLS, logging and errors, go
// before them.
func ServerOptions(guard *walletauth.Guard, l Limits) []grpc.ServerOption {
	addresses, guesses, owners := newLimiter(l.Address), newLimiter(l.Codes), newLimiter(l.Owner)
	byAddress := func(ctx context.Context, method string) error {
		from := address(ctx)
		if strings.HasPrefix(method, "/"+nodev1.EnrolmentService_ServiceDesc.ServiceName+"/") && !guesses.allow(from) {
			return errTooMany
		}
		if !addresses.allow(from) {
			return errTooMany
		}
		return nil
	}
	byOwner := func(ctx context.Context) error {
		if p := walletauth.Owner(ctx); p != nil && !owners.allow(p.ID.String()) {
			return errTooMany
		}
		return nil
	}
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxRequest), grpc.MaxConcurrentStreams(maxStreams),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{PermitWithoutStream: false}),
		grpc.ChainUnaryInterceptor(
			func(ctx context.Context, r any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
				if err := byAddress(ctx, info.FullMethod); err != nil {
					return nil, err
				}
				return handle(ctx, r)
			},
			guard.Unary,
			func(ctx context.Context, r any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
				if err := byOwner(ctx); err != nil {
					return nil, err
				}
				return handle(ctx, r)
			}),
		grpc.ChainStreamInterceptor(
			func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
				if err := byAddress(stream.Context(), info.FullMethod); err != nil {
					return err
				}
				return handle(srv, stream)
			},
			guard.Stream,
			func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
				return handle(srv, &countedStream{stream, byOwner})
			}),
	}
}

var errTooMany = status.Error(codes.ResourceExhausted, "desk: too many calls: wait a little")

// countedStream counts a stream for its owner when its request has arrived,
// which is when the guard knows the owner.
type countedStream struct {
	grpc.ServerStream
	count func(context.Context) error
}

func (s *countedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return s.count(s.Context())
}

// limiter counts by key.
type limiter struct {
	rate Rate
	keys *lru.Cache[string, *rate.Limiter]
}

func newLimiter(r Rate) *limiter {
	keys, err := lru.New[string, *rate.Limiter](remembered)
	if err != nil {
		panic("desk: " + err.Error()) // the size is a constant
	}
	return &limiter{r, keys}
}

func (l *limiter) allow(key string) bool {
	fresh := rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
	known, ok, _ := l.keys.PeekOrAdd(key, fresh)
	if !ok {
		known = fresh
	}
	l.keys.Get(key) // in use: not the next one to be forgotten
	return known.Allow()
}

// address is where a call comes from; IPv6 by the first half, which is one
// subscriber's.
func address(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	host, _, err := net.SplitHostPort(p.Addr.String())
	if err != nil {
		return p.Addr.String()
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Unmap().Is4() {
		return host
	}
	front, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return front.String()
}
