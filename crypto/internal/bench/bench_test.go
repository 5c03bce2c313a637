package main

import (
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every primitive and operation runs, and every lower bound names what is
// measured. The times mean nothing here.
func TestEveryMeasurementRuns(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	w, err := newWorld()
	require.NoError(t, err)
	primitives, operations := w.primitives(), w.operations()
	all := append(slices.Clone(primitives), operations...)
	measure(1, all)
	cost := bound{}
	for _, m := range all {
		require.Positive(t, m.median, m.name)
		require.NotContains(t, cost, m.name, "one name, two measurements")
		cost[m.name] = m.median
	}
	printPrimitives(primitives)
	printOperations(operations, cost)
	printSpeedUps(cost)
	require.Panics(t, func() { cost.of("no such measurement") })
	require.NoError(t, w.printLargeSeal(1<<20))
	require.NoError(t, w.printSizes())
	require.Positive(t, throughput(func() {}, 2))
	require.NotEmpty(t, libraryVersion())
}
