package audit

import (
	"bytes"
	"cmp"
	"context"

	"github.com/claimshare/claimshare/client/store"
)

// world compares the copy of the ledger's state that the database has, in the
// order of keys on both sides.
func (r *run) world(ctx context.Context) error {
	for _, table := range []string{"world_block", "world_transaction", "world_state"} {
		m := merge{run: r, table: table}
		for !m.done {
			if err := r.moment(ctx, func(here *moment) error {
				return r.copy.inspect(ctx, func(there store.Inspection) error { return m.page(ctx, here, there) })
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// merge goes through a table on both sides.
type merge struct {
	*run
	table string
	after key
	total uint64
	done  bool
}

// worldPage is larger than other pages: these rows are cheap to compare.
const worldPage = 2000

func (m *merge) page(ctx context.Context, here, there store.Inspection) error {
	if m.after == nil {
		var err error
		if m.total, err = here.Rows(ctx, m.table); err != nil {
			return err
		}
	}
	ours, err := here.Page(ctx, m.table, m.after, worldPage)
	if err != nil {
		return err
	}
	theirs, err := there.Page(ctx, m.table, m.after, worldPage)
	if err != nil {
		return err
	}
	// Behind the end of a full page there is more to come on that side.
	var end key
	for _, page := range [][]store.Row{ours, theirs} {
		if len(page) == worldPage {
			if last := page[len(page)-1].Key(); end == nil || compareKeys(last, end) < 0 {
				end = last
			}
		}
	}
	m.compare(until(ours, end), until(theirs, end))
	m.after, m.done = end, end == nil
	m.progress(m.table, m.report.Rows[m.table], m.total)
	return nil
}

// until is the rows whose keys are not above end; all when it is nil.
func until(rows []store.Row, end key) []store.Row {
	for end != nil && len(rows) > 0 && compareKeys(rows[len(rows)-1].Key(), end) > 0 {
		rows = rows[:len(rows)-1]
	}
	return rows
}

func (m *merge) compare(ours, theirs []store.Row) {
	m.report.Rows[m.table] += uint64(len(ours))
	for len(ours) > 0 || len(theirs) > 0 {
		var order int
		switch {
		case len(theirs) == 0:
			order = -1
		case len(ours) == 0:
			order = 1
		default:
			order = compareKeys(ours[0].Key(), theirs[0].Key())
		}
		if order < 0 {
			m.wrong(&ours[0], Extra, "", doWorld, "the ledger does not have it")
		}
		if order > 0 {
			m.gone(m.table, theirs[0].Key(), doWorld, "the ledger has it")
		}
		if order == 0 {
			m.columns(&ours[0], &theirs[0])
		}
		if order <= 0 {
			ours = ours[1:]
		}
		if order >= 0 {
			theirs = theirs[1:]
		}
	}
}

func (m *merge) columns(ours, theirs *store.Row) {
	for i, column := range ours.Table.Columns {
		if !same(ours.Values[i], theirs.Values[i]) {
			m.wrong(ours, Altered, column, doWorld, "%s", differs("the ledger", ours.Values[i], theirs.Values[i]))
		}
	}
}

// compareKeys orders keys as the databases do: numbers by size, byte strings by
// their bytes. What is of another type than it should be comes last.
func compareKeys(a, b key) int {
	for i := range a {
		if c := comparePart(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}

func comparePart(a, b any) int {
	switch a := a.(type) {
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
	case []byte:
		if b, ok := b.([]byte); ok {
			return bytes.Compare(a, b)
		}
	case string:
		if b, ok := b.(string); ok {
			return cmp.Compare(a, b)
		}
	}
	return cmp.Compare(rank(a), rank(b))
}

// rank is SQLite's order of types.
func rank(v any) int {
	switch v.(type) {
	case int64, float64:
		return 1
	case string:
		return 2
	}
	return 3
}
