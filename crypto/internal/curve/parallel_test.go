package curve

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestParallelPanic: a panic in any piece of work reaches the caller, who can
// recover, also when the work is on other goroutines.
func TestParallelPanic(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for _, n := range []int{1, 2, 64} {
		var done atomic.Int64
		func() {
			defer func() { require.Contains(t, recover(), "piece out of order") }()
			Parallel(n, func(i int) {
				if i == n-1 {
					panic("piece out of order")
				}
				done.Add(1)
			})
			t.Error("no panic")
		}()
		require.EqualValues(t, n-1, done.Load(), "the others are not left undone")
	}
}
