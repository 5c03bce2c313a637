package sqlite_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/internal/sqldb"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/client/store/storetest"
)

func open(t *testing.T, path string) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// raw opens the database behind the store's back.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestSuite(t *testing.T) {
	paths := map[store.Store]string{}
	storetest.Run(t,
		func(t *testing.T) store.Store {
			// A name that a careless connection string would take apart.
			path := filepath.Join(t.TempDir(), "store 1?x=%41#.db")
			s := open(t, path)
			paths[s] = path
			return s
		},
		func(t *testing.T, s store.Store) store.Store {
			require.NoError(t, s.Close())
			return open(t, paths[s])
		})
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.db")
	s := open(t, path)
	item, _ := storetest.NewItem(record.NewPartyID("o"), "l", 10)
	require.NoError(t, s.Put(t.Context(), item))
	files, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	require.Len(t, files, 3, "the database, its log and its index")
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), f)
	}
	require.NoError(t, s.Close())

	require.NoError(t, os.Chmod(path, 0o640))
	_, err = sqlite.Open(t.Context(), path)
	require.ErrorIs(t, err, store.ErrPermissions)
	require.ErrorContains(t, err, "chmod 600 "+path)
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	_, err := sqlite.Open(t.Context(), filepath.Join(dir, "no", "s.db"))
	require.ErrorIs(t, err, fs.ErrNotExist)

	other := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(other, bytes.Repeat([]byte("no database "), 500), 0o600))
	_, err = sqlite.Open(t.Context(), other)
	require.ErrorContains(t, err, "not a database")
	require.ErrorContains(t, err, other)

	newer := filepath.Join(dir, "newer.db")
	require.NoError(t, open(t, newer).Close())
	db, err := sql.Open("sqlite", newer)
	require.NoError(t, err)
	_, err = db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	_, err = sqlite.Open(t.Context(), newer)
	require.ErrorIs(t, err, store.ErrNewer)
	_, err = sqlite.Check(t.Context(), newer)
	require.ErrorIs(t, err, store.ErrNewer)
}

// A store that the first release wrote keeps what it has.
func TestOlderStoresAreBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("../internal/sqldb/migrations"))
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), 1)
	require.NoError(t, err)
	_, err = db.Exec(`INSERT INTO value (name, content) VALUES ('old', $1)`, []byte("kept"))
	require.NoError(t, err)
	require.NoError(t, os.Chmod(path, 0o600))

	s := open(t, path)
	old, err := s.Value(t.Context(), "old")
	require.NoError(t, err)
	require.Equal(t, "kept", string(old))
	at, err := s.WorldCheckpoint(t.Context())
	require.NoError(t, err)
	require.Zero(t, at)
}

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	_, err := sqlite.Check(t.Context(), path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoFileExists(t, path)

	s := open(t, path)
	item, _ := storetest.NewItem(record.NewPartyID("o"), "l", 100_000)
	require.NoError(t, s.Put(t.Context(), item))
	got, err := sqlite.Check(t.Context(), path)
	require.NoError(t, err, "beside a store in use")
	require.Equal(t, int64(1), got.Records)
	require.NoError(t, sqldb.Known(got.Schema))
	require.ErrorIs(t, sqldb.Known(got.Schema+1), store.ErrNewer)
	require.NoError(t, s.Close())
	_, err = sqlite.Check(t.Context(), path)
	require.NoError(t, err)

	require.NoError(t, os.Truncate(path, 20_000))
	_, err = sqlite.Check(t.Context(), path)
	require.Error(t, err)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = sqlite.Check(t.Context(), path)
	require.ErrorContains(t, err, "no store of this program")
	require.NoError(t, os.Chmod(path, 0o644))
	_, err = sqlite.Check(t.Context(), path)
	require.ErrorIs(t, err, store.ErrPermissions)
}

// A destroyed token is in none of the files any more, whatever SQLite moved
// around before.
func TestDestroyedTokensAreGoneFromTheDisk(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "s.db")
	s := open(t, path)
	secret := func(i int) []byte { return fmt.Appendf(nil, "token-secret-%06d-%s", i, strings.Repeat("x", 140)) }
	var ids []record.ConsentID
	for i := range 300 {
		token := store.Token{Expires: time.Now(), PayloadToken: secret(i), SearchToken: secret(i), Grant: make([]byte, i)}
		copy(token.Consent[:], fmt.Sprintf("%032x", i*7919%300+1))
		require.NoError(t, s.PutToken(ctx, token))
		ids = append(ids, token.Consent)
	}
	for i := 0; i < len(ids); i += 2 {
		require.NoError(t, s.DestroyToken(ctx, ids[i], "revoked"))
	}
	files, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	var disk []byte
	for _, f := range files {
		content, err := os.ReadFile(f)
		require.NoError(t, err)
		disk = append(disk, content...)
	}
	for i := range ids {
		marker := fmt.Appendf(nil, "token-secret-%06d-", i)
		require.Equal(t, i%2 == 1, bytes.Contains(disk, marker), "token %d", i)
	}
}

// TestMain is also the process that TestKilled kills.
func TestMain(m *testing.M) {
	if path := os.Getenv("STORE_TEST_WRITER"); path != "" {
		if point := os.Getenv("STORE_TEST_POINT"); point != "" {
			fmt.Println(putOrErase(path, point))
			os.Exit(1)
		}
		fmt.Println(write(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// write puts entries for ever and prints the id of each that was accepted.
func write(path string) error {
	s, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		size := 100
		if i%5 == 0 {
			size = 2_000_000
		}
		item, _ := storetest.NewItem(record.NewPartyID("o"), "l", size)
		if err := s.Put(context.Background(), item); err != nil {
			return err
		}
		fmt.Println(item.Entry.RecordID)
	}
}

// Everything that a killed process was told is stored is there, complete.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	acknowledged := map[string]bool{}
	for round := range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "STORE_TEST_WRITER="+path)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for i := 0; i < 8+round && lines.Scan(); i++ {
			acknowledged[lines.Text()] = true
		}
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() {
			acknowledged[lines.Text()] = true
		}
		require.Error(t, cmd.Wait())
	}

	s := open(t, path)
	found := 0
	for e, err := range s.Find(t.Context(), store.Query{}) {
		require.NoError(t, err)
		if acknowledged[e.RecordID.String()] {
			found++
		}
		require.NoError(t, s.Payload(t.Context(), e.RecordID, io.Discard))
	}
	require.Equal(t, len(acknowledged), found)
	for id := range acknowledged {
		_, err := hex.DecodeString(id)
		require.NoError(t, err, "the writer reported an error")
	}
}

// Two processes on one file wait for each other.
func TestTwoStoresOnOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	a, b := open(t, path), open(t, path)
	done := make(chan error, 2)
	for _, s := range []store.Store{a, b} {
		go func() {
			var err error
			for i := 0; i < 40 && err == nil; i++ {
				item, _ := storetest.NewItem(record.NewPartyID("o"), "l", 10)
				err = s.Put(context.Background(), item)
			}
			done <- err
		}()
	}
	require.NoError(t, <-done)
	require.NoError(t, <-done)
}
