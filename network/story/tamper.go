package story

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	_ "modernc.org/sqlite" // the tamperer's own access to the database

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/crypto/pre"
)

const (
	alterCapsule = `UPDATE record SET capsule = ? WHERE record_id = ?`
	alterPayload = `UPDATE payload_chunk SET content = ? WHERE seq = 0 AND payload_id = (SELECT payload_id FROM record WHERE record_id = ?)`
)

func (t *tale) tamper(ctx context.Context, s *Scene) (err error) {
	w, err := t.claimWish()
	if err != nil {
		return err
	}
	draft, err := t.agree(ctx, w)
	if err != nil {
		return err
	}
	// Beside the node, which runs on.
	dsn := url.URL{Scheme: "file", Path: database(w.holder.Node), RawQuery: "_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	x := &tampering{tale: t, wish: w, consent: draft.Statement.Consent, db: db, target: t.claim.records[0]}
	if err := x.capsule(ctx, s); err != nil {
		return err
	}
	return x.payload(ctx, s)
}

// tampering is somebody at work in a shop's database.
type tampering struct {
	*tale
	wish
	consent record.ConsentID
	db      *sql.DB
	target  record.RecordID
}

// fetch has the insurer's node fetch the record.
func (x *tampering) fetch(ctx context.Context) error {
	_, err := x.read(ctx, x.wish, x.consent, x.target)
	return err
}

func (x *tampering) capsule(ctx context.Context, s *Scene) error {
	// Another valid capsule's C2: still a good point, and the one part that
	// the digest on the ledger leaves out.
	var capsule, donor []byte
	if err := x.db.QueryRowContext(ctx, `SELECT capsule FROM record WHERE record_id = ?`, x.target[:]).Scan(&capsule); err != nil {
		return fmt.Errorf("read a capsule: %w", err)
	}
	if err := x.db.QueryRowContext(ctx, `SELECT capsule FROM record WHERE record_id <> ? AND label = ?`, x.target[:], x.label).Scan(&donor); err != nil {
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
	if err := update(ctx, x.db, alterCapsule, forged, x.target[:]); err != nil {
		return err
	}
	s.attack("part of a capsule is replaced by another's", "C2, which the digest on the ledger leaves out, as it must: only the validity check can tell")
	err = x.fetch(ctx)
	if err := s.refused("ownProgram", "the shop's own node notices before it signs for it", err, client.ErrTampered); err != nil {
		return err
	}
	if err := x.dishonestly(ctx, s, forged); err != nil {
		return err
	}
	return update(ctx, x.db, alterCapsule, capsule, x.target[:])
}

// dishonestly has a program answer for the shop that signs for any capsule.
func (x *tampering) dishonestly(ctx context.Context, s *Scene, forged []byte) (err error) {
	p, err := x.programOf(ctx, x.holder.Node)
	if err != nil {
		return err
	}
	address, stop, err := p.serve(&dishonest{program: p, capsule: forged})
	if err != nil {
		return err
	}
	defer stop()
	honest := x.holder.Node.Parties
	if err := x.redirect(ctx, x.holder, address); err != nil {
		return err
	}
	s.attack("the shop runs a dishonest program instead", "with the shop's keys and certificate; it signs and delivers all the same")
	err = s.refused("capsule", "the proxy checks the capsule before it works on it", x.fetch(ctx), client.ErrTampered)
	return errors.Join(err, x.redirect(ctx, x.holder, honest))
}

// redirect has everybody find a party's node at another address.
func (t *tale) redirect(ctx context.Context, o *organisation, address string) error {
	if err := t.nodes.Announce(o.Node, address); err != nil {
		return err
	}
	return pause(ctx, 1100*time.Millisecond) // nodes look once a second
}

func (x *tampering) payload(ctx context.Context, s *Scene) error {
	var payload []byte
	if err := x.db.QueryRowContext(ctx, `SELECT content FROM payload_chunk WHERE seq = 0 AND payload_id = (SELECT payload_id FROM record WHERE record_id = ?)`, x.target[:]).Scan(&payload); err != nil {
		return fmt.Errorf("read a payload: %w", err)
	}
	forged := append([]byte(nil), payload...)
	forged[len(forged)/2] ^= 1
	if err := update(ctx, x.db, alterPayload, forged, x.target[:]); err != nil {
		return err
	}
	s.attack("one bit of the payload is flipped", "the proxy never sees the payload, so it releases the record")
	if err := s.refused("payload", "the insurer's node compares it with the capsule", x.fetch(ctx), pre.ErrPayloadAltered); err != nil {
		return err
	}
	if err := update(ctx, x.db, alterPayload, payload, x.target[:]); err != nil {
		return err
	}
	if err := x.fetch(ctx); err != nil {
		return err
	}
	s.done("with the bytes put back, the insurer reads it", "under the release that is still open, and acknowledges on the ledger")
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
