package audit

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/claimshare/claimshare/client/store"
)

// sealTable holds the seals of other tables' rows.
const sealTable = "row_seal"

// checker compares a page of a table's rows with the ledger, as of one moment.
type checker func(m *moment, ctx context.Context, rows []store.Row) error

// checkers are the tables that the ledger knows something of.
var checkers = map[string]checker{
	"record":   (*moment).records,
	"proposal": (*moment).proposals,
	"received": (*moment).received,
	"token":    (*moment).tokens,
	"evidence": (*moment).evidence,
}

// tables goes through all tables but those of the ledger's copy and of payloads.
// An accepted proposal becomes a record: those come first, so that none is
// missed on its way.
func (r *run) tables(ctx context.Context) error {
	names := []string{"proposal", "record", "received"}
	err := r.Store.Inspect(ctx, func(in store.Inspection) error {
		for _, t := range in.Tables() {
			if !strings.HasPrefix(t.Name, "world_") && t.Name != sealTable && t.Name != chunkTable && !slices.Contains(names, t.Name) {
				names = append(names, t.Name)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		err := r.pages(ctx, name, pageSize, func(m *moment, page []store.Row) error { return m.look(ctx, name, page) })
		if err != nil {
			return err
		}
	}
	return nil
}

// pages goes through a table, page by page, each as of one moment; then is done
// after each, and the moment over.
func (r *run) pages(ctx context.Context, table string, size int, look func(*moment, []store.Row) error, then ...func() error) error {
	var after key
	var total uint64
	r.report.Rows[table] = 0
	for more := true; more; {
		err := r.moment(ctx, func(m *moment) error {
			page, err := m.Page(ctx, table, after, size)
			if err != nil {
				return err
			}
			if after == nil {
				if total, err = m.Rows(ctx, table); err != nil {
					return err
				}
			}
			if more = len(page) == size; len(page) > 0 {
				after = page[len(page)-1].Key()
			}
			r.report.Rows[table] += uint64(len(page))
			return look(m, page)
		})
		for i := 0; err == nil && i < len(then); i++ {
			err = then[i]()
		}
		if err != nil {
			return err
		}
		r.progress(table, r.report.Rows[table], total)
	}
	return nil
}

// look compares rows with the ledger and with their seals. A row of which a
// column is known to be wrong is not named once more for its seal.
func (m *moment) look(ctx context.Context, name string, rows []store.Row) error {
	m.named = map[string]bool{}
	if check := checkers[name]; check != nil && len(rows) > 0 {
		if err := check(m, ctx, rows); err != nil {
			return err
		}
	}
	for i := range rows {
		if _, key := at(&rows[i]); !m.named[key] {
			if err := m.sealed(ctx, &rows[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// onceMore looks again at what was on its way, until it has arrived or took too
// long: then it is a finding.
func (r *run) onceMore(ctx context.Context) error {
	deadline := time.Now().Add(r.Patience)
	for len(r.again) > 0 {
		r.patient = time.Now().Before(deadline)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(glance, r.Patience)):
		}
		waiting := r.again
		r.again = map[string][]key{}
		for name, keys := range waiting {
			for _, k := range keys {
				if err := r.lookAgain(ctx, name, k); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *run) lookAgain(ctx context.Context, name string, k key) error {
	return r.moment(ctx, func(m *moment) error {
		row, err := m.Row(ctx, name, k...)
		if errors.Is(err, store.ErrNotFound) {
			return m.absent(ctx, name, k)
		}
		if err != nil {
			return err
		}
		return m.look(ctx, name, []store.Row{*row})
	})
}
