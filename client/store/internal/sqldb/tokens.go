package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

const tokenColumns = `consent_id, owner, requester, label, consent_grant, signature, payload_token, search_token,
	not_before, expires_at, created_at`

func scanToken(row scanner) (*store.Token, error) {
	var (
		t                           store.Token
		notBefore, expires, created int64
	)
	err := row.Scan(fixed(t.Consent[:]), fixed(t.Owner[:]), fixed(t.Requester[:]), &t.Label, &t.Grant,
		fixed(t.Signature[:]), &t.PayloadToken, &t.SearchToken, &notBefore, &expires, &created)
	if err != nil {
		return nil, err
	}
	t.NotBefore, t.Expires, t.Created = fromMillis(notBefore), fromMillis(expires), fromMillis(created)
	return &t, nil
}

// PutToken implements store.Tokens.
func (db *DB) PutToken(ctx context.Context, t store.Token) error {
	return db.update(ctx, func(tx txn) error {
		switch err := destroyed(ctx, tx, t.Consent); {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		default:
			return fmt.Errorf("consent %s: %w", t.Consent, store.ErrExists)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO token (`+tokenColumns+`, destroyed_at, reason)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, '')`,
			t.Consent[:], t.Owner[:], t.Requester[:], t.Label, notNull(t.Grant), t.Signature[:],
			notNull(t.PayloadToken), notNull(t.SearchToken), t.NotBefore.UnixMilli(), t.Expires.UnixMilli(), now())
		return tx.sealed(ctx, db.exists(err, t.Consent), "token", t.Consent[:])
	})
}

// destroyed answers store.ErrDestroyed when the token was, sql.ErrNoRows when
// there is none, and nil when it lives.
func destroyed(ctx context.Context, q querier, id record.ConsentID) error {
	var (
		at     int64
		reason string
	)
	err := q.QueryRowContext(ctx, `SELECT destroyed_at, reason FROM token WHERE consent_id = $1`, id[:]).Scan(&at, &reason)
	if err == nil && at != 0 {
		return fmt.Errorf("consent %s, %s: %w", id, reason, store.ErrDestroyed)
	}
	return err
}

// Token implements store.Tokens.
func (db *DB) Token(ctx context.Context, id record.ConsentID) (*store.Token, error) {
	t, err := scanToken(db.read.QueryRowContext(ctx,
		`SELECT `+tokenColumns+` FROM token WHERE consent_id = $1 AND destroyed_at = 0`, id[:]))
	if errors.Is(err, sql.ErrNoRows) {
		if derr := destroyed(ctx, db.read, id); derr != nil {
			err = derr
		}
	}
	return t, absent(err, id)
}

// LiveTokens implements store.Tokens.
func (db *DB) LiveTokens(ctx context.Context) iter.Seq2[*store.Token, error] {
	return each(ctx, db.read, scanToken,
		`SELECT `+tokenColumns+` FROM token WHERE destroyed_at = 0 ORDER BY consent_id`)
}

// DestroyToken implements store.Tokens.
func (db *DB) DestroyToken(ctx context.Context, id record.ConsentID, reason string) error {
	at := now()
	err := db.update(ctx, func(tx txn) error {
		err := destroyed(ctx, tx, id)
		if errors.Is(err, store.ErrDestroyed) {
			return nil
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		query, args := `UPDATE token SET payload_token = $1, search_token = $1,
			destroyed_at = $2, reason = $3 WHERE consent_id = $4`, []any{[]byte{}, at, freeText(reason), id[:]}
		if err != nil {
			query, args = `INSERT INTO token (`+tokenColumns+`, destroyed_at, reason)
				VALUES ($1, $2, $2, '', $2, $2, $2, $2, 0, 0, $3, $3, $4)`, []any{id[:], []byte{}, at, freeText(reason)}
		}
		return tx.touch(ctx, "token", id[:], func() error {
			_, err := tx.ExecContext(ctx, query, args...)
			return err
		})
	})
	if err != nil {
		return err
	}
	if err := db.engine.Scrub(ctx); err != nil {
		return fmt.Errorf("the token of consent %s is deleted, but old pages may still hold it; destroy it again: %w", id, err)
	}
	return nil
}
