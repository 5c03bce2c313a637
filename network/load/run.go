package load

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/progress"
)

// Latency is from when a transaction was due until a peer reported it
// committed, in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// An Outcome is what became of one run.
type Outcome struct {
	Workload string `json:"workload"`
	Dose     Dose   `json:"dose"`

	// Offered and Committed are transactions a second, Items what was committed
	// in them. What was committed in the ramp or after the time of the last
	// submission does not count. In a closed run Offered follows Committed.
	Offered   float64 `json:"offeredPerSecond"`
	Committed float64 `json:"committedPerSecond"`
	Items     float64 `json:"itemsPerSecond"`
	// Seconds is how long transactions were submitted, Lag how long after the
	// last answer the last peer had them all.
	Seconds float64 `json:"seconds"`
	Lag     float64 `json:"lagSeconds"`

	Transactions int            `json:"transactions"` // committed as valid
	Carried      int            `json:"items"`        // in them
	Failures     map[string]int `json:"failures"`
	Again        int            `json:"endorsedAgain"`
	Latency      Latency        `json:"latencyMs"`
	Ledger       Growth         `json:"ledger"`
	CPU          Usage          `json:"cpu"`
}

// Run gives the dose to the ledger of the identity, and waits until every peer
// has what came of it. That a transaction failed is no error of Run's: see
// Outcome.Failures.
func (s *Site) Run(ctx context.Context, name, identity string, source Source, dose Dose, phase *progress.Phase) (*Outcome, error) {
	l, err := s.Ledger(identity)
	if err != nil {
		return nil, err
	}
	folder, err := s.blockFiles(identity)
	if err != nil {
		return nil, err
	}
	from, err := blockFileEnd(folder)
	if err != nil {
		return nil, err
	}
	before, err := s.usage()
	if err != nil {
		return nil, err
	}
	t := newTally(dose)
	stop := show(t, phase)
	drive(ctx, t, dose, source, l.Submit)
	stop()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	lag, err := s.settle(ctx, l)
	if err != nil {
		return nil, err
	}
	outcome := t.outcome(name, dose)
	outcome.Lag = lag.Seconds()
	after, err := s.usage()
	if err != nil {
		return nil, err
	}
	outcome.CPU = after.since(before)
	if outcome.Ledger, err = measureGrowth(folder, from); err != nil {
		return nil, fmt.Errorf("read the blocks in %s: %w", filepath.Base(folder), err)
	}
	if t.done == 0 {
		return outcome, errors.Join(fmt.Errorf("%s: no transaction was committed", name), t.example)
	}
	return outcome, nil
}

func (t *tally) outcome(name string, dose Dose) *Outcome {
	o := &Outcome{
		Workload: name, Dose: dose, Transactions: t.done, Carried: t.items, Failures: t.failures, Again: t.again,
		Seconds: t.countTo.Sub(t.began).Seconds(),
		Latency: Latency{P50: t.quantile(50), P95: t.quantile(95), P99: t.quantile(99), Max: float64(t.latency.Max()) / 1000},
	}
	if o.Seconds > 0 {
		o.Offered = float64(t.submitted) / o.Seconds
	}
	if dose.Rate > 0 {
		o.Offered = dose.Rate
	}
	o.Committed, o.Items = t.counted.rates()
	return o
}

func (t *tally) quantile(q float64) float64 { return float64(t.latency.ValueAtQuantile(q)) / 1000 }

// show tells twice a second how far a run has come.
func show(t *tally, phase *progress.Phase) (stop func()) {
	if phase == nil {
		return func() {}
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				done, items, elapsed := t.seen()
				phase.Detail("%d transactions, %d items, %.0f items/s", done, items, float64(items)/elapsed.Seconds())
			}
		}
	}()
	return func() { close(quit); <-gone }
}

// complete wants every transaction committed as valid. On a machine that is
// very busy the client sends an envelope again, and Fabric marks the copy as a
// duplicate: that is no failure.
func (o *Outcome) complete() error {
	var all []error
	for failure, n := range o.Failures {
		all = append(all, fmt.Errorf("%d transactions of %s failed: %s", n, o.Workload, failure))
	}
	for code, n := range o.Ledger.Codes {
		if code != ledger.Valid.String() && code != ledger.ErrDuplicateTransaction.String() {
			all = append(all, fmt.Errorf("%d transactions of %s are on the ledger as %s", n, o.Workload, code))
		}
	}
	return errors.Join(all...)
}
