package load

import (
	"slices"

	"github.com/claimshare/claimshare/client/ledger"
)

// Summary is what is asked of the ledger, and what was found.
type Summary struct {
	Put    float64 `json:"putsPerSecond"` // medians
	Batch  float64 `json:"batchedRecordsPerSecond"`
	Single float64 `json:"singleRecordsPerSecond"`

	BatchRatio  float64 `json:"batchRatio"` // medians of the rounds' ratios
	SingleRatio float64 `json:"singleRatio"`
	// The same by processor time: what a put costs, divided by what a record
	// does. Neighbours disturb it less.
	BatchByCPU   float64 `json:"batchRatioByProcessorTime"`
	SingleByCPU  float64 `json:"singleRatioByProcessorTime"`
	Bytes        float64 `json:"bytesPerRecord"` // in batches
	Conflicts    int     `json:"conflicts"`      // in batches by BatchSubmitters of one insurer
	SlowestQuery string  `json:"slowestQuery,omitempty"`
	QueryRatio   float64 `json:"queryRatio,omitempty"`
}

func (r *Report) summarise() {
	s := &r.Summary
	s.Put, s.Batch, s.Single = r.median(Put, items), r.median(Batch, items), r.median(Single, items)
	s.BatchRatio = medianOf(r.Ratios, func(x Ratio) float64 { return x.Batch })
	s.SingleRatio = medianOf(r.Ratios, func(x Ratio) float64 { return x.Single })
	if put := r.median(Put, (*Outcome).cpuPerItem); put > 0 {
		s.BatchByCPU = put / r.median(Batch, (*Outcome).cpuPerItem)
		s.SingleByCPU = put / r.median(Single, (*Outcome).cpuPerItem)
	}
	s.Bytes = r.median(Batch, (*Outcome).BytesPerItem)
	for _, o := range r.Runs {
		if o.Workload == Batch {
			s.Conflicts += o.Conflicts()
		}
	}
	for _, q := range r.Queries {
		if q.Ratio > s.QueryRatio {
			s.QueryRatio, s.SlowestQuery = q.Ratio, q.Query
		}
	}
}

func committed(o *Outcome) float64 { return o.Committed }
func items(o *Outcome) float64     { return o.Items }

// cpuPerItem is in milliseconds.
func (o *Outcome) cpuPerItem() float64 { return 1000 * o.CPU.Total / float64(max(1, o.Carried)) }

// BytesPerItem is how much the ledger grew for each record or put.
func (o *Outcome) BytesPerItem() float64 {
	return float64(o.Ledger.Bytes) / float64(max(1, o.Carried))
}

// Conflicts is how many transactions the ledger holds as invalid because of
// another's writes.
func (o *Outcome) Conflicts() int {
	return o.Ledger.Codes[ledger.ErrMVCCReadConflict.String()] + o.Ledger.Codes[ledger.ErrPhantomReadConflict.String()]
}

// median of a figure over the closed runs of a workload.
func (r *Report) median(workload string, figure func(*Outcome) float64) float64 {
	var runs []*Outcome
	for _, o := range r.Runs {
		if o.Workload == workload {
			runs = append(runs, o)
		}
	}
	return medianOf(runs, figure)
}

func medianOf[T any](list []T, figure func(T) float64) float64 {
	values := make([]float64, len(list))
	for i, x := range list {
		values[i] = figure(x)
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2
	}
	return values[middle]
}
