// Package sqlite keeps a store in one SQLite file, with a pure Go driver.
//
// The file is its owner's alone (0600), in WAL mode with full synchronisation:
// what a method has answered survives a crash of program or machine. Deleted
// content is overwritten (secure_delete), and after a token was destroyed the
// log that may still hold it is emptied. It does not protect against copies of
// the file that others made before: backups, snapshots, a file system that
// writes elsewhere than it is told.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/internal/sqldb"
)

// busyTimeout is how long one process waits for another to finish writing.
const busyTimeout = 10 * time.Second

// writerCache gives the writer 16 MiB of pages: a listener that catches up
// writes keys in no order, and is twice as fast with them.
const writerCache = "cache_size(-16384)"

// Open opens the store in the file at path and makes it when there is none.
// It answers store.ErrPermissions, with what to do, when others may read the
// file, and store.ErrNewer when a later release wrote it.
//
// Payloads above 256 KiB are files in the folder path + ".payloads", unless an
// option names another one.
func Open(ctx context.Context, path string, options ...store.Option) (store.Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := create(path); err != nil {
		return nil, err
	}
	// One connection writes, so that writers of this process wait in Go's
	// queue and not in SQLite's; readers have their snapshots beside it.
	write, err := sql.Open("sqlite", dsn(path, "immediate", writerCache))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", dsn(path, "deferred"))
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(max(4, runtime.NumCPU()))
	chosen := store.Chosen(options...)
	if chosen.Payloads == "" {
		chosen.Payloads = path + ".payloads"
	}
	db, err := sqldb.New(ctx, write, read, sqldb.Engine{
		Dialect:   goose.DialectSQLite3,
		Duplicate: duplicate,
		Name:      name,
		Prepare:   true,
		Scrub:     func(ctx context.Context) error { return emptyLog(ctx, write) },
	}, chosen)
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", path, err)
	}
	return db, nil
}

// create makes the file with the right mode before SQLite makes it with
// another; its log and index inherit it.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		return f.Close()
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	return checkPrivate(path)
}

func checkPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %04o; run: chmod 600 %s", store.ErrPermissions, path, perm, path)
	}
	return nil
}

// Summary is what Check found.
type Summary struct {
	Schema  int64 // version of the schema
	Records int64
}

// Check looks at the store in the file at path and changes nothing: that it is
// private, that SQLite finds it sound, and that this program knows its schema.
// It answers store.ErrPermissions, store.ErrNewer, fs.ErrNotExist, or what is
// wrong with the file.
func Check(ctx context.Context, path string) (Summary, error) {
	var s Summary
	path, err := filepath.Abs(path)
	if err != nil {
		return s, err
	}
	if err := checkPrivate(path); err != nil {
		return s, err
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_pragma=busy_timeout(10000)"}).String())
	if err != nil {
		return s, err
	}
	defer func() { _ = db.Close() }()
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
		return s, err
	}
	if verdict != "ok" {
		return s, fmt.Errorf("the file is damaged: %s", verdict)
	}
	if err := db.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&s.Schema); err != nil {
		return s, fmt.Errorf("it is no store of this program: %w", err)
	}
	if err := sqldb.Known(s.Schema); err != nil {
		return s, err
	}
	return s, db.QueryRowContext(ctx, `SELECT count(*) FROM record`).Scan(&s.Records)
}

func dsn(path, lock string, more ...string) string {
	q := url.Values{
		"_pragma": append([]string{
			fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
			"journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)", "foreign_keys(ON)", "trusted_schema(OFF)",
		}, more...),
		"_txlock": {lock},
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

func duplicate(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) &&
		(e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE)
}

// name tells a full disk. SQLite says SQLITE_IOERR_SHMSIZE when there is no
// room for the index of its log.
func name(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_FULL || e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE) {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

// emptyLog moves the write-ahead log into the database and truncates it. A
// reader on an old snapshot can be in the way for a while.
func emptyLog(ctx context.Context, db *sql.DB) error {
	var busy, frames, moved int
	if err := db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved); err != nil {
		return err
	}
	if busy != 0 {
		return errors.New("the write-ahead log is in use by a reader")
	}
	return nil
}
