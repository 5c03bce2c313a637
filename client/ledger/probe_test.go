package ledger

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// probed is a probe with the time that readiness has for one.
func probed(t *testing.T, l *Ledger, whole, each time.Duration) (Probed, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), whole)
	defer cancel()
	return l.Probe(ctx, each)
}

func TestProbePassesOverAPeerThatHangs(t *testing.T) {
	n := newNetwork(t, 3)
	l := n.dial(t)
	found, err := probed(t, l, 10*time.Second, 5*time.Second)
	require.NoError(t, err)
	require.Equal(t, Probed{Height: 1}, found)

	n.peers[0].set(func() { n.peers[0].hang = "Evaluate" })
	n.peers[2].stop()
	found, err = probed(t, l, 10*time.Second, 500*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, Probed{Height: 1, Silent: []string{n.peers[0].address, n.peers[2].address}}, found)
	require.Same(t, l.peers[1], l.peer(), "other calls go to the peer that answers")
}

func TestProbeGivesSlowPeersMoreTime(t *testing.T) {
	n := newNetwork(t, 2)
	for _, p := range n.peers {
		p.set(func() { p.delay = 300 * time.Millisecond })
	}
	found, err := probed(t, n.dial(t), 10*time.Second, 50*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, Probed{Height: 1}, found)
}

func TestProbeWhenNobodyAnswers(t *testing.T) {
	n := newNetwork(t, 2)
	l := n.dial(t)
	for _, p := range n.peers {
		p.set(func() { p.hang = "Evaluate" })
	}
	_, err := probed(t, l, 400*time.Millisecond, 100*time.Millisecond)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, n.peers[0].address)

	for _, p := range n.peers {
		p.set(func() { p.hang = "" })
		p.next("Evaluate", status.Error(codes.PermissionDenied, "not a member of this channel"))
	}
	_, err = probed(t, l, 10*time.Second, 5*time.Second)
	require.Equal(t, codes.PermissionDenied, status.Code(err), "what will not pass is told at once: %v", err)
	require.NotErrorIs(t, err, context.DeadlineExceeded)

	require.NoError(t, l.Close())
	_, err = probed(t, l, 10*time.Second, time.Second)
	require.ErrorIs(t, err, ErrClosed)
}
