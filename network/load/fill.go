package load

import (
	"context"
	"time"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/network/progress"
)

// fillBatch is how many records a transaction carries that fills a ledger.
const fillBatch = 50

// sampled is every how-maniest batch gives a record to ask for.
const sampledEvery = 4

// fill puts n more records on the ledger, signed as they go, and remembers a
// sample of them.
func (q *subjects) fill(ctx context.Context, s *Site, n, submitters int, phase *progress.Phase) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := q.parties
	batches := (n + fillBatch - 1) / fillBatch
	stream := Produce(ctx, batches, func(i int) (Order, error) {
		owners := make([]*alliance.Member, min(fillBatch, n-i*fillBatch))
		for k := range owners {
			owners[k] = p.Owners[(i*fillBatch+k)%len(p.Owners)]
		}
		order, entries, err := p.Batch(owners, time.Now().Unix())
		if err == nil && i%sampledEvery == 0 {
			q.mu.Lock()
			q.records = append(q.records, entries[i%len(entries)].Statement.ID)
			q.mu.Unlock()
		}
		return order, err
	})
	outcome, err := s.Run(ctx, "fill", p.insurer, stream, Dose{Submitters: submitters}, phase)
	if err != nil {
		return err
	}
	if err := stream.Err(); err != nil {
		return err
	}
	return outcome.complete()
}
