package sqldb

import "context"

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
	return db.update(ctx, func(tx txn) error { return setValue(ctx, tx, name, content) })
}

func setValue(ctx context.Context, tx txn, name string, content []byte) error {
	return tx.touch(ctx, "value", name, func() error {
		_, err := tx.ExecContext(ctx, `INSERT INTO value (name, content) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET content = excluded.content`, name, notNull(content))
		return err
	})
}
