package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/network/scenario"
)

// Every scenario on the in-memory ledger and on a real network at once: the two
// must agree in every answer, refusal, validation code, event and write.
func TestScenarios(t *testing.T) {
	t.Parallel()
	made := scenario.Topology()
	network := hold(t, made)
	stub, err := scenario.NewStub(made, scenario.RealClock{})
	require.NoError(t, err)
	fabric, err := scenario.NewFabric(network)
	require.NoError(t, err)
	defer fabric.Close()
	began := time.Now()
	scenario.Run(t, scenario.RealClock{}, stub, fabric)
	t.Logf("played in %v", time.Since(began).Round(time.Second))
}
