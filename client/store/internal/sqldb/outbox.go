package sqldb

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

// PendingRecords implements store.Outbox.
func (db *DB) PendingRecords(ctx context.Context, limit int) ([]*store.Entry, error) {
	// The second condition repeats the partial index's, for SQLite's planner.
	return collect(each(ctx, db.read, scanEntry, `SELECT `+entryColumns+` FROM record
		WHERE state = 0 AND state < 2 ORDER BY created_at, record_id LIMIT $1`, limit))
}

// MarkSubmitted implements store.Outbox.
func (db *DB) MarkSubmitted(ctx context.Context, s store.Submission) error {
	return db.update(ctx, func(tx *sql.Tx) error {
		for _, id := range s.Records {
			if err := move(ctx, tx, id, store.Submitted, "", s.TxID, 0, store.Pending, store.Submitted); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO submission (tx_id, envelope, created_at) VALUES ($1, $2, $3)
			ON CONFLICT (tx_id) DO UPDATE SET envelope = excluded.envelope`, s.TxID, notNull(s.Envelope), now())
		if err != nil {
			return err
		}
		return settle(ctx, tx)
	})
}

// Submissions implements store.Outbox.
func (db *DB) Submissions(ctx context.Context) ([]store.Submission, error) {
	type row struct {
		store.Submission
		id record.RecordID
	}
	rows, err := collect(each(ctx, db.read, func(r scanner) (out row, err error) {
		err = r.Scan(&out.TxID, &out.Envelope, fixed(out.id[:]))
		return out, err
	}, `SELECT s.tx_id, s.envelope, r.record_id FROM submission s
		JOIN record r ON r.tx_id = s.tx_id AND r.state = 1 AND r.state < 2
		ORDER BY s.created_at, s.tx_id, r.record_id`))
	if err != nil {
		return nil, err
	}
	var out []store.Submission
	for _, r := range rows {
		if len(out) == 0 || out[len(out)-1].TxID != r.TxID {
			out = append(out, r.Submission)
		}
		last := &out[len(out)-1]
		last.Records = append(last.Records, r.id)
	}
	return out, nil
}

// MarkRecorded implements store.Outbox.
func (db *DB) MarkRecorded(ctx context.Context, txID string, block uint64, ids ...record.RecordID) error {
	return db.update(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			// What the ledger has is recorded, whatever was thought of it here;
			// a second event about it changes nothing.
			_, err := tx.ExecContext(ctx, `UPDATE record SET state = 2, reason = '', tx_id = $1, block = $2,
				updated_at = $3 WHERE record_id = $4 AND state <> 2`, txID, int64(block), now(), id[:])
			if err != nil {
				return err
			}
		}
		return settle(ctx, tx)
	})
}

// MarkRefused implements store.Outbox.
func (db *DB) MarkRefused(ctx context.Context, txID, reason string, ids ...record.RecordID) error {
	return db.update(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			err := move(ctx, tx, id, store.Refused, reason, txID, 0, store.Pending, store.Submitted, store.Refused)
			if err != nil {
				return err
			}
		}
		return settle(ctx, tx)
	})
}

// Requeue implements store.Outbox.
func (db *DB) Requeue(ctx context.Context, ids ...record.RecordID) error {
	return db.update(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			err := move(ctx, tx, id, store.Pending, "", "", 0, store.Pending, store.Submitted, store.Refused)
			if err != nil {
				return err
			}
		}
		return settle(ctx, tx)
	})
}

// move changes an entry's state when it is in one of the given ones.
func move(ctx context.Context, tx *sql.Tx, id record.RecordID, to store.State, reason, txID string, block uint64,
	from ...store.State) error {
	var state store.State
	err := tx.QueryRowContext(ctx, `SELECT state FROM record WHERE record_id = $1`, id[:]).Scan(&state)
	if err != nil {
		return absent(err, id)
	}
	for _, s := range from {
		if s != state {
			continue
		}
		_, err := tx.ExecContext(ctx, `UPDATE record SET state = $1, reason = $2, tx_id = $3, block = $4,
			updated_at = $5 WHERE record_id = $6`, int(to), reason, txID, int64(block), now(), id[:])
		return err
	}
	return fmt.Errorf("record %s is %s: %w", id, state, store.ErrState)
}

// settle forgets the transactions that no entry waits for any more.
func settle(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM submission WHERE NOT EXISTS
		(SELECT 1 FROM record r WHERE r.tx_id = submission.tx_id AND r.state = 1 AND r.state < 2)`)
	return err
}
