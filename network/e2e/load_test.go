package e2e

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/load"
	"github.com/claimshare/claimshare/network/topology"
)

// The whole measurement in a small dose: what it finds is right; how fast it
// was is not this test's business.
func TestBench(t *testing.T) {
	dir := t.TempDir()
	plan := load.Plan{
		Rounds: 1, Duration: 5 * time.Second, Ramp: 500 * time.Millisecond, Submitters: 64, BatchSubmitters: 64,
		Owners: load.BatchSize, Small: 1000, Large: soak(1000, 20_000), Samples: 3, Open: 0.5,
	}
	began := time.Now()
	report, err := load.Measure(t.Context(), plan, dir, nil)
	require.NoError(t, err)
	t.Logf("measured in %v", time.Since(began).Round(time.Second))
	requireNoProcess(t, dir)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "the networks' state")

	runs := append(append([]*load.Outcome{}, report.Runs...), report.Open...)
	require.Len(t, runs, 6)
	for _, o := range runs {
		require.Empty(t, o.Failures, o.Workload)
		requireValid(t, o, o.Transactions)
		require.Equal(t, o.Ledger.Bytes, o.Ledger.Parts.Sum())
		require.Positive(t, o.Committed)
		require.GreaterOrEqual(t, o.Latency.Max, o.Latency.P50)
		require.Len(t, o.CPU.Processes, 1+5+5+1, "an orderer, five peers, their chaincodes and this process")
	}
	require.Zero(t, report.Summary.Conflicts)
	copies := 0
	for _, o := range runs {
		copies += o.Ledger.Codes[ledger.ErrDuplicateTransaction.String()]
	}
	if copies == 0 { // a copied envelope takes room too
		require.Less(t, report.Summary.Bytes, float64(load.WantBytes))
	}
	require.Positive(t, report.Summary.BatchRatio)
	require.GreaterOrEqual(t, report.Records, 2000)
	require.NotEmpty(t, report.Queries, "every page had its 50 rows")
}

// requireValid wants so many transactions on the ledger, each once, and no
// conflict. On a very busy machine there may be copies, which do nothing.
func requireValid(t *testing.T, o *load.Outcome, n int) {
	t.Helper()
	codes := maps.Clone(o.Ledger.Codes)
	delete(codes, ledger.ErrDuplicateTransaction.String())
	require.Equal(t, map[string]int{ledger.Valid.String(): n}, codes, o.Workload)
	require.Zero(t, o.Again, "nothing was endorsed twice for a conflict")
}

// 64 submitters of one insurer, in batches and one by one: every record is on
// the ledger, and none was in another's way.
func TestConcurrentSubmitters(t *testing.T) {
	network := hold(t, topology.Development())
	site, err := load.Visit(network)
	require.NoError(t, err)
	defer func() { require.NoError(t, site.Close()) }()
	parties, err := load.SetUp(t.Context(), site, load.BatchSize)
	require.NoError(t, err)
	records := 0
	for _, w := range []*load.Workload{parties.Records(load.Batch, load.BatchSize), parties.Records(load.Single, 1)} {
		stock, err := w.Prepare(t.Context(), soak(128, 1280))
		require.NoError(t, err)
		o, err := site.Run(t.Context(), w.Name, "insurer1", stock, load.Dose{Submitters: 64}, nil)
		require.NoError(t, err)
		require.Empty(t, o.Failures)
		requireValid(t, o, soak(128, 1280))
		records += o.Carried
	}
	found, err := parties.Other.Chain.RecordsBy(t.Context(), parties.Insurer.ID)
	require.NoError(t, err)
	require.Len(t, found, records)
	seen := map[record.RecordID]bool{}
	for _, r := range found {
		require.False(t, seen[r.ID])
		seen[r.ID] = true
	}

	_, err = load.Once(t.Context(), network, load.Single, load.BatchSize, load.Dose{Rate: 10, Duration: time.Second}, nil)
	require.ErrorIs(t, err, record.ErrAlreadyInitialised)
	_, err = load.Once(t.Context(), network, load.Put, 0, load.Dose{Rate: 10, Duration: time.Second}, nil)
	require.ErrorIs(t, err, load.ErrChaincode)
}

// Whoever stops a measurement keeps nothing of it, also when its networks are
// still on their way.
func TestBenchInterrupted(t *testing.T) {
	for _, after := range []time.Duration{3 * time.Second, 12 * time.Second} {
		dir := filepath.Join(t.TempDir(), "bench")
		plan := load.Full()
		plan.Owners = load.BatchSize
		ctx, cancel := context.WithTimeout(t.Context(), after)
		_, err := load.Measure(ctx, plan, dir, nil)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		requireNoProcess(t, dir)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
	}
}
