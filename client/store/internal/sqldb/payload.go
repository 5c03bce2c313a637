package sqldb

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/internal/atomicfile"
	"github.com/claimshare/claimshare/client/store"
)

// inRow is up to which size a payload is in the database: 256 KiB. Larger ones
// are files.
const inRow = 256 << 10

// idSize is the length of a payload's random id in bytes.
const idSize = 16

// payload is one that is ready to be named by a row: in memory, or a file with
// its name.
type payload struct {
	id   []byte
	only []byte    // the content, unless it is a file
	file io.Closer // the lock on the file, if it is one
}

// stage reads a payload and checks it. A large one becomes a file, complete and
// on the disk, so that a slow source blocks nobody and little of it is ever in
// memory; the transaction that adopts it makes it visible. Whatever comes of
// that, release must follow.
func (db *DB) stage(ctx context.Context, src io.Reader, size int64, digest record.Digest) (payload, error) {
	p := payload{id: make([]byte, idSize)}
	if _, err := rand.Read(p.id); err != nil {
		return p, err
	}
	src = patient{ctx, src}
	if size > inRow {
		return p, db.stageFile(&p, src, size, digest)
	}
	var buf bytes.Buffer
	if _, err := io.Copy(&buf, io.LimitReader(src, max(size, 0)+1)); err != nil {
		return p, fmt.Errorf("reading the payload: %w", err)
	}
	sum := sha256.New()
	sum.Write(buf.Bytes())
	p.only = buf.Bytes()
	return p, checkPayload(int64(buf.Len()), size, sum, digest)
}

func (db *DB) stageFile(p *payload, src io.Reader, size int64, digest record.Digest) error {
	if err := db.folder.prepare(); err != nil {
		return err
	}
	f, err := atomicfile.Create(db.folder.file(p.id), 0o600)
	if err != nil {
		return full(err)
	}
	defer f.Close()
	sum := sha256.New()
	total, err := copyParts(io.MultiWriter(f, sum), io.LimitReader(src, size+1))
	if err != nil {
		return full(err)
	}
	if err := checkPayload(total, size, sum, digest); err != nil {
		return err
	}
	reach("payload written")
	held, err := hold(f.File)
	if err != nil {
		return err
	}
	if err := f.Commit(); err != nil {
		return errors.Join(full(err), db.folder.destroy(p.id), held.Close())
	}
	reach("payload named")
	p.file = held
	return nil
}

// copyParts copies in parts of 256 KiB and tells the source's error from the
// destination's.
func copyParts(dst io.Writer, src io.Reader) (total int64, err error) {
	buf := make([]byte, inRow)
	for {
		n, rerr := io.ReadFull(src, buf)
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return total, fmt.Errorf("writing the payload: %w", err)
			}
			total += int64(n)
		}
		if errors.Is(rerr, io.EOF) || errors.Is(rerr, io.ErrUnexpectedEOF) {
			return total, nil
		}
		if rerr != nil {
			return total, fmt.Errorf("reading the payload: %w", rerr)
		}
	}
}

// patient reads until the context ends.
type patient struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (p patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.Reader.Read(b)
}

func checkPayload(total, size int64, sum hash.Hash, digest record.Digest) error {
	if total != size || [32]byte(sum.Sum(nil)) != [32]byte(digest) {
		return store.ErrPayload
	}
	return nil
}

// adopt makes a staged payload part of the transaction that names it.
func adopt(ctx context.Context, tx txn, p payload) error {
	if p.file == nil {
		_, err := tx.ExecContext(ctx,
			`INSERT INTO payload_chunk (payload_id, seq, content) VALUES ($1, 0, $2)`, p.id, notNull(p.only))
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO payload_file (payload_id) VALUES ($1)`, p.id)
	return tx.sealed(ctx, err, "payload_file", p.id)
}

// release ends the work on staged payloads. With an error, which is that of the
// transaction that was to adopt them, it takes them back, unless they may have
// been adopted all the same: then the next opening sees. It answers err.
func (db *DB) release(err error, ps ...payload) error {
	undone := db.undone(err)
	for _, p := range ps {
		if p.file == nil {
			continue
		}
		if undone {
			err = errors.Join(err, db.folder.destroy(p.id))
		}
		err = errors.Join(err, p.file.Close())
	}
	return err
}

// discard takes a payload from the database. When the transaction has happened,
// db.folder.destroy must follow.
func discard(ctx context.Context, tx txn, id []byte) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM payload_chunk WHERE payload_id = $1`, id); err != nil {
		return err
	}
	return tx.touch(ctx, "payload_file", id, func() error {
		_, err := tx.ExecContext(ctx, `DELETE FROM payload_file WHERE payload_id = $1`, id)
		return err
	})
}

// sweep removes payloads that a killed process has left behind: put and not
// named, or erased and still there.
func (db *DB) sweep(ctx context.Context) error {
	return db.folder.sweep(ctx, func(id []byte) (bool, error) {
		var n int
		err := db.read.QueryRowContext(ctx, `SELECT count(*) FROM payload_file WHERE payload_id = $1`, id).Scan(&n)
		return n > 0, err
	})
}

// copyPayload writes a payload to dst: its file, or its chunks, one query each,
// so that a slow destination holds no transaction open. Former releases cut
// large payloads into chunks.
func (db *DB) copyPayload(ctx context.Context, id []byte, size int64, dst io.Writer) error {
	if size <= inRow {
		return db.copyChunks(ctx, id, size, dst)
	}
	file, err := db.folder.open(id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return db.copyChunks(ctx, id, size, dst)
	case err != nil:
		return err
	}
	defer file.Close()
	return copyFile(ctx, file, size, dst)
}

func copyFile(ctx context.Context, file *os.File, size int64, dst io.Writer) error {
	total, err := copyParts(dst, patient{ctx, file})
	if err != nil {
		return err
	}
	return complete(total, size)
}

func complete(total, size int64) error {
	if total < size {
		return fmt.Errorf("the store has only %d of the payload's %d bytes: %w", total, size, io.ErrUnexpectedEOF)
	}
	return nil
}
