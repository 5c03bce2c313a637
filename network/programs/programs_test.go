package programs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckoutIsFoundFromInside(t *testing.T) {
	root, err := Checkout()
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(root, "network", "fabric", "go.mod"))
	t.Chdir(t.TempDir())
	_, err = Checkout()
	require.ErrorContains(t, err, "not inside a ClaimShare checkout")
}

func TestContentKeyFollowsSourcesAlone(t *testing.T) {
	root := t.TempDir()
	write := func(name, contents string) {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(contents), 0o644))
	}
	write("chaincode/main.go", "package main")
	write("crypto/go.mod", "module crypto")
	key := func() string {
		t.Helper()
		made, err := contentKey(root, chaincodeArtifact(ClaimShareChaincode))
		require.NoError(t, err)
		return made
	}
	first := key()
	require.Len(t, first, 16)

	write("chaincode/main_test.go", "package main")
	write("chaincode/testdata/x", "x")
	write("chaincode/README.md", "x")
	require.Equal(t, first, key(), "tests and documents do not reach the program")

	write("crypto/go.mod", "module crypto // changed")
	second := key()
	require.NotEqual(t, first, second)
	write("chaincode/system.json", "{}") // embedded files do
	require.NotEqual(t, second, key())
}

func TestBuildNamesTheMissingProgram(t *testing.T) {
	_, err := Build(t.Context(), t.TempDir(), "chaincode", nil)
	require.ErrorContains(t, err, "no main.go")
}

// The second call must find everything in the cache. Building Fabric itself is
// left to the launch tests: it takes a minute.
func TestArtifactIsBuiltOnce(t *testing.T) {
	root, err := Checkout()
	require.NoError(t, err)
	cache := t.TempDir()
	entry, err := builder.ensure(t.Context(), root, cache, nil)
	require.NoError(t, err)
	for _, step := range []string{"detect", "build", "release"} {
		require.FileExists(t, filepath.Join(entry, "bin", step))
	}
	before, err := os.Stat(filepath.Join(entry, "bin", "ccaas-builder"))
	require.NoError(t, err)

	t.Setenv("PATH", "") // nothing can be built any more
	again, err := builder.ensure(t.Context(), root, cache, nil)
	require.NoError(t, err)
	require.Equal(t, entry, again)
	after, err := os.Stat(filepath.Join(entry, "bin", "ccaas-builder"))
	require.NoError(t, err)
	require.Equal(t, before.ModTime(), after.ModTime())

	leftovers, err := filepath.Glob(filepath.Join(cache, ".ccaas-builder-*"))
	require.NoError(t, err)
	require.Empty(t, leftovers)
}

func TestBuildFailureIsExplained(t *testing.T) {
	root := t.TempDir()
	module := filepath.Join(root, "chaincode")
	require.NoError(t, os.MkdirAll(module, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(module, "go.mod"), []byte("module x\n\ngo 1.23.0\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(module, "main.go"), []byte("package main\n\nfunc main() { nowhere() }\n"), 0o644))
	broken := chaincodeArtifact("chaincode")
	broken.sources = []string{"chaincode"}
	cache := t.TempDir()
	_, err := broken.ensure(t.Context(), root, cache, nil)
	require.ErrorContains(t, err, "undefined: nowhere")
	entries, err := filepath.Glob(filepath.Join(cache, "*chaincode*"))
	require.NoError(t, err)
	for _, entry := range entries {
		require.Equal(t, ".lock", filepath.Ext(entry), "only the lock may be left, not %s", entry)
	}
}
