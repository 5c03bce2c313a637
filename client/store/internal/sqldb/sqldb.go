// Package sqldb implements store.Store in the SQL that SQLite and PostgreSQL
// share, on database/sql. The packages beside it open the database and know
// what differs.
//
// The subset: plain CREATE TABLE and (partial) CREATE INDEX, SELECT with JOIN, INSERT
// with ON CONFLICT, UPDATE and DELETE, positional parameters $1, $2, no
// function but count and coalesce, no type but BYTEA, TEXT, SMALLINT, INTEGER
// and BIGINT.
package sqldb

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/claimshare/claimshare/client/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Engine is what the two databases do differently.
type Engine struct {
	Dialect goose.Dialect
	// Duplicate says whether an error is a violated primary key.
	Duplicate func(error) bool
	// Scrub removes what was deleted from the places where the database keeps
	// old content.
	Scrub func(context.Context) error
	// Snapshot makes a transaction see one moment and write nothing; nil where
	// every transaction does.
	Snapshot *sql.TxOptions
}

// DB is a store on an SQL database.
type DB struct {
	write  *sql.DB // transactions that write
	read   *sql.DB // everything else; may be the same
	engine Engine
}

var _ store.Store = (*DB)(nil)

// New brings the schema up to date and answers the store. It takes the
// databases over, also when it fails.
func New(ctx context.Context, write, read *sql.DB, engine Engine) (*DB, error) {
	db := &DB{write: write, read: read, engine: engine}
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := db.sweep(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(db.engine.Dialect, db.write, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	at, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("reading the schema version: %w", err)
	}
	if err := Known(at); err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bringing the schema up to date: %w", err)
	}
	return nil
}

// Known answers store.ErrNewer when this program does not know the schema.
func Known(version int64) error {
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return err
	}
	newest, err := goose.NumericComponent(files[len(files)-1].Name())
	if err != nil {
		return err
	}
	if version > newest {
		return fmt.Errorf("%w: its schema has version %d, this program knows %d", store.ErrNewer, version, newest)
	}
	return nil
}

// Close closes the databases.
func (db *DB) Close() error {
	if db.read == db.write {
		return db.write.Close()
	}
	return errors.Join(db.read.Close(), db.write.Close())
}

// update runs f in one writing transaction.
func (db *DB) update(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// exists turns a violated primary key into store.ErrExists.
func (db *DB) exists(err error, what fmt.Stringer) error {
	if err != nil && db.engine.Duplicate(err) {
		return fmt.Errorf("%s: %w", what, store.ErrExists)
	}
	return err
}

// absent turns a missing row into store.ErrNotFound.
func absent(err error, what any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%v: %w", what, store.ErrNotFound)
	}
	return err
}

func now() int64 { return time.Now().UnixMilli() }

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// scanner is a row.
type scanner interface{ Scan(...any) error }

// fixed scans a byte string into an array and insists on its length.
type fixed []byte

// Scan implements sql.Scanner.
func (f fixed) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(f) {
		return fmt.Errorf("the database holds %d bytes where %d belong", len(b), len(f))
	}
	copy(f, b)
	return nil
}

// bytes is b, and never NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
