package listener

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/ledger"
)

// busyChain has blocks as the contract makes them: transactions of some records
// each, a record being a document of 260 bytes and two index keys.
func busyChain(blocks, transactions, records int) (c *chain, writes int) {
	r := rand.New(rand.NewPCG(1, 2))
	c = newChain("busy")
	for range blocks {
		var all []ledger.Transaction
		for range transactions {
			t := ledger.Transaction{Chaincode: chaincode, Creator: "InsurerMSP", Function: "records:SubmitRecords"}
			for range records {
				id := fmt.Sprintf("%016x%06x", r.Uint64(), r.Uint32()>>8)
				value := make([]byte, 260)
				value[0] = 3
				t.Writes = append(t.Writes,
					ledger.Write{Namespace: chaincode, Key: "r" + id, Value: value},
					ledger.Write{Namespace: chaincode, Key: "\x00ro\x00" + id[8:] + "\x000065a0c1e0\x00" + id + "\x00", Value: []byte{0}},
					ledger.Write{Namespace: chaincode, Key: "\x00ri\x00issuer\x000065a0c1e0\x00" + id + "\x00", Value: []byte{0}})
			}
			writes += len(t.Writes)
			all = append(all, t)
		}
		c.add(all...)
	}
	return c, writes
}

// BenchmarkCatchUp begins with an empty store and ends with the whole chain.
func BenchmarkCatchUp(b *testing.B) {
	for _, chain := range []struct {
		name                          string
		blocks, transactions, records int
	}{
		{"batches of 50", 200, 10, 50},
		{"single records", 2000, 10, 1},
		{"tiny blocks", 5000, 1, 1},
	} {
		b.Run(chain.name, func(b *testing.B) {
			c, writes := busyChain(chain.blocks, chain.transactions, chain.records)
			for b.Loop() {
				b.StopTimer()
				l := New(newStore(b), chaincode)
				b.StartTimer()
				require.ErrorIs(b, l.Follow(b.Context(), ended{c}), errNoEnd)
			}
			seconds := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(float64(len(c.blocks))/seconds, "blocks/s")
			b.ReportMetric(float64(writes)/seconds, "rows/s")
		})
	}
}

// BenchmarkLive applies every block on its own, as a listener does that is up
// to date.
func BenchmarkLive(b *testing.B) {
	const blocks = 300
	c, _ := busyChain(blocks, 10, 5)
	for b.Loop() {
		b.StopTimer()
		l := New(newStore(b), chaincode)
		b.StartTimer()
		for _, block := range c.blocks {
			require.NoError(b, l.Apply(b.Context(), block))
		}
	}
	b.ReportMetric(float64(b.N*blocks)/b.Elapsed().Seconds(), "blocks/s")
}
