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
	return j.touched(ctx, "journal", e.TxID, `INSERT INTO journal
		(tx_id, channel, contract, transaction_name, reference, envelope, saved_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tx_id) DO UPDATE SET channel = excluded.channel, contract = excluded.contract,
		transaction_name = excluded.transaction_name, reference = excluded.reference,
		envelope = excluded.envelope, saved_at = excluded.saved_at`,
		e.TxID, e.Channel, e.Contract, e.Transaction, e.Reference, notNull(e.Envelope), e.Saved.UnixMicro())
}

// Delete implements ledger.Journal.
func (j journal) Delete(ctx context.Context, txID string) error {
	return j.touched(ctx, "journal", txID, `DELETE FROM journal WHERE tx_id = $1`, txID)
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
