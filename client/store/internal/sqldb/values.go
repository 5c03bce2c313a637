package sqldb

import "context"

// Value implements store.Values.
func (db *DB) Value(ctx context.Context, name string) ([]byte, error) {
	var content []byte
	err := db.read.QueryRowContext(ctx, `SELECT content FROM value WHERE name = $1`, name).Scan(&content)
	return content, absent(err, name)
}

// SetValue implements store.Values.
func (db *DB) SetValue(ctx context.Context, name string, content []byte) error {
	_, err := db.write.ExecContext(ctx, `INSERT INTO value (name, content) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET content = excluded.content`, name, notNull(content))
	return err
}
