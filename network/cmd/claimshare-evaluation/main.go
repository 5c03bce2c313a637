// Program claimshare-evaluation does the evaluation of the paper's section 5
// again and writes docs/evaluation.md and docs/evaluation.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/claimshare/claimshare/network/evaluation"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("claimshare-evaluation", flag.ContinueOnError)
	flags.SetOutput(stderr)
	docs := flags.String("docs", "docs", "write evaluation.md and evaluation/ into this `directory`")
	rounds := flags.Int("rounds", 201, "take this many `samples` of every operation")
	sample := flags.Duration("sample", 5*time.Millisecond, "let a sample take about this `time`")
	draw := flags.Bool("draw", false, "do not measure: draw anew from the measurements that are in the directory")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 || *rounds < 1 || *sample <= 0 {
		fmt.Fprintln(stderr, "claimshare-evaluation: takes no arguments; --rounds and --sample must be above zero")
		return 2
	}
	if err := evaluate(*docs, *rounds, *sample, *draw, stdout); err != nil {
		fmt.Fprintf(stderr, "claimshare-evaluation: %v\n", err)
		return 1
	}
	return 0
}

func evaluate(docs string, rounds int, sample time.Duration, draw bool, stdout io.Writer) error {
	m, err := measurements(docs, rounds, sample, draw, stdout)
	if err != nil {
		return err
	}
	if unrest := m.Unrest(); !draw && unrest > 0.2 {
		fmt.Fprintf(stdout, "the machine was busy: quartiles up to %.0f%% of the median apart; measure again before you commit this\n", 100*unrest)
	}
	files, err := evaluation.Files(m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(docs, "evaluation"), 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(docs, filepath.FromSlash(name)), content, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "wrote %d files; begin with %s\n", len(files), filepath.Join(docs, "evaluation.md"))
	return nil
}

func measurements(docs string, rounds int, sample time.Duration, draw bool, stdout io.Writer) (*evaluation.Measurements, error) {
	if !draw {
		fmt.Fprintln(stdout, "measuring; leave the machine alone for some seconds")
		return evaluation.Measure(rounds, sample)
	}
	timings, err := os.ReadFile(filepath.Join(docs, "evaluation", "measurements.csv"))
	if err != nil {
		return nil, err
	}
	environment, err := os.ReadFile(filepath.Join(docs, "evaluation", "environment.csv"))
	if err != nil {
		return nil, err
	}
	return evaluation.Parse(timings, environment)
}
