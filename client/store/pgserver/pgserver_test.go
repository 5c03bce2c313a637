//go:build linux

package pgserver_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/store/pgserver"
)

func TestServer(t *testing.T) {
	ctx := t.Context()
	s, err := pgserver.Start(ctx, pgserver.Config{Settings: map[string]string{"max_connections": "20"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	require.Error(t, s.Restart(ctx), "it runs")

	first, err := s.NewDatabase(ctx)
	require.NoError(t, err)
	second, err := s.NewDatabase(ctx)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	require.Contains(t, first, s.Password())
	got, err := s.SQL(ctx, "party1", `SHOW max_connections; SHOW fsync; CREATE TABLE t (n INT); INSERT INTO t VALUES (7)`)
	require.NoError(t, err)
	require.Equal(t, "20\non", got)

	for _, down := range []func() error{s.Kill9, s.Halt} {
		require.NoError(t, down())
		_, err = s.SQL(ctx, "party1", `SELECT n FROM t`)
		require.Error(t, err)
		require.NoError(t, s.Restart(ctx))
		got, err = s.SQL(ctx, "party1", `SELECT n FROM t`)
		require.NoError(t, err)
		require.Equal(t, "7", got)
	}
	require.Contains(t, s.Log(), "not properly shut down")
	require.NoError(t, s.Kill9())
	require.NoError(t, s.Stop())
	require.NoDirExists(t, s.Socket())
}

func TestRunKeepsAGivenFolder(t *testing.T) {
	dir, err := os.MkdirTemp("", "claimshare-pg-test-")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	t.Run("server", func(t *testing.T) {
		s := pgserver.Run(t, pgserver.Config{Dir: dir})
		require.Equal(t, dir, s.Socket())
		require.NotZero(t, s.Port())
	})
	require.DirExists(t, dir)
	require.NoFileExists(t, dir+"/data/postmaster.pid")
}
