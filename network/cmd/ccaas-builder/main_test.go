package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDetectTakesOnlyServices(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "metadata.json", `{"type":"ccaas","label":"x"}`)
	require.NoError(t, run("detect", []string{dir, dir}))
	write(t, dir, "metadata.json", `{"type":"golang","label":"x"}`)
	require.ErrorContains(t, run("detect", []string{dir, dir}), "golang")
	write(t, dir, "metadata.json", `not json`)
	require.Error(t, run("detect", []string{dir, dir}))
}

func TestReleaseFillsThePeersOwnValues(t *testing.T) {
	source, output, released := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, source, "connection.json", `{"address":"{{.address}}","dial_timeout":"10s","tls_required":true,"client_key":"{{.client_key}}"}`)
	write(t, source, "META-INF/statedb/couchdb/indexes/a.json", `{}`)
	require.NoError(t, run("build", []string{source, t.TempDir(), output}))

	key := write(t, t.TempDir(), "key.pem", "-----KEY-----\nline\n")
	t.Setenv(configVariable, `{"address":"127.0.0.1:9","client_key_file":"`+key+`"}`)
	require.NoError(t, run("release", []string{output, released}))

	raw, err := os.ReadFile(filepath.Join(released, "chaincode", "server", "connection.json"))
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(raw, &got))
	require.Equal(t, map[string]any{
		"address": "127.0.0.1:9", "dial_timeout": "10s", "tls_required": true, "client_key": "-----KEY-----\nline\n",
	}, got)
	require.FileExists(t, filepath.Join(released, "statedb", "couchdb", "indexes", "a.json"))
}

func TestReleaseNamesTheMissingValue(t *testing.T) {
	output := t.TempDir()
	write(t, output, "connection.json", `{"address":"{{.address}}"}`)
	t.Setenv(configVariable, `{}`)
	require.ErrorContains(t, run("release", []string{output, t.TempDir()}), "address")
}

func TestUnknownStep(t *testing.T) {
	require.Error(t, run("run", nil))
	require.Error(t, run("build", nil))
}

func write(t *testing.T, dir, name, contents string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(contents), 0o600))
	return path
}
