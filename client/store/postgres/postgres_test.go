//go:build linux

package postgres_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/pgserver"
	"github.com/claimshare/claimshare/client/store/postgres"
	"github.com/claimshare/claimshare/client/store/sqlite"
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

// Two processes that open a new database at the same time both succeed.
func TestOpenedTwiceAtOnce(t *testing.T) {
	p := newPlace(t)
	errs := make(chan error)
	for range 4 {
		go func() {
			s, err := postgres.Open(context.Background(), p.url, store.WithPayloads(p.payloads))
			if err == nil {
				err = s.Close()
			}
			errs <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-errs)
	}
}

// A snapshot is the way from one engine to the other, and back.
func TestFromSQLiteAndBack(t *testing.T) {
	ctx := t.Context()
	first, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "a.db"))
	require.NoError(t, err)
	defer first.Close()
	storetest.Fill(t, first)
	moved := newPlace(t).open(t)
	back, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "b.db"), store.WithSealKey([]byte("other key")))
	require.NoError(t, err)
	defer back.Close()
	for _, move := range [][2]store.Store{{first, moved}, {moved, back}} {
		var snapshot bytes.Buffer
		_, err := move[0].Dump(ctx, &snapshot)
		require.NoError(t, err)
		_, err = move[1].Restore(ctx, &snapshot)
		require.NoError(t, err)
		storetest.RequireSame(t, move[0], move[1])
		storetest.RequireSealed(t, move[1])
	}
}

// Free text of others' making is kept, whatever is in it.
func TestTextThatPostgreSQLRefuses(t *testing.T) {
	ctx := t.Context()
	s := newPlace(t).open(t)
	ids := storetest.Fill(t, s)
	require.NoError(t, s.MarkRefused(ctx, "tx", "bad\x00byte \xff", ids[0]))
	got, err := s.Record(ctx, ids[0])
	require.NoError(t, err)
	require.Equal(t, "bad\uFFFDbyte \uFFFD", got.Reason)
}
