package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/progress"
	"github.com/claimshare/claimshare/network/topology"
)

// Report is all that Measure found.
type Report struct {
	Machine Machine     `json:"machine"`
	Plan    Plan        `json:"plan"`
	Runs    []*Outcome  `json:"runs"` // closed, in the order in which they ran
	Open    []*Outcome  `json:"open,omitempty"`
	Ratios  []Ratio     `json:"ratios"` // of each round
	Summary Summary     `json:"summary"`
	Queries []QueryTime `json:"queries,omitempty"`
	Records int         `json:"records"` // on the large ledger, at the end
}

// Ratio is one round's rates beside the puts of the same round.
type Ratio struct {
	Batch  float64 `json:"batch"`
	Single float64 `json:"single"`
}

// bench is one Measure.
type bench struct {
	plan    Plan
	report  *Report
	show    progress.Func
	dir     string
	puts    *Site
	large   *Site
	people  *Parties
	about   *subjects
	guesses map[string]float64 // transactions a second that a workload reaches
	records int                // on the ledger
}

// Measure brings up two development networks below dir, one with the test
// chaincode and one with ClaimShare's, and gives them load in turns; then it
// compares queries between a small ledger and a large one. Both networks run
// all the time, of which one is idle. Everything is stopped and removed at the
// end, also when ctx ends.
func Measure(ctx context.Context, plan Plan, dir string, show progress.Func) (_ *Report, err error) {
	b := &bench{plan: plan, show: show, dir: dir, guesses: map[string]float64{}, report: &Report{Machine: describeMachine(), Plan: plan}}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(ctx); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{b.rounds, b.openRuns, b.queries} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	b.report.Records = b.records
	b.report.summarise()
	return b.report, nil
}

// bringUp makes a network in a new folder of its own, of which nothing stays
// when that does not succeed.
func (b *bench) bringUp(ctx context.Context, name string, t topology.Topology) (*Site, error) {
	folder := filepath.Join(b.dir, name)
	if _, err := os.Lstat(folder); err == nil {
		return nil, fmt.Errorf("%s is there already: remove it, or choose another folder", folder)
	}
	network, err := launch.Hold(ctx, t, folder, b.show)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	s, err := Visit(network)
	if err != nil {
		return nil, errors.Join(err, takeDown(&Site{Network: network}))
	}
	return s, nil
}

// takeDown stops a network and removes its state.
func takeDown(s *Site) error {
	return errors.Join(s.Close(), s.Network.Down(context.Background()), s.Network.Remove())
}

func (b *bench) close() error {
	var all []error
	for _, s := range []*Site{b.puts, b.large} {
		if s != nil {
			all = append(all, takeDown(s))
		}
	}
	return errors.Join(all...)
}

func (b *bench) open(ctx context.Context) (err error) {
	if b.puts, err = b.bringUp(ctx, "puts", topology.Development().WithTestChaincode()); err != nil {
		return err
	}
	if b.large, err = b.bringUp(ctx, "records", topology.Development()); err != nil {
		return err
	}
	b.people, b.about, err = b.populate(ctx, b.large)
	b.records = busyRecords
	return err
}

// populate registers parties and puts on the ledger what queries ask about.
func (b *bench) populate(ctx context.Context, s *Site) (*Parties, *subjects, error) {
	phase := b.show.Start("register the parties")
	p, err := SetUp(ctx, s, b.plan.Owners)
	if err != nil {
		return nil, nil, phase.Fail(err)
	}
	q, err := prepareSubjects(ctx, s, p)
	if err != nil {
		return nil, nil, phase.Fail(err)
	}
	phase.Done(fmt.Sprintf("%d owners", b.plan.Owners))
	return p, q, nil
}

// trial is a workload, where it runs and with how many submitters.
type trial struct {
	workload   *Workload
	site       *Site
	submitters int
}

func (b *bench) trials() []trial {
	return []trial{
		{Puts(), b.puts, b.plan.Submitters},
		{b.people.Records(Batch, BatchSize), b.large, b.plan.BatchSubmitters},
		{b.people.Records(Single, 1), b.large, b.plan.Submitters},
	}
}

