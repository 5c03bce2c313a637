package sqldb

import (
	"context"
	"database/sql"
)

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Value implements store.Values.
func (db *DB) Value(ctx context.Context, name string) ([]byte, error) {
	return value(ctx, db.read, name)
}

func value(ctx context.Context, q querier, name string) ([]byte, error) {
	var content []byte
	err := q.QueryRowContext(ctx, `SELECT content FROM value WHERE name = $1`, name).Scan(&content)
	return content, absent(err, name)
}

// SetValue implements store.Values.
func (db *DB) SetValue(ctx context.Context, name string, content []byte) error {
	return setValue(ctx, db.write, name, content)
}

func setValue(ctx context.Context, q querier, name string, content []byte) error {
	_, err := q.ExecContext(ctx, `INSERT INTO value (name, content) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET content = excluded.content`, name, notNull(content))
	return err
}
