package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
)

// written says what failed when a payload could not be written.
func written(err error) error {
	if err != nil {
		return fmt.Errorf("writing the payload: %w", err)
	}
	return nil
}

func (db *DB) copyChunks(ctx context.Context, id []byte, size int64, dst io.Writer) error {
	var total int64
	for seq := 0; total < size; seq++ {
		var chunk []byte
		err := db.read.QueryRowContext(ctx,
			`SELECT content FROM payload_chunk WHERE payload_id = $1 AND seq = $2`, id, seq).Scan(&chunk)
		if errors.Is(err, sql.ErrNoRows) {
			break
		}
		if err != nil {
			return err
		}
		n, err := dst.Write(chunk)
		total += int64(n)
		if err != nil {
			return written(err)
		}
	}
	return complete(total, size)
}
