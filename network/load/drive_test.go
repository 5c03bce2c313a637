package load

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/ledger"
)

func stockOf(t *testing.T, n int, order Order) *Stock {
	t.Helper()
	stock, err := Prepare(t.Context(), n, func(int) (Order, error) { return order, nil })
	require.NoError(t, err)
	require.Equal(t, n, stock.Left())
	return stock
}

// A system that serves one transaction after the other and stalls once: who
// waits behind the stall is late by it, and is counted as late.
func TestOpenLoopCountsWaitingFromWhenATransactionWasDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stall = 2 * time.Second
		one := make(chan struct{}, 1) // a mutex that the test's clock sees
		var served atomic.Int64
		submit := func(context.Context, ledger.Call) (ledger.Result, error) {
			one <- struct{}{}
			defer func() { <-one }()
			pause := time.Millisecond
			if served.Add(1) == 100 {
				pause = stall
			}
			time.Sleep(pause)
			return ledger.Result{}, nil
		}
		dose := Dose{Rate: 100, Duration: 10 * time.Second}
		tally := newTally(dose)
		drive(t.Context(), tally, dose, stockOf(t, 2000, Order{Items: 1}), submit)
		o := tally.outcome("test", dose)
		require.InDelta(t, 1000, o.Transactions, 1, "arrivals do not wait for answers")
		require.InDelta(t, 10, o.Seconds, 0.01)
		require.InDelta(t, 100, o.Offered, 0.1)
		// 200 transactions were due during the stall: a questioner that waits
		// for each answer would have met one.
		require.Less(t, o.Latency.P50, 5.0)
		require.Greater(t, o.Latency.P95, 1000.0)
		require.InDelta(t, 2000, o.Latency.Max, 20)
	})
}

func TestClosedLoopKeepsEverySubmitterBusyAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		submit := func(context.Context, ledger.Call) (ledger.Result, error) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(100 * time.Millisecond)
			now.Add(-1)
			return ledger.Result{}, nil
		}
		dose := Dose{Submitters: 7, Duration: 5 * time.Second, Ramp: time.Second}
		tally := newTally(dose)
		drive(t.Context(), tally, dose, stockOf(t, 1000, Order{Items: 50}), submit)
		o := tally.outcome("test", dose)
		require.Equal(t, int64(7), most.Load())
		require.InDelta(t, 350, o.Transactions, 7)
		require.InDelta(t, 70, o.Committed, 1)
		require.InDelta(t, 3500, o.Items, 50)
		require.InDelta(t, 100, o.Latency.P99, 1)
	})
}

// Commits come a block at a time: where the time is cut must not matter.
func TestRateOfBlocksDoesNotDependOnWhereTheTimeIsCut(t *testing.T) {
	for _, duration := range []time.Duration{9100 * time.Millisecond, 9500 * time.Millisecond, 9999 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			submit := func(context.Context, ledger.Call) (ledger.Result, error) {
				time.Sleep(time.Second - time.Since(began)%time.Second) // until the next block
				return ledger.Result{}, nil
			}
			dose := Dose{Submitters: 40, Duration: duration, Ramp: 1500 * time.Millisecond}
			tally := newTally(dose)
			drive(t.Context(), tally, dose, stockOf(t, 1000, Order{Items: 1}), submit)
			require.InDelta(t, 40, tally.outcome("test", dose).Committed, 0.1)
		})
	}
}

func TestStockThatRunsOutEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		submit := func(context.Context, ledger.Call) (ledger.Result, error) {
			time.Sleep(time.Second)
			return ledger.Result{}, nil
		}
		dose := Dose{Submitters: 2, Duration: time.Hour}
		tally := newTally(dose)
		drive(t.Context(), tally, dose, stockOf(t, 10, Order{Items: 1}), submit)
		o := tally.outcome("test", dose)
		require.Equal(t, 10, o.Transactions)
		require.InDelta(t, 5, o.Seconds, 0.01)
	})
}

func TestFailuresAreCountedByCauseAndAreNoThroughput(t *testing.T) {
	answers := []error{
		nil,
		&ledger.Error{Step: ledger.StepCommit, Err: &ledger.CommitError{Code: ledger.ErrMVCCReadConflict}},
		&ledger.Error{Step: ledger.StepCommit, Err: ledger.ErrUndecided},
		errors.New("the peer is gone"),
		nil,
	}
	var next atomic.Int64
	submit := func(context.Context, ledger.Call) (ledger.Result, error) {
		i := int(next.Add(1)) - 1
		return ledger.Result{Endorsements: 3, Payload: []byte{byte(i)}}, answers[i]
	}
	check := func(answer []byte) error {
		if answer[0] == 4 {
			return errors.New("half of it was recorded")
		}
		return nil
	}
	dose := Dose{Submitters: 1}
	tally := newTally(dose)
	drive(t.Context(), tally, dose, stockOf(t, len(answers), Order{Items: 1, Check: check}), submit)
	o := tally.outcome("test", dose)
	require.Equal(t, 1, o.Transactions)
	require.Equal(t, map[string]int{
		"MVCC_READ_CONFLICT": 1, ledger.ErrUndecided.Error(): 1, "the peer is gone": 1, "half of it was recorded": 1,
	}, o.Failures)
	require.Equal(t, 10, o.Again)
	require.ErrorContains(t, o.complete(), "1 transactions of test failed: half of it was recorded")
	o.Failures, o.Ledger.Codes = nil, map[string]int{"VALID": 5, "DUPLICATE_TXID": 1, "PHANTOM_READ_CONFLICT": 2}
	require.ErrorContains(t, o.complete(), "2 transactions of test are on the ledger as PHANTOM_READ_CONFLICT")
	require.Equal(t, 2, o.Conflicts())
	delete(o.Ledger.Codes, "PHANTOM_READ_CONFLICT")
	require.NoError(t, o.complete(), "a copy that was sent to be sure is no failure")
}

func TestInterruptedRunEnds(t *testing.T) {
	for _, dose := range []Dose{{Rate: 50}, {Submitters: 50}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			submit := func(ctx context.Context, _ ledger.Call) (ledger.Result, error) {
				<-ctx.Done()
				return ledger.Result{}, ctx.Err()
			}
			began := time.Now()
			tally := newTally(dose)
			drive(ctx, tally, dose, stockOf(t, 1000, Order{Items: 1}), submit)
			require.InDelta(t, 1, time.Since(began).Seconds(), 0.1)
			require.Zero(t, tally.done)
			require.Equal(t, map[string]int{context.Canceled.Error(): tally.submitted}, tally.failures)
		})
	}
}

func TestStream(t *testing.T) {
	stream := Produce(t.Context(), 1000, func(i int) (Order, error) { return Order{Items: i}, nil })
	sum := 0
	for order, more := stream.Next(t.Context()); more; order, more = stream.Next(t.Context()) {
		sum += order.Items
	}
	require.NoError(t, stream.Err())
	require.Equal(t, 999*1000/2, sum)

	broken := errors.New("no more keys")
	stream = Produce(t.Context(), 1000, func(i int) (Order, error) {
		if i == 3 {
			return Order{}, broken
		}
		return Order{}, nil
	})
	count := 0
	for _, more := stream.Next(t.Context()); more; _, more = stream.Next(t.Context()) {
		count++
	}
	require.Equal(t, 3, count)
	require.ErrorIs(t, stream.Err(), broken)
	_, err := Prepare(t.Context(), 10, func(int) (Order, error) { return Order{}, broken })
	require.ErrorIs(t, err, broken)
}
