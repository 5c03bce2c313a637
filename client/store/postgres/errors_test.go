//go:build linux

package postgres_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/pgserver"
	"github.com/claimshare/claimshare/client/store/postgres"
	"github.com/claimshare/claimshare/client/store/storetest"
)

// No error repeats a password, whatever is wrong.
func TestPasswordsAreInNoError(t *testing.T) {
	s, err := server()
	require.NoError(t, err)
	const secret = "hunter2-very-secret"
	port := strconv.Itoa(s.Port())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := l.Addr().String()
	require.NoError(t, l.Close())
	var log bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	for name, url := range map[string]string{
		"wrong password":    "postgres://claimshare:" + secret + "@127.0.0.1:" + port + "/postgres?sslmode=disable",
		"no server":         "postgres://claimshare:" + secret + "@" + closed + "/postgres",
		"no such host":      "postgres://claimshare:" + secret + "@nowhere.invalid/postgres",
		"bad port":          "postgres://claimshare:" + secret + "@127.0.0.1:many/postgres",
		"unescaped":         "postgres://claimshare:" + secret + "/x@127.0.0.1:" + port + "/postgres",
		"bad escape":        "postgres://claimshare:" + secret + "%zz@127.0.0.1/postgres",
		"bad option":        "postgres://claimshare:" + secret + "@127.0.0.1/postgres?connect_timeout=soon",
		"bad mode":          "postgres://claimshare:" + secret + "@127.0.0.1/postgres?sslmode=perhaps",
		"in the query":      "postgres://127.0.0.1:" + port + "/postgres?user=claimshare&sslmode=disable&password=" + secret,
		"in a bad query":    "postgres://127.0.0.1:" + port + "/postgres?sslmode=perhaps&password=" + secret,
		"no URL":            "host=127.0.0.1 password=" + secret,
		"missing root cert": "postgres://claimshare:" + secret + "@127.0.0.1/postgres?sslmode=verify-full&sslrootcert=/nowhere/" + "ca.pem",
	} {
		_, err := postgres.Open(t.Context(), url, store.WithPayloads(filepath.Join(t.TempDir(), "p")))
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), secret, name)
		require.NotContains(t, err.Error(), secret[:6], name)
	}
	require.NotContains(t, log.String(), secret[:6])
	_, err = postgres.Open(t.Context(), "postgres://claimshare:"+secret+"@"+closed+"/postgres", store.WithPayloads(filepath.Join(t.TempDir(), "p")))
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "database \"postgres\"", "it says where")
	_, err = postgres.Open(t.Context(), s.URL("postgres"))
	require.ErrorContains(t, err, "folder")
}

// A password may come from a file, and the rest from a service, as with psql.
func TestPasswordAndServiceFiles(t *testing.T) {
	s, err := server()
	require.NoError(t, err)
	url, err := s.NewDatabase(t.Context())
	require.NoError(t, err)
	database := url[strings.LastIndex(url, "/")+1 : strings.Index(url, "?")]
	dir := t.TempDir()
	pass, service := filepath.Join(dir, "pgpass"), filepath.Join(dir, "pg_service.conf")
	require.NoError(t, os.WriteFile(pass, []byte("127.0.0.1:"+strconv.Itoa(s.Port())+":*:claimshare:"+s.Password()+"\n"), 0o600))
	require.NoError(t, os.WriteFile(service, []byte("[party]\nhost=127.0.0.1\nport="+strconv.Itoa(s.Port())+"\nuser=claimshare\ndbname="+database+"\nsslmode=disable\n"), 0o600))
	t.Setenv("PGPASSFILE", pass)
	t.Setenv("PGSERVICEFILE", service)
	for _, address := range []string{
		"postgres://claimshare@127.0.0.1:" + strconv.Itoa(s.Port()) + "/" + database + "?sslmode=disable",
		"postgres://?service=party",
	} {
		db, err := postgres.Open(t.Context(), address, store.WithPayloads(filepath.Join(dir, "p")))
		require.NoError(t, err, address)
		require.NoError(t, db.SetValue(t.Context(), "x", nil))
		require.NoError(t, db.Close())
	}
	t.Setenv("PGSERVICE", "party")
	db, err := postgres.Open(t.Context(), "postgres://", store.WithPayloads(filepath.Join(dir, "p")))
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

// Errors say that the server is gone, and the store works again when it is back.
func TestServerGoneAndBack(t *testing.T) {
	ctx := t.Context()
	s := pgserver.Run(t, pgserver.Config{})
	url, err := s.NewDatabase(ctx)
	require.NoError(t, err)
	db := place{url, filepath.Join(t.TempDir(), "payloads")}.open(t)
	ids := storetest.Fill(t, db)
	for _, down := range []func() error{s.Kill9, s.Halt} {
		require.NoError(t, down())
		small, _ := storetest.NewItem(record.NewPartyID("o"), "l", 10)
		large, _ := storetest.NewItem(record.NewPartyID("o"), "l", 1_000_000)
		_, errRecord := db.Record(ctx, ids[0])
		_, errWorld := db.WorldCheckpoint(ctx)
		_, errPending := db.PendingRecords(ctx, 10)
		_, errDump := db.Dump(ctx, &bytes.Buffer{})
		for i, err := range []error{
			errRecord, errWorld, errPending, errDump, db.Put(ctx, small), db.Put(ctx, large),
			db.SetValue(ctx, "x", nil), db.MarkRecorded(ctx, "tx", 1, ids[0]), db.Erase(ctx, ids[0], "why"),
		} {
			require.ErrorIs(t, err, store.ErrUnavailable, i)
			require.NotContains(t, err.Error(), s.Password())
		}
		for _, err := range db.Find(ctx, store.Query{}) {
			require.ErrorIs(t, err, store.ErrUnavailable)
		}
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		_, err := db.Record(short, ids[0])
		require.Error(t, err)
		cancel()

		require.NoError(t, s.Restart(ctx))
		require.NoError(t, db.SetValue(ctx, "x", nil), "at once")
		_, err = db.Record(ctx, ids[0])
		require.NoError(t, err)
		require.NoError(t, db.Payload(ctx, ids[3], &bytes.Buffer{}))
		storetest.RequireSealed(t, db)
	}
	// Connections that the server has ended do not show.
	for range 20 {
		_, err = s.SQL(ctx, "postgres", `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'claimshare'`)
		require.NoError(t, err)
		err := db.SetValue(ctx, "x", nil)
		if err != nil {
			require.ErrorIs(t, err, store.ErrUnavailable)
			require.NoError(t, db.SetValue(ctx, "x", nil), "the others are not tried one by one")
		}
	}
}
