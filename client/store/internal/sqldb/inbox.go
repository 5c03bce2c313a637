package sqldb

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

const receivedColumns = `release_id, consent_id, record_id, kind, label, owner_pid, issuer_pid, holder, capsule,
	reencrypted, payload_size, payload_digest, deliver, trailer, ack_tx_id, created_at`

func scanReceived(row scanner) (*store.Received, error) {
	var (
		r       store.Received
		created int64
	)
	err := row.Scan(fixed(r.Release[:]), fixed(r.Consent[:]), fixed(r.RecordID[:]), &r.Kind, &r.Label, &r.OwnerPID,
		&r.IssuerPID, fixed(r.Holder[:]), &r.Capsule, &r.Reencrypted, &r.PayloadSize, fixed(r.PayloadDigest[:]),
		&r.Deliver, &r.Trailer, &r.AckTxID, &created)
	if err != nil {
		return nil, err
	}
	r.Created = fromMillis(created)
	return &r, nil
}

// PutReceived implements store.Inbox.
func (db *DB) PutReceived(ctx context.Context, r store.Received, src io.Reader) error {
	p, err := db.stage(ctx, src, r.PayloadSize, r.PayloadDigest)
	if err != nil {
		return fmt.Errorf("release %s: %w", r.Release, err)
	}
	err = db.update(ctx, func(tx txn) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO received (`+receivedColumns+`, payload_id)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '', $15, $16)`,
			r.Release[:], r.Consent[:], r.RecordID[:], int(r.Kind), r.Label, r.OwnerPID, r.IssuerPID, r.Holder[:],
			notNull(r.Capsule), notNull(r.Reencrypted), r.PayloadSize, r.PayloadDigest[:], notNull(r.Deliver),
			notNull(r.Trailer), now(), p.id)
		if err := db.exists(err, r.Release); err != nil {
			return err
		}
		if err := tx.sealed(ctx, err, "received", r.Release[:]); err != nil {
			return err
		}
		return adopt(ctx, tx, p)
	})
	return db.release(err, p)
}

// Received implements store.Inbox.
func (db *DB) Received(ctx context.Context, id record.ReleaseID) (*store.Received, error) {
	r, err := scanReceived(db.read.QueryRowContext(ctx,
		`SELECT `+receivedColumns+` FROM received WHERE release_id = $1`, id[:]))
	return r, absent(err, id)
}

// ReceivedPayload implements store.Inbox.
func (db *DB) ReceivedPayload(ctx context.Context, id record.ReleaseID, dst io.Writer) error {
	var (
		payloadID []byte
		size      int64
	)
	err := db.read.QueryRowContext(ctx,
		`SELECT payload_id, payload_size FROM received WHERE release_id = $1`, id[:]).Scan(&payloadID, &size)
	if err != nil {
		return absent(err, id)
	}
	return db.copyPayload(ctx, payloadID, size, dst)
}

// ReceivedUnder implements store.Inbox.
func (db *DB) ReceivedUnder(ctx context.Context, id record.ConsentID) iter.Seq2[*store.Received, error] {
	return each(ctx, db.read, scanReceived, `SELECT `+receivedColumns+` FROM received
		WHERE consent_id = $1 ORDER BY created_at, release_id`, id[:])
}

// MarkAcknowledged implements store.Inbox.
func (db *DB) MarkAcknowledged(ctx context.Context, id record.ReleaseID, txID string) error {
	return db.update(ctx, func(tx txn) error {
		return tx.touch(ctx, "received", id[:], func() error {
			done, err := tx.ExecContext(ctx, `UPDATE received SET ack_tx_id = $1 WHERE release_id = $2`, txID, id[:])
			return changedOne(done, err, id)
		})
	})
}
