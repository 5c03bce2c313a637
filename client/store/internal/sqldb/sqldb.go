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
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
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
	// Update makes a writing transaction serializable; nil where every one is.
	Update *sql.TxOptions
	// Again says that a transaction lost against another one, did not happen,
	// and is to be run again; nil where that does not happen.
	Again func(error) bool
	// Raced says that bringing the schema up to date may have failed because
	// another process was doing it; nil where it waits for its turn.
	Raced func(error) bool
	// Prepare says that queries are to be kept prepared: a driver that does so
	// itself needs no help.
	Prepare bool
	// Name wraps an error in the one that package store has for it.
	Name func(error) error
	// Ambiguous says of a failed commit that it may have happened all the
	// same; nil where that does not happen.
	Ambiguous func(error) bool
}

func (e Engine) again(err error) bool { return e.Again != nil && e.Again(err) }

func (e Engine) ambiguous(err error) bool { return e.Ambiguous != nil && e.Ambiguous(err) }

func (e Engine) name(err error) error {
	if err == nil {
		return nil
	}
	return e.Name(err)
}

// Reached, if set, is called at certain points between steps that must be safe
// to interrupt: for tests that end the process there.
var Reached func(point string)

func reach(point string) {
	if Reached != nil {
		Reached(point)
	}
}

// DB is a store on an SQL database.
type DB struct {
	write  *sql.DB // transactions that write
	read   reader  // everything else; may be the same
	engine Engine
	folder folder
	seals  sealer
	locked error // why nothing may be written: the seals are under another key

	together *together
}

var _ store.Store = (*DB)(nil)

// New brings the schema up to date and answers the store. It takes the
// databases over, also when it fails.
func New(ctx context.Context, write, read *sql.DB, engine Engine, options store.Options) (*DB, error) {
	db := &DB{
		write: write, read: reader{DB: read, name: engine.name}, engine: engine,
		folder: folder{path: options.Payloads}, seals: sealer{options.SealKey}, together: newTogether(),
	}
	if engine.Prepare {
		db.read.prepared = &sync.Map{}
	}
	for _, step := range []func(context.Context) error{db.migrate, db.identify, db.sweep} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(engine.name(err), db.Close())
		}
	}
	return db, nil
}

// recognise finds out whether the seals are under this key. Under another one
// the store can only be read: or half of its rows would look altered.
func (db *DB) recognise(ctx context.Context) error {
	return db.Inspect(ctx, func(in store.Inspection) error {
		row, err := in.Row(ctx, "store_identity", int64(1))
		if err != nil {
			return err
		}
		verdict, err := in.Verdict(ctx, row)
		if err == nil && verdict != store.Intact {
			db.locked = store.ErrSealKey
		}
		return err
	})
}

// identify finds out which database this is, or decides.
func (db *DB) identify(ctx context.Context) error {
	const ask = `SELECT store_id FROM store_identity WHERE only_row = 1`
	err := db.read.QueryRowContext(ctx, ask).Scan(&db.folder.owner)
	if err == nil {
		return db.recognise(ctx)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	return db.update(ctx, func(tx txn) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO store_identity (only_row, store_id) VALUES (1, $1)
			ON CONFLICT (only_row) DO NOTHING`, id)
		if err := tx.sealed(ctx, err, "store_identity", int64(1)); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, ask).Scan(&db.folder.owner)
	})
}

// migrate brings the schema up to date. When others are at it too, all but one
// of them fail at some step and find it done the next time.
func (db *DB) migrate(ctx context.Context) (err error) {
	for try := range 20 {
		err = db.migrateOnce(ctx)
		if err == nil || db.engine.Raced == nil || !db.engine.Raced(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try+1) * 20 * time.Millisecond):
		}
	}
	return err
}

func (db *DB) migrateOnce(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(db.engine.Dialect, db.write, files, goose.WithDisableGlobalRegistry(true),
		goose.WithGoMigrations(db.sealing()))
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
	newest = max(newest, sealingVersion)
	if version > newest {
		return fmt.Errorf("%w: its schema has version %d, this program knows %d", store.ErrNewer, version, newest)
	}
	return nil
}

// Close closes the databases.
func (db *DB) Close() error {
	if db.read.DB == db.write {
		return db.write.Close()
	}
	return errors.Join(db.read.Close(), db.write.Close())
}

// exists turns a violated primary key into store.ErrExists.
func (db *DB) exists(err error, what fmt.Stringer) error {
	if err != nil && db.engine.Duplicate(err) {
		return fmt.Errorf("%s: %w", what, store.ErrExists)
	}
	return err
}

// changedOne insists that a statement changed the row that it was for.
func changedOne(done sql.Result, err error, what any) error {
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err == nil && n != 1 {
		err = absent(sql.ErrNoRows, what)
	}
	return err
}

// freeText is text of others' making as every database takes it: PostgreSQL
// refuses invalid UTF-8 and zero bytes.
func freeText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
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
