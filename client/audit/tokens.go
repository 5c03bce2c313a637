package audit

import (
	"context"
	"errors"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/pre"
)

// sweeps is how long after its end a running node may still have a consent's key:
// it looks once a minute.
const sweeps = 2 * time.Minute

// tokens compares re-encryption keys with the consents that they belong to.
func (m *moment) tokens(ctx context.Context, rows []store.Row) error {
	for i := range rows {
		if err := m.token(ctx, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *moment) token(ctx context.Context, row *store.Row) error {
	var id record.ConsentID
	if !into(id[:], row.Bytes("consent_id")) {
		m.wrong(row, Extra, "consent_id", doExtra, "no consent has such an id")
		return nil
	}
	consent, err := listener.Consent(ctx, m.copy.store, id)
	if errors.Is(err, store.ErrNotFound) {
		if !m.later("token", row.Key()) {
			m.wrong(row, Extra, "", doExtra, "the ledger does not have this consent")
		}
		return nil
	}
	if err != nil {
		return err
	}
	if !consent.HasProxy(m.Party) {
		m.wrong(row, Extra, "", doExtra, "the consent does not name this proxy")
		return nil
	}
	if row.Int("destroyed_at") != 0 {
		m.destroyed(row, consent)
		return nil
	}
	const whose = "the ledger"
	m.column(row, "owner", consent.Owner[:], whose, doRestore)
	m.column(row, "requester", consent.Requester[:], whose, doRestore)
	m.column(row, "label", consent.Label, whose, doRestore)
	m.column(row, "consent_grant", consent.Statement().Encode(), whose, doRestore)
	m.column(row, "signature", consent.OwnerSignature[:], whose, doRestore)
	m.column(row, "not_before", consent.NotBefore*1000, whose, doRestore)
	m.column(row, "expires_at", consent.Expiry*1000, whose, doRestore)
	if ended(consent, time.Now()) {
		if !m.later("token", row.Key()) {
			m.wrong(row, Altered, "payload_token", doStart, "the consent has ended and its key is still here")
		}
		return nil
	}
	m.committed(row, consent)
	return nil
}

// ended says whether the key of a consent must have been destroyed by a time.
func ended(c *record.Consent, now time.Time) bool {
	return c.Status == record.ConsentRevoked || now.Unix() >= c.Expiry+int64(sweeps.Seconds())
}

// committed checks the key itself against the owner's commitment.
func (m *moment) committed(row *store.Row, c *record.Consent) {
	if c.OwnerKey.Mode == record.ModePaper {
		owner, err := pre.ParsePaperPublicKey(c.OwnerKey.Key[:])
		if err == nil {
			var receiver *pre.PaperPublicKey
			if receiver, err = pre.ParsePaperPublicKey(c.RequesterKey.Key[:]); err == nil {
				_, err = pre.ParsePaperReencryptionKey(owner, receiver, row.Bytes("payload_token"))
			}
		}
		if err != nil {
			m.wrong(row, Altered, "payload_token", doRestore, "it does not connect the consent's two keys: %v", err)
		}
		return
	}
	token, err := pre.ParseToken(row.Bytes("payload_token"))
	if err == nil {
		_, err = token.Verify(m.params, c.PayloadToken)
	}
	if err != nil {
		m.wrong(row, Altered, "payload_token", doRestore, "it is not the key that the owner committed to: %v", err)
	}
}

// destroyed checks what is left of a destroyed key.
func (m *moment) destroyed(row *store.Row, c *record.Consent) {
	for _, column := range []string{"payload_token", "search_token"} {
		if len(row.Bytes(column)) != 0 {
			m.wrong(row, Altered, column, doRestore, "the key was destroyed, and something stands in its place")
		}
	}
	if c.Status != record.ConsentRevoked && time.Now().Unix() < c.Expiry {
		m.wrong(row, Altered, "destroyed_at", doRestore, "the key is said to be destroyed, and the consent has not ended")
	}
}

// consents makes sure that a proxy has the keys of the consents in force.
func (r *run) consents(ctx context.Context) error {
	named := func(c *record.Consent) bool { return c.HasProxy(r.Party) && inForce(c) }
	return inPages(r, "consents on the ledger", listener.Consents(ctx, r.copy.store), named, func(page []*record.Consent) error {
		return r.moment(ctx, func(m *moment) error {
			for _, c := range page {
				if err := m.tokenOf(ctx, c.Consent); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// inForce says whether a proxy must have a consent's key: the system manager
// approves after the owner has handed it over.
func inForce(c *record.Consent) bool {
	return c.Status == record.ConsentApproved && time.Now().Unix() < c.Expiry
}

// tokenOf makes sure that the key of a consent in force is here.
func (m *moment) tokenOf(ctx context.Context, id record.ConsentID) error {
	_, err := m.Row(ctx, "token", id[:])
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	c, err := listener.Consent(ctx, m.copy.store, id)
	if err != nil || !inForce(c) {
		return err
	}
	if !m.later("token", key{id[:]}) {
		m.gone("token", key{id[:]}, doAsk, "the consent is in force, names this proxy, and its key is not here")
	}
	return nil
}

// absent looks again at a row that is not here, or not any more.
func (m *moment) absent(ctx context.Context, table string, k key) error {
	var id record.ConsentID
	if b, ok := k[0].([]byte); table == "token" && ok && into(id[:], b) {
		err := m.tokenOf(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil // no such consent either
		}
		return err
	}
	return nil
}
