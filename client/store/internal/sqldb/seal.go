package sqldb

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/claimshare/claimshare/client/store"
)

// sealed are the tables whose rows have seals. The world state is not among
// them, because the ledger's blocks prove it, nor are the contents of payloads,
// because the digest in their row does.
var sealed = map[string]bool{
	"record": true, "journal": true, "token": true, "received": true, "value": true, "proposal": true,
	"invitation": true, "evidence": true, "payload_file": true, "store_identity": true,
}

// sealTag begins what is sealed, so that it can be mistaken for nothing else.
const sealTag = "claimshare/row-seal/v1"

// sealer makes seals: HMAC-SHA-256 under its key, or SHA-256 without one, over
// the table's name and every column that is not empty or zero, with its name.
// So a column that a later release adds, empty, leaves the seals as they are.
type sealer struct{ key []byte }

func (s sealer) mac(row *store.Row) []byte {
	sum := sha256.New()
	if len(s.key) > 0 {
		sum = hmac.New(sha256.New, s.key)
	}
	part(sum, 't', []byte(sealTag))
	part(sum, 't', []byte(row.Table.Name))
	for i, column := range row.Table.Columns {
		kind, content := canonical(row.Values[i])
		if kind == 0 {
			continue
		}
		part(sum, 'c', []byte(column))
		part(sum, kind, content)
	}
	return sum.Sum(nil)
}

// part adds a part to what is summed, with its kind and length in front.
func part(sum hash.Hash, kind byte, content []byte) {
	var head [9]byte
	head[0] = kind
	binary.BigEndian.PutUint64(head[1:], uint64(len(content)))
	sum.Write(head[:])
	sum.Write(content)
}

// canonical is a column's content and of what kind it is: byte string, text or
// number; 0 if it is empty or zero.
func canonical(value any) (kind byte, content []byte) {
	switch v := value.(type) {
	case []byte:
		kind, content = 'b', v
	case string:
		kind, content = 's', []byte(v)
	case int64:
		if v != 0 {
			kind, content = 'i', binary.BigEndian.AppendUint64(nil, uint64(v))
		}
	default: // the schema has nothing else; by hand anything is possible
		kind, content = '?', fmt.Append(nil, value)
	}
	if len(content) == 0 {
		kind = 0
	}
	return kind, content
}

// sealKey is a row's key as its seal has it.
func sealKey(key any) []byte {
	switch k := key.(type) {
	case []byte:
		return k
	case string:
		return []byte(k)
	default:
		return fmt.Append(nil, k)
	}
}

// selectRow and upsertSeal are the statements of sealing, for each table.
var selectRow = func() map[string]string {
	queries := map[string]string{}
	for name := range sealed {
		t, err := tableOf(name)
		if err != nil {
			panic(err) // the two lists are beside each other
		}
		queries[name] = "SELECT " + strings.Join(t.Columns, ", ") + " FROM " + name + " WHERE " + t.Key[0] + " = $1"
	}
	return queries
}()

const upsertSeal = `INSERT INTO row_seal (table_name, row_key, mac) VALUES ($1, $2, $3)
	ON CONFLICT (table_name, row_key) DO UPDATE SET mac = excluded.mac`

// sealingVersion is the step of the schema that seals what former releases wrote.
const sealingVersion = 7

