package sqldb

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/claimshare/claimshare/client/store"
)

// notDumped are tables that a restored store makes anew.
var notDumped = map[string]bool{"row_seal": true, "store_identity": true, "payload_file": true}

// dumped is a payload that is a file, and the row that names it.
type dumped struct {
	id     []byte
	table  string
	key    any
	digest []byte
}

// dump is a snapshot being written.
type dump struct {
	db    *DB
	out   *frameWriter
	said  store.Snapshot
	owner map[string]dumped // rows with payloads above 256 KiB, by payload
	files [][]byte          // payloads that are files
}

// Dump implements store.Portable.
func (db *DB) Dump(ctx context.Context, w io.Writer) (store.Snapshot, error) {
	d := &dump{db: db, out: newFrameWriter(w), owner: map[string]dumped{},
		said: store.Snapshot{Created: time.Now().UTC(), Rows: map[string]uint64{}}}
	if err := db.Inspect(ctx, func(in store.Inspection) error { return d.rows(ctx, in.(inspection)) }); err != nil {
		return store.Snapshot{}, fmt.Errorf("taking a snapshot of the store: %w", db.engine.name(err))
	}
	for _, id := range d.files {
		if err := d.payload(ctx, id); err != nil {
			return store.Snapshot{}, fmt.Errorf("taking a snapshot of the store's payloads: %w", db.engine.name(err))
		}
	}
	err := d.out.json(frameTrailer, snapshotTrailer{d.said.Rows, d.said.Payloads, d.said.Bytes, d.said.Lost})
	if err == nil {
		d.said.Digest, err = d.out.end()
	}
	return d.said, err
}

