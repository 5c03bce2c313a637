package serve

import (
	"sync"

	"golang.org/x/time/rate"

	"github.com/claimshare/claimshare/client/wire/refusal"
)

// limiter bounds what each caller may begin and have in hand.
type limiter struct {
	limits Limits

	mu      sync.Mutex
	callers map[string]*allowance
	inHand  int
}

type allowance struct {
	rate   *rate.Limiter
	inHand int
}

// maxCallers is when callers that ask for nothing are forgotten; one costs some
// 200 bytes.
const maxCallers = 10_000

func newLimiter(l Limits) *limiter {
	return &limiter{limits: l, callers: map[string]*allowance{}}
}

// admit takes one call in hand, or answers [refusal.ErrBusy]. What it returns
// must be called when the call has ended.
func (l *limiter) admit(caller string) (release func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.callers[caller]
	if a == nil {
		l.forget()
		a = &allowance{rate: rate.NewLimiter(l.limits.Rate, l.limits.Burst)}
		l.callers[caller] = a
	}
	if l.inHand >= l.limits.All || a.inHand >= l.limits.Concurrent || !a.rate.Allow() {
		return nil, refusal.ErrBusy
	}
	l.inHand++
	a.inHand++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.inHand--
		a.inHand--
	}, nil
}

// again takes one more message of a call in hand, or answers
// [refusal.ErrBusy].
func (l *limiter) again(caller string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.callers[caller]; a != nil && !a.rate.Allow() {
		return refusal.ErrBusy
	}
	return nil
}

// forget drops callers that could not be told from new ones.
func (l *limiter) forget() {
	if len(l.callers) < maxCallers {
		return
	}
	for caller, a := range l.callers {
		if a.inHand == 0 && a.rate.Tokens() >= float64(l.limits.Burst) {
			delete(l.callers, caller)
		}
	}
}
