package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
)

func (db *DB) copyChunks(ctx context.Context, id []byte, size int64, dst io.Writer) error {
	var total int64
	for seq := 0; ; seq++ {
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
			return fmt.Errorf("writing the payload: %w", err)
		}
	}
	return complete(total, size)
}
