package desk

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/claimshare/claimshare/chaincode/record"
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
	Codes     Rate // calls with a one-time code from one address
	Strangers Rate // calls from one address for whom the ledger has to be asked who signed them
	Owner     Rate // signed calls of one policyholder
	InHand    int  // signed calls of one policyholder at the same time
}

// DefaultLimits let a wallet work as fast as it can, and a few policyholders
// enrol behind one address.
var DefaultLimits = Limits{
	Codes: Rate{PerSecond: 0.2, Burst: 20}, Strangers: Rate{PerSecond: 2, Burst: 100}, Owner: Rate{PerSecond: 20, Burst: 200}, InHand: 8,
}

// remembered is how many addresses and owners are told apart at one time. Who is
// forgotten starts anew, with a full burst.
const remembered = 1 << 14

// Interceptors are those of a listener for wallets, in their order: the limit of
// one-time codes, the guard, the limit of each owner. Those of package serve go
// before them, with [Address] as the caller's name.
func Interceptors(guard *walletauth.Guard, l Limits) ([]grpc.UnaryServerInterceptor, []grpc.StreamServerInterceptor) {
	guard.Limit(elsewhere, l.Strangers.PerSecond, l.Strangers.Burst)
	codes := newLimiter(l.Codes)
	owners := &allowances{rate: newLimiter(l.Owner), max: l.InHand, inHand: map[record.PartyID]int{}}
	unary := []grpc.UnaryServerInterceptor{
		func(ctx context.Context, r any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			if strings.HasPrefix(info.FullMethod, enrolment) && !codes.allow(Address(ctx)) {
				return nil, refusal.ErrBusy
			}
			return handle(ctx, r)
		},
		guard.Unary,
		func(ctx context.Context, r any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			release, err := owners.admit(ctx)
			if err != nil {
				return nil, err
			}
			defer release()
			return handle(ctx, r)
		},
	}
	stream := []grpc.StreamServerInterceptor{
		guard.Stream,
		func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			counted := &countedStream{ServerStream: s, owners: owners, release: func() {}}
			defer func() { counted.release() }()
			return handle(srv, counted)
		},
	}
	return unary, stream
}

var enrolment = "/" + nodev1.EnrolmentService_ServiceDesc.ServiceName + "/"

// countedStream counts a stream for its owner when its request has arrived,
// which is when the guard knows the owner.
type countedStream struct {
	grpc.ServerStream
	owners  *allowances
	release func()
}

func (s *countedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	release, err := s.owners.admit(s.Context())
	if err == nil {
		s.release = release
	}
	return err
}

// allowances bounds what each policyholder may begin and have in hand.
type allowances struct {
	rate *limiter
	max  int

	mu     sync.Mutex
	inHand map[record.PartyID]int
}

// admit takes one call in hand, or answers [refusal.ErrBusy]. What it returns
// must be called when the call has ended. Calls that nobody has signed count
// for nobody.
func (a *allowances) admit(ctx context.Context) (release func(), err error) {
	p := walletauth.Owner(ctx)
	if p == nil {
		return func() {}, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.inHand[p.ID] >= a.max || !a.rate.allow(p.ID.String()) {
		return nil, refusal.ErrBusy
	}
	a.inHand[p.ID]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.inHand[p.ID]--; a.inHand[p.ID] == 0 {
			delete(a.inHand, p.ID)
		}
	}, nil
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

// elsewhere is [Address] for calls from other machines, and "" for this one's own.
func elsewhere(ctx context.Context) string {
	a := Address(ctx)
	if ip, err := netip.ParseAddr(a); err == nil && ip.Unmap().IsLoopback() || a == loopback6 {
		return ""
	}
	return a
}

const loopback6 = "::/64" // what Address makes of ::1

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
