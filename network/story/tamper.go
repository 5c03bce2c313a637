package story

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	_ "modernc.org/sqlite" // the tamperer's own access to the database

	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/crypto/pre"
)

const alterCapsule = `UPDATE record SET capsule = ? WHERE record_id = ?`

func (t *tale) tamper(ctx context.Context, s *Scene) (err error) {
	w, err := t.claimWish()
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", w.holder.database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	target := t.claim.records[0]

	// Another valid capsule's C2: still a good point, and the one part that
	// the digest on the ledger leaves out.
	var capsule, donor []byte
	if err := db.QueryRowContext(ctx, `SELECT capsule FROM record WHERE record_id = ?`, target[:]).Scan(&capsule); err != nil {
		return fmt.Errorf("read a capsule: %w", err)
	}
	if err := db.QueryRowContext(ctx, `SELECT capsule FROM record WHERE record_id <> ? AND label = ?`, target[:], w.label).Scan(&donor); err != nil {
		return fmt.Errorf("read another capsule: %w", err)
	}
	forged := append([]byte(nil), capsule...)
	at := len(forged) - 168 // C2(32) C3(32) C4(72) C5(32)
	copy(forged[at:at+32], donor[len(donor)-168:])
	parsed, err := pre.ParseCapsule(forged)
	if err != nil {
		return err
	}
	original, err := pre.ParseCapsule(capsule)
	if err != nil {
		return err
	}
	if err := expect(parsed.Digest() == original.Digest() && string(forged) != string(capsule), "the forgery should keep the digest"); err != nil {
		return err
	}
	if err := update(ctx, db, alterCapsule, forged, target[:]); err != nil {
		return err
	}
	s.done("C2 of a capsule replaced in the database", "by another record's: every point valid, the digest unchanged")
	_, err = t.release(ctx, w.requester, t.claim.consent, t.claim.records[:1], w.holder)
	if err := s.refused("capsule", "the proxy checks the capsule before it computes", err, client.ErrTampered); err != nil {
		return err
	}
	forged = append([]byte(nil), capsule...)
	forged[len(forged)-40] ^= 1
	if err := update(ctx, db, alterCapsule, forged, target[:]); err != nil {
		return err
	}
	_, err = t.release(ctx, w.requester, t.claim.consent, t.claim.records[:1], w.holder)
	if err := s.refused("capsuleDigest", "one bit elsewhere in the capsule", err, client.ErrTampered); err != nil {
		return err
	}
	if err := update(ctx, db, alterCapsule, capsule, target[:]); err != nil {
		return err
	}

	var payload []byte
	if err := db.QueryRowContext(ctx, `SELECT content FROM payload_chunk WHERE seq = 0 AND payload_id = (SELECT payload_id FROM record WHERE record_id = ?)`, target[:]).Scan(&payload); err != nil {
		return fmt.Errorf("read a payload: %w", err)
	}
	forged = append([]byte(nil), payload...)
	forged[len(forged)/2] ^= 1
	const alter = `UPDATE payload_chunk SET content = ? WHERE seq = 0 AND payload_id = (SELECT payload_id FROM record WHERE record_id = ?)`
	if err := update(ctx, db, alter, forged, target[:]); err != nil {
		return err
	}
	s.done("one bit of the payload flipped in the database", "the capsule is as it was, so the proxy cannot know")
	_, _, _, err = t.read(ctx, w, t.claim.consent, t.claim.records[:1])
	if err := s.refused("payload", "the insurer compares it with the capsule", err, pre.ErrPayloadAltered); err != nil {
		return err
	}
	if err := update(ctx, db, alter, payload, target[:]); err != nil {
		return err
	}
	_, _, _, err = t.read(ctx, w, t.claim.consent, t.claim.records[:1])
	if err != nil {
		return err
	}
	s.done("with the bytes put back, the insurer reads it", "and acknowledges on the ledger")
	return nil
}

// update alters exactly one row.
func update(ctx context.Context, db *sql.DB, statement string, value, id []byte) error {
	result, err := db.ExecContext(ctx, statement, value, id)
	if err != nil {
		return fmt.Errorf("alter the database: %w", err)
	}
	n, err := result.RowsAffected()
	if err == nil {
		err = expect(n == 1, "%d rows altered, not 1", n)
	}
	return err
}
