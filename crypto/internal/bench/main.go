// Command bench measures the cryptography of ClaimShare against itself: every
// operation beside the sum of the primitive operations that it cannot do
// without, measured in the same run, in interleaved rounds.
//
//	go run ./internal/bench            # in crypto: its own gnark-crypto
//	go run github.com/claimshare/claimshare/crypto/internal/bench  # in client: the client's
//
// It prints Markdown. It promises nothing of other machines: read the ratios.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"
)

var (
	started           = time.Now()
	out     io.Writer = os.Stdout
)

// effort is how long everything is measured.
type effort struct {
	rounds int           // interleaved rounds of everything
	sample time.Duration // the least length of one measurement
	seal   int64         // bytes of the large record
	search int           // capsules of the batch that is searched
	length time.Duration // of the profile and of each throughput
}

func main() {
	e := effort{sample: time.Millisecond, search: 10_000, length: time.Second}
	flag.IntVar(&e.rounds, "rounds", 61, "interleaved rounds; medians are reported")
	flag.Int64Var(&e.seal, "seal", 1<<30, "bytes of the large record")
	flag.Parse()
	if err := run(e); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(e effort) error {
	cores := runtime.NumCPU()
	fmt.Fprintf(out, "## gnark-crypto %s\n\n%s, %s/%s, %d cores. One core and %s unless said; medians of %d interleaved rounds.\n\n",
		libraryVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, cores, clock, e.rounds)
	w, err := newWorld()
	if err != nil {
		return err
	}
	primitives, operations := w.primitives(), w.operations()
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	e.measure(append(slices.Clone(primitives), operations...))
	runtime.UnlockOSThread()

	cost := bound{}
	for _, p := range primitives {
		cost[p.name] = p.median
	}
	for _, o := range operations {
		cost[o.name] = o.median
	}
	printPrimitives(primitives)
	printOperations(operations, cost)
	printSpeedUps(cost)
	if err := w.printSearch(e.search); err != nil {
		return err
	}
	if err := w.printLargeSeal(e.seal); err != nil {
		return err
	}
	if err := w.printProfile(e.length); err != nil {
		return err
	}
	w.printThroughput(operations, cores, e.length/2)
	return w.printSizes()
}

func libraryVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/consensys/gnark-crypto" {
			return m.Version
		}
	}
	return "(unknown)"
}

// bound is the measured time of every primitive and operation, by name.
type bound map[string]time.Duration

func (b bound) of(name string) time.Duration {
	d, ok := b[name]
	if !ok {
		panic("bench: no measurement called " + name)
	}
	return d
}

// timed is one thing to measure.
type timed struct {
	name   string
	run    func()
	median time.Duration
	allocs float64

	made   string                         // of what the bound is made; empty: no bound
	lower  func(cost bound) time.Duration // the bound
	target float64                        // at most this many times the bound; 0: none asked
}

// measure runs everything in turn, so that what disturbs one disturbs all.
func (e effort) measure(all []*timed) {
	samples := make([][]time.Duration, len(all))
	for i, t := range all {
		t.run() // warm caches and lazily built tables
		t.allocs = testing.AllocsPerRun(3, t.run)
		samples[i] = make([]time.Duration, e.rounds)
	}
	for round := range e.rounds {
		for i, t := range all {
			t.run() // after what ran before it, its code and data are cold
			n := 0
			start := now()
			var spent time.Duration
			for spent < e.sample {
				t.run()
				n++
				spent = now() - start
			}
			samples[i][round] = spent / time.Duration(n)
		}
	}
	for i, t := range all {
		t.median = median(samples[i])
	}
}

func median[T ~int64 | ~float64](list []T) T {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

func micro(d time.Duration) string {
	us := float64(d) / float64(time.Microsecond)
	if us < 100 {
		return fmt.Sprintf("%.1f", us)
	}
	return fmt.Sprintf("%.0f", us)
}

func printPrimitives(all []*timed) {
	fmt.Fprintf(out, "### Primitives\n\n| primitive | µs | allocations |\n|---|---:|---:|\n")
	for _, t := range all {
		fmt.Fprintf(out, "| %s | %s | %.0f |\n", t.name, micro(t.median), t.allocs)
	}
}

func printOperations(all []*timed, cost bound) {
	fmt.Fprintf(out, "\n### Operations\n\n| operation | µs | allocations | lower bound, µs | ratio | at most | made of |\n|---|---:|---:|---:|---:|---:|---|\n")
	var apart []*timed
	for _, t := range all {
		if t.lower == nil {
			apart = append(apart, t)
			continue
		}
		lower := t.lower(cost)
		ratio := float64(t.median) / float64(lower)
		target := ""
		if t.target > 0 {
			target = fmt.Sprintf("%.2f%s", t.target, missed(ratio > t.target))
		}
		fmt.Fprintf(out, "| %s | %s | %.0f | %s | %.2f | %s | %s |\n", t.name, micro(t.median), t.allocs, micro(lower), ratio, target, t.made)
	}
	fmt.Fprintf(out, "\nDecoding, first use and delegation, apart:\n\n| operation | µs | allocations |\n|---|---:|---:|\n")
	for _, t := range apart {
		fmt.Fprintf(out, "| %s | %s | %.0f |\n", t.name, micro(t.median), t.allocs)
	}
}

func missed(is bool) string {
	if is {
		return " **missed**"
	}
	return ""
}

func printSpeedUps(cost bound) {
	single := float64(cost.of(verifyOne))
	fmt.Fprintf(out, "\n### Batches of signatures against single verifications\n\n| batch | times faster | at least |\n|---|---:|---:|\n")
	for _, b := range []struct {
		name    string
		singles float64
		target  float64
	}{{verifyOneSigner, 20, 4}, {verifyRecords, 40, 2.3}} {
		got := b.singles * single / float64(cost.of(b.name))
		fmt.Fprintf(out, "| %s | %.2f | %.1f%s |\n", b.name, got, b.target, missed(got < b.target))
	}
}
