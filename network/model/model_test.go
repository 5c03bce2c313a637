package model

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// doses are how many transactions to play, and in sequences of how many steps.
func doses() (transactions int, steps []int) {
	if os.Getenv("CLAIMSHARE_SOAK") == "1" {
		return 40_000, []int{100, 400, 1000}
	}
	return 4_000, []int{100, 200}
}

// firstSeed is where the seeds begin: CLAIMSHARE_MODEL_SEED plays others, or one
// that failed again, with CLAIMSHARE_SOAK as it was, for the lengths differ.
func firstSeed(t *testing.T) uint64 {
	text := os.Getenv("CLAIMSHARE_MODEL_SEED")
	if text == "" {
		return 1
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err)
	return seed
}

// TestModel plays random sequences. A failure prints the seed, the steps that
// suffice and what they do.
func TestModel(t *testing.T) {
	want, steps := doses()
	var total Report
	var mu sync.Mutex
	next := firstSeed(t)
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for {
				mu.Lock()
				seed, enough := next, total.Transactions >= want || t.Failed()
				next++
				mu.Unlock()
				if enough {
					return
				}
				report, err := Play(seed, steps[seed%uint64(len(steps))])
				mu.Lock()
				if err != nil {
					t.Error(err)
				} else {
					total.add(report)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	t.Logf("%d transactions from seed %d: %d accepted %v; refused %v, of which %d broke several rules; invalid %v; %d queries",
		total.Transactions, firstSeed(t), total.Accepted, total.Functions, total.Refused, total.Ambiguous, total.Invalid, total.Queries)
}
