package sqldb

import (
	"context"
	"fmt"
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

// PendingRecords implements store.Outbox.
func (db *DB) PendingRecords(ctx context.Context, limit int) ([]*store.Entry, error) {
	// The second condition repeats the partial index's, for SQLite's planner.
	return collect(each(ctx, db.read, scanEntry, `SELECT `+entryColumns+` FROM record
		WHERE state = 0 AND state < 2 AND erased_at = 0 ORDER BY created_at, record_id LIMIT $1`, limit))
}

// MarkSubmitted implements store.Outbox.
func (db *DB) MarkSubmitted(ctx context.Context, s store.Submission) error {
	to := change{state: store.Submitted, submission: s.Reference}
	return db.move(ctx, to, s.Records, store.Pending, store.Submitted)
}

// Submissions implements store.Outbox.
func (db *DB) Submissions(ctx context.Context) ([]store.Submission, error) {
	var out []store.Submission
	for r, err := range each(ctx, db.read, func(row scanner) (s store.Submission, err error) {
		s.Records = make([]record.RecordID, 1)
		err = row.Scan(&s.Reference, fixed(s.Records[0][:]))
		return s, err
	}, `SELECT submission, record_id FROM record WHERE state = 1 AND state < 2 ORDER BY submission, record_id`) {
		if err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && out[n-1].Reference == r.Reference {
			out[n-1].Records = append(out[n-1].Records, r.Records...)
			continue
		}
		out = append(out, r)
	}
	return out, nil
}

// MarkRecorded implements store.Outbox.
func (db *DB) MarkRecorded(ctx context.Context, txID string, block uint64, ids ...record.RecordID) error {
	return db.update(ctx, func(tx txn) error { return markRecorded(ctx, tx, txID, block, ids) })
}

func markRecorded(ctx context.Context, tx txn, txID string, block uint64, ids []record.RecordID) error {
	for _, id := range ids {
		// What the ledger has is recorded, whatever was thought of it here; a
		// second event about it changes nothing. The earliest transaction is the
		// one that recorded it: one that was submitted again was told so, and may
		// have been noted before the listener came to the first.
		err := tx.touch(ctx, "record", id[:], func() error {
			_, err := tx.ExecContext(ctx, `UPDATE record SET state = 2, reason = '', tx_id = $1, block = $2,
				updated_at = $3 WHERE record_id = $4 AND (state <> 2 OR block > $2)`, txID, int64(block), now(), id[:])
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// MarkRefused implements store.Outbox.
func (db *DB) MarkRefused(ctx context.Context, txID, reason string, ids ...record.RecordID) error {
	return db.update(ctx, func(tx txn) error { return markRefused(ctx, tx, txID, reason, ids) })
}

func markRefused(ctx context.Context, tx txn, txID, reason string, ids []record.RecordID) error {
	to := change{state: store.Refused, txID: txID, reason: freeText(reason)}
	return moveAll(ctx, tx, to, ids, store.Pending, store.Submitted, store.Refused)
}

// Requeue implements store.Outbox.
func (db *DB) Requeue(ctx context.Context, ids ...record.RecordID) error {
	return db.move(ctx, change{state: store.Pending}, ids, store.Pending, store.Submitted, store.Refused)
}

// change is what a move sets.
type change struct {
	state                    store.State
	submission, txID, reason string
}

// move changes all entries, provided that each is in one of the given states.
func (db *DB) move(ctx context.Context, to change, ids []record.RecordID, from ...store.State) error {
	return db.update(ctx, func(tx txn) error { return moveAll(ctx, tx, to, ids, from...) })
}

func moveAll(ctx context.Context, tx txn, to change, ids []record.RecordID, from ...store.State) error {
	for _, id := range ids {
		var (
			state  store.State
			at     int64
			reason string
		)
		err := tx.QueryRowContext(ctx, `SELECT state, erased_at, erased_reason FROM record WHERE record_id = $1`, id[:]).
			Scan(&state, &at, &reason)
		if err != nil {
			return absent(err, id)
		}
		if err := erased(id, at, reason); err != nil && to.state == store.Submitted {
			return err
		}
		if !slices.Contains(from, state) {
			return fmt.Errorf("record %s is %s: %w", id, state, store.ErrState)
		}
		err = tx.touch(ctx, "record", id[:], func() error {
			_, err := tx.ExecContext(ctx, `UPDATE record SET state = $1, submission = $2, reason = $3, tx_id = $4,
				updated_at = $5 WHERE record_id = $6`, int(to.state), to.submission, to.reason, to.txID, now(), id[:])
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
