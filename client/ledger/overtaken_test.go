package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// An orderer that dies takes along what it has acknowledged and not written. Who
// sees a later envelope on the ledger need not wait until the time for a commit
// is over.
func TestLostEnvelopeIsSentAgainWhenOvertaken(t *testing.T) {
	n := newNetwork(t, 1)
	n.chain.lose = 1
	patient := quick
	patient.commit = time.Minute
	l := n.dial(t, withTiming(patient))
	var lost Result
	var waiting errgroup.Group
	waiting.Go(func() (err error) {
		lost, err = l.Submit(t.Context(), call)
		return err
	})
	require.Eventually(t, func() bool { return n.peers[0].count("Submit") == 1 }, 5*time.Second, time.Millisecond)
	time.Sleep(2 * (patient.overtaking + 10*time.Millisecond)) // twice what lies between an envelope and its successor
	other, err := l.Submit(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, 1, other.Broadcasts)
	began := time.Now()
	require.NoError(t, waiting.Wait())
	require.Less(t, time.Since(began), 10*time.Second)
	require.Equal(t, 2, lost.Broadcasts)
	require.Equal(t, 1, lost.Endorsements)
	require.Greater(t, lost.Block, other.Block)
}

// What was sent shortly before may still be on its way: orderers take turns.
func TestNeighboursDoNotOvertake(t *testing.T) {
	n := newNetwork(t, 1)
	n.chain.lose = 1
	tolerant := quick
	tolerant.overtaking, tolerant.commit = 2*time.Second, 4*time.Second
	l := n.dial(t, withTiming(tolerant))
	var lost Result
	var waiting errgroup.Group
	waiting.Go(func() (err error) {
		lost, err = l.Submit(t.Context(), call)
		return err
	})
	require.Eventually(t, func() bool { return n.peers[0].count("Submit") == 1 }, 5*time.Second, time.Millisecond)
	began := time.Now()
	_, err := l.Submit(t.Context(), call)
	require.NoError(t, err)
	require.NoError(t, waiting.Wait())
	require.Equal(t, 2, lost.Broadcasts)
	require.Greater(t, time.Since(began), 3*time.Second, "it was sent again before its time")
}
