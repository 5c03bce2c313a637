package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/crypto/pre"
)

func command(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, failure bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&failure)
	err = root.ExecuteContext(t.Context())
	return out.String(), failure.String(), err
}

func TestWithoutSystemItWarns(t *testing.T) {
	out := t.TempDir()
	stdout, stderr, err := command(t, "--out", out)
	require.NoError(t, err)
	require.Regexp(t, `(?s)Go package .*claimshare_1\.0\.golang\.tar\.gz\n +id +claimshare_1\.0:[0-9a-f]{64}\n`+
		`service .*claimshare_1\.0\.ccaas\.tar\.gz\n +id +claimshare_1\.0:[0-9a-f]{64}\n +address +\{\{\.peername\}\}_claimshare_ccaas:9999\n`, stdout)
	require.Regexp(t, `\nmanagers +a decision needs 1 of 1 \(system\.json, SHA-256 [0-9a-f]{64}\)\n +SMMSP CN=authority,OU=client\n`, stdout)
	require.Contains(t, stderr, "make package SYSTEM=")
	for _, name := range []string{"claimshare_1.0.golang.tar.gz", "claimshare_1.0.ccaas.tar.gz", "source/system.json", "source/Dockerfile"} {
		require.FileExists(t, filepath.Join(out, name))
	}
}

func TestRefusals(t *testing.T) {
	for reason, args := range map[string][]string{
		"single dots":         {"--version", "1..0"},
		"letters":             {"--name", "claim share"},
		"no such file":        {"--system", filepath.Join(t.TempDir(), "none")},
		"unknown command":     {"extra"},
		"at least 1 arg":      {"system"},
		"not MSP=FILE":        {"system", "Org1MSP"},
		"must be at least 1":  {"system", "--threshold", "0", "Org1MSP=x"},
		"accepts 1 arg":       {"setup"},
		"needs TLS":           {"--client-auth", "--out", t.TempDir()},
		"holds other files: ": {"--out", occupied(t)},
	} {
		_, _, err := command(t, args...)
		require.ErrorContains(t, err, reason)
	}
}

// occupied is a folder with somebody's files where the source would go.
func occupied(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "source", "mine"), 0o700))
	return dir
}

// What it prints for registry:InitSystem has the parameters and usual limits.
func TestSetup(t *testing.T) {
	master, err := pre.GenerateMasterKey()
	require.NoError(t, err)
	params, err := pre.NewParameters("test", master.PublicKey())
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "params.json")
	require.NoError(t, keyfile.WriteParameters(file, params))
	printed, _, err := command(t, "setup", file)
	require.NoError(t, err)
	want := record.Setup{Parameters: params.Bytes(), RecordWindow: record.DefaultRecordWindow, ClockSkew: record.DefaultClockSkew}
	require.Equal(t, record.EncodeText(want.Encode())+"\n", printed)

	require.NoError(t, os.WriteFile(file, []byte("{}"), 0o600))
	_, _, err = command(t, "setup", file)
	require.Error(t, err)
}
