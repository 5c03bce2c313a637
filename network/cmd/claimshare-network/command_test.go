package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUsageErrors(t *testing.T) {
	for _, args := range [][]string{
		{"status", "--output", "xml"}, {"up", "--profile", "production"}, {"down", "now"}, {"up", "--nonsense"},
		{"up", "--chaincode", "foo"}, {"build", "--chaincode", "foo"}, {"stat"}, {"nonsense"},
	} {
		code, stdout, stderr := command(args...)
		require.Equal(t, exitUsage, code, args)
		require.Empty(t, stdout)
		require.True(t, strings.HasPrefix(stderr, "claimshare-network: "), stderr)
		require.Contains(t, stderr, "\nusage: claimshare-network ")
		require.Contains(t, stderr, "\nwhat to do: add --help to the command\n")
	}
	_, _, stderr := command("build", "--chaincode", "foo")
	require.Contains(t, stderr, `unknown chaincode "foo": use claimshare or test`)
	_, _, stderr = command("stats")
	require.Contains(t, stderr, `there is no command "stats": did you mean status?`)
}

func TestErrorsAsJSON(t *testing.T) {
	for _, args := range [][]string{{"nonsense", "-o", "json"}, {"up", "--nonsense", "--output=json"}, {"--output", "json", "down", "now"}} {
		code, stdout, stderr := command(args...)
		require.Equal(t, exitUsage, code, args)
		require.Empty(t, stdout)
		var doc struct {
			Error struct{ Name, Message, Usage string }
		}
		require.NoError(t, json.Unmarshal([]byte(stderr), &doc), stderr)
		require.Equal(t, "usage", doc.Error.Name)
		require.NotEmpty(t, doc.Error.Message)
		require.True(t, strings.HasPrefix(doc.Error.Usage, "claimshare-network "), stderr)
	}
	_, _, stderr := command("status", "--output", "json", "--dir", filepath.Join(t.TempDir(), "run"))
	require.Contains(t, stderr, `{"error":{"name":"not-running","exitCode":3,`)
}

func TestVersionAndHelp(t *testing.T) {
	code, stdout, _ := command("--version")
	require.Zero(t, code)
	require.Contains(t, stdout, "Hyperledger Fabric  v")
	code, stdout, _ = command("--version", "--output", "json")
	require.Zero(t, code)
	require.Contains(t, stdout, `"fabric": "v`)
	_, stdout, _ = command("demo", "--help")
	require.Contains(t, stdout, "(default: .demo in the checkout)")
	require.NotContains(t, stdout, ".run")
	_, stdout, _ = command("up", "--help")
	require.Contains(t, stdout, "(default: .run in the checkout)")
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
