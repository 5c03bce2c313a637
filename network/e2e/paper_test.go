package e2e

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/topology"
)

// Algorithm 1 as written: one record in a transaction, twenty transactions in a
// block, and a block after a minute if there are fewer.
func TestPaperProfile(t *testing.T) {
	t.Parallel()
	const full, rest = 20, 5
	network := hold(t, topology.Paper())
	began := time.Now()
	s := initialise(t, network) // alone in its block
	requireMinute(t, time.Since(began))

	// Twenty registrations fill a block, which therefore waits for nothing.
	parties := append([]newcomer{s.insurer(t, network, "insurer1")}, s.owners(t, full-1)...)
	began = time.Now()
	var registering errgroup.Group
	for _, n := range parties {
		registering.Go(func() error {
			_, err := s.register(t.Context(), n)
			return err
		})
	}
	require.NoError(t, registering.Wait())
	require.Less(t, time.Since(began), 30*time.Second, "a full block does not wait")

	insurer, owners := parties[0], parties[1:]
	chain := s.manager.As(dial(t, network, "insurer1"))
	require.NoError(t, chain.Await(t.Context(), s.manager.Seen()))
	from, err := chain.Ledger().Height(t.Context())
	require.NoError(t, err)
	landed := submitTogether(t, s, chain, insurer, owners, full+rest)

	require.Len(t, landed, 2)
	for i, want := range []int{full, rest} {
		block := blockAt(t, chain.Ledger().(*ledger.Ledger), from+uint64(i))
		require.Len(t, block.Transactions, want)
		for _, transaction := range block.Transactions {
			require.Equal(t, ledger.Valid, transaction.Code)
		}
		require.Len(t, landed[block.Number], want)
	}
	first, second := slices.Max(landed[from]), slices.Min(landed[from+1])
	t.Logf("a block of %d after %v, one of %d after %v", full, first.Round(time.Millisecond), rest, second.Round(time.Millisecond))
	require.Less(t, first, 30*time.Second)
	requireMinute(t, second)
	for _, owner := range owners {
		records, err := chain.RecordsOf(t.Context(), owner.keys.ID())
		require.NoError(t, err)
		require.NotEmpty(t, records)
	}
}

// submitTogether submits that many records at once, each in a transaction, and
// answers how long each took, by block.
func submitTogether(t *testing.T, s *system, chain *client.Chain, insurer newcomer, owners []newcomer, n int) map[uint64][]time.Duration {
	t.Helper()
	var mu sync.Mutex
	landed := map[uint64][]time.Duration{}
	var submitting errgroup.Group
	began := time.Now()
	for i := range n {
		batch := s.signedPolicy(t, insurer, owners[i%len(owners)])
		submitting.Go(func() error {
			_, result, err := chain.SubmitBatch(t.Context(), batch)
			mu.Lock()
			defer mu.Unlock()
			landed[result.Block] = append(landed[result.Block], time.Since(began))
			return err
		})
	}
	require.NoError(t, submitting.Wait())
	return landed
}

// requireMinute allows for a busy machine.
func requireMinute(t *testing.T, took time.Duration) {
	t.Helper()
	require.Greater(t, took, 55*time.Second)
	require.Less(t, took, 90*time.Second)
}

func blockAt(t *testing.T, l *ledger.Ledger, number uint64) ledger.Block {
	t.Helper()
	for block, err := range l.Blocks(t.Context(), number) {
		require.NoError(t, err)
		return block
	}
	return ledger.Block{}
}
