package load

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteText writes the report as Markdown, ready for the documentation.
func (r *Report) WriteText(w io.Writer) error {
	p := &page{w: w}
	p.line("%s, %s, %d cores, %s. %d rounds of %v (the first %v not counted), workloads in turns; %d owners.",
		r.Machine.Date.Format("2006-01-02 15:04 MST"), r.Machine.Processor, r.Machine.Cores, r.Machine.Go,
		r.Plan.Rounds, r.Plan.Duration, r.Plan.Ramp, r.Plan.Owners)
	p.line("")
	r.writeSummary(p)
	r.writeRounds(p)
	p.outcomes("Highest rate", r.Runs)
	p.outcomes(fmt.Sprintf("%.0f%% of the highest rate, offered on a schedule", 100*r.Plan.Open), r.Open)
	r.writeBytes(p)
	r.writeUsage(p)
	r.writeQueries(p)
	return p.err
}

// WriteText writes one outcome as Markdown.
func (o *Outcome) WriteText(w io.Writer) error {
	p := &page{w: w}
	p.outcomes("Outcome", []*Outcome{o})
	for _, code := range sortedKeys(o.Ledger.Codes) {
		p.line("Fabric's verdict %s: %d transactions", code, o.Ledger.Codes[code])
	}
	for _, failure := range sortedKeys(o.Failures) {
		p.line("failed: %d transactions: %s", o.Failures[failure], failure)
	}
	p.line("")
	p.parts([]string{o.Workload}, [][]*Outcome{{o}})
	p.usage([]string{o.Workload}, [][]*Outcome{{o}})
	return p.err
}

// page collects the first error of writing.
type page struct {
	w   io.Writer
	err error
}

func (p *page) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *page) heading(title string) { p.line("### %s\n", title) }

// table begins a table whose columns after the first are numbers.
func (p *page) table(columns ...string) {
	p.line("| %s |", strings.Join(columns, " | "))
	p.line("|---|%s", strings.Repeat("---:|", len(columns)-1))
}

func (p *page) row(cells ...string) { p.line("| %s |", strings.Join(cells, " | ")) }

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "**missed**"
}

func (r *Report) writeSummary(p *page) {
	s := r.Summary
	p.heading("What is asked, and what was found")
	p.table("", "found", "asked", "")
	p.row("records per second in batches of 50, times puts per second", fmt.Sprintf("%.2f", s.BatchRatio), fmt.Sprintf("at least %.1f", WantBatch), verdict(s.BatchRatio >= WantBatch))
	p.row("records per second one by one, times puts per second", fmt.Sprintf("%.2f", s.SingleRatio), fmt.Sprintf("at least %.1f", WantSingle), verdict(s.SingleRatio >= WantSingle))
	p.row("bytes of ledger per record in batches of 50", fmt.Sprintf("%.0f", s.Bytes), fmt.Sprintf("at most %d", WantBytes), verdict(s.Bytes <= WantBytes))
	p.row(fmt.Sprintf("read conflicts with %d submitters of one insurer", r.Plan.BatchSubmitters), fmt.Sprint(s.Conflicts), fmt.Sprint(WantConflict), verdict(s.Conflicts <= WantConflict))
	if len(r.Queries) > 0 {
		p.row(fmt.Sprintf("slowest query at %d records, times the same at %d", r.Records, r.Plan.Small), fmt.Sprintf("%.2f", s.QueryRatio), fmt.Sprintf("at most %.1f", WantQuery), verdict(s.QueryRatio <= WantQuery))
	}
	p.line("")
	p.line("By processor time, a put costs what %.2f records in batches do, or %.2f single ones.", s.BatchByCPU, s.SingleByCPU)
	p.line("Medians: %.0f puts/s; %.0f records/s in batches; %.0f records/s one by one. Fabric's verdicts on all transactions: %s.\n",
		s.Put, s.Batch, s.Single, r.verdicts())
}

func (r *Report) writeRounds(p *page) {
	p.heading("Rounds")
	p.table("round", "puts/s", "records/s in batches", "ratio", "records/s one by one", "ratio", "cores that others used")
	for i, ratio := range r.Ratios {
		runs := r.Runs[3*i : 3*i+3]
		others, seconds := 0.0, 0.0
		for _, o := range runs {
			others += o.CPU.Others
			seconds += o.CPU.Wall
		}
		p.row(fmt.Sprint(i+1), fmt.Sprintf("%.0f", runs[0].Items), fmt.Sprintf("%.0f", runs[1].Items), fmt.Sprintf("%.2f", ratio.Batch),
			fmt.Sprintf("%.0f", runs[2].Items), fmt.Sprintf("%.2f", ratio.Single), fmt.Sprintf("%.2f", others/seconds))
	}
	p.line("")
}

