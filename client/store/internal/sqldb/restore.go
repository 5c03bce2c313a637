package sqldb

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/claimshare/claimshare/client/internal/atomicfile"
	"github.com/claimshare/claimshare/client/store"
)

// restore is a snapshot being read into an empty store.
type restore struct {
	db     *DB
	in     *frameReader
	tx     txn
	table  *store.Table // of the rows that come
	shape  snapshotTable
	insert *sql.Stmt // into it
	said   store.Snapshot
	named  [][]byte // payloads that have become files
}

// Restore implements store.Portable. It is one transaction, and is not run
// again: a source can be read once.
func (db *DB) Restore(ctx context.Context, r io.Reader) (store.Snapshot, error) {
	x := &restore{db: db, in: newFrameReader(r), said: store.Snapshot{Rows: map[string]uint64{}}}
	// Nobody sweeps meanwhile: no row names the files yet.
	held, err := db.folder.claim()
	if err == nil {
		err = db.once(ctx, func(tx txn) error {
			x.tx = tx
			return x.all(ctx)
		})
		if db.undone(err) {
			err = x.takeBack(err)
		}
		_ = held.Close() // the lock ends with it in any case
	}
	if err != nil {
		return store.Snapshot{}, fmt.Errorf("restoring a store: %w", db.engine.name(err))
	}
	return x.said, nil
}

// takeBack removes the files of a snapshot that was not restored.
func (x *restore) takeBack(err error) error {
	for _, id := range x.named {
		if derr := x.db.folder.destroy(id); derr != nil {
			return fmt.Errorf("%w (and a file stays until the store is opened again: %w)", err, derr)
		}
	}
	return err
}

func (x *restore) all(ctx context.Context) error {
	defer func() { x.use(nil) }()
	if err := x.empty(ctx); err != nil {
		return err
	}
	line := make([]byte, len(snapshotLine))
	if err := x.in.exactly(line); err != nil {
		return err
	}
	if string(line) != snapshotLine {
		if bytes.HasPrefix(line, []byte(snapshotLine[:strings.Index(snapshotLine, "/v")+2])) {
			return fmt.Errorf("%w: the snapshot has another format: %q", store.ErrNewer, line)
		}
		return fmt.Errorf("%w: it does not begin as one", store.ErrSnapshot)
	}
	for first := true; ; first = false {
		kind, content, err := x.in.next()
		if err != nil {
			return err
		}
		if first != (kind == frameHead) {
			return fmt.Errorf("%w: its head is not in front", store.ErrSnapshot)
		}
		if kind == frameTrailer {
			return x.trailer(content)
		}
		if err := x.frame(ctx, kind, content); err != nil {
			return err
		}
	}
}

// empty answers store.ErrNotEmpty unless the store is as new.
func (x *restore) empty(ctx context.Context) error {
	for _, t := range tables {
		if t.Name == "store_identity" || t.Name == "row_seal" {
			continue
		}
		n, err := inspection{x.tx.Tx, x.tx.seals}.Rows(ctx, t.Name)
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%w: table %s has %d rows", store.ErrNotEmpty, t.Name, n)
		}
	}
	return nil
}

func (x *restore) frame(ctx context.Context, kind byte, content []byte) error {
	switch kind {
	case frameHead:
		return x.head(content)
	case frameTable:
		return x.begin(ctx, content)
	case framePayload:
		return x.payload(ctx, content)
	case frameRow, frameRemove, frameMissing:
		if x.table == nil {
			return fmt.Errorf("%w: a row without a table", store.ErrSnapshot)
		}
	}
	switch kind {
	case frameRow:
		return x.row(ctx, content)
	case frameRemove:
		return x.remove(ctx, content)
	case frameMissing:
		return x.seal(ctx, content, make([]byte, 32))
	}
	return fmt.Errorf("%w: a frame %q", store.ErrSnapshot, kind)
}

func (x *restore) head(content []byte) error {
	var h snapshotHead
	if err := strict(content, &h); err != nil {
		return err
	}
	x.said.Created, x.said.World.Chaincode, x.said.World.Height = h.Created, h.Chaincode, h.Height
	copy(x.said.World.Hash[:], h.Hash)
	return nil
}

// strict reads the JSON of a snapshot.
func strict(content []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", store.ErrSnapshot, err)
	}
	return nil
}

// begin prepares for the rows of a table.
func (x *restore) begin(ctx context.Context, content []byte) error {
	var shape snapshotTable
	if err := strict(content, &shape); err != nil {
		return err
	}
	t, err := tableOf(shape.Name)
	if err != nil || notDumped[shape.Name] {
		return fmt.Errorf("%w: it has a table %q, which this program does not know", store.ErrNewer, shape.Name)
	}
	seen := map[string]bool{}
	for _, column := range shape.Columns {
		if !slices.Contains(t.Columns, column) || seen[column] {
			return fmt.Errorf("%w: table %s of it has a column %q, which this program does not know", store.ErrNewer, t.Name, column)
		}
		seen[column] = true
	}
	x.table, x.shape = t, shape
	insert, err := x.tx.PrepareContext(ctx, "INSERT INTO "+t.Name+" ("+strings.Join(shape.Columns, ", ")+
		") VALUES ("+placeholders(len(shape.Columns))+")")
	if err != nil {
		return err
	}
	x.use(insert)
	return nil
}

