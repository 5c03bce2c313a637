package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// records compares records with what the ledger has recorded of this issuer's.
func (m *moment) records(ctx context.Context, rows []store.Row) error {
	capsules := &capsules{moment: m}
	for i := range rows {
		if err := m.record(ctx, &rows[i], capsules); err != nil {
			return err
		}
	}
	return capsules.verify(ctx)
}

func (m *moment) record(ctx context.Context, row *store.Row, capsules *capsules) error {
	var id record.RecordID
	if !into(id[:], row.Bytes("record_id")) {
		m.wrong(row, Extra, "record_id", doExtra, "no record has such an id")
		return nil
	}
	listed, err := listener.Record(ctx, m.copy.store, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	s, err := record.DecodeRecordStatement(row.Bytes("statement"))
	if err != nil {
		m.wrong(row, Altered, "statement", doRestore, "it is not a record's statement")
		return nil
	}
	if done, err := m.standing(ctx, row, listed); done || err != nil {
		return err
	}
	if listed != nil {
		signed, err := m.version(ctx, listed, s.Digest)
		if err != nil {
			return err
		}
		m.column(row, "statement", signed.Statement().Encode(), "the ledger", doRestore)
		m.column(row, "owner_signature", signed.OwnerSignature[:], "the ledger", doRestore)
		m.column(row, "issuer_signature", signed.IssuerSignature[:], "the ledger", doRestore)
		s = signed.Statement()
	} else if err := m.signatures(ctx, row, s); err != nil {
		return err
	}
	if err := m.repeats(ctx, row, s); err != nil {
		return err
	}
	if err := m.erased(ctx, row, listed); err != nil {
		return err
	}
	if row.Int("erased_at") == 0 {
		capsules.add(row, s)
		return m.payload(ctx, row)
	}
	return nil
}

// version is the version of a record with a digest; the current one when there is
// no such version.
func (m *moment) version(ctx context.Context, current *record.Record, digest record.Digest) (*record.Record, error) {
	version, err := listener.RecordVersion(ctx, m.copy.store, record.RecordVersion{ID: current.ID, Digest: digest})
	if errors.Is(err, store.ErrNotFound) {
		return current, nil
	}
	return version, err
}

// standing compares what the row says of its way to the ledger. It is done when
// there is nothing to compare the rest with.
func (m *moment) standing(ctx context.Context, row *store.Row, listed *record.Record) (done bool, err error) {
	state := store.State(row.Int("state"))
	recorded := state == store.Recorded
	switch {
	case state < store.Pending || state > store.Refused:
		m.wrong(row, Altered, "state", doRestore, "there is no state %d", state)
	case listed == nil && recorded:
		if m.later("record", row.Key()) { // this node's own word may come before the block
			return true, nil
		}
		m.wrong(row, Extra, "", doExtra, "it says that it is recorded, and the ledger does not have it")
		return true, nil
	case listed != nil && listed.Issuer != m.Party:
		m.wrong(row, Extra, "", doExtra, "the ledger has it as a record of issuer %s", listed.Issuer)
		return true, nil
	case listed != nil && !recorded:
		m.wrong(row, Altered, "state", doRestore, "the ledger has recorded it, the database says that it is %s", state)
	}
	if !recorded {
		return false, nil
	}
	tx, err := m.copy.store.WorldTransaction(ctx, row.Text("tx_id"))
	switch {
	case errors.Is(err, store.ErrNotFound):
		if !m.later("record", row.Key()) {
			m.wrong(row, Altered, "tx_id", doRestore, "the ledger has no transaction %s", shown(row.Value("tx_id")))
		}
	case err != nil:
		return false, err
	case tx.Block != uint64(row.Int("block")):
		m.wrong(row, Altered, "block", doRestore, "transaction %s is in block %d, the database says %d", tx.TxID, tx.Block, row.Int("block"))
	}
	return false, nil
}

// signatures checks a record that is not on the ledger yet.
func (m *moment) signatures(ctx context.Context, row *store.Row, s *record.RecordStatement) error {
	for _, by := range []struct {
		column  string
		party   record.PartyID
		version uint32
		role    bls.Role
	}{{"owner_signature", s.Owner, s.OwnerVersion, bls.RoleOwner}, {"issuer_signature", s.Issuer, s.IssuerVersion, bls.RoleIssuer}} {
		party, err := m.party(ctx, by.party)
		if err != nil {
			return err
		}
		if err := m.signature(party, by.version, by.role, s, row.Bytes(by.column)); err != nil {
			m.wrong(row, Altered, by.column, doRestore, "it is not a signature on this record: %v", err)
		}
	}
	return nil
}

var errNoParty = errors.New("the ledger does not know whose it is")

func (m *moment) signature(by *record.Party, version uint32, role bls.Role, s record.Statement, signature []byte) error {
	if by == nil || by.KeysAt(version) == nil {
		return errNoParty
	}
	key, err := bls.ParsePublicKey(by.KeysAt(version).Signing[:])
	if err != nil {
		return err
	}
	var sig bls.Signature
	if !into(sig[:], signature) {
		return fmt.Errorf("it has %d bytes", len(signature))
	}
	return bls.Verify(key, role, s.Hash(m.signed), sig)
}

// repeats compares the columns that repeat what the statement says.
func (m *moment) repeats(ctx context.Context, row *store.Row, s *record.RecordStatement) error {
	const signed = "the signed statement"
	m.column(row, "record_id", s.ID[:], signed, doRestore)
	m.column(row, "owner", s.Owner[:], signed, doRestore)
	if row.Value("issuer") != nil {
		m.column(row, "kind", int64(s.Kind), signed, doRestore)
		m.column(row, "label", s.Label, signed, doRestore)
		m.column(row, "issuer", s.Issuer[:], signed, doRestore)
	}
	m.column(row, "payload_size", int64(s.PayloadSize), signed, doRestore)
	if s.Issuer != m.Party {
		m.wrong(row, Extra, "", doExtra, "it was issued by %s", s.Issuer)
	}
	return m.names(ctx, row, s.Owner, s.Issuer)
}

// names compares the pseudo-identities of a record's owner and issuer.
func (m *moment) names(ctx context.Context, row *store.Row, owner, issuer record.PartyID) error {
	for _, p := range []struct {
		column string
		id     record.PartyID
	}{{"owner_pid", owner}, {"issuer_pid", issuer}} {
		party, err := m.party(ctx, p.id)
		if err != nil {
			return err
		}
		if party == nil {
			m.wrong(row, Altered, p.column, doRestore, "the ledger does not know party %s", p.id)
			continue
		}
		m.column(row, p.column, party.PID, "the ledger", doRestore)
	}
	return nil
}

// erased compares what ledger and database say of an erasure.
func (m *moment) erased(_ context.Context, row *store.Row, listed *record.Record) error {
	here, there := row.Int("erased_at") != 0, listed != nil && listed.Erased != 0
	switch {
	case here && listed != nil && !there:
		if !m.later("record", row.Key()) {
			m.wrong(row, Altered, "erased_at", doRestore, "the database says that it was erased, the ledger does not")
		}
	case there && !here:
		if !m.later("record", row.Key()) {
			m.wrong(row, Altered, "erased_at", doStart, "the ledger says that it was erased, and the database still has it")
		}
	case here && len(row.Bytes("capsule")) != 0:
		m.wrong(row, Altered, "capsule", doRestore, "the record was erased, and the database has a capsule of it")
	}
	return nil
}

// issued makes sure that every record that the ledger has of this issuer is here.
func (r *run) issued(ctx context.Context) error {
	own := func(listed *record.Record) bool { return listed.Issuer == r.Party }
	return inPages(r, "records on the ledger", listener.Records(ctx, r.copy.store), own, func(page []*record.Record) error {
		return r.moment(ctx, func(m *moment) error {
			for _, listed := range page {
				_, err := m.Row(ctx, "record", listed.ID[:])
				if errors.Is(err, store.ErrNotFound) {
					r.gone("record", key{listed.ID[:]}, doLost, "the ledger has this record of this issuer")
				} else if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// inPages calls use with those that are to be kept, so many at a time.
func inPages[T any](r *run, step string, all iter.Seq2[*T, error], keep func(*T) bool, use func([]*T) error) error {
	if r.copy.height == 0 {
		return nil
	}
	var page []*T
	var done uint64
	for one, err := range all {
		if err != nil {
			return err
		}
		if done++; done%pageSize == 0 {
			r.progress(step, done, done)
		}
		if !keep(one) {
			continue
		}
		if page = append(page, one); len(page) < pageSize {
			continue
		}
		if err := use(page); err != nil {
			return err
		}
		page = page[:0]
	}
	return use(page)
}

// column compares a column with what it should be.
func (m *moment) column(row *store.Row, column string, want any, whose, do string) {
	if have := row.Value(column); !same(have, want) {
		m.wrong(row, Altered, column, do, "%s", differs(whose, have, want))
	}
}

// into copies b if it is as long as it has to be.
func into(dst, b []byte) bool { return len(b) == len(dst) && copy(dst, b) == len(dst) }

// capsules are the capsules of a page, to be checked together: that is several
// times faster than one by one.
type capsules struct {
	*moment
	rows   []*store.Row
	claims []pre.Claimed
	of     []*record.RecordStatement
}

// add compares a capsule with a record's statement, and puts it down for the
// validity check: a digest leaves C2 out.
func (c *capsules) add(row *store.Row, s *record.RecordStatement) {
	if c.params == nil {
		return
	}
	capsule, err := pre.ParseCapsule(row.Bytes("capsule"))
	switch {
	case err != nil:
		c.wrong(row, Altered, "capsule", doRestore, "it is no capsule: %v", err)
		return
	case capsule.Digest() != [32]byte(s.Digest), capsule.Label() != s.Label, capsule.Payload().Size != s.PayloadSize:
		c.wrong(row, Altered, "capsule", doRestore, "it is not the capsule that was signed")
		return
	}
	if sum := capsule.Payload(); !bytes.Equal(sum.SHA256[:], row.Bytes("payload_digest")) {
		c.wrong(row, Altered, "payload_digest", doRestore, "%s", differs("the capsule", row.Value("payload_digest"), sum.SHA256[:]))
	}
	key, err := pre.ParsePublicKey(pre.Mode(s.OwnerKey.Mode), s.OwnerKey.Key[:])
	if err != nil {
		c.wrong(row, Altered, "statement", doRestore, "it names no key: %v", err)
		return
	}
	c.rows, c.claims, c.of = append(c.rows, row), append(c.claims, pre.Claimed{Capsule: capsule, Key: key}), append(c.of, s)
}

func (c *capsules) verify(ctx context.Context) error {
	if len(c.claims) == 0 {
		return nil
	}
	_, bad, err := c.params.VerifyCapsules(c.claims, len(c.claims))
	if err != nil {
		return err
	}
	for _, i := range bad {
		valid, err := c.underLaterKey(ctx, i)
		if err != nil {
			return err
		}
		if !valid {
			c.wrong(c.rows[i], Altered, "capsule", doRestore, "it fails the strict validity check under its owner's key")
		}
	}
	return nil
}

// underLaterKey says whether a capsule is valid under another of its owner's
// keys: a rotation replaces C2.
func (c *capsules) underLaterKey(ctx context.Context, i int) (bool, error) {
	owner, err := c.party(ctx, c.of[i].Owner)
	if err != nil || owner == nil {
		return false, err
	}
	for _, version := range owner.Keys {
		key, err := pre.ParsePublicKey(pre.Mode(version.Encryption.Mode), version.Encryption.Key[:])
		if err != nil {
			continue
		}
		if _, err := c.claims[i].Capsule.Verify(c.params, key); err == nil {
			return true, nil
		}
	}
	return false, nil
}