// outcomes is one line per workload: medians of its runs.
func (p *page) outcomes(title string, runs []*Outcome) {
	if len(runs) == 0 {
		return
	}
	p.heading(title)
	p.table("workload", "offered tx/s", "committed tx/s", "items/s", "p50 ms", "p95 ms", "p99 ms", "max ms", "tx per block", "bytes per item", "ms of CPU per item")
	names, groups := byWorkload(runs)
	for i, name := range names {
		of := func(figure func(*Outcome) float64) string { return fmt.Sprintf("%.0f", medianOf(groups[i], figure)) }
		p.row(name,
			of(func(o *Outcome) float64 { return o.Offered }), of(committed), of(items),
			of(func(o *Outcome) float64 { return o.Latency.P50 }), of(func(o *Outcome) float64 { return o.Latency.P95 }),
			of(func(o *Outcome) float64 { return o.Latency.P99 }), of(func(o *Outcome) float64 { return o.Latency.Max }),
			of(func(o *Outcome) float64 { return float64(o.Ledger.Transactions) / float64(max(1, o.Ledger.Blocks)) }),
			of((*Outcome).BytesPerItem),
			fmt.Sprintf("%.2f", medianOf(groups[i], (*Outcome).cpuPerItem)))
	}
	p.line("")
}

func (r *Report) writeBytes(p *page) {
	names, groups := byWorkload(r.Runs)
	p.heading("Bytes of ledger per item, and what they are")
	p.parts(names, groups)
}

func (p *page) parts(names []string, groups [][]*Outcome) {
	p.table(append([]string{"bytes per item"}, names...)...)
	for k := range (Parts{}).List() {
		cells := []string{(Parts{}).List()[k].Name}
		for _, group := range groups {
			cells = append(cells, fmt.Sprintf("%.1f", medianOf(group, func(o *Outcome) float64 {
				return float64(o.Ledger.Parts.List()[k].Bytes) / float64(max(1, o.Carried))
			})))
		}
		p.row(cells...)
	}
	cells := []string{"all"}
	for _, group := range groups {
		cells = append(cells, fmt.Sprintf("%.1f", medianOf(group, (*Outcome).BytesPerItem)))
	}
	p.row(cells...)
	p.line("")
}

func (r *Report) writeUsage(p *page) {
	names, groups := byWorkload(r.Runs)
	p.heading("Processor time per item")
	p.usage(names, groups)
}

func (p *page) usage(names []string, groups [][]*Outcome) {
	p.table(append([]string{"ms per item"}, names...)...)
	for _, process := range groups[0][0].CPU.Processes {
		cells := []string{process.Name}
		for _, group := range groups {
			cells = append(cells, fmt.Sprintf("%.3f", medianOf(group, func(o *Outcome) float64 {
				return 1000 * o.CPU.Of(process.Name) / float64(max(1, o.Carried))
			})))
		}
		p.row(cells...)
	}
	p.line("")
}

func (r *Report) writeQueries(p *page) {
	if len(r.Queries) == 0 {
		return
	}
	p.heading(fmt.Sprintf("Queries at %d and at %d records, asked in turns", r.Plan.Small, r.Records))
	p.table("query", "rows", "median ms, small", "median ms, large", "ratio", "p95 ms, small", "p95 ms, large")
	for _, q := range r.Queries {
		rows := "one"
		if q.Rows > 0 {
			rows = fmt.Sprint(q.Rows)
		}
		p.row("`"+q.Query+"`", rows, fmt.Sprintf("%.2f", q.Small), fmt.Sprintf("%.2f", q.Large), fmt.Sprintf("%.2f", q.Ratio),
			fmt.Sprintf("%.2f", q.SmallP95), fmt.Sprintf("%.2f", q.LargeP95))
	}
	p.line("")
}

// byWorkload groups runs, in the order in which workloads first ran.
func byWorkload(runs []*Outcome) (names []string, groups [][]*Outcome) {
	for _, o := range runs {
		at := slices.Index(names, o.Workload)
		if at < 0 {
			at = len(names)
			names, groups = append(names, o.Workload), append(groups, nil)
		}
		groups[at] = append(groups[at], o)
	}
	return names, groups
}

func sortedKeys(m map[string]int) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// verdicts counts Fabric's verdicts over all runs.
func (r *Report) verdicts() string {
	sum := map[string]int{}
	for _, o := range slices.Concat(r.Runs, r.Open) {
		for code, n := range o.Ledger.Codes {
			sum[code] += n
		}
	}
	var all []string
	for _, code := range sortedKeys(sum) {
		all = append(all, fmt.Sprintf("%d %s", sum[code], code))
	}
	return strings.Join(all, ", ")
}
