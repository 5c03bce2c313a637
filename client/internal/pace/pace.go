// Package pace keeps slow and stalled peers from holding a stream for ever: it
// counts the time that is spent waiting for the other side, and ends the stream
// when that is too much.
package pace

import (
	"context"
	"sync"
	"time"

	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Limits says how slow the other side may be.
type Limits struct {
	// Idle is the longest wait for one message to go or come.
	Idle time.Duration
	// Grace is how long it may be waited for in all, beyond what Rate allows.
	Grace time.Duration
	// Rate is what the other side must manage on average, in bytes a second.
	Rate int
}

// Meter measures one stream. It is for one goroutine.
type Meter struct {
	limits Limits
	cancel context.CancelCauseFunc
	timer  *time.Timer
	once   sync.Once

	began  time.Time
	waited time.Duration
	bytes  uint64
}

// New returns a meter and a context that ends with [refusal.ErrSlow] when the
// other side is too slow. Stop must be called.
func New(ctx context.Context, limits Limits) (*Meter, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	m := &Meter{limits: limits, cancel: cancel}
	m.timer = time.AfterFunc(time.Hour, func() { cancel(refusal.ErrSlow) })
	m.timer.Stop()
	return m, ctx
}

// Begin says that it is now the other side's turn.
func (m *Meter) Begin() {
	m.began = time.Now()
	budget := m.limits.Grace + time.Duration(float64(m.bytes)/float64(m.limits.Rate)*float64(time.Second)) - m.waited
	m.timer.Reset(max(0, min(m.limits.Idle, budget)))
}

// End says that the other side has done its part, of so many bytes.
func (m *Meter) End(bytes int) {
	m.timer.Stop()
	m.waited += time.Since(m.began)
	m.bytes += uint64(bytes)
}

// Stop ends the meter and its context.
func (m *Meter) Stop() {
	m.once.Do(func() {
		m.timer.Stop()
		m.cancel(context.Canceled)
	})
}
