package load

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/claimshare/claimshare/client/ledger"
)

// A Dose is how much load, and for how long.
type Dose struct {
	// Rate makes the load open: so many transactions a second, evenly spaced.
	Rate float64 `json:"rate,omitempty"`
	// Submitters makes it closed: so many have one transaction on its way at
	// any time. It counts when Rate is zero.
	Submitters int `json:"submitters,omitempty"`
	// Duration is how long transactions are submitted; zero means until the
	// source has no more. What is on its way then is waited for.
	Duration time.Duration `json:"durationNanoseconds"`
	// Ramp is how much of the beginning does not count for rates: the first
	// block has to fill.
	Ramp time.Duration `json:"rampNanoseconds"`
}

// submitFunc is ledger.Ledger.Submit.
type submitFunc func(context.Context, ledger.Call) (ledger.Result, error)

// tally is what the submitters of one run saw.
type tally struct {
	mu        sync.Mutex
	began     time.Time
	countFrom time.Time
	countTo   time.Time // zero until it is known
	latency   *hdrhistogram.Histogram
	submitted int
	done      int // transactions committed as valid
	items     int
	counted   counted // of those, what counts for rates
	failures  map[string]int
	example   error // one of the failures
	again     int   // endorsements beyond the first
}

// counted is what was committed between two commits: the last one of the ramp
// and the last one of the run. Commits come a block at a time; a window with
// ends of its own would cut through blocks.
type counted struct {
	from, to            time.Time
	transactions, items int
}

// rates are transactions and items a second.
func (c counted) rates() (transactions, items float64) {
	seconds := c.to.Sub(c.from).Seconds()
	if c.transactions == 0 || seconds <= 0 {
		return 0, 0
	}
	return float64(c.transactions) / seconds, float64(c.items) / seconds
}

const (
	lowest  = 1                             // microsecond
	highest = int64(10 * time.Minute / 1e3) // in microseconds
	digits  = 3                             // significant ones
)

func newTally(dose Dose) *tally {
	now := time.Now()
	t := &tally{
		began: now, countFrom: now.Add(dose.Ramp), failures: map[string]int{},
		latency: hdrhistogram.New(lowest, highest, digits),
	}
	if dose.Duration > 0 {
		t.countTo = now.Add(dose.Duration)
	}
	t.counted.from = now
	return t
}

func (t *tally) add(due time.Time, order Order, result ledger.Result, err error) {
	now := time.Now()
	if err == nil && order.Check != nil {
		err = order.Check(result.Payload)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.submitted++
	t.again += max(0, result.Endorsements-1)
	if err != nil {
		t.failures[cause(err)]++
		t.example = err
		return
	}
	t.done++
	t.items += order.Items
	_ = t.latency.RecordValue(min(highest, max(lowest, now.Sub(due).Microseconds()))) // within its bounds
	switch {
	case now.Before(t.countFrom):
		t.counted.from = now
	case t.countTo.IsZero() || now.Before(t.countTo):
		t.counted.transactions++
		t.counted.items += order.Items
		t.counted.to = now
	}
}

// cause is a short name of what went wrong, to be counted.
func cause(err error) string {
	var commit *ledger.CommitError
	var refusal *ledger.ChaincodeError
	switch {
	case errors.As(err, &commit):
		return commit.Code.String()
	case errors.As(err, &refusal):
		return refusal.Error()
	case errors.Is(err, ledger.ErrUndecided):
		return ledger.ErrUndecided.Error()
	case errors.Is(err, context.Canceled):
		return context.Canceled.Error()
	}
	return err.Error()
}

// stop ends what counts, if it has not ended: nothing more is submitted.
func (t *tally) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); t.countTo.IsZero() || t.countTo.After(now) {
		t.countTo = now
	}
}

// seen is how far the run has come.
func (t *tally) seen() (done, items int, elapsed time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.done, t.items, time.Since(t.began)
}

// drive submits until the dose is given or ctx ends, and waits for what is on
// its way.
func drive(ctx context.Context, t *tally, dose Dose, source Source, submit submitFunc) {
	offering, cancel := ctx, context.CancelFunc(func() {})
	if dose.Duration > 0 {
		offering, cancel = context.WithDeadline(ctx, t.began.Add(dose.Duration))
	}
	defer cancel()
	if dose.Rate > 0 {
		open(ctx, offering, t, dose.Rate, source, submit)
		return
	}
	closed(ctx, offering, t, dose.Submitters, source, submit)
}

// open submits each order when it is due, however many are on their way.
func open(ctx, offering context.Context, t *tally, rate float64, source Source, submit submitFunc) {
	var work sync.WaitGroup
	defer work.Wait()
	defer t.stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := 0; ; i++ {
		due := t.began.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		timer.Reset(time.Until(due))
		select {
		case <-offering.Done():
			return
		case <-timer.C:
		}
		order, more := source.Next(offering)
		if !more || offering.Err() != nil {
			return
		}
		work.Go(func() {
			result, err := submit(ctx, order.Call)
			t.add(due, order, result, err)
		})
	}
}

// closed keeps every submitter busy.
func closed(ctx, offering context.Context, t *tally, submitters int, source Source, submit submitFunc) {
	var work sync.WaitGroup
	for range submitters {
		work.Go(func() {
			for offering.Err() == nil {
				order, more := source.Next(offering)
				if !more || offering.Err() != nil {
					break
				}
				due := time.Now()
				result, err := submit(ctx, order.Call)
				t.add(due, order, result, err)
			}
			t.stop() // the first to find nothing more ends what counts
		})
	}
	work.Wait()
}
