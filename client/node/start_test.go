package node

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/keyfile"
)

// begin starts a node that cannot come up, and answers why, and its log.
func begin(t *testing.T, c *Config) (string, error) {
	t.Helper()
	var log logText
	c.Role = "insurer"
	err := Run(t.Context(), c, slog.New(slog.NewTextHandler(&log, nil)), func(Serving) error { return nil })
	require.ErrorIs(t, err, ErrConfig)
	return log.String(), err
}

// occupied is an address at which somebody listens.
func occupied(t *testing.T, network, address string) string {
	t.Helper()
	on, err := net.Listen(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = on.Close() })
	return on.Addr().String()
}

func TestANodeThatRunsAlready(t *testing.T) {
	c := keyed(t, "shop")
	c.Metrics.Address = occupied(t, "tcp", "127.0.0.1:0")
	log, err := begin(t, c)
	require.NotErrorIs(t, err, ErrRunning)
	require.ErrorContains(t, err, "metrics.address: another process listens there, or this node is starting already")
	require.Empty(t, log)

	occupied(t, "unix", c.Operator)
	_, err = begin(t, c)
	require.ErrorIs(t, err, ErrRunning)
	require.ErrorContains(t, err, "the node runs already: its socket "+c.Operator+" answers")
}

// What is wrong with files is said before anything is listened on.
func TestFilesAreLookedAtFirst(t *testing.T) {
	c := keyed(t, "shop")
	c.Metrics.Address = occupied(t, "tcp", "127.0.0.1:0")
	keys := c.Keys
	c.Keys = filepath.Join(t.TempDir(), "party.key")
	_, err := begin(t, c)
	require.ErrorIs(t, err, ErrNoKeys)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "keys: the node has no keys yet")
	require.ErrorContains(t, err, c.Keys)

	c.Keys = keys
	require.NoError(t, os.Chmod(c.Keys, 0o644))
	_, err = begin(t, c)
	require.ErrorIs(t, err, keyfile.ErrPermissions)
	require.ErrorContains(t, err, "party.key")

	require.NoError(t, os.Chmod(c.IdentityFile, 0o644))
	_, err = begin(t, c)
	require.ErrorIs(t, err, keyfile.ErrPermissions)
	require.ErrorContains(t, err, "identity")
}

// A start is told before the keys are opened, which takes a while.
func TestAStartIsTold(t *testing.T) {
	c := keyed(t, "shop")
	another, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.IdentityFile, []byte(another.String()+"\n"), 0o600))
	log, err := begin(t, c)
	require.ErrorIs(t, err, keyfile.ErrLocked)
	require.Contains(t, log, "starting")
}
