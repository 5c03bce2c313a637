package sqldb

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

// chunkSize is how much of a payload is in memory at once.
const chunkSize = 256 << 10

// abandoned is how old a payload under way is when nobody works on it any
// more: its process was killed.
const abandoned = 24 * time.Hour

// payload is one that is ready to be named by a row: the only chunk in memory,
// or all chunks in the database.
type payload struct {
	id     []byte
	only   []byte
	staged bool
}

// stage reads a payload and checks it. A large one is written chunk by chunk,
// each in a transaction of its own, so that a slow source blocks nobody; the
// transaction that adopts it makes it visible. unstage takes back what was not
// adopted.
func (db *DB) stage(ctx context.Context, src io.Reader, size int64, digest record.Digest) (p payload, err error) {
	p.id = make([]byte, 16)
	if _, err := rand.Read(p.id); err != nil {
		return p, err
	}
	sum := sha256.New()
	buf := make([]byte, min(chunkSize, size+1))
	n, err := readChunk(src, buf, sum)
	if err != nil {
		return p, err
	}
	total := int64(n)
	if n < len(buf) || total > size {
		p.only = buf[:n]
		return p, checkPayload(total, size, sum, digest)
	}

	defer func() {
		if err != nil {
			err = errors.Join(err, db.unstage(p))
		}
	}()
	if _, err := db.write.ExecContext(ctx,
		`INSERT INTO staged_payload (payload_id, created_at) VALUES ($1, $2)`, p.id, now()); err != nil {
		return p, err
	}
	p.staged = true
	for seq := 0; n > 0; seq++ {
		if _, err := db.write.ExecContext(ctx,
			`INSERT INTO payload_chunk (payload_id, seq, content) VALUES ($1, $2, $3)`, p.id, seq, buf[:n]); err != nil {
			return p, err
		}
		if n, err = readChunk(src, buf, sum); err != nil {
			return p, err
		}
		if total += int64(n); total > size {
			break
		}
	}
	return p, checkPayload(total, size, sum, digest)
}

// readChunk fills buf unless the payload ends before.
func readChunk(src io.Reader, buf []byte, sum hash.Hash) (int, error) {
	n, err := io.ReadFull(src, buf)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, fmt.Errorf("reading the payload: %w", err)
	}
	sum.Write(buf[:n])
	return n, nil
}

func checkPayload(total, size int64, sum hash.Hash, digest record.Digest) error {
	if total != size || [32]byte(sum.Sum(nil)) != [32]byte(digest) {
		return store.ErrPayload
	}
	return nil
}

// adopt makes a staged payload part of the transaction that names it.
func adopt(ctx context.Context, tx *sql.Tx, p payload) error {
	if !p.staged {
		_, err := tx.ExecContext(ctx,
			`INSERT INTO payload_chunk (payload_id, seq, content) VALUES ($1, 0, $2)`, p.id, notNull(p.only))
		return err
	}
	done, err := tx.ExecContext(ctx, `DELETE FROM staged_payload WHERE payload_id = $1`, p.id)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errors.New("the payload was swept away while it was under way"), err)
	}
	return nil
}

// unstage removes a payload that nothing will adopt. It works also when the
// caller's context has ended.
func (db *DB) unstage(ps ...payload) error {
	var err error
	for _, p := range ps {
		if p.staged {
			err = errors.Join(err, db.update(context.Background(), func(tx *sql.Tx) error {
				return discard(context.Background(), tx, p.id)
			}))
		}
	}
	return err
}

func discard(ctx context.Context, tx *sql.Tx, id []byte) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM payload_chunk WHERE payload_id = $1`, id); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM staged_payload WHERE payload_id = $1`, id)
	return err
}

// sweep removes payloads that a killed process left under way.
func (db *DB) sweep(ctx context.Context) error {
	return db.update(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx,
			`SELECT payload_id FROM staged_payload WHERE created_at < $1`, now()-abandoned.Milliseconds())
		if err != nil {
			return err
		}
		defer rows.Close()
		var ids [][]byte
		for rows.Next() {
			var id []byte
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for _, id := range ids {
			if err := discard(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// copyPayload writes a payload's chunks to dst, one query each, so that a slow
// destination holds no transaction open.
func (db *DB) copyPayload(ctx context.Context, id []byte, size int64, dst io.Writer) error {
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
	if total < size {
		return fmt.Errorf("the store has only %d of the payload's %d bytes: %w", total, size, io.ErrUnexpectedEOF)
	}
	return nil
}