// use takes another statement for the rows that come.
func (x *restore) use(insert *sql.Stmt) {
	if x.insert != nil {
		_ = x.insert.Close() // the transaction's end closes it too
	}
	x.insert = insert
}

func (x *restore) row(ctx context.Context, content []byte) error {
	if len(content) == 0 {
		return fmt.Errorf("%w: a row is empty", store.ErrSnapshot)
	}
	verdict := store.SealVerdict(content[0])
	all, err := values(content[1:], len(x.shape.Columns))
	if err != nil {
		return err
	}
	if _, err := x.insert.ExecContext(ctx, all...); err != nil {
		if x.db.engine.Duplicate(err) {
			return fmt.Errorf("%w: table %s has a row twice", store.ErrSnapshot, x.table.Name)
		}
		return fmt.Errorf("table %s: %w", x.table.Name, err)
	}
	x.said.Rows[x.table.Name]++
	row := &store.Row{Table: &store.Table{Name: x.table.Name, Key: x.table.Key, Columns: x.shape.Columns}, Values: all}
	switch verdict {
	case store.Intact:
		return x.seal(ctx, sealKey(row.Key()[0]), x.tx.seals.mac(row))
	case store.Altered:
		return x.seal(ctx, sealKey(row.Key()[0]), make([]byte, 32))
	}
	return nil
}

// seal writes the seal of a row of this table.
func (x *restore) seal(ctx context.Context, key, mac []byte) error {
	_, err := x.tx.ExecContext(ctx, upsertSeal, x.table.Name, key, mac)
	return err
}

// remove takes a row out that came before, for one that follows.
func (x *restore) remove(ctx context.Context, content []byte) error {
	key, err := values(content, 1)
	if err != nil {
		return err
	}
	if len(x.table.Key) != 1 || !x.shape.Again {
		return fmt.Errorf("%w: a row of %s cannot be taken out", store.ErrSnapshot, x.table.Name)
	}
	done, err := x.tx.ExecContext(ctx, "DELETE FROM "+x.table.Name+" WHERE "+x.table.Key[0]+" = $1", key[0])
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err != nil {
		return err
	}
	x.said.Rows[x.table.Name] -= uint64(n)
	_, err = x.tx.ExecContext(ctx, `DELETE FROM row_seal WHERE table_name = $1 AND row_key = $2`, x.table.Name, sealKey(key[0]))
	return err
}

// payload reads a payload into its file.
func (x *restore) payload(ctx context.Context, id []byte) error {
	if len(id) != idSize {
		return fmt.Errorf("%w: a payload's id has %d bytes", store.ErrSnapshot, len(id))
	}
	if err := x.db.folder.prepare(); err != nil {
		return err
	}
	f, err := atomicfile.Create(x.db.folder.file(id), 0o600)
	if err != nil {
		return full(err)
	}
	defer f.Close()
	var size uint64
	for {
		kind, content, err := x.in.next()
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		switch kind {
		case frameContent:
			if _, err := f.Write(content); err != nil {
				return full(err)
			}
			size += uint64(len(content))
		case frameVoid:
			return nil
		case frameDone:
			return x.keep(ctx, f, id, size)
		default:
			return fmt.Errorf("%w: a frame %q in a payload", store.ErrSnapshot, kind)
		}
	}
}

// keep gives a payload's file its name, and the database its row.
func (x *restore) keep(ctx context.Context, f *atomicfile.File, id []byte, size uint64) error {
	if err := f.Commit(); err != nil {
		return full(err)
	}
	x.named = append(x.named, id)
	x.said.Payloads++
	x.said.Bytes += size
	_, err := x.tx.ExecContext(ctx, `INSERT INTO payload_file (payload_id) VALUES ($1)`, id)
	return x.tx.sealed(ctx, err, "payload_file", id)
}

// trailer compares what came with what the snapshot says of itself.
func (x *restore) trailer(content []byte) error {
	var t snapshotTrailer
	if err := strict(content, &t); err != nil {
		return err
	}
	maps.DeleteFunc(t.Rows, func(_ string, n uint64) bool { return n == 0 })
	maps.DeleteFunc(x.said.Rows, func(_ string, n uint64) bool { return n == 0 })
	if !maps.Equal(t.Rows, x.said.Rows) || t.Payloads != x.said.Payloads || t.Bytes != x.said.Bytes {
		return fmt.Errorf("%w: it does not hold what it says", store.ErrSnapshot)
	}
	x.said.Lost = t.Lost
	var err error
	x.said.Digest, err = x.in.end()
	return err
}
