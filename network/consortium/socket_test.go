package consortium

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A socket's path has at most 107 bytes, wherever the network is.
func TestSocketFolder(t *testing.T) {
	near, err := socketFolder("/srv/run/parties")
	require.NoError(t, err)
	require.Equal(t, "/srv/run/parties", near)

	t.Setenv("TMPDIR", t.TempDir())
	deep := filepath.Join("/srv", strings.Repeat("deeper/", 20), "parties")
	far, err := socketFolder(deep)
	require.NoError(t, err)
	defer os.RemoveAll(far)
	require.Less(t, len(far), len(deep))
	info, err := os.Stat(far)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}