// rounds gives the three workloads in turns.
func (b *bench) rounds(ctx context.Context) error {
	for round := range b.plan.Rounds {
		rate := map[string]float64{}
		for _, t := range b.trials() {
			dose := Dose{Submitters: t.submitters, Duration: b.plan.Duration, Ramp: b.plan.Ramp}
			o, err := b.run(ctx, t, dose, fmt.Sprintf("%s, round %d of %d", t.workload.Name, round+1, b.plan.Rounds))
			if err != nil {
				return err
			}
			b.report.Runs = append(b.report.Runs, o)
			rate[t.workload.Name] = o.Items
		}
		b.report.Ratios = append(b.report.Ratios, Ratio{Batch: rate[Batch] / rate[Put], Single: rate[Single] / rate[Put]})
	}
	return nil
}

// firstGuess is more transactions a second than two cores have reached.
var firstGuess = map[string]float64{Put: 500, Single: 400, Batch: 60}

// run signs what a dose may need, and gives it.
func (b *bench) run(ctx context.Context, t trial, dose Dose, name string) (*Outcome, error) {
	const spare = 1.5
	phase := b.show.Start(name)
	rate := dose.Rate
	if rate == 0 {
		if rate = spare * b.guesses[t.workload.Name]; rate == 0 {
			rate = firstGuess[t.workload.Name]
		}
	}
	n := int(rate*dose.Duration.Seconds()) + dose.Submitters
	phase.Detail("signing %d transactions", n)
	stock, err := t.workload.Prepare(ctx, n)
	if err != nil {
		return nil, phase.Fail(err)
	}
	o, err := t.site.Run(ctx, t.workload.Name, insurerIdentity, stock, dose, phase)
	if err == nil {
		err = o.complete()
	}
	if err != nil {
		return nil, phase.Fail(err)
	}
	if t.site == b.large {
		b.records += o.Transactions * t.workload.Items
	}
	if dose.Rate == 0 {
		b.guesses[t.workload.Name] = max(b.guesses[t.workload.Name], o.Offered)
	}
	unit := "records/s"
	if t.workload.Name == Put {
		unit = "puts/s"
	}
	phase.Done(fmt.Sprintf("%.0f %s, p50 %.0f ms, p99 %.0f ms", o.Items, unit, o.Latency.P50, o.Latency.P99))
	return o, nil
}

// openRuns offers a share of what the closed runs reached.
func (b *bench) openRuns(ctx context.Context) error {
	if b.plan.Open <= 0 {
		return nil
	}
	for _, t := range b.trials() {
		dose := Dose{Rate: b.plan.Open * b.report.median(t.workload.Name, committed), Duration: b.plan.Duration, Ramp: b.plan.Ramp}
		o, err := b.run(ctx, t, dose, fmt.Sprintf("%s, %.0f a second offered", t.workload.Name, dose.Rate))
		if err != nil {
			return err
		}
		b.report.Open = append(b.report.Open, o)
	}
	return nil
}

// queries makes a small ledger beside the large one and asks both.
func (b *bench) queries(ctx context.Context) (err error) {
	if b.plan.Large == 0 {
		return nil
	}
	if err := takeDown(b.puts); err != nil {
		return err
	}
	b.puts = nil
	phase := b.show.Start(fmt.Sprintf("fill a ledger with %d records", b.plan.Large))
	missing := max(b.plan.Small, b.plan.Large-b.records)
	if err := b.about.fill(ctx, b.large, missing, b.plan.BatchSubmitters, phase); err != nil {
		return phase.Fail(err)
	}
	b.records += missing
	phase.Done("")
	small, err := b.bringUp(ctx, "few", topology.Development())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, takeDown(small)) }()
	_, about, err := b.populate(ctx, small)
	if err != nil {
		return err
	}
	if err := about.fill(ctx, small, b.plan.Small-busyRecords, b.plan.BatchSubmitters, nil); err != nil {
		return err
	}
	phase = b.show.Start("ask both ledgers")
	askSmall, err := newAsker(ctx, small, about)
	if err != nil {
		return phase.Fail(err)
	}
	askLarge, err := newAsker(ctx, b.large, b.about)
	if err != nil {
		return phase.Fail(err)
	}
	if b.report.Queries, err = compareQueries(ctx, askSmall, askLarge, b.plan.Samples, phase); err != nil {
		return phase.Fail(err)
	}
	phase.Done(fmt.Sprintf("%d queries, %d samples each", len(b.report.Queries), b.plan.Samples))
	return nil
}
