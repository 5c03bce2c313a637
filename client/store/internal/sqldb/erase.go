package sqldb

import (
	"context"
	"errors"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

// erased is store.ErrErased with when and why; nil when at says never.
func erased(id record.RecordID, at int64, reason string) error {
	if at == 0 {
		return nil
	}
	return fmt.Errorf("record %s, on %s, %s: %w", id, fromMillis(at).Format("2006-01-02"), reason, store.ErrErased)
}

// ReplaceCapsule implements store.Records.
func (db *DB) ReplaceCapsule(ctx context.Context, id record.RecordID, capsule []byte) error {
	if len(capsule) == 0 {
		return errors.New("a record's capsule is replaced by another one, not by nothing")
	}
	return db.update(ctx, func(tx txn) error {
		if err := notErased(ctx, tx, id); err != nil {
			return err
		}
		return tx.touch(ctx, "record", id[:], func() error {
			_, err := tx.ExecContext(ctx, `UPDATE record SET capsule = $1, updated_at = $2 WHERE record_id = $3`,
				capsule, now(), id[:])
			return err
		})
	})
}

// notErased answers store.ErrNotFound or store.ErrErased unless the record is
// here and whole.
func notErased(ctx context.Context, q querier, id record.RecordID) error {
	var (
		at     int64
		reason string
	)
	err := q.QueryRowContext(ctx, `SELECT erased_at, erased_reason FROM record WHERE record_id = $1`, id[:]).Scan(&at, &reason)
	if err != nil {
		return absent(err, id)
	}
	return erased(id, at, reason)
}

// unlessErased answers err, or store.ErrErased when a record was erased while its
// payload was read: there may be zeros in what was.
func (db *DB) unlessErased(ctx context.Context, id record.RecordID, err error) error {
	gone := notErased(ctx, db.read, id)
	if gone != nil && (err == nil || errors.Is(gone, store.ErrErased)) {
		return gone
	}
	return err
}

// Erase implements store.Records.
func (db *DB) Erase(ctx context.Context, id record.RecordID, reason string) error {
	if reason == "" {
		return errors.New("a record is erased with a reason")
	}
	var payloadID []byte
	err := db.update(ctx, func(tx txn) (err error) {
		payloadID, err = eraseRow(ctx, tx, id, freeText(reason))
		return err
	})
	if err != nil {
		return err
	}
	reach("payload forgotten")
	if err := db.folder.destroy(payloadID); err != nil {
		return fmt.Errorf("record %s is erased, but not its payload's file; erase it again: %w", id, err)
	}
	if err := db.engine.Scrub(ctx); err != nil {
		return fmt.Errorf("record %s is deleted, but old pages may still hold it; erase it again: %w", id, err)
	}
	return nil
}

// Scrub removes what was deleted from where the database keeps old content: after a
// deletion that was interrupted. The error says what was in the way.
func (db *DB) Scrub(ctx context.Context) error { return db.engine.name(db.engine.Scrub(ctx)) }

// eraseRow takes payload and capsule away, and answers which payload. The first
// reason stays.
func eraseRow(ctx context.Context, tx txn, id record.RecordID, reason string) (payloadID []byte, err error) {
	var at int64
	err = tx.QueryRowContext(ctx, `SELECT payload_id, erased_at FROM record WHERE record_id = $1`, id[:]).Scan(&payloadID, &at)
	if err != nil {
		return nil, absent(err, id)
	}
	if at != 0 {
		return payloadID, nil
	}
	if err := discard(ctx, tx, payloadID); err != nil {
		return nil, err
	}
	return payloadID, tx.touch(ctx, "record", id[:], func() error {
		_, err := tx.ExecContext(ctx, `UPDATE record SET capsule = $1, erased_at = $2, erased_reason = $3, updated_at = $2
			WHERE record_id = $4`, []byte{}, now(), reason, id[:])
		return err
	})
}
