package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module = "github.com/claimshare/claimshare/"
	// oldest is the compiler of the oldest chaincode environment (ccenv) that
	// must build the chaincode.
	oldest = "GOTOOLCHAIN=go1.23.5"
	// The two versions of the curve under which the cryptography must agree:
	// the last for Go 1.23, and the newest.
	curve       = "github.com/consensys/gnark-crypto"
	oldestCurve = "v0.19.2"
	newestCurve = "v0.22.0"
)

// goCommand runs Go in a directory with the environment changed.
func goCommand(t *testing.T, dir string, environment []string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = dir
	command.Env = append(append(os.Environ(), "GOWORK=off"), environment...)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "go %v in %s\n%s", args, dir, output)
	return string(output)
}

// One test, so that the builds follow each other.
func TestModules(t *testing.T) {
	t.Parallel()
	root := checkout(t)
	t.Run("each builds alone", func(t *testing.T) {
		for _, name := range []string{"crypto", "chaincode", "client", "network"} {
			goCommand(t, filepath.Join(root, name), nil, "build", "./...")
		}
	})
	t.Run("oldest compiler", func(t *testing.T) {
		for _, name := range []string{"crypto", "chaincode"} {
			dir := filepath.Join(root, name)
			require.Contains(t, goCommand(t, dir, []string{oldest}, "version"), "go1.23.5")
			goCommand(t, dir, []string{oldest}, "build", "./...")
			goCommand(t, dir, []string{oldest}, "vet", "./...")
		}
	})
	t.Run("crypto imports no Fabric", func(t *testing.T) {
		for _, path := range dependencies(t, filepath.Join(root, "crypto"), "-test") {
			require.NotContains(t, path, "github.com/hyperledger")
			if strings.HasPrefix(path, module) {
				require.True(t, strings.HasPrefix(path, module+"crypto"), path)
			}
		}
	})
	t.Run("client imports only chaincode/record", func(t *testing.T) {
		var shared []string
		for _, path := range dependencies(t, filepath.Join(root, "client")) {
			require.False(t, strings.HasPrefix(path, module+"network"), path)
			require.NotContains(t, path, "fabric-contract-api-go")
			require.NotContains(t, path, "fabric-chaincode-go")
			if strings.HasPrefix(path, module+"chaincode") {
				shared = append(shared, path)
			}
		}
		require.Equal(t, []string{module + "chaincode/record"}, shared)
	})
	t.Run("vectors under both versions of the curve", func(t *testing.T) {
		for _, one := range []struct {
			module, version string
			environment     []string
		}{
			{"crypto", oldestCurve, []string{oldest}},
			{"client", newestCurve, nil},
		} {
			dir := filepath.Join(root, one.module)
			selected := goCommand(t, dir, one.environment, "list", "-m", "-f", "{{.Version}}", curve)
			require.Equal(t, one.version, strings.TrimSpace(selected), one.module)
			ran := goCommand(t, dir, one.environment, "test", "-v", "-run", "^TestVectors$", module+"crypto/pre", module+"crypto/bls")
			require.Equal(t, 2, strings.Count(ran, "--- PASS: TestVectors ("), ran)
		}
	})
	t.Run("a module elsewhere", func(t *testing.T) { testElsewhere(t, root) })
}

func dependencies(t *testing.T, dir string, flags ...string) []string {
	t.Helper()
	return strings.Fields(goCommand(t, dir, nil, append(append([]string{"list", "-deps"}, flags...), "-f", "{{.ImportPath}}", "./...")...))
}

// Somebody else's module, outside the checkout, can use the SDK and test
// chaincode on the stub.
func testElsewhere(t *testing.T, root string) {
	dir := t.TempDir()
	newest := strings.TrimSpace(goCommand(t, filepath.Join(root, "client"), nil, "list", "-m", "-f", "{{.GoVersion}}"))
	description := "module example.com/elsewhere\n\ngo " + newest + "\n"
	for _, name := range []string{"chaincode", "client", "crypto"} {
		description += "\nrequire " + module + name + " v0.0.0\nreplace " + module + name + " => " + filepath.Join(root, name) + "\n"
	}
	source, err := os.ReadFile(filepath.Join("testdata", "elsewhere_test.go.txt"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(description), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "elsewhere_test.go"), source, 0o600))
	ran := goCommand(t, dir, []string{"GOFLAGS=-mod=mod"}, "test", "-count=1", "-v", ".")
	require.Contains(t, ran, "--- PASS: TestRegistration")
}
