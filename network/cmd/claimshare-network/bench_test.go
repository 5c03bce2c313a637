package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBenchRefusesWhatMakesNoSense(t *testing.T) {
	for _, args := range [][]string{
		{"--rounds", "0"}, {"--duration", "1s", "--ramp", "1s"}, {"--owners", "49"}, {"--few", "10"}, {"--many", "100"}, {"--open", "1"}, {"--open", "-1"}, {"now"},
		{"load"}, {"load", "--rate", "5", "--submitters", "5"}, {"load", "--rate", "-1"}, {"load", "--rate", "5", "--workload", "all"},
		{"load", "--rate", "5", "--duration", "1s"}, {"load", "--rate", "5", "--owners", "3"}, {"loads"},
	} {
		code, stdout, stderr := command(append([]string{"bench"}, args...)...)
		require.Equal(t, exitUsage, code, "%v: %s", args, stderr)
		require.Empty(t, stdout)
	}
	code, _, stderr := command("bench", "load", "--running", "--rate", "1", "--dir", filepath.Join(t.TempDir(), "nothing"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "there is no network")
}
