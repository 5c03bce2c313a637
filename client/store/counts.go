package store

import "context"

// Counts is how many rows wait for something, or are kept, at one moment.
type Counts struct {
	Pending        uint64 // records that wait for the ledger
	Submitted      uint64 // records on their way to it
	Refused        uint64 // records that it refused
	Records        uint64 // records of any state
	Proposals      uint64 // that wait for their owners
	Journal        uint64 // endorsed transactions whose fate is open
	Tokens         uint64 // live re-encryption keys
	Received       uint64 // records released to this party
	Unacknowledged uint64 // of these, not acknowledged yet
	Findings       uint64 // evidence kept for disputes
}

// Counter counts.
type Counter interface {
	// Counts answers how many of each there are. It costs a look at every
	// record, but reads none.
	Counts(ctx context.Context) (Counts, error)
}
