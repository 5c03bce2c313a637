package serve

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Callers that ask for nothing any more take no place.
func TestCallersAreForgotten(t *testing.T) {
	limits := DefaultLimits()
	limits.Rate, limits.Burst, limits.All = 1e9, 2, 1<<30
	l := newLimiter(limits)
	busy, err := l.admit("busy")
	require.NoError(t, err)
	for i := range 3 * maxCallers {
		release, err := l.admit(strconv.Itoa(i))
		require.NoError(t, err)
		release()
		require.LessOrEqual(t, len(l.callers), maxCallers+1)
	}
	require.Contains(t, l.callers, "busy", "whose call is in hand")
	busy()
	require.Zero(t, l.inHand)
}

func TestRefusedCallsTakeNoPlace(t *testing.T) {
	limits := DefaultLimits()
	limits.Concurrent = 1
	l := newLimiter(limits)
	release, err := l.admit("a")
	require.NoError(t, err)
	for range 10 {
		_, err := l.admit("a")
		require.ErrorIs(t, err, refusal.ErrBusy)
	}
	release()
	release, err = l.admit("a")
	require.NoError(t, err)
	release()
	require.Zero(t, l.inHand)
}
