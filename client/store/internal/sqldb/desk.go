package sqldb

import (
	"context"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

// PutInvitation implements store.Invitations.
func (db *DB) PutInvitation(ctx context.Context, i store.Invitation) error {
	return db.update(ctx, func(tx txn) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO invitation (code, role, pid, msp, expires_at, used_at, created_at)
			VALUES ($1, $2, $3, $4, $5, 0, $6)`, i.Code[:], int(i.Role), i.PID, i.MSP, i.Expires.UnixMilli(), now())
		return tx.sealed(ctx, db.exists(err, i.Code), "invitation", i.Code[:])
	})
}

// Invitation implements store.Invitations.
func (db *DB) Invitation(ctx context.Context, code record.Digest) (*store.Invitation, error) {
	i := store.Invitation{Code: code}
	var expires, used, created int64
	err := db.read.QueryRowContext(ctx, `SELECT role, pid, msp, expires_at, used_at, created_at FROM invitation WHERE code = $1`, code[:]).
		Scan(&i.Role, &i.PID, &i.MSP, &expires, &used, &created)
	if err != nil {
		return nil, absent(err, "invitation")
	}
	i.Expires, i.Created = fromMillis(expires), fromMillis(created)
	if used != 0 {
		i.Used = fromMillis(used)
	}
	return &i, nil
}

// UseInvitation implements store.Invitations.
func (db *DB) UseInvitation(ctx context.Context, code record.Digest) error {
	return db.update(ctx, func(tx txn) error {
		return tx.touch(ctx, "invitation", code[:], func() error {
			done, err := tx.ExecContext(ctx,
				`UPDATE invitation SET used_at = CASE used_at WHEN 0 THEN $1 ELSE used_at END WHERE code = $2`, now(), code[:])
			return changedOne(done, err, "invitation")
		})
	})
}

// PutEvidence implements store.Findings.
func (db *DB) PutEvidence(ctx context.Context, e store.Evidence) error {
	return db.touched(ctx, "evidence", e.Release[:], `INSERT INTO evidence (release_id, trailer, signature, finding, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (release_id) DO UPDATE
		SET trailer = excluded.trailer, signature = excluded.signature, finding = excluded.finding, created_at = excluded.created_at`,
		e.Release[:], notNull(e.Trailer), e.TrailerSignature[:], freeText(e.Finding), now())
}

// Evidence implements store.Findings.
func (db *DB) Evidence(ctx context.Context, id record.ReleaseID) (*store.Evidence, error) {
	e := store.Evidence{Release: id}
	var created int64
	err := db.read.QueryRowContext(ctx, `SELECT trailer, signature, finding, created_at FROM evidence WHERE release_id = $1`, id[:]).
		Scan(&e.Trailer, fixed(e.TrailerSignature[:]), &e.Finding, &created)
	if err != nil {
		return nil, absent(err, id)
	}
	e.Created = fromMillis(created)
	return &e, nil
}
