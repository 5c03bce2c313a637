//go:build linux

package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/postgres"
)

// Check tells an empty database, a store, a later release's store and a server
// that is not there from one another, and changes nothing.
func TestCheck(t *testing.T) {
	p := newPlace(t)
	for range 2 {
		s, err := postgres.Check(t.Context(), p.url)
		require.NoError(t, err)
		require.Zero(t, s, "nothing was made")
	}
	p.open(t)
	s, err := postgres.Check(t.Context(), p.url)
	require.NoError(t, err)
	require.Positive(t, s.Schema)
	require.Zero(t, s.Records)

	run(t, p.url, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, true)`)
	_, err = postgres.Check(t.Context(), p.url)
	require.ErrorIs(t, err, store.ErrNewer)

	_, err = postgres.Check(t.Context(), "postgres://nobody:swordfish@127.0.0.1:1/claims")
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.NotContains(t, err.Error(), "swordfish")
	_, err = postgres.Check(t.Context(), strings.Replace(p.url, "://", "://nobody:swordfish@", 1))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "swordfish")
}

// run runs a statement as psql would.
func run(t *testing.T, url, statement string) {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	connection, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer connection.Close(t.Context())
	_, err = connection.Exec(t.Context(), statement)
	require.NoError(t, err)
}
