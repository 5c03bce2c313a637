package model

import (
	"fmt"
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// auditor reads blocks as anybody could who gets no more than their write sets,
// and checks what must hold whatever the rules are. It knows nothing of the
// model.
type auditor struct {
	state   map[string][]byte
	expelAt map[record.PartyID]int // violations at the time
}

// audit replays the blocks of a ledger and compares what comes of it with the
// ledger's state.
func audit(l *stub.Ledger) error {
	a := &auditor{state: map[string][]byte{}, expelAt: map[record.PartyID]int{}}
	for _, block := range l.Blocks() {
		for _, tx := range block.Transactions {
			if tx.Code != peer.TxValidationCode_VALID {
				continue
			}
			if err := a.transaction(tx); err != nil {
				return fmt.Errorf("block %d: %w", block.Number, err)
			}
		}
	}
	state := l.State()
	if len(state) != len(a.state) {
		return fmt.Errorf("replayed, the blocks make %d keys, the ledger has %d", len(a.state), len(state))
	}
	for _, w := range state {
		if string(a.state[w.Key]) != string(w.Value) {
			return fmt.Errorf("replayed, the blocks make %x of %q, the ledger has %x", a.state[w.Key], w.Key, w.Value)
		}
	}
	return a.indexes()
}

func (a *auditor) transaction(tx *stub.Transaction) error {
	for _, w := range tx.Writes {
		if w.Delete {
			return fmt.Errorf("%q is deleted", w.Key)
		}
		if indexed(w.Key) {
			continue
		}
		d, err := record.DecodeDocument(w.Value)
		if err != nil {
			return fmt.Errorf("%q: %w", w.Key, err)
		}
		if err := a.document(w.Key, d, tx); err != nil {
			return err
		}
	}
	for _, w := range tx.Writes {
		a.state[w.Key] = w.Value
	}
	return nil
}

func before[T any](a *auditor, key string, decode func([]byte) (*T, error)) *T {
	if a.state[key] == nil {
		return nil
	}
	d, err := decode(a.state[key])
	if err != nil {
		return nil
	}
	return d
}

func (a *auditor) party(id record.PartyID) *record.Party {
	return before(a, partyKey(id), record.DecodeParty)
}

// document checks what a transaction writes against the state before it.
func (a *auditor) document(key string, d record.Document, tx *stub.Transaction) error {
	switch d := d.(type) {
	case *record.Record:
		if key == recordKey(d.ID) {
			return a.record(d, tx)
		}
		if old := a.state[recordKey(d.ID)]; key != versionKey(d.Version()) || string(old) != string(d.Encode()) {
			return fmt.Errorf("an amended version of record %s is not the one that was current", d.ID)
		}
	case *record.Release:
		if a.state[key] == nil {
			return a.release(d, tx)
		}
	case *record.Violation:
		if a.state[key] != nil {
			return fmt.Errorf("violation %q is written over", key)
		}
	case *record.Revocation:
		if a.state[key] != nil {
			return fmt.Errorf("revocation %q is written over", key)
		}
	}
	return nil
}

// record checks that no expelled or suspended issuer records anything, that
// versions form a chain and that none follows an erasure.
func (a *auditor) record(r *record.Record, tx *stub.Transaction) error {
	last := before(a, recordKey(r.ID), record.DecodeRecord)
	if last != nil && last.Erased != 0 {
		return fmt.Errorf("record %s is written after its erasure", r.ID)
	}
	if r.Erased != 0 {
		return a.erasure(last, r, tx)
	}
	if issuer := a.party(r.Issuer); issuer == nil || issuer.Status != record.StatusActive {
		return fmt.Errorf("record %s of an issuer that may not act", r.ID)
	}
	if last == nil {
		if !r.Previous.IsZero() {
			return fmt.Errorf("record %s begins with an amendment", r.ID)
		}
		return nil
	}
	kept := slices.ContainsFunc(tx.Writes, func(w stub.Write) bool { return w.Key == versionKey(last.Version()) })
	if r.Previous != last.Digest || r.Owner != last.Owner || r.Issuer != last.Issuer || r.Kind != last.Kind || !kept {
		return fmt.Errorf("record %s: version %s does not follow version %s", r.ID, r.Digest, last.Digest)
	}
	return nil
}

// erasure checks that an erasure is signed by the issuer and changes nothing but
// the mark.
func (a *auditor) erasure(last, r *record.Record, tx *stub.Transaction) error {
	issuer := a.party(r.Issuer)
	if last == nil || issuer == nil || r.Erased != tx.Time.Unix() || r.Erasure.Tx.String() != tx.ID {
		return fmt.Errorf("record %s is erased by nobody", r.ID)
	}
	system := before(a, systemKey, record.DecodeSystem)
	key, err := bls.ParseRawPublicKey(issuer.RawSigning[:])
	if err != nil {
		return err
	}
	if err := bls.Verify(key, bls.RoleIssuer, r.EraseStatement().Hash(system.Context()), bls.Signature(r.Erasure.Signature)); err != nil {
		return fmt.Errorf("record %s: %w", r.ID, err)
	}
	kept := *r
	kept.Erased, kept.Erasure = 0, nil
	if kept != *last {
		return fmt.Errorf("the erasure of record %s changes more than the mark", r.ID)
	}
	return nil
}

// release checks that a release lies within its consent.
func (a *auditor) release(r *record.Release, tx *stub.Transaction) error {
	c := before(a, consentKey(r.Statement.Consent), record.DecodeConsent)
	if c == nil || c.Status != record.ConsentApproved {
		return fmt.Errorf("release %s without an approved consent", r.Statement.Release)
	}
	now := tx.Time.Unix()
	if now < c.NotBefore || now >= c.Expiry || !slices.Contains(c.Proxies, r.Proxy) || r.Owner != c.Owner || r.Receiver != c.Requester {
		return fmt.Errorf("release %s is outside its consent's time or parties", r.Statement.Release)
	}
	for _, id := range []record.PartyID{c.Owner, c.Requester, r.Proxy} {
		if p := a.party(id); p == nil || p.Status != record.StatusActive {
			return fmt.Errorf("release %s with party %s, which may not act", r.Statement.Release, id)
		}
	}
	v := record.RecordVersion{ID: r.Statement.Record, Digest: r.Statement.Digest}
	rec := before(a, recordKey(v.ID), record.DecodeRecord)
	if rec != nil && rec.Erased != 0 {
		return fmt.Errorf("release %s of an erased record", r.Statement.Release)
	}
	if rec != nil && rec.Digest != v.Digest {
		rec = before(a, versionKey(v), record.DecodeRecord)
	}
	if rec == nil || !covered(c, rec) {
		return fmt.Errorf("release %s of a record outside its consent", r.Statement.Release)
	}
	n := uint32(0)
	for _, value := range a.state {
		if other, err := record.DecodeRelease(value); err == nil && other.Statement.Consent == c.Consent && other.Proxy == r.Proxy {
			n++
		}
	}
	for _, w := range tx.Writes { // those of this transaction
		if other, err := record.DecodeRelease(w.Value); err == nil && other.Proxy == r.Proxy {
			n++
		}
	}
	if n > c.MaxReleases {
		return fmt.Errorf("consent %s allows %d releases, %d were made", c.Consent, c.MaxReleases, n)
	}
	return nil
}

// indexes walks documents and index keys both ways, and counts credit.
func (a *auditor) indexes() error {
	wanted := map[string]bool{}
	count := map[record.PartyID]int{}
	for key, value := range a.state {
		if indexed(key) {
			continue
		}
		d, err := record.DecodeDocument(value)
		if err != nil {
			return err
		}
		for _, index := range indexKeys(d) {
			wanted[index] = true
			if a.state[index] == nil {
				return fmt.Errorf("%q has no index key %q", key, index)
			}
		}
		if v, ok := d.(*record.Violation); ok {
			count[v.Party]++
		}
	}
	for key := range a.state {
		if indexed(key) && !wanted[key] {
			return fmt.Errorf("index key %q belongs to no document", key)
		}
	}
	for id, n := range count {
		if p := a.party(id); n >= 4 && p.Status == record.StatusActive && p.StatusReason == "registered" {
			return fmt.Errorf("party %s has %d violations and was never expelled", id, n)
		}
	}
	return nil
}
