package atomicfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestCommitGivesANameOnlyAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	f, err := Create(path, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString("content")
	require.NoError(t, err)
	require.NoFileExists(t, path)
	require.NoError(t, f.Commit())
	f.Close()

	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "content", string(got))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	require.Equal(t, []string{"f"}, names(t, dir))
}

func TestCloseWithoutCommitLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(filepath.Join(dir, "f"), 0o600)
	require.NoError(t, err)
	_, err = f.WriteString("secret")
	require.NoError(t, err)
	f.Close()
	require.Empty(t, names(t, dir))
}

func TestNeverOverwritesUnlessAsked(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")

	// It appears while ours is under way.
	f, err := Create(path, 0o600)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.WriteFile(path, []byte("theirs"), 0o644))
	require.ErrorIs(t, f.Commit(), fs.ErrExist)
	f.Close()

	_, err = Create(path, 0o600)
	require.ErrorIs(t, err, fs.ErrExist)
	require.ErrorIs(t, Write(path, 0o600, strings.NewReader("ours")), fs.ErrExist)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "theirs", string(got))

	over, err := CreateOver(path, 0o640)
	require.NoError(t, err)
	defer over.Close()
	_, err = over.WriteString("ours")
	require.NoError(t, err)
	require.NoError(t, over.Replace())
	got, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "ours", string(got))
	require.Equal(t, []string{"f"}, names(t, dir))
}

// The way of systems without nameless files.
func TestNamedTemporary(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, commit := range []bool{false, true} {
		tmp, name, err := openNamed(dir)
		require.NoError(t, err)
		f := &File{File: tmp, target: path, tmp: name}
		if commit {
			require.NoError(t, f.Commit())
		}
		f.Close()
	}
	require.Equal(t, []string{"f"}, names(t, dir))
}

func TestMissingDirectory(t *testing.T) {
	_, err := Create(filepath.Join(t.TempDir(), "no", "f"), 0o600)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
