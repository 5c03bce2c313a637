package desk

import (
	"context"
	"net"
	"net/netip"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Rate is how often something may happen: so many times a second in the long
// run, and so many at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Limits are those of a listener for wallets, beside those of package serve.
type Limits struct {
	Codes Rate // calls with a one-time code from one address
	Owner Rate // signed calls of one policyholder
}

// DefaultLimits let a wallet work as fast as it can, and a few policyholders
// enrol behind one address.
var DefaultLimits = Limits{Codes: Rate{PerSecond: 0.2, Burst: 20}, Owner: Rate{PerSecond: 20, Burst: 200}}

// remembered is how many addresses and owners are told apart at one time. Who is
// forgotten starts anew, with a full burst.
const remembered = 1 << 14

// Interceptors are those of a listener for wallets, in their order: the limit of
// one-time codes, the guard, the limit of each owner. Those of package serve go
// before them, with [Address] as the caller's name.
func Interceptors(guard *walletauth.Guard, l Limits) ([]grpc.UnaryServerInterceptor, []grpc.StreamServerInterceptor) {
	codes, owners := newLimiter(l.Codes), newLimiter(l.Owner)
	byOwner := func(ctx context.Context) error {
		if p := walletauth.Owner(ctx); p != nil && !owners.allow(p.ID.String()) {
			return refusal.ErrBusy
		}
		return nil
	}
	unary := []grpc.UnaryServerInterceptor{
		func(ctx context.Context, r any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			if strings.HasPrefix(info.FullMethod, enrolment) && !codes.allow(Address(ctx)) {
				return nil, refusal.ErrBusy
			}
			return handle(ctx, r)
		},
		guard.Unary,
		func(ctx context.Context, r any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			if err := byOwner(ctx); err != nil {
				return nil, err
			}
			return handle(ctx, r)
		},
	}
	stream := []grpc.StreamServerInterceptor{
		guard.Stream,
		func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			return handle(srv, &countedStream{s, byOwner})
		},
	}
	return unary, stream
}

var enrolment = "/" + nodev1.EnrolmentService_ServiceDesc.ServiceName + "/"

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

// Address is where a call comes from; IPv6 by the first half, which is one
// subscriber's.
func Address(ctx context.Context) string {
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
