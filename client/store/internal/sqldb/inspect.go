package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/claimshare/claimshare/client/store"
)

var _ store.Inspector = (*DB)(nil)

// Inspect implements store.Inspector.
func (db *DB) Inspect(ctx context.Context, f func(store.Inspection) error) error {
	tx, err := db.read.BeginTx(ctx, db.engine.Snapshot)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // it has only read
	return f(inspection{tx, db.seals})
}

type inspection struct {
	tx    *sql.Tx
	seals sealer
}

// Tables implements store.Inspection.
func (inspection) Tables() []*store.Table { return tables }

// Page implements store.Inspection.
func (in inspection) Page(ctx context.Context, name string, after []any, limit int) ([]store.Row, error) {
	t, err := tableOf(name)
	if err != nil {
		return nil, err
	}
	key := strings.Join(t.Key, ", ")
	query := "SELECT " + strings.Join(t.Columns, ", ") + " FROM " + t.Name
	if after != nil {
		query += " WHERE (" + key + ") > (" + placeholders(len(t.Key)) + ")"
	}
	query += " ORDER BY " + key + " LIMIT " + strconv.Itoa(limit)
	rows, err := in.tx.QueryContext(ctx, query, after...)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	defer rows.Close()
	var page []store.Row
	for rows.Next() {
		r, err := scanRow(t, rows)
		if err != nil {
			return nil, err
		}
		page = append(page, *r)
	}
	return page, rows.Err()
}

// Row implements store.Inspection.
func (in inspection) Row(ctx context.Context, name string, key ...any) (*store.Row, error) {
	t, err := tableOf(name)
	if err != nil {
		return nil, err
	}
	query := "SELECT " + strings.Join(t.Columns, ", ") + " FROM " + t.Name +
		" WHERE (" + strings.Join(t.Key, ", ") + ") = (" + placeholders(len(t.Key)) + ")"
	r, err := scanRow(t, in.tx.QueryRowContext(ctx, query, key...))
	return r, absent(err, name+" "+store.KeyText(key))
}

// Rows implements store.Inspection.
func (in inspection) Rows(ctx context.Context, name string) (n uint64, err error) {
	t, err := tableOf(name)
	if err != nil {
		return 0, err
	}
	err = in.tx.QueryRowContext(ctx, "SELECT count(*) FROM "+t.Name).Scan(&n)
	return n, err
}

func placeholders(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = "$" + strconv.Itoa(i+1)
	}
	return strings.Join(all, ", ")
}

func scanRow(t *store.Table, row scanner) (*store.Row, error) {
	r := &store.Row{Table: t, Values: make([]any, len(t.Columns))}
	into := make([]any, len(r.Values))
	for i := range into {
		into[i] = &r.Values[i]
	}
	return r, row.Scan(into...)
}
