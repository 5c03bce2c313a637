package load

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func run(workload string, items float64) *Outcome {
	return &Outcome{
		Workload: workload, Items: items, Committed: items, Seconds: 10, Carried: 100, Transactions: 100,
		Ledger: Growth{Blocks: 10, Transactions: 100, Bytes: 60_000, Codes: map[string]int{"VALID": 100}, Parts: Parts{Values: 50_000, Block: 10_000}},
		CPU:    Usage{Processes: []ProcessUsage{{Name: "peer", Kind: "peer", Seconds: 2}}, Total: 2, Others: 1, Wall: 10},
	}
}

// The medians of rounds count: one disturbed round changes nothing.
func TestSummary(t *testing.T) {
	r := &Report{Plan: Full(), Records: 200_000}
	for i, puts := range []float64{100, 100, 10} {
		r.Runs = append(r.Runs, run(Put, puts), run(Batch, 500+float64(i)), run(Single, 70))
		r.Ratios = append(r.Ratios, Ratio{Batch: (500 + float64(i)) / puts, Single: 70 / puts})
	}
	r.Runs[1].Ledger.Codes["MVCC_READ_CONFLICT"] = 3
	r.Queries = []QueryTime{{Query: "a", Small: 2, Large: 2.2, Ratio: 1.1}, {Query: "b", Rows: 50, Small: 2, Large: 3.2, Ratio: 1.6}}
	r.summarise()
	require.Equal(t, Summary{
		Put: 100, Batch: 501, Single: 70, BatchRatio: 5.01, SingleRatio: 0.7, BatchByCPU: 1, SingleByCPU: 1, Bytes: 600, Conflicts: 3, SlowestQuery: "b", QueryRatio: 1.6,
	}, r.Summary)

	var text strings.Builder
	require.NoError(t, r.WriteText(&text))
	for _, line := range []string{
		"| records per second in batches of 50, times puts per second | 5.01 | at least 4.5 | met |",
		"| records per second one by one, times puts per second | 0.70 | at least 0.6 | met |",
		"| bytes of ledger per record in batches of 50 | 600 | at most 700 | met |",
		"| read conflicts with 64 submitters of one insurer | 3 | 0 | **missed** |",
		"| slowest query at 200000 records, times the same at 1000 | 1.60 | at most 1.5 | **missed** |",
		"| 3 | 10 | 502 | 50.20 | 70 | 7.00 | 0.10 |",
		"| documents | 500.0 | 500.0 | 500.0 |",
		"Medians: 100 puts/s; 501 records/s in batches; 70 records/s one by one. Fabric's verdicts on all transactions: 3 MVCC_READ_CONFLICT, 900 VALID.",
		"| peer | 20.000 | 20.000 | 20.000 |",
		"| `b` | 50 | 2.00 | 3.20 | 1.60 | 0.00 | 0.00 |",
	} {
		require.Contains(t, text.String(), line+"\n")
	}
	require.ErrorIs(t, r.WriteText(full{}), os.ErrClosed)
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestProcessorTime(t *testing.T) {
	before, err := processSeconds(os.Getpid())
	require.NoError(t, err)
	machine, err := machineSeconds()
	require.NoError(t, err)
	for began, x := time.Now(), 1; time.Since(began) < 300*time.Millisecond; x++ {
		_ = x * x
	}
	after, err := processSeconds(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, after, before, "on a machine that gives this test no time at all, nothing can be measured")
	later, err := machineSeconds()
	require.NoError(t, err)
	require.Greater(t, later, machine)
	none, err := processSeconds(0)
	require.NoError(t, err)
	require.Zero(t, none)

	began := time.Now()
	was := times{at: began, processes: []ProcessUsage{{"a", "peer", 10}, {"b", "peer", 10}}, machine: 100}
	now := times{at: began.Add(5 * time.Second), processes: []ProcessUsage{{"b", "peer", 2}, {"a", "peer", 13}, {"new", "peer", 1}}, machine: 110}
	require.Equal(t, Usage{Processes: []ProcessUsage{{"a", "peer", 3}, {"b", "peer", 2}, {"new", "peer", 1}}, Total: 6, Others: 4, Wall: 5}, now.since(was),
		"b was restarted in between")
}
