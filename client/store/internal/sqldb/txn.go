package sqldb

import (
	"context"
	"database/sql"
	"strings"

	"github.com/claimshare/claimshare/client/store"
)

// often is how many times a transaction runs a statement before it prepares it.
const often = 3

// txn is a writing transaction.
type txn struct {
	*sql.Tx
	seals sealer
	used  map[string]*usedStatement
}

type usedStatement struct {
	times    int
	prepared *sql.Stmt // closed with the transaction
}

func newTxn(tx *sql.Tx, seals sealer) txn {
	return txn{tx, seals, map[string]*usedStatement{}}
}

// statement answers the prepared form of a statement that is run often, or nil.
func (tx txn) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	used := tx.used[query]
	if used == nil {
		used = &usedStatement{}
		tx.used[query] = used
	}
	if used.times++; used.times < often || used.prepared != nil {
		return used.prepared, nil
	}
	var err error
	used.prepared, err = tx.PrepareContext(ctx, query)
	return used.prepared, err
}

// ExecContext runs a statement.
func (tx txn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := tx.statement(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case s != nil:
		return s.ExecContext(ctx, args...)
	}
	return tx.Tx.ExecContext(ctx, query, args...)
}

// QueryRowContext implements querier.
func (tx txn) QueryRowContext(ctx context.Context, query string, args ...any) scanner {
	s, err := tx.statement(ctx, query)
	switch {
	case err != nil:
		return noRow{err}
	case s != nil:
		return s.QueryRowContext(ctx, args...)
	}
	return tx.Tx.QueryRowContext(ctx, query, args...)
}

// noRow is a row that could not be asked for.
type noRow struct{ error }

// Scan implements scanner.
func (r noRow) Scan(...any) error { return r.error }

// insertRow is the statement that adds a whole row, for each sealed table.
var insertRow = func() map[string]string {
	queries := map[string]string{}
	for _, t := range tables {
		if sealed[t.Name] {
			queries[t.Name] = "INSERT INTO " + t.Name + " (" + strings.Join(t.Columns, ", ") + ") VALUES (" + placeholders(len(t.Columns)) + ")"
		}
	}
	return queries
}()

// insert adds a row with all its columns in their order, each []byte, string or
// int64, and seals it.
func (tx txn) insert(ctx context.Context, table string, values []any) error {
	t, err := tableOf(table)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, insertRow[table], values...); err != nil {
		return err
	}
	return tx.seal(ctx, &store.Row{Table: t, Values: values}, values[0])
}
