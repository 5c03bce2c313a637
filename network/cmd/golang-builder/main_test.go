package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDetectTakesOnlyGo(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "metadata.json", `{"type":"golang","path":"example.com/x","label":"x"}`)
	require.NoError(t, perform("detect", []string{dir, dir}))
	write(t, dir, "metadata.json", `{"type":"ccaas","label":"x"}`)
	require.ErrorContains(t, perform("detect", []string{dir, dir}), "ccaas")
	write(t, dir, "metadata.json", `not json`)
	require.Error(t, perform("detect", []string{dir, dir}))
}

func TestUnknownStep(t *testing.T) {
	require.Error(t, perform("release", []string{"a", "b"}))
	require.Error(t, perform("build", nil))
}

// The module has a dependency that exists in its vendor folder alone.
func TestBuildUsesOnlyThePackage(t *testing.T) {
	compiler, err := exec.LookPath("go")
	require.NoError(t, err)
	cache, err := exec.CommandContext(t.Context(), compiler, "env", "GOCACHE").Output()
	require.NoError(t, err)
	config, err := json.Marshal(map[string]string{"go": compiler, "cache": strings.TrimSpace(string(cache))})
	require.NoError(t, err)
	t.Setenv(configVariable, string(config))

	source, metadata, output := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, metadata, "metadata.json", `{"type":"golang","path":"example.com/x/cmd","label":"x"}`)
	write(t, source, "src/go.mod", "module example.com/x\n\ngo 1.23.0\n\nrequire example.com/y v1.0.0\n")
	write(t, source, "src/cmd/main.go", "package main\n\nimport \"example.com/y\"\n\nfunc main() { print(y.Word) }\n")
	require.ErrorContains(t, perform("build", []string{source, metadata, output}), "go mod vendor")

	write(t, source, "src/vendor/example.com/y/y.go", "package y\n\nconst Word = \"vendored\"\n")
	require.Error(t, perform("build", []string{source, metadata, output}), "a vendor folder that does not fit go.mod")
	write(t, source, "src/vendor/modules.txt", "# example.com/y v1.0.0\n## explicit; go 1.23\nexample.com/y\n")
	require.NoError(t, perform("build", []string{source, metadata, output}))
	printed, err := exec.CommandContext(t.Context(), filepath.Join(output, program)).CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "vendored", string(printed))
}

func TestPrepareGivesTheShimItsFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "chaincode.json", `{"chaincode_id":"x:1","peer_address":"127.0.0.1:9","client_cert":"CERT","client_key":"KEY","root_cert":"ROOT","mspid":"Org1MSP"}`)
	environment, arguments, err := prepare(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"-peer.address=127.0.0.1:9"}, arguments)
	for _, variable := range []string{"CORE_CHAINCODE_ID_NAME=x:1", "CORE_PEER_LOCALMSPID=Org1MSP", "CORE_PEER_TLS_ENABLED=true"} {
		require.Contains(t, environment, variable)
	}
	for variable, want := range map[string]string{"CORE_PEER_TLS_ROOTCERT_FILE": "ROOT", "CORE_TLS_CLIENT_CERT_FILE": "CERT", "CORE_TLS_CLIENT_KEY_FILE": "KEY"} {
		file := filepath.Join(dir, variable+".pem")
		require.Contains(t, environment, variable+"="+file)
		contents, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, want, string(contents))
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm())
	}

	write(t, dir, "chaincode.json", `{"chaincode_id":"x:1","peer_address":"127.0.0.1:9","mspid":"Org1MSP"}`)
	environment, _, err = prepare(dir)
	require.NoError(t, err)
	require.Contains(t, environment, "CORE_PEER_TLS_ENABLED=false")
}

func write(t *testing.T, dir, name, contents string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(contents), 0o600))
}
