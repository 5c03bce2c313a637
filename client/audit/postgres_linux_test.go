package audit_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/pgserver"
	"github.com/claimshare/claimshare/client/store/postgres"
)

var server = sync.OnceValues(func() (*pgserver.Server, error) {
	return pgserver.Start(context.Background(), pgserver.Config{})
})

func init() { engines["PostgreSQL"] = openPostgres }

func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := server(); err == nil && s.Stop() != nil {
		code = 1
	}
	os.Exit(code)
}

func openPostgres(t *testing.T) (store.Store, *rawDB) {
	t.Helper()
	running, err := server()
	require.NoError(t, err)
	url, err := running.NewDatabase(t.Context())
	require.NoError(t, err)
	payloads := filepath.Join(t.TempDir(), "payloads")
	s, err := postgres.Open(t.Context(), url, store.WithPayloads(payloads), store.WithSealKey(sealKey))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	raw, err := sql.Open("pgx", url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, raw.Close()) })
	return s, &rawDB{raw, payloads}
}
