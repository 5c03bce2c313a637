package sqldb

import (
	"context"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
)

// Journal implements store.Store.
func (db *DB) Journal() ledger.Journal { return journal{db} }

type journal struct{ *DB }

// Save implements ledger.Journal.
func (j journal) Save(ctx context.Context, e ledger.Entry) error {
	return j.run(ctx, func(ctx context.Context, tx txn) error { return saveEntry(ctx, tx, e) })
}

// Delete implements ledger.Journal.
func (j journal) Delete(ctx context.Context, txID string) error {
	return j.run(ctx, func(ctx context.Context, tx txn) error { return deleteEntry(ctx, tx, txID) })
}

func saveEntry(ctx context.Context, tx txn, e ledger.Entry) error {
	values := []any{e.TxID, e.Channel, e.Contract, e.Transaction, e.Reference, notNull(e.Envelope), e.Saved.UnixMicro()}
	var taken int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM journal WHERE tx_id = $1`, e.TxID).Scan(&taken); err != nil {
		return err
	}
	if taken == 0 {
		return tx.insert(ctx, "journal", values)
	}
	return tx.touch(ctx, "journal", e.TxID, func() error {
		_, err := tx.ExecContext(ctx, `UPDATE journal SET channel = $2, contract = $3, transaction_name = $4,
			reference = $5, envelope = $6, saved_at = $7 WHERE tx_id = $1`, values...)
		return err
	})
}

func deleteEntry(ctx context.Context, tx txn, txID string) error {
	return tx.touch(ctx, "journal", txID, func() error {
		_, err := tx.ExecContext(ctx, `DELETE FROM journal WHERE tx_id = $1`, txID)
		return err
	})
}

// Pending implements ledger.Journal.
func (j journal) Pending(ctx context.Context) ([]ledger.Entry, error) {
	return collect(each(ctx, j.read, func(row scanner) (e ledger.Entry, err error) {
		var saved int64
		err = row.Scan(&e.TxID, &e.Channel, &e.Contract, &e.Transaction, &e.Reference, &e.Envelope, &saved)
		e.Saved = time.UnixMicro(saved).UTC()
		return e, err
	}, `SELECT tx_id, channel, contract, transaction_name, reference, envelope, saved_at FROM journal
		ORDER BY saved_at, tx_id`))
}
