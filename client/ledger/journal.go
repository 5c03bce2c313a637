package ledger

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// A Journal keeps endorsed transactions from before their first broadcast until
// their fate is known, so that a process that died in between can send them
// again. It is used by many goroutines at once. A durable journal must have
// written an entry to disk when Save returns.
type Journal interface {
	// Save adds an entry, or replaces the one with the same TxID.
	Save(context.Context, Entry) error
	// Delete removes the entry, if there is one.
	Delete(ctx context.Context, txID string) error
	// Pending lists the entries, oldest first.
	Pending(context.Context) ([]Entry, error)
}

// An Entry is one endorsed transaction.
type Entry struct {
	TxID        string    `json:"txId"`
	Channel     string    `json:"channel"`
	Contract    string    `json:"contract"`
	Transaction string    `json:"transaction"`
	Reference   string    `json:"reference,omitempty"`
	Saved       time.Time `json:"saved"`
	// Envelope is the signed transaction as a gateway takes it for the orderer.
	// It holds no transient data.
	Envelope []byte `json:"envelope"`
}

// NewMemoryJournal returns a journal that lives as long as the process. With it
// a submission survives failures of the network, not of the client.
func NewMemoryJournal() Journal {
	return &memoryJournal{entries: map[string]Entry{}}
}

type memoryJournal struct {
	mu      sync.Mutex
	entries map[string]Entry
}

func (j *memoryJournal) Save(_ context.Context, e Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries[e.TxID] = e
	return nil
}

func (j *memoryJournal) Delete(_ context.Context, txID string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.entries, txID)
	return nil
}

func (j *memoryJournal) Pending(context.Context) ([]Entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	entries := make([]Entry, 0, len(j.entries))
	for _, e := range j.entries {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.Saved.Compare(b.Saved), cmp.Compare(a.TxID, b.TxID))
	})
	return entries, nil
}
