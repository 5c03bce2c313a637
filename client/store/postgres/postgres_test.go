//go:build linux

package postgres_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/pgserver"
	"github.com/claimshare/claimshare/client/store/postgres"
	"github.com/claimshare/claimshare/client/store/storetest"
)

// server is one server for all tests that leave it alone.
var server = sync.OnceValues(func() (*pgserver.Server, error) {
	return pgserver.Start(context.Background(), pgserver.Config{})
})

func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := server(); err == nil && s.Stop() != nil {
		code = 1
	}
	os.Exit(code)
}

// place is where a test's store is.
type place struct{ url, payloads string }

func newPlace(t testing.TB) place {
	t.Helper()
	s, err := server()
	require.NoError(t, err)
	url, err := s.NewDatabase(t.Context())
	require.NoError(t, err)
	return place{url, filepath.Join(t.TempDir(), "payloads")}
}

func (p place) open(t testing.TB) store.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), p.url, store.WithPayloads(p.payloads), store.WithSealKey([]byte("key")))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestSuite(t *testing.T) {
	places := map[store.Store]place{}
	storetest.Run(t,
		func(t *testing.T) store.Store {
			p := newPlace(t)
			s := p.open(t)
			places[s] = p
			return s
		},
		func(t *testing.T, s store.Store) store.Store {
			require.NoError(t, s.Close())
			return places[s].open(t)
		})
}
