package telemetry

import (
	"context"
	"iter"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// Store measures every operation of a store: the interface's method, from its
// call to its end; of those that go through rows, from the first row asked for
// to the last. What callers do with the rows is in that time.
func (m *Metrics) Store(s store.Store) store.Store { return &measured{s, m} }

type measured struct {
	store.Store
	metrics *Metrics
}

// failed is the outcome of an operation that ended with an error which is not
// one of the store's answers: the database itself, say.
const failed = "failed"

func (m *measured) done(operation string, began time.Time, err *error) {
	m.metrics.stored(operation, began, *err)
}

func (m *Metrics) stored(operation string, began time.Time, err error) {
	outcome := Code(err)
	if outcome == internal {
		outcome = failed
	}
	m.storeOperations.WithLabelValues(operation, outcome).Inc()
	m.storeDuration.WithLabelValues(operation).Observe(time.Since(began).Seconds())
}

// sequence measures going through rows.
func sequence[T any](m *measured, operation string, open func() iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var err error
		defer m.done(operation, time.Now(), &err)
		for row, failure := range open() {
			err = failure
			if !yield(row, failure) {
				return
			}
		}
	}
}

// Journal implements store.Store.
func (m *measured) Journal() ledger.Journal { return &journal{m.Store.Journal(), m.metrics} }

type journal struct {
	ledger.Journal
	metrics *Metrics
}

// Save implements ledger.Journal.
func (j *journal) Save(ctx context.Context, e ledger.Entry) (err error) {
	defer func(began time.Time) { j.metrics.stored("journal_save", began, err) }(time.Now())
	return j.Journal.Save(ctx, e)
}

// Delete implements ledger.Journal.
func (j *journal) Delete(ctx context.Context, txID string) (err error) {
	defer func(began time.Time) { j.metrics.stored("journal_delete", began, err) }(time.Now())
	return j.Journal.Delete(ctx, txID)
}

// Pending implements ledger.Journal.
func (j *journal) Pending(ctx context.Context) (entries []ledger.Entry, err error) {
	defer func(began time.Time) { j.metrics.stored("journal_pending", began, err) }(time.Now())
	return j.Journal.Pending(ctx)
}
