package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUsageErrors(t *testing.T) {
	for _, args := range [][]string{
		{"status", "--output", "xml"}, {"up", "--profile", "production"}, {"down", "now"}, {"up", "--nonsense"},
	} {
		code, stdout, stderr := command(args...)
		require.Equal(t, exitUsage, code, args)
		require.Empty(t, stdout)
		require.True(t, strings.HasPrefix(stderr, "claimshare-network: "), stderr)
	}
}

func TestWithoutANetwork(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	code, _, stderr := command("status", "--dir", dir)
	require.Equal(t, exitNotRunning, code)
	require.Contains(t, stderr, "make one with `up`")
	code, stdout, _ := command("down", "--dir", dir)
	require.Zero(t, code)
	require.Equal(t, "there is no network to stop\n", stdout)
	code, stdout, _ = command("down", "--dir", dir, "--output", "json")
	require.Zero(t, code)
	require.JSONEq(t, `{"condition":"stopped","removed":false}`, stdout)
	require.NoDirExists(t, dir)
}

func command(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, &out, &errs)
	return code, out.String(), errs.String()
}
