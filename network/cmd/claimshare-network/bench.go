package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/load"
	"github.com/claimshare/claimshare/network/topology"
)

func newBench(o *options) *cobra.Command {
	plan := load.Full()
	command := &cobra.Command{
		Use:   "bench",
		Short: "Measure the ledger beside what Fabric itself can do here",
		Long: `Start two development networks, one with a chaincode that writes one key per
transaction and one with ClaimShare's, and give them load in turns: puts,
batches of 50 records, single records. Then compare queries between a ledger of
few records and one of many. Prints tables in Markdown, or everything as JSON.
It takes about ten minutes; the networks and their state are gone afterwards.

To measure one workload alone: bench load.`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := checkPlan(plan); err != nil {
				return err
			}
			return o.inScratch(func(dir string) error { return o.bench(command.Context(), plan, dir) })
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.dir, "dir", "", "empty folder for the networks' state (default: a temporary one)")
	flags.IntVar(&plan.Rounds, "rounds", plan.Rounds, "how often the workloads take turns")
	flags.DurationVar(&plan.Duration, "duration", plan.Duration, "of each run")
	flags.DurationVar(&plan.Ramp, "ramp", plan.Ramp, "beginning of each run that does not count")
	flags.IntVar(&plan.Submitters, "submitters", plan.Submitters, "of puts and single records at once")
	flags.IntVar(&plan.BatchSubmitters, "batch-submitters", plan.BatchSubmitters, "of batches at once, all of one insurer")
	flags.IntVar(&plan.Owners, "owners", plan.Owners, "policyholders, 50 or more")
	flags.IntVar(&plan.Small, "few", plan.Small, "records on the small ledger, 1000 or more")
	flags.IntVar(&plan.Large, "many", plan.Large, "records on the large ledger; 0 leaves the queries out")
	flags.IntVar(&plan.Samples, "samples", plan.Samples, "of each query")
	flags.Float64Var(&plan.Open, "open", plan.Open, "share of the highest rate that is offered on a schedule; 0 leaves this out")
	command.AddCommand(newBenchLoad(o))
	return command
}

func checkPlan(plan load.Plan) error {
	const fewest = 1000 // the queries look at the 11th page of 50
	switch {
	case plan.Rounds < 1 || plan.Submitters < 1 || plan.BatchSubmitters < 1 || plan.Samples < 1:
		return usage("rounds, submitters and samples begin at 1")
	case plan.Ramp < 0 || plan.Duration <= plan.Ramp:
		return usage("--duration %v is no longer than --ramp %v", plan.Duration, plan.Ramp)
	case plan.Owners < load.BatchSize:
		return usage("--owners %d: %d different owners are needed for a batch", plan.Owners, load.BatchSize)
	case plan.Large != 0 && (plan.Small < fewest || plan.Large < plan.Small):
		return usage("--few %d, --many %d: at least %d, and many no fewer than few", plan.Small, plan.Large, fewest)
	case plan.Open < 0 || plan.Open >= 1:
		return usage("--open %v is no share", plan.Open)
	}
	return nil
}

func (o *options) bench(ctx context.Context, plan load.Plan, dir string) error {
	report, err := load.Measure(ctx, plan, dir, o.progress(ctx))
	if err != nil {
		return err
	}
	if o.output == outputJSON {
		return writeJSON(o.stdout, report)
	}
	return report.WriteText(o.stdout)
}

// inScratch gives a folder to work in, and removes it if it is its own.
func (o *options) inScratch(work func(dir string) error) (err error) {
	if o.dir != "" {
		dir, err := filepath.Abs(o.dir)
		if err != nil {
			return err
		}
		return work(dir)
	}
	dir, err := os.MkdirTemp("", "claimshare-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return work(dir)
}

// loading is the flags of bench load.
type loading struct {
	workload string
	dose     load.Dose
	owners   int
	running  bool
}

func newBenchLoad(o *options) *cobra.Command {
	var l loading
	command := &cobra.Command{
		Use:   "load",
		Short: "Give one workload to a network",
		Long: `Submit transactions on a schedule (--rate) or as fast as so many submitters can
(--submitters), and print rates, latencies, Fabric's verdicts, bytes of ledger
and processor time. Workloads: put (needs the test chaincode), single (one
record per transaction), batch (50 records of 50 owners).

Without --running it starts a network of its own and removes it again. With it,
the load goes to the network in --dir, whose ledger must not be initialised yet
(or which runs the test chaincode): this command registers the parties itself.`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := l.check(); err != nil {
				return err
			}
			if l.running {
				network, err := o.open()
				if err != nil {
					return err
				}
				return o.load(command.Context(), l, network)
			}
			return o.inScratch(func(dir string) error { return o.loadOwn(command.Context(), l, dir) })
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.dir, "dir", "", "of the running network (default: .run in the checkout), or an empty folder for an own one")
	flags.StringVar(&l.workload, "workload", load.Batch, "put, single or batch")
	flags.Float64Var(&l.dose.Rate, "rate", 0, "transactions a second, offered whatever the answers")
	flags.IntVar(&l.dose.Submitters, "submitters", 0, "how many submit one after the other")
	flags.DurationVar(&l.dose.Duration, "duration", 30*time.Second, "how long to submit")
	flags.DurationVar(&l.dose.Ramp, "ramp", 2*time.Second, "beginning that does not count for rates")
	flags.IntVar(&l.owners, "owners", 200, "policyholders to register")
	flags.BoolVar(&l.running, "running", false, "use the network that runs in --dir")
	return command
}

func (l loading) check() error {
	switch {
	case (l.dose.Rate > 0) == (l.dose.Submitters > 0) || l.dose.Rate < 0:
		return usage("give either --rate or --submitters")
	case l.dose.Ramp < 0 || l.dose.Duration <= l.dose.Ramp:
		return usage("--duration %v is no longer than --ramp %v", l.dose.Duration, l.dose.Ramp)
	case l.owners < load.BatchSize:
		return usage("--owners %d: at least %d are needed", l.owners, load.BatchSize)
	case l.workload != load.Put && l.workload != load.Single && l.workload != load.Batch:
		return usage("unknown workload %q: use put, single or batch", l.workload)
	}
	return nil
}

func (o *options) loadOwn(ctx context.Context, l loading, dir string) (err error) {
	made := topology.Development()
	if l.workload == load.Put {
		made = made.WithTestChaincode()
	}
	network, err := launch.Hold(ctx, made, filepath.Join(dir, "network"), o.progress(ctx))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, network.Down(context.WithoutCancel(ctx)), network.Remove()) }()
	return o.load(ctx, l, network)
}

func (o *options) load(ctx context.Context, l loading, network *launch.Network) error {
	status, err := network.Status()
	if err != nil {
		return err
	}
	if status.Condition != launch.Running {
		return &exitError{code: exitNotRunning, err: explain(status.Condition)}
	}
	ctx, stop := whileRunning(ctx, network)
	defer stop()
	outcome, err := load.Once(ctx, network, l.workload, l.owners, l.dose, o.progress(ctx))
	if died := context.Cause(ctx); errors.Is(died, errNetworkDied) {
		return fmt.Errorf("the network died under the load: %w", died)
	}
	if err != nil {
		return err
	}
	if o.output == outputJSON {
		return writeJSON(o.stdout, outcome)
	}
	return outcome.WriteText(o.stdout)
}
