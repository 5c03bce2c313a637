package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestUnit has systemd read the unit of a node, and judge what a node that was
// taken over could do to its machine: of 10, which is anything, at most 2.
func TestUnit(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze here")
	}
	raw, err := os.ReadFile(filepath.Join(checkout(t), "docs", "systemd", "claimshare-node@.service"))
	require.NoError(t, err)
	const program = "/usr/local/bin/claimshare"
	require.Contains(t, string(raw), "ExecStart="+program+" node run --config /etc/claimshare/%i/node.yaml\n")
	unit := filepath.Join(t.TempDir(), "claimshare-node@foundry.service")
	self, err := os.Executable() // verify wants one that is there
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(unit, []byte(strings.ReplaceAll(string(raw), program, self)), 0o600))
	said, err := exec.CommandContext(t.Context(), analyze, "verify", unit).CombinedOutput()
	require.NoError(t, err, "%s", said)
	require.NotContains(t, string(said), "claimshare-node", "%s", said)
	said, err = exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=20", unit).CombinedOutput()
	require.NoError(t, err, "%s", said)
}
