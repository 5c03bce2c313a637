package audit

import (
	"bytes"
	"context"
	"errors"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// received compares received records with their releases.
func (m *moment) received(ctx context.Context, rows []store.Row) error {
	for i := range rows {
		if err := m.receivedRow(ctx, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *moment) receivedRow(ctx context.Context, row *store.Row) error {
	release, err := m.release(ctx, row)
	if err != nil || release == nil {
		return err
	}
	d := &release.Statement
	listed, err := listener.RecordVersion(ctx, m.copy.store, record.RecordVersion{ID: d.Record, Digest: d.Digest})
	if err != nil {
		return err
	}
	const whose = "the ledger"
	m.column(row, "consent_id", d.Consent[:], whose, doRestore)
	m.column(row, "record_id", d.Record[:], whose, doRestore)
	m.column(row, "holder", d.Holder[:], whose, doRestore)
	m.column(row, "deliver", append(d.Encode(), release.Signature[:]...), whose, doRestore)
	m.column(row, "kind", int64(listed.Kind), whose, doRestore)
	m.column(row, "label", listed.Label, whose, doRestore)
	m.column(row, "payload_size", int64(listed.PayloadSize), whose, doRestore)
	if ack := row.Text("ack_tx_id"); ack != "" && (release.AcknowledgeTx.IsZero() || ack != release.AcknowledgeTx.String()) {
		if !m.later("received", row.Key()) {
			m.column(row, "ack_tx_id", release.AcknowledgeTx.String(), whose, doRestore)
		}
	}
	if err := m.names(ctx, row, listed.Owner, listed.Issuer); err != nil {
		return err
	}
	m.receivedCapsule(row, release, listed)
	if err := m.trailer(ctx, row, release); err != nil {
		return err
	}
	return m.payload(ctx, row)
}

// release is the release that a row names, to this party; nil when there is none.
func (m *moment) release(ctx context.Context, row *store.Row) (*record.Release, error) {
	var id record.ReleaseID
	if !into(id[:], row.Bytes("release_id")) {
		m.wrong(row, Extra, "release_id", doExtra, "no release has such an id")
		return nil, nil
	}
	release, err := listener.Release(ctx, m.copy.store, id)
	if errors.Is(err, store.ErrNotFound) {
		if !m.later(row.Table.Name, row.Key()) { // the node asks a peer that may be ahead
			m.wrong(row, Extra, "", doExtra, "the ledger does not have this release")
		}
		return nil, nil
	}
	if err == nil && release.Receiver != m.Party {
		m.wrong(row, Extra, "", doExtra, "the ledger has this release to %s", release.Receiver)
		return nil, nil
	}
	return release, err
}

// receivedCapsule compares capsule and re-encryption with what the holder signed.
func (m *moment) receivedCapsule(row *store.Row, release *record.Release, listed *record.Record) {
	capsule, err := pre.ParseCapsule(row.Bytes("capsule"))
	switch {
	case err != nil:
		m.wrong(row, Altered, "capsule", doRestore, "it is no capsule: %v", err)
		return
	case capsule.Digest() != [32]byte(listed.Digest):
		m.wrong(row, Altered, "capsule", doRestore, "it does not have the digest that is on the ledger")
		return
	}
	sum := capsule.Payload()
	m.column(row, "payload_digest", sum.SHA256[:], "the capsule", doRestore)
	if capsule.Mode() == pre.ModePaper { // its re-encryption is a capsule with another C2
		other, err := pre.ParseCapsule(row.Bytes("reencrypted"))
		if err != nil || other.Digest() != capsule.Digest() {
			m.wrong(row, Altered, "reencrypted", doRestore, "it is not of this capsule")
		}
		return
	}
	if capsule.FullDigest() != [32]byte(release.Statement.Capsule) {
		m.wrong(row, Altered, "capsule", doRestore, "it is not the one that the holder signed for")
	}
	reencrypted, err := pre.ParseReencrypted(row.Bytes("reencrypted"))
	switch {
	case err != nil:
		m.wrong(row, Altered, "reencrypted", doRestore, "it is no re-encryption: %v", err)
	case !bytes.Equal(reencrypted.Capsule().Bytes(), capsule.Bytes()):
		m.wrong(row, Altered, "reencrypted", doRestore, "it is of another capsule")
	}
}

// trailer checks what the holder signed about the bytes that it sent.
func (m *moment) trailer(ctx context.Context, row *store.Row, release *record.Release) error {
	whole := row.Bytes("trailer")
	body := max(len(whole)-bls.SignatureSize, 0)
	t, err := record.DecodeTrailerStatement(whole[:body])
	if err != nil {
		m.wrong(row, Altered, "trailer", doRestore, "it is no trailer: %v", err)
		return nil
	}
	if t.Release != release.Statement.Release || t.Holder != release.Statement.Holder ||
		!bytes.Equal(t.Sent[:], row.Bytes("payload_digest")) || int64(t.Length) != row.Int("payload_size") {
		m.wrong(row, Altered, "trailer", doRestore, "it is about something else than this payload")
		return nil
	}
	holder, err := m.party(ctx, t.Holder)
	if err != nil {
		return err
	}
	if err := m.signature(holder, t.HolderVersion, bls.RoleHolder, t, whole[body:]); err != nil {
		m.wrong(row, Altered, "trailer", doRestore, "it does not have the holder's signature: %v", err)
	}
	return nil
}

// evidence checks what proves that a holder sent something else.
func (m *moment) evidence(ctx context.Context, rows []store.Row) error {
	for i := range rows {
		row := &rows[i]
		release, err := m.release(ctx, row)
		if err != nil {
			return err
		}
		if release == nil {
			continue
		}
		t, err := record.DecodeTrailerStatement(row.Bytes("trailer"))
		if err != nil || t.Release != release.Statement.Release {
			m.wrong(row, Altered, "trailer", doRestore, "it is not a trailer of this release")
			continue
		}
		holder, err := m.party(ctx, t.Holder)
		if err != nil {
			return err
		}
		if err := m.signature(holder, t.HolderVersion, bls.RoleHolder, t, row.Bytes("signature")); err != nil {
			m.wrong(row, Altered, "signature", doRestore, "it is not the holder's signature on the trailer: %v", err)
		}
	}
	return nil
}

// acknowledged makes sure that whatever this party acknowledged is here.
func (r *run) acknowledged(ctx context.Context) error {
	own := func(l *record.Release) bool { return l.Receiver == r.Party && !l.AcknowledgeTx.IsZero() }
	return inPages(r, "releases on the ledger", listener.Releases(ctx, r.copy.store), own, func(page []*record.Release) error {
		return r.moment(ctx, func(m *moment) error {
			for _, l := range page {
				id := l.Statement.Release
				_, err := m.Row(ctx, "received", id[:])
				if errors.Is(err, store.ErrNotFound) {
					r.gone("received", key{id[:]}, doLost, "this party has acknowledged this release on the ledger")
				} else if err != nil {
					return err
				}
			}
			return nil
		})
	})
}
