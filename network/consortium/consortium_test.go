package consortium_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/network/consortium"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/topology"
)

// TestFound sets six nodes up and asks each how it is.
func TestFound(t *testing.T) {
	network, err := launch.Hold(t.Context(), topology.Development(), filepath.Join(t.TempDir(), "run"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, network.Down(context.Background())) })
	c, err := consortium.Found(t.Context(), network, consortium.Options{System: "test", Submit: "authority"}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop(context.Background())) })
	require.Len(t, c.Nodes(), 6)
	for _, n := range c.Nodes() {
		s, err := n.Ask.Status(t.Context(), &nodev1.StatusRequest{})
		require.NoError(t, err)
		t.Log(n.Identity, s)
		require.Equal(t, n.Party.String(), s.Party)
	}
	shop := c.Node("shop1")
	require.NoError(t, c.Kill(shop))
	require.NoError(t, c.AwaitServing(t.Context(), shop))
}
