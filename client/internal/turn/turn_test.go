package turn

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOneAtATime(t *testing.T) {
	var turns Turns[string]
	var group sync.WaitGroup
	var inHand, most atomic.Int32
	for range 50 {
		group.Go(func() {
			give, err := turns.Take(t.Context(), "a")
			if err != nil {
				return
			}
			defer give()
			most.Store(max(most.Load(), inHand.Add(1)))
			inHand.Add(-1)
		})
	}
	group.Wait()
	require.Equal(t, int32(1), most.Load())
	require.Empty(t, turns.taken)
}

func TestWhoStopsWaiting(t *testing.T) {
	var turns Turns[string]
	give, err := turns.Take(t.Context(), "a")
	require.NoError(t, err)
	other, err := turns.Take(t.Context(), "b")
	require.NoError(t, err, "of something else")
	other()
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	_, err = turns.Take(ctx, "a")
	require.ErrorIs(t, err, gone)
	give()
	give, err = turns.Take(t.Context(), "a")
	require.NoError(t, err)
	give()
	require.Empty(t, turns.taken)
}
