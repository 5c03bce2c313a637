package audit

import (
	"context"
	"unicode/utf8"

	"github.com/claimshare/claimshare/client/store"
)

// sealed compares a row with its seal.
func (m *moment) sealed(ctx context.Context, row *store.Row) error {
	verdict, err := m.Verdict(ctx, row)
	switch {
	case err != nil:
		return err
	case verdict == store.Added:
		m.wrong(row, Extra, "", doExtra, "it has no seal: it was not written by this program, or its seal was taken away")
	case verdict == store.Altered:
		m.wrong(row, Altered, "", doRestore, "its seal does not fit: somebody else than this program has altered it")
	}
	return nil
}

// seals makes sure that the rows are here that were sealed.
func (r *run) seals(ctx context.Context) error {
	return r.pages(ctx, sealTable, pageSize, func(m *moment, page []store.Row) error {
		for i := range page {
			lost, err := m.Orphan(ctx, &page[i])
			if err != nil {
				return err
			}
			if lost {
				m.gone(page[i].Text("table_name"), key{keyOf(page[i].Text("table_name"), page[i].Bytes("row_key"))}, doLost,
					"it has a seal: it was here, and somebody else than this program has deleted it")
			}
		}
		return nil
	})
}

// keyOf is a row's key as its seal names it.
func keyOf(table string, k []byte) any {
	switch table {
	case "value", "journal", "store_identity":
		if utf8.Valid(k) {
			return string(k)
		}
	}
	return k
}
