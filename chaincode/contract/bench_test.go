package contract_test

import (
	"fmt"
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
)

// BenchmarkSubmit simulates batches of different owners. Each simulation runs
// twice, as always on the stub.
func BenchmarkSubmit(b *testing.B) {
	a := newAlliance(b)
	for _, size := range []int{1, 50} {
		entries := make([]record.Entry, size)
		for i := range entries {
			entries[i] = a.entry(a.shop, a.join(record.RolePolicyholder, nil))
		}
		call := batchCall(a.shop.identity, record.TxSubmitRecords, &record.Batch{Entries: entries})
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				tx, err := a.ledger.Simulate(call)
				if err != nil {
					b.Fatal(err)
				}
				if i == 0 {
					bytes := len(tx.Event.GetPayload()) + len(tx.Response.GetPayload())
					for _, r := range tx.Reads {
						bytes += len(r.Key)
					}
					for _, w := range tx.Writes {
						bytes += len(w.Key) + len(w.Value)
					}
					b.ReportMetric(float64(bytes)/float64(size), "bytes/record")
				}
			}
			b.ReportMetric(float64(2*size*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
