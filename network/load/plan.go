package load

import "time"

// A Plan is how much Measure does.
type Plan struct {
	// Rounds is how often the workloads take turns; medians count.
	Rounds int `json:"rounds"`
	// Each run submits for Duration; its first part, Ramp, does not count.
	Duration time.Duration `json:"durationNanoseconds"`
	Ramp     time.Duration `json:"rampNanoseconds"`
	// Submitters are those of the put and single workloads, BatchSubmitters
	// those of the batches: one insurer's.
	Submitters      int `json:"submitters"`
	BatchSubmitters int `json:"batchSubmitters"`
	Owners          int `json:"owners"`
	// Small and Large are the numbers of records between which queries are
	// compared, with so many samples each. Large = 0 leaves this part out.
	Small   int `json:"small"`
	Large   int `json:"large"`
	Samples int `json:"samples"`
	// Open is the share of the highest rate that the open runs offer; 0 leaves
	// them out.
	Open float64 `json:"open"`
}

// Full takes about ten minutes on two cores.
func Full() Plan {
	return Plan{
		Rounds: 5, Duration: 10 * time.Second, Ramp: 2 * time.Second,
		Submitters: 256, BatchSubmitters: 64, Owners: 200,
		Small: 1000, Large: 200_000, Samples: 100, Open: 0.5,
	}
}

// What is asked of a ledger.
const (
	WantBatch    = 4.5 // records per second in batches, times the puts per second
	WantSingle   = 0.6 // records per second one by one, times the same
	WantBytes    = 700 // at most, per record in batches
	WantQuery    = 1.5 // at most, times the time on the small ledger
	WantConflict = 0   // transactions invalidated by another's writes
)
