package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// How often a transaction is tried that lost against another one, and how long
// in all. The waits are random and grow from 2 ms to half a second.
const (
	maxTries   = 60
	maxElapsed = 30 * time.Second
)

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) scanner
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// reader is a database whose errors have the names of package store.
type reader struct {
	*sql.DB
	name     func(error) error
	prepared *sync.Map // *sql.Stmt by query; nil where the driver keeps statements itself
}

// QueryRowContext implements querier.
func (r reader) QueryRowContext(ctx context.Context, query string, args ...any) scanner {
	if s := r.statement(ctx, query); s != nil {
		return namedRow{s.QueryRowContext(ctx, args...), r.name}
	}
	return namedRow{r.DB.QueryRowContext(ctx, query, args...), r.name}
}

// statement answers the prepared form of a query, which is parsed once for each
// connection; nil if there is none. The program has some dozens of queries.
func (r reader) statement(ctx context.Context, query string) *sql.Stmt {
	if r.prepared == nil {
		return nil
	}
	if s, ok := r.prepared.Load(query); ok {
		return s.(*sql.Stmt)
	}
	s, err := r.PrepareContext(ctx, query)
	if err != nil {
		return nil // the query itself says why
	}
	kept, lost := r.prepared.LoadOrStore(query, s)
	if lost {
		_ = s.Close() // another goroutine was faster
	}
	return kept.(*sql.Stmt)
}

// Close closes the database and what was prepared.
func (r reader) Close() error {
	if r.prepared != nil {
		r.prepared.Range(func(_, s any) bool {
			_ = s.(*sql.Stmt).Close() // the database's end closes it too
			return true
		})
	}
	return r.DB.Close()
}

// QueryContext implements querier.
func (r reader) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := r.DB.QueryContext(ctx, query, args...)
	return rows, r.name(err)
}

type namedRow struct {
	row  *sql.Row
	name func(error) error
}

// Scan implements scanner.
func (r namedRow) Scan(into ...any) error { return r.name(r.row.Scan(into...)) }

// commitError is a failed commit: the transaction may have happened.
type commitError struct{ error }

// Unwrap answers the database's error.
func (e commitError) Unwrap() error { return e.error }

// update runs f in one writing transaction, and again when the database asks
// for that: f must be safe to run twice. What it did in the database is undone
// before.
func (db *DB) update(ctx context.Context, f func(txn) error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 2*time.Millisecond, 500*time.Millisecond
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := db.once(ctx, f)
		if err != nil && !db.engine.again(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(wait), backoff.WithMaxTries(maxTries), backoff.WithMaxElapsedTime(maxElapsed))
	var permanent *backoff.PermanentError
	if errors.As(err, &permanent) {
		err = permanent.Unwrap()
	}
	return db.engine.name(err)
}

// touched changes one row with one statement and seals it anew.
func (db *DB) touched(ctx context.Context, table string, key any, query string, args ...any) error {
	return db.update(ctx, func(tx txn) error {
		return tx.touch(ctx, table, key, func() error {
			_, err := tx.ExecContext(ctx, query, args...)
			return err
		})
	})
}

func (db *DB) once(ctx context.Context, f func(txn) error) error {
	if db.locked != nil {
		return db.locked
	}
	tx, err := db.write.BeginTx(ctx, db.engine.Update)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := f(newTxn(tx, db.seals)); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return commitError{fmt.Errorf("committing: %w", err)}
	}
	return nil
}

// undone says that a transaction with this error certainly did not happen. When
// the connection breaks during a commit, nobody knows.
func (db *DB) undone(err error) bool {
	var failed commitError
	return err != nil && (!errors.As(err, &failed) || !db.engine.ambiguous(err))
}
