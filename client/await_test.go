package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/nodetest"
)

// slowPeer grows by a block now and then.
type slowPeer struct {
	client.Channel
	heights []uint64 // one for each question; the last stays
	asked   int
	err     error
}

func (p *slowPeer) Height(context.Context) (uint64, error) {
	h := p.heights[min(p.asked, len(p.heights)-1)]
	p.asked++
	return h, p.err
}

func TestAwait(t *testing.T) {
	chain := nodetest.NewLedger(t).Chain(t, record.PartyID{})
	synctest.Test(t, func(t *testing.T) {
		peer := &slowPeer{heights: []uint64{3, 3, 4, 5, 9}}
		c := chain.As(peer)
		require.NoError(t, c.Await(t.Context(), 4))
		require.Equal(t, 4, peer.asked, "block 4 is there when the height is 5")
		require.Equal(t, uint64(4), c.Seen())
		require.NoError(t, c.Await(t.Context(), 3))
		require.Equal(t, 4, peer.asked, "what is known to be there is not asked for")
		require.NoError(t, c.Await(t.Context(), 6))
		require.Equal(t, uint64(8), c.Seen(), "all that the peer has")

		peer = &slowPeer{heights: []uint64{3}}
		began := time.Now()
		require.ErrorIs(t, chain.As(peer).Await(t.Context(), 3), client.ErrBehind)
		require.Equal(t, 30*time.Second, time.Since(began))

		peer.err = errors.New("away")
		require.ErrorIs(t, chain.As(peer).Await(t.Context(), 3), peer.err)

		gone, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("gone"))
		require.ErrorContains(t, chain.As(&slowPeer{heights: []uint64{3}}).Await(gone, 3), "gone")
	})
}
