package story

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	_ "modernc.org/sqlite" // the tamperer's own access to the database

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/crypto/bls"
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
	s.attack("part of a capsule is replaced by another's", "C2, which the digest on the ledger leaves out, as it must: only the validity check can tell")
	_, err = t.release(ctx, w.requester, t.claim.consent, t.claim.records[:1], w.holder)
	if err := s.refused("ownProgram", "the shop's own program notices before it signs for it", err, client.ErrTampered); err != nil {
		return err
	}
	s.attack("a dishonest shop signs and delivers it all the same", "")
	accomplice := &dishonest{Member: w.holder.member, shop: w.holder, capsule: forged}
	_, err = t.proxy.Release(ctx, client.Demand{
		AsOf: t.manager.Seen(), Requester: w.requester.member.ID(), Consent: t.claim.consent, Records: t.claim.records[:1],
	}, accomplice)
	if err := s.refused("capsule", "the proxy checks the capsule before it works on it", err, client.ErrTampered); err != nil {
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
	s.attack("one bit of the payload is flipped", "the proxy never sees the payload, so it releases the record")
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
	s.done("with the bytes put back, the insurer reads it", "under the release that is still open, and acknowledges on the ledger")
	return nil
}

// dishonest is a shop whose program signs for any capsule.
type dishonest struct {
	*client.Member
	shop    *organisation
	capsule []byte
}

// Deliver is what an honest shop's program would refuse to do.
func (d *dishonest) Deliver(ctx context.Context, o client.Order) (*client.Delivered, error) {
	listed, err := d.shop.chain.Record(ctx, o.Record)
	if err != nil {
		return nil, err
	}
	capsule, err := pre.ParseCapsule(d.capsule)
	if err != nil {
		return nil, err
	}
	s := record.DeliverStatement{
		Release: o.Release, Consent: o.Consent, Record: o.Record, Digest: listed.Digest, Holder: d.ID(),
		HolderVersion: d.shop.party.Current().Version, Capsule: capsule.FullDigest(), Time: time.Now().Unix(),
	}
	signature := record.Signature(d.shop.keys.Signing.Sign(bls.RoleHolder, s.Hash(d.shop.chain.Context())))
	return &client.Delivered{Capsule: d.capsule, Delivery: record.Delivery{Statement: s, Nonce: o.Nonce, Signature: signature}}, nil
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
