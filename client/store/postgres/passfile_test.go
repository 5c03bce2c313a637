//go:build linux

package postgres_test

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/postgres"
)

// withoutPassword is a new database's URL, for a password out of a file.
func withoutPassword(t *testing.T) *url.URL {
	t.Helper()
	s, err := server()
	require.NoError(t, err)
	address, err := s.NewDatabase(t.Context())
	require.NoError(t, err)
	u, err := url.Parse(address)
	require.NoError(t, err)
	u.User = url.User(u.User.Username())
	return u
}

// try opens and looks, as a node and "config check" do, which say the same.
func try(t *testing.T, address string) error {
	t.Helper()
	_, err := postgres.Check(t.Context(), address)
	db, failed := postgres.Open(t.Context(), address, store.WithPayloads(filepath.Join(t.TempDir(), "p")))
	require.Equal(t, err == nil, failed == nil, "%v, but %v", err, failed)
	if failed == nil {
		require.NoError(t, db.Close())
	}
	return failed
}

// A password file is a secret like the others: for its owner only, and there.
func TestThePasswordFileIsPrivateAndThere(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s, err := server()
	require.NoError(t, err)
	u := withoutPassword(t)
	named := filepath.Join(t.TempDir(), "pgpass")
	line := []byte("*:*:*:*:" + s.Password() + "\n")
	require.NoError(t, os.WriteFile(named, line, 0o600))
	inURL := *u
	query := u.Query()
	query.Set("passfile", named)
	inURL.RawQuery = query.Encode()
	home := filepath.Join(os.Getenv("HOME"), ".pgpass")
	for how, at := range map[string]struct{ address, env, file string }{
		"in the URL": {inURL.String(), "", named},
		"PGPASSFILE": {u.String(), named, named},
		"at home":    {u.String(), "", home},
	} {
		t.Run(how, func(t *testing.T) {
			t.Setenv("PGPASSFILE", at.env)
			require.NoError(t, os.WriteFile(at.file, line, 0o600))
			require.NoError(t, try(t, at.address))
			for _, mode := range []fs.FileMode{0o640, 0o604} {
				require.NoError(t, os.Chmod(at.file, mode))
				err := try(t, at.address)
				require.ErrorIs(t, err, postgres.ErrPassfile)
				require.ErrorContains(t, err, "run: chmod 600 "+at.file)
				require.NotContains(t, err.Error(), s.Password())
			}
			t.Run("another password goes before it", func(t *testing.T) {
				t.Setenv("PGPASSWORD", s.Password())
				require.NoError(t, try(t, at.address))
			})
			require.NoError(t, os.Remove(at.file))
			err := try(t, at.address)
			if at.file == home { // nobody has named it
				require.ErrorIs(t, err, postgres.ErrLogin)
				return
			}
			require.ErrorIs(t, err, postgres.ErrNoPassfile)
			require.ErrorIs(t, err, fs.ErrNotExist)
			require.ErrorContains(t, err, at.file)
			require.NoError(t, os.WriteFile(at.file, line, 0o600))
		})
	}
}

// Who is not let in is told so, and not that there is no server.
func TestWhoIsNotLetInIsTold(t *testing.T) {
	s, err := server()
	require.NoError(t, err)
	wrong := withoutPassword(t)
	wrong.User = url.UserPassword(wrong.User.Username(), "swordfish")
	for name, address := range map[string]string{"password": wrong.String(), "database": s.URL("nothing-of-this-name")} {
		err := try(t, address)
		require.ErrorIs(t, err, postgres.ErrLogin, name)
		require.NotErrorIs(t, err, store.ErrUnavailable, name)
		require.NotContains(t, err.Error(), "swordfish")
	}
}
