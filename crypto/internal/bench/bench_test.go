package main

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// One hasty round: every operation works, every bound is made of primitives
// that are measured, every table has its rows. Its figures mean nothing.
func TestEveryTableIsPrinted(t *testing.T) {
	var text bytes.Buffer
	out = &text
	defer func() { out = os.Stdout }()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	require.NoError(t, run(effort{rounds: 1, sample: 1, seal: 1 << 20, search: 20, length: 400 * time.Millisecond}))
	for _, want := range []string{
		"## gnark-crypto ", "### Primitives", "| " + pairFixed + " |", "### Operations", "| encrypt 1 KiB |",
		"| " + verifyRecords + " |", "Search in a batch of 20 capsules", "### A large record", "Pairing functions",
		"per second", "| capsule, without its label | 271 |",
	} {
		require.Contains(t, text.String(), want)
	}
	require.GreaterOrEqual(t, strings.Count(text.String(), "\n| "), 60)
}

func TestMedian(t *testing.T) {
	require.Equal(t, 2.0, median([]float64{9, 1, 2}))
	require.Equal(t, "99.9", micro(99900*time.Nanosecond))
	require.Equal(t, "101", micro(101*time.Microsecond))
}
