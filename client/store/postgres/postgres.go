// Package postgres keeps a store in a PostgreSQL database, with the driver pgx.
//
// The database is the store's alone, and so is its folder of payloads, which is
// on this machine: one node uses both at a time, beside tools that look on. All
// writing is in serializable transactions, which are run again when they lose
// against another one. What a method has answered survives a crash of server or
// program, unless the server was told not to write through (fsync,
// synchronous_commit).
//
// Unlike SQLite's, a PostgreSQL server cannot be made to overwrite what was
// deleted: tokens that were destroyed and capsules and small payloads that were
// erased may be found in its files and logs until it writes over them. Whoever
// runs it must keep its disks from others. See docs/store.md.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/internal/sqldb"
)

// Connections at once, and how many are kept for later. Few write at a time:
// more would only lose against each other.
const (
	maxReaders = 16
	maxWriters = 4
)

// connectTimeout is how long a server may take to answer, unless the URL says.
const connectTimeout = 10 * time.Second

// IsURL says whether an address is one of PostgreSQL's.
func IsURL(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// Open opens the store in the database at a postgres:// URL, and makes it when
// the database is empty. The folder for payloads (store.WithPayloads) must be
// named. What the URL leaves out comes from where libpq looks: PGPASSFILE,
// PGSERVICE and the other variables.
//
// It answers store.ErrUnavailable when the server does not answer, ErrLogin when
// it does not let one in, ErrPassfile and ErrNoPassfile when the password file is
// not as it should be, and store.ErrNewer when a later release wrote the store. No
// error repeats the URL: it may hold a password.
func Open(ctx context.Context, address string, options ...store.Option) (store.Store, error) {
	config, err := parse(address)
	if err != nil {
		return nil, err
	}
	chosen := store.Chosen(options...)
	if chosen.Payloads == "" {
		return nil, errors.New("a store in PostgreSQL needs a folder for payloads above 256 KiB")
	}
	if chosen.Payloads, err = filepath.Abs(chosen.Payloads); err != nil {
		return nil, err
	}
	write, read := open(config, maxWriters), open(config, maxReaders)
	db, err := sqldb.New(ctx, write, read, engine(func() { renew(write, maxWriters); renew(read, maxReaders) }), chosen)
	if err != nil {
		return nil, fmt.Errorf("opening the store in PostgreSQL at %s: %w", place(config), err)
	}
	return db, nil
}

// parse reads the address. The driver's error would repeat it.
func parse(address string) (*pgx.ConnConfig, error) {
	if !IsURL(address) {
		return nil, errors.New("the store's address is no postgres:// URL")
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the store's address is no valid URL; is a special character of the password not written as %XX?")
	}
	if err := checkPassfile(parsed); err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errors.New("the store's address, or what PGSERVICE, PGPASSFILE and PGSSL* variables add to it, is not valid for PostgreSQL (it is not repeated here because it may hold a password)")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if _, named := config.RuntimeParams["application_name"]; !named {
		config.RuntimeParams["application_name"] = "claimshare"
	}
	return config, nil
}

// place is where a database is, without how to get in.
func place(config *pgx.ConnConfig) string {
	return fmt.Sprintf("%s:%d, database %q", config.Host, config.Port, config.Database)
}

func open(config *pgx.ConnConfig, connections int) *sql.DB {
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db
}

// renew forgets connections that are not in use: when one has broken, so have
// they.
func renew(db *sql.DB, connections int) {
	db.SetMaxIdleConns(-1)
	db.SetMaxIdleConns(connections)
}

// engine is what PostgreSQL does in its own way. The function broken is called
// when a connection has broken.
func engine(broken func()) sqldb.Engine {
	return sqldb.Engine{
		Dialect:   goose.DialectPostgres,
		Duplicate: duplicate,
		Scrub:     func(context.Context) error { return nil }, // see the package's comment
		Snapshot:  &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		Update:    &sql.TxOptions{Isolation: sql.LevelSerializable},
		Again:     again,
		Raced:     raced,
		Ambiguous: unavailable,
		Name: func(err error) error {
			if unavailable(err) {
				broken()
			}
			return name(err)
		},
	}
}