func (d *dump) rows(ctx context.Context, in inspection) error {
	at, err := in.Row(ctx, "world_checkpoint", int64(1))
	if err == nil {
		d.said.World.Chaincode, d.said.World.Height = at.Text("chaincode"), uint64(at.Int("height"))
		copy(d.said.World.Hash[:], at.Bytes("hash"))
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if _, err := io.WriteString(d.out, snapshotLine); err != nil {
		return err
	}
	err = d.out.json(frameHead, snapshotHead{d.said.Created, d.said.World.Chaincode, d.said.World.Height, d.said.World.Hash[:]})
	if err != nil {
		return err
	}
	for _, t := range tables {
		if notDumped[t.Name] {
			continue
		}
		if err := d.table(ctx, in, t); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	return d.fileIDs(ctx, in)
}

// table writes a table's rows, and which were deleted by hand.
func (d *dump) table(ctx context.Context, in inspection, t *store.Table) error {
	if err := d.out.json(frameTable, snapshotTable{Name: t.Name, Columns: t.Columns}); err != nil {
		return err
	}
	limit := 500
	if t.Name == "payload_chunk" || t.Name == "world_state" {
		limit = 32 // large rows
	}
	seals, err := in.sealsOf(ctx, t.Name)
	if err != nil {
		return err
	}
	var after []any
	for {
		page, err := in.Page(ctx, t.Name, after, limit)
		if err != nil {
			return err
		}
		for i := range page {
			if err := d.row(&page[i], in.judge(seals, &page[i])); err != nil {
				return err
			}
		}
		if len(page) < limit {
			break
		}
		after = page[len(page)-1].Key()
	}
	for _, key := range slices.Sorted(maps.Keys(seals)) { // what was judged is gone
		if err := d.out.frame(frameMissing, []byte(key)); err != nil {
			return err
		}
	}
	return nil
}

// sealsOf reads the seals of a table's rows, by key: some 100 bytes each.
func (in inspection) sealsOf(ctx context.Context, table string) (map[string][]byte, error) {
	seals := map[string][]byte{}
	rows, err := in.tx.QueryContext(ctx, `SELECT row_key, mac FROM row_seal WHERE table_name = $1`, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var key, mac []byte
		if err := rows.Scan(&key, &mac); err != nil {
			return nil, err
		}
		seals[string(key)] = mac
	}
	return seals, rows.Err()
}

// judge answers a row's verdict and takes its seal out of seals.
func (in inspection) judge(seals map[string][]byte, row *store.Row) store.SealVerdict {
	if !sealed[row.Table.Name] {
		return store.Unsealed
	}
	key := string(sealKey(row.Key()[0]))
	mac, there := seals[key]
	delete(seals, key)
	switch {
	case !there:
		return store.Added
	case !hmac.Equal(mac, in.seals.mac(row)):
		return store.Altered
	}
	return store.Intact
}

func (d *dump) row(row *store.Row, verdict store.SealVerdict) (err error) {
	b := []byte{byte(verdict)}
	for i, column := range row.Table.Columns {
		if b, err = appendValue(b, row.Values[i]); err != nil {
			return fmt.Errorf("column %s of %s: %w", column, store.KeyText(row.Key()), err)
		}
	}
	d.said.Rows[row.Table.Name]++
	if row.Int("payload_size") > inRow {
		id := row.Bytes("payload_id")
		d.owner[string(id)] = dumped{id, row.Table.Name, row.Key()[0], row.Bytes("payload_digest")}
	}
	return d.out.frame(frameRow, b)
}

func (d *dump) fileIDs(ctx context.Context, in inspection) error {
	var after []any
	for {
		page, err := in.Page(ctx, "payload_file", after, 500)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			d.files = append(d.files, page[i].Bytes("payload_id"))
		}
		after = page[len(page)-1].Key()
	}
}

// payload writes a payload's file. Nobody alters one, but it may be erased at
// any moment, and overwritten while it is read.
func (d *dump) payload(ctx context.Context, id []byte) error {
	if err := d.out.frame(framePayload, id); err != nil {
		return err
	}
	sum := sha256.New()
	size, err := d.content(ctx, id, sum)
	absent := errors.Is(err, fs.ErrNotExist)
	if err != nil && !absent {
		return err
	}
	owner, named := d.owner[string(id)]
	if !absent && (!named || bytes.Equal(sum.Sum(nil), owner.digest)) {
		return d.done(size)
	}
	erased, err := d.erased(ctx, id)
	if err != nil {
		return err
	}
	if !absent && !erased { // it was damaged before: so be it, an audit finds it
		return d.done(size)
	}
	if err := d.out.frame(frameVoid, nil); err != nil {
		return err
	}
	if !erased {
		d.said.Lost++
		return nil
	}
	return d.again(ctx, owner)
}

func (d *dump) done(size int64) error {
	d.said.Payloads++
	d.said.Bytes += uint64(size)
	return d.out.frame(frameDone, nil)
}

// content writes the parts of a file, and to sum: fs.ErrNotExist.
func (d *dump) content(ctx context.Context, id []byte, sum io.Writer) (int64, error) {
	file, err := d.db.folder.open(id)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return copyParts(io.MultiWriter(sum, parts{d.out}), patient{ctx, file})
}

// parts writes every part as a frame.
type parts struct{ out *frameWriter }

// Write implements io.Writer.
func (p parts) Write(b []byte) (int, error) { return len(b), p.out.frame(frameContent, b) }

// erased says whether a payload that the snapshot has was erased since.
func (d *dump) erased(ctx context.Context, id []byte) (bool, error) {
	var n int
	err := d.db.read.QueryRowContext(ctx, `SELECT count(*) FROM payload_file WHERE payload_id = $1`, id).Scan(&n)
	return n == 0, err
}

// again writes the row of an erased payload as it is now. A proposal may have
// become a record before.
func (d *dump) again(ctx context.Context, owner dumped) error {
	return d.db.Inspect(ctx, func(i store.Inspection) error {
		in := i.(inspection)
		names := []string{owner.table}
		if owner.table == "proposal" {
			names = append(names, "record")
		}
		for _, name := range names {
			if err := d.rowAgain(ctx, in, name, owner); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *dump) rowAgain(ctx context.Context, in inspection, name string, owner dumped) error {
	t, err := tableOf(name)
	if err != nil {
		return err
	}
	if err := d.out.json(frameTable, snapshotTable{Name: name, Columns: t.Columns, Again: true}); err != nil {
		return err
	}
	b, err := appendValue(nil, owner.key)
	if err != nil {
		return err
	}
	if err := d.out.frame(frameRemove, b); err != nil {
		return err
	}
	if name == owner.table {
		d.said.Rows[name]--
	}
	row, err := in.Row(ctx, name, owner.key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	verdict, err := in.Verdict(ctx, row)
	if err != nil {
		return err
	}
	return d.row(row, verdict)
}