// sealing is that step. It believes the rows that it finds. It reads the columns
// of the newest schema: a step that adds one comes before it, with its number
// moved behind.
func (db *DB) sealing() *goose.Migration {
	up := func(ctx context.Context, tx *sql.Tx) error {
		for _, t := range tables {
			if !sealed[t.Name] {
				continue
			}
			if err := sealTable(ctx, newTxn(tx, db.seals), t); err != nil {
				return fmt.Errorf("sealing table %s: %w", t.Name, err)
			}
		}
		return nil
	}
	down := func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM row_seal`)
		return err
	}
	return goose.NewGoMigration(sealingVersion, &goose.GoFunc{RunTx: up}, &goose.GoFunc{RunTx: down})
}

// sealTable seals every row of a table, a page at a time.
func sealTable(ctx context.Context, tx txn, t *store.Table) error {
	var after []any
	for {
		page, err := inspection{tx.Tx, tx.seals}.Page(ctx, t.Name, after, 500)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if err := tx.seal(ctx, &page[i], page[i].Key()[0]); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Key()
	}
}

// row reads a row as the seal sees it: sql.ErrNoRows.
func (tx txn) row(ctx context.Context, table string, key any) (*store.Row, error) {
	t, err := tableOf(table)
	if err != nil {
		return nil, err
	}
	return scanRow(t, tx.QueryRowContext(ctx, selectRow[table], key))
}

// sealed seals a row that err says was inserted, and answers err otherwise.
func (tx txn) sealed(ctx context.Context, err error, table string, key any) error {
	if err != nil {
		return err
	}
	row, err := tx.row(ctx, table, key)
	if err != nil {
		return err
	}
	return tx.seal(ctx, row, key)
}

func (tx txn) seal(ctx context.Context, row *store.Row, key any) error {
	_, err := tx.ExecContext(ctx, upsertSeal, row.Table.Name, sealKey(key), tx.seals.mac(row))
	return err
}

// touch changes a row with f and seals it anew: or removes its seal when f has
// removed the row. A row whose seal was wrong before keeps the wrong one, and
// one that was missing stays missed: what was altered by hand is not made good
// by touching it.
func (tx txn) touch(ctx context.Context, table string, key any, f func() error) error {
	intact, err := tx.intact(ctx, table, key)
	if err != nil {
		return err
	}
	if err := f(); err != nil || !intact {
		return err
	}
	row, err := tx.row(ctx, table, key)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = tx.ExecContext(ctx, `DELETE FROM row_seal WHERE table_name = $1 AND row_key = $2`, table, sealKey(key))
		return err
	}
	if err != nil {
		return err
	}
	return tx.seal(ctx, row, key)
}

// intact says that a row and its seal fit, or that there is neither.
func (tx txn) intact(ctx context.Context, table string, key any) (bool, error) {
	var mac []byte
	err := tx.QueryRowContext(ctx, `SELECT mac FROM row_seal WHERE table_name = $1 AND row_key = $2`, table, sealKey(key)).Scan(&mac)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	row, err := tx.row(ctx, table, key)
	if errors.Is(err, sql.ErrNoRows) {
		return mac == nil, nil
	}
	if err != nil {
		return false, err
	}
	return hmac.Equal(mac, tx.seals.mac(row)), nil
}

// Verdict implements store.Inspection.
func (in inspection) Verdict(ctx context.Context, row *store.Row) (store.SealVerdict, error) {
	if !sealed[row.Table.Name] {
		return store.Unsealed, nil
	}
	var mac []byte
	err := in.tx.QueryRowContext(ctx, `SELECT mac FROM row_seal WHERE table_name = $1 AND row_key = $2`,
		row.Table.Name, sealKey(row.Key()[0])).Scan(&mac)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.Added, nil
	case err != nil:
		return 0, err
	case !hmac.Equal(mac, in.seals.mac(row)):
		return store.Altered, nil
	}
	return store.Intact, nil
}

// Orphan implements store.Inspection.
func (in inspection) Orphan(ctx context.Context, seal *store.Row) (bool, error) {
	name, key := seal.Text("table_name"), seal.Bytes("row_key")
	if seal.Table.Name != "row_seal" {
		return false, fmt.Errorf("table %s holds no seals", seal.Table.Name)
	}
	if !sealed[name] {
		return true, nil
	}
	args := []any{key}
	switch name {
	case "value", "journal":
		args[0] = string(key)
	case "store_identity":
		n, err := strconv.ParseInt(string(key), 10, 64)
		if err != nil {
			return true, nil // not one of ours
		}
		args[0] = n
	}
	_, err := in.Row(ctx, name, args...)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return false, err
}
