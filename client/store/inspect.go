package store

import (
	"context"
	"fmt"
	"slices"
)

// Table is a table of the database, as an inspection sees it.
type Table struct {
	Name    string
	Key     []string // the columns of its key, in their order
	Columns []string // all, those of the key too
}

// Row is one row of a table: []byte, string or int64 for every column.
type Row struct {
	Table  *Table
	Values []any // in the order of the table's columns
}

// Value is what stands in a column; nil when the table has no such column.
func (r *Row) Value(column string) any {
	if i := slices.Index(r.Table.Columns, column); i >= 0 {
		return r.Values[i]
	}
	return nil
}

// Bytes is what stands in a column of byte strings; nil if it is something else.
func (r *Row) Bytes(column string) []byte {
	b, _ := r.Value(column).([]byte)
	return b
}

// Text is what stands in a column of texts; "" if it is something else.
func (r *Row) Text(column string) string {
	s, _ := r.Value(column).(string)
	return s
}

// Int is what stands in a column of numbers; 0 if it is something else.
func (r *Row) Int(column string) int64 {
	n, _ := r.Value(column).(int64)
	return n
}

// Key is the values of the key's columns.
func (r *Row) Key() []any {
	key := make([]any, len(r.Table.Key))
	for i, column := range r.Table.Key {
		key[i] = r.Value(column)
	}
	return key
}

// Inspector shows a database as it is, row by row: to compare it with something
// else. Every Store of this module is one.
type Inspector interface {
	// Inspect calls f with the rows as of one moment. On SQLite nothing that was
	// deleted can be scrubbed from the log meanwhile: do not linger.
	Inspect(ctx context.Context, f func(Inspection) error) error
}

// Inspection is the rows of a database as of one moment, for one goroutine.
// Nothing in it is interpreted: what stands in a column may be of any of the
// three types, whatever the schema says.
type Inspection interface {
	// Tables lists every table but the migration library's.
	Tables() []*Table
	// Page answers up to limit rows of a table, in the order of its key, whose
	// keys are greater than after; nil begins at the first.
	Page(ctx context.Context, table string, after []any, limit int) ([]Row, error)
	// Row answers the row with a key, or ErrNotFound.
	Row(ctx context.Context, table string, key ...any) (*Row, error)
	// Verdict answers what the seal of a row says, which must be one that Page
	// or Row has answered. Seals say nothing when the store was opened with
	// another key than it was written with: then every row looks altered.
	Verdict(ctx context.Context, row *Row) (SealVerdict, error)
	// Orphan says of a row of the table row_seal that the row which it seals is
	// not there: it was deleted by hand.
	Orphan(ctx context.Context, seal *Row) (bool, error)
	// Rows answers how many rows a table has.
	Rows(ctx context.Context, table string) (uint64, error)
}

// KeyText is a key as people read it: byte strings in hexadecimal, and parts
// with a slash between them.
func KeyText(key []any) string {
	text := ""
	for i, part := range key {
		if i > 0 {
			text += "/"
		}
		if b, ok := part.([]byte); ok {
			text += fmt.Sprintf("%x", b)
		} else {
			text += fmt.Sprint(part)
		}
	}
	return text
}
