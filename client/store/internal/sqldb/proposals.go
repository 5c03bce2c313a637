package sqldb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

const proposalColumns = `record_id, owner, owner_pid, issuer_pid, statement, capsule, payload_size, payload_digest,
	declined, created_at`

func scanProposal(row scanner) (*store.Proposal, error) {
	var (
		p       store.Proposal
		created int64
	)
	err := row.Scan(fixed(p.RecordID[:]), fixed(p.Owner[:]), &p.OwnerPID, &p.IssuerPID, &p.Statement, &p.Capsule,
		&p.PayloadSize, fixed(p.PayloadDigest[:]), &p.Declined, &created)
	if err != nil {
		return nil, err
	}
	p.Created = fromMillis(created)
	return &p, nil
}

// PutProposal implements store.Proposals.
func (db *DB) PutProposal(ctx context.Context, p store.Proposal, src io.Reader) error {
	staged, err := db.stage(ctx, src, p.PayloadSize, p.PayloadDigest)
	if err != nil {
		return fmt.Errorf("proposal %s: %w", p.RecordID, err)
	}
	err = db.update(ctx, func(tx txn) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO proposal (`+proposalColumns+`, payload_id)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, $10)`,
			p.RecordID[:], p.Owner[:], p.OwnerPID, p.IssuerPID, notNull(p.Statement), notNull(p.Capsule), p.PayloadSize,
			p.PayloadDigest[:], now(), staged.id)
		if err := db.exists(err, p.RecordID); err != nil {
			return err
		}
		if err := tx.sealed(ctx, err, "proposal", p.RecordID[:]); err != nil {
			return err
		}
		return adopt(ctx, tx, staged)
	})
	return db.release(err, staged)
}

// Proposal implements store.Proposals.
func (db *DB) Proposal(ctx context.Context, id record.RecordID) (*store.Proposal, error) {
	return proposal(ctx, db.read, id)
}

func proposal(ctx context.Context, q querier, id record.RecordID) (*store.Proposal, error) {
	p, err := scanProposal(q.QueryRowContext(ctx, `SELECT `+proposalColumns+` FROM proposal WHERE record_id = $1`, id[:]))
	return p, absent(err, id)
}

// ProposalPayload implements store.Proposals.
func (db *DB) ProposalPayload(ctx context.Context, id record.RecordID, dst io.Writer) error {
	var (
		payloadID []byte
		size      int64
	)
	err := db.read.QueryRowContext(ctx,
		`SELECT payload_id, payload_size FROM proposal WHERE record_id = $1 AND declined = ''`, id[:]).Scan(&payloadID, &size)
	if err != nil {
		return absent(err, id)
	}
	return db.copyPayload(ctx, payloadID, size, dst)
}

// ProposalsFor implements store.Proposals.
func (db *DB) ProposalsFor(ctx context.Context, owner record.PartyID) iter.Seq2[*store.Proposal, error] {
	if owner.IsZero() {
		return each(ctx, db.read, scanProposal, `SELECT `+proposalColumns+` FROM proposal
			WHERE declined = '' ORDER BY created_at, record_id`)
	}
	return each(ctx, db.read, scanProposal, `SELECT `+proposalColumns+` FROM proposal
		WHERE declined = '' AND owner = $1 ORDER BY created_at, record_id`, owner[:])
}

// DeclineProposal implements store.Proposals.
func (db *DB) DeclineProposal(ctx context.Context, id record.RecordID, reason string) error {
	if reason == "" {
		return errors.New("a proposal is declined with a reason")
	}
	var payloadID []byte
	err := db.update(ctx, func(tx txn) (err error) {
		if payloadID, err = waiting(ctx, tx, id); err != nil {
			return err
		}
		if err := discard(ctx, tx, payloadID); err != nil {
			return err
		}
		return tx.touch(ctx, "proposal", id[:], func() error {
			_, err := tx.ExecContext(ctx, `UPDATE proposal SET declined = $1, payload_id = $2 WHERE record_id = $3`, freeText(reason), []byte{}, id[:])
			return err
		})
	})
	if err != nil {
		return err
	}
	return db.folder.destroy(payloadID)
}

// waiting answers the payload of a proposal that its owner has not answered.
func waiting(ctx context.Context, tx txn, id record.RecordID) (payloadID []byte, err error) {
	var declined string
	err = tx.QueryRowContext(ctx, `SELECT payload_id, declined FROM proposal WHERE record_id = $1`, id[:]).Scan(&payloadID, &declined)
	if err != nil {
		return nil, absent(err, id)
	}
	if declined != "" {
		return nil, fmt.Errorf("proposal %s was declined: %w", id, store.ErrState)
	}
	return payloadID, nil
}

// AcceptProposal implements store.Proposals.
func (db *DB) AcceptProposal(ctx context.Context, e store.Entry) error {
	return db.update(ctx, func(tx txn) error {
		payloadID, err := waiting(ctx, tx, e.RecordID)
		if err != nil {
			return err
		}
		err = tx.insert(ctx, "record", entryRow(&e, payloadID))
		if err := db.exists(err, e.RecordID); err != nil {
			return err
		}
		return tx.touch(ctx, "proposal", e.RecordID[:], func() error {
			_, err := tx.ExecContext(ctx, `DELETE FROM proposal WHERE record_id = $1`, e.RecordID[:])
			return err
		})
	})
}
