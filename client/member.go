package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/internal/skip"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// Member is an insurer or a repair shop: it issues records and keeps their
// ciphertexts, requests access to other members' records, and delivers its own
// under consents.
type Member struct {
	chain   *Chain
	keys    *Keys
	store   store.Store
	carrier Carrier  // nil: the member submits its own batches
	kept    sync.Map // digests of pending entries whose signatures Keep has verified
	sums    *sums    // of payloads that are being sent
}

// NewMember makes a member of its view of the ledger, its keys and its own
// database. It submits its records to the ledger itself.
func NewMember(chain *Chain, keys *Keys, db store.Store) *Member {
	return &Member{chain: chain, keys: keys, store: db, sums: newSums()}
}

// NewCarriedMember is [NewMember] for an issuer whose batches the system manager
// carries to the ledger, as the paper's Algorithm 1 has it.
func NewCarriedMember(chain *Chain, keys *Keys, db store.Store, carrier Carrier) *Member {
	return &Member{chain: chain, keys: keys, store: db, carrier: carrier, sums: newSums()}
}

// ID is the member's short pseudo-identity.
func (m *Member) ID() record.PartyID { return m.keys.ID() }

// Chain is the member's view of the ledger.
func (m *Member) Chain() *Chain { return m.chain }

// ProposePolicy seals a policy under the owner's key (section 3.4, steps 4 and
// 5): it draws δ, puts it into the policy and its commitment into the
// statement. Hand the proposal to the owner to countersign, then [Member.Keep]
// it. Close the proposal's payload through [Proposal.Close] when done.
func (m *Member) ProposePolicy(ctx context.Context, owner *record.Party, label string, policy document.Policy, files fs.FS) (*Proposal, error) {
	delta, err := pseudonym.NewEvidence()
	if err != nil {
		return nil, err
	}
	policy.SetEvidence(delta)
	doc, err := document.NewPolicy(policy)
	if err != nil {
		return nil, err
	}
	return m.propose(ctx, owner, label, doc, files, &delta)
}

// ProposeRepair seals a repair record under the owner's key (section 3.4, step
// 6).
func (m *Member) ProposeRepair(ctx context.Context, owner *record.Party, label string, repair document.RepairRecord, files fs.FS) (*Proposal, error) {
	doc, err := document.NewRepair(repair)
	if err != nil {
		return nil, err
	}
	return m.propose(ctx, owner, label, doc, files, nil)
}

func (m *Member) propose(ctx context.Context, owner *record.Party, label string, doc *document.Document, files fs.FS, delta *pseudonym.Evidence) (*Proposal, error) {
	me, err := m.keys.self(ctx, m.chain)
	if err != nil {
		return nil, err
	}
	theirs := owner.Current()
	s := record.RecordStatement{
		Kind: doc.Kind(), Label: label, Owner: owner.ID, OwnerVersion: theirs.Version, OwnerKey: theirs.Encryption,
		Issuer: me.ID, IssuerVersion: me.Current().Version, IssuedAt: time.Now().Unix(),
	}
	if _, err := rand.Read(s.ID[:]); err != nil {
		return nil, fmt.Errorf("client: draw a record id: %w", err)
	}
	if delta != nil {
		s.Evidence = delta.Commit(m.chain.params.ID(), s.ID, pseudonym.PID(owner.PID))
	}
	to, err := publicKey(theirs.Encryption)
	if err != nil {
		return nil, err
	}
	payload, err := newSpool()
	if err != nil {
		return nil, err
	}
	p := &Proposal{OwnerPID: owner.PID, IssuerPID: me.PID, Payload: payload, Statement: s}
	err = through(func(w io.Writer) error { return document.Pack(w, doc, files) }, func(r io.Reader) error {
		capsule, err := m.chain.params.Seal(to, label, p.info(), payload, r)
		if err != nil {
			return err
		}
		p.Capsule, p.Statement.Digest, p.Statement.PayloadSize = capsule.Bytes(), capsule.Digest(), capsule.Payload().Size
		return nil
	})
	if err == nil {
		err = p.Statement.Validate()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("client: seal %s: %w", doc.Kind(), err), payload.Close())
	}
	return p, nil
}

// Close frees what the proposal's payload occupies.
func (p *Proposal) Close() error {
	if c, ok := p.Payload.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Keep adds the issuer's signature to a countersigned proposal and puts it into
// the database, to be submitted by [Member.Flush]. It checks the owner's
// signature first: a wrong one would cost the issuer credit. It returns
// [ErrNotOurs], [ErrStatement], [ErrSignature], [store.ErrExists].
func (m *Member) Keep(ctx context.Context, p *Proposal, owner *record.Party, ownerSignature record.Signature) error {
	entry, kept, err := m.complete(p, owner, ownerSignature)
	if err != nil {
		return err
	}
	src, err := p.Payload.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	if err := m.store.Put(ctx, store.Item{Payload: src, Entry: *kept}); err != nil {
		return err
	}
	m.kept.Store(sha256.Sum256(entry.Encode()), nil)
	return nil
}

// complete checks a countersigned proposal and adds the issuer's signature.
func (m *Member) complete(p *Proposal, owner *record.Party, ownerSignature record.Signature) (*record.Entry, *store.Entry, error) {
	s := &p.Statement
	if s.Issuer != m.ID() || s.Owner != owner.ID {
		return nil, nil, fmt.Errorf("%w: the record is by %s for %s", ErrNotOurs, s.Issuer, s.Owner)
	}
	capsule, err := p.capsule()
	if err != nil {
		return nil, nil, err
	}
	if err := m.chain.verify(owner, s.OwnerVersion, bls.RoleOwner, s, ownerSignature); err != nil {
		return nil, nil, err
	}
	sum := capsule.Payload()
	entry := &record.Entry{Statement: *s, OwnerSignature: ownerSignature, IssuerSignature: m.keys.sign(m.chain, bls.RoleIssuer, s)}
	return entry, &store.Entry{
		RecordID: s.ID, Kind: s.Kind, Label: s.Label, Owner: s.Owner, OwnerPID: p.OwnerPID, Issuer: s.Issuer, IssuerPID: p.IssuerPID,
		Capsule: p.Capsule, PayloadSize: int64(sum.Size), PayloadDigest: sum.SHA256, Statement: s.Encode(),
		OwnerSignature: bls.Signature(ownerSignature), IssuerSignature: bls.Signature(entry.IssuerSignature),
	}, nil
}

// Submitted is what became of one batch.
type Submitted struct {
	TxID   string
	Block  uint64
	Answer record.BatchAnswer
}

// Flush submits every pending record of the database, at most size in one
// transaction (up to [record.MaxBatch]), and notes what became of each. It is
// safe to call again after any failure: the ledger answers "already recorded"
// for what it has.
//
// A record that the ledger does not accept, because its owner was expelled or
// has new keys, say, does not hold up the others: it is marked as refused, and
// the refusals come back together as the error.
func (m *Member) Flush(ctx context.Context, size int) ([]Submitted, error) {
	f := &flush{m: m}
	for {
		pending, err := m.store.PendingRecords(ctx, min(max(size, 1), record.MaxBatch))
		if err != nil || len(pending) == 0 {
			return f.submitted, errors.Join(append(f.refusals, err)...)
		}
		entries, err := f.entries(ctx, pending)
		if err == nil {
			err = f.submit(ctx, entries)
		}
		if err != nil {
			return f.submitted, errors.Join(append(f.refusals, err)...)
		}
	}
}

// flush is one run of [Member.Flush].
type flush struct {
	m         *Member
	submitted []Submitted
	refusals  []error
}

// entries reads what is pending. What has been altered in the database since it
// was kept is not submitted: wrong signatures would cost this member's credit.
func (f *flush) entries(ctx context.Context, pending []*store.Entry) ([]record.Entry, error) {
	var entries []record.Entry
	for _, e := range pending {
		entry, err := f.m.genuine(ctx, e)
		switch {
		case err == nil:
			entries = append(entries, *entry)
			continue
		case errors.Is(err, record.ErrMalformed), errors.Is(err, ErrStatement), errors.Is(err, ErrSignature):
			err = f.refuse(ctx, e.RecordID, fmt.Errorf("in the database: %w", err))
		}
		if err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// genuine is an entry of the database whose signatures are right: the very one
// that Keep has seen, or, after a restart, one that is verified again.
func (m *Member) genuine(ctx context.Context, e *store.Entry) (*record.Entry, error) {
	s, err := record.DecodeRecordStatement(e.Statement)
	if err != nil {
		return nil, err
	}
	if s.ID != e.RecordID || s.Issuer != m.ID() {
		return nil, ErrStatement
	}
	entry := &record.Entry{Statement: *s, OwnerSignature: record.Signature(e.OwnerSignature), IssuerSignature: record.Signature(e.IssuerSignature)}
	if _, kept := m.kept.LoadAndDelete(sha256.Sum256(entry.Encode())); kept {
		return entry, nil
	}
	if entry.IssuerSignature != m.keys.sign(m.chain, bls.RoleIssuer, s) {
		return nil, fmt.Errorf("%w: this issuer's own", ErrSignature)
	}
	owner, err := m.chain.Party(ctx, s.Owner)
	if err != nil {
		return nil, err
	}
	return entry, m.chain.verify(owner, s.OwnerVersion, bls.RoleOwner, s, entry.OwnerSignature)
}

// submit submits entries in one transaction. When the ledger refuses it as a
// whole, it is halved until the entries at fault stand alone.
func (f *flush) submit(ctx context.Context, entries []record.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	answer, result, err := f.m.send(ctx, record.Batch{Entries: entries})
	if err != nil {
		return f.divide(ctx, entries, err)
	}
	if answer.Entries != len(entries) {
		return fmt.Errorf("%w: %d verdicts for %d records", ErrAnswer, answer.Entries, len(entries))
	}
	if err := f.note(ctx, entries, answer, result); err != nil {
		return err
	}
	f.submitted = append(f.submitted, Submitted{TxID: result.TxID, Block: result.Block, Answer: *answer})
	return nil
}

// note keeps the verdicts on entries. What a carrier says has become of a record
// is believed once this member's own peer has it.
func (f *flush) note(ctx context.Context, entries []record.Entry, answer *record.BatchAnswer, result ledger.Result) error {
	var recorded []record.RecordID
	for i, verdict := range answer.Verdicts() {
		s := &entries[i].Statement
		if verdict != record.VerdictRecorded && verdict != record.VerdictAlready {
			if err := f.m.store.MarkRefused(ctx, result.TxID, string(verdict), s.ID); err != nil {
				return err
			}
			continue
		}
		if f.m.carrier != nil {
			if _, err := f.m.chain.RecordVersion(ctx, record.RecordVersion{ID: s.ID, Digest: s.Digest}); err != nil {
				return fmt.Errorf("client: the carrier says that record %s is recorded: %w", s.ID, err)
			}
		}
		recorded = append(recorded, s.ID)
	}
	if len(recorded) == 0 {
		return nil
	}
	return f.m.store.MarkRecorded(ctx, result.TxID, result.Block, recorded...)
}

func (f *flush) divide(ctx context.Context, entries []record.Entry, refusal error) error {
	if !entryFault(refusal) {
		return refusal
	}
	me, err := f.m.keys.self(ctx, f.m.chain)
	if err != nil {
		return errors.Join(refusal, err)
	}
	if me.Status != record.StatusActive {
		return refusal // this member's own fault, not an entry's
	}
	if half := len(entries) / 2; half > 0 {
		if err := f.submit(ctx, entries[:half]); err != nil {
			return err
		}
		return f.submit(ctx, entries[half:])
	}
	return f.refuse(ctx, entries[0].Statement.ID, refusal)
}

func (f *flush) refuse(ctx context.Context, id record.RecordID, why error) error {
	f.refusals = append(f.refusals, fmt.Errorf("client: record %s is refused: %w", id, why))
	return f.m.store.MarkRefused(ctx, "", why.Error(), id)
}

// entryFault reports whether a refusal of a batch can be one entry's doing.
func entryFault(err error) bool {
	for _, fault := range []*record.Error{
		record.ErrMalformed, record.ErrRecordExists, record.ErrVersionConflict, record.ErrPartyUnknown, record.ErrOwnerRole,
		record.ErrSuspended, record.ErrExpelled, record.ErrIssuerKind, record.ErrStaleKeyVersion, record.ErrKeyMismatch, record.ErrTime,
	} {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}

// Candidates are the capsules under a label, for the system manager's search.
func (m *Member) Candidates(ctx context.Context, label string) ([]Candidate, error) {
	var all []Candidate
	for c, err := range m.store.Capsules(ctx, store.Query{Label: label}) {
		if err != nil {
			return nil, err
		}
		if c.Label == label {
			all = append(all, Candidate{Record: c.RecordID, Capsule: c.Capsule})
		}
	}
	return all, nil
}

// Deliver answers a proxy's order (section 3.6, step 2): the consent on the
// ledger must allow it, and the capsule in the database must be the one that
// was recorded, in every part. The returned statement is what the holder can be
// held to, so nothing in it is taken from the database.
//
// It returns [ErrDelivery], [ErrNotOurs], [record.ErrRecordErased], [ErrTampered], [ErrFormerKey] for a
// record that its owner has not brought along since a rotation of keys,
// [store.ErrNotFound] and the errors of [record.Consent.UsableAt] and
// [record.GrantStatement.Covers].
func (m *Member) Deliver(ctx context.Context, o Order) (*Delivered, error) {
	if o.Release != record.NewReleaseID(o.Consent, o.Record, o.Proxy, o.Nonce) {
		return nil, fmt.Errorf("%w: the release id does not follow from the order", ErrDelivery)
	}
	if err := m.chain.Await(ctx, o.AsOf); err != nil {
		return nil, err
	}
	consent, err := m.chain.Consent(ctx, o.Consent)
	if err != nil {
		return nil, err
	}
	if err := consent.UsableAt(time.Now().Unix()); err != nil {
		return nil, err
	}
	if !consent.HasProxy(o.Proxy) {
		return nil, record.ErrConsentProxy.With("the consent does not name proxy %s", o.Proxy)
	}
	listed, err := m.chain.Record(ctx, o.Record)
	if err != nil {
		return nil, err
	}
	if listed.Issuer != m.ID() {
		return nil, fmt.Errorf("%w: the record is held by %s", ErrNotOurs, listed.Issuer)
	}
	if listed.Erased != 0 {
		return nil, record.ErrRecordErased.With("record %s was erased at %s", listed.ID, record.FormatTime(listed.Erased))
	}
	if listed.Owner != consent.Owner {
		return nil, record.ErrConsentScope.With("the record belongs to another owner")
	}
	if err := consent.Covers(listed.Version(), listed.Label, m.ID()); err != nil {
		return nil, err
	}
	entry, err := m.store.Record(ctx, o.Record)
	if err != nil {
		return nil, err
	}
	verified, err := m.chain.checkCapsule(entry.Capsule, listed, consent)
	if err != nil {
		return nil, fmt.Errorf("in this holder's own database: %w", m.behind(ctx, entry.Capsule, listed, consent, err))
	}
	me, err := m.keys.self(ctx, m.chain)
	if err != nil {
		return nil, err
	}
	d := record.DeliverStatement{
		Release: o.Release, Consent: o.Consent, Record: o.Record, Digest: listed.Digest, Holder: me.ID, HolderVersion: me.Current().Version,
		Capsule: verified.Capsule().FullDigest(), Time: time.Now().Unix(),
	}
	return &Delivered{Capsule: entry.Capsule, Delivery: record.Delivery{
		Statement: d, Nonce: o.Nonce, Signature: m.keys.sign(m.chain, bls.RoleHolder, &d),
	}}, nil
}

// SendPayload streams the payload of a committed release from the order's offset
// on and returns the signed trailer over the whole. What was hashed for an earlier
// stream of the release is not hashed again. It returns [ErrNotOurs] for another
// holder's release and [ErrDelivery] for an offset behind the end.
func (m *Member) SendPayload(ctx context.Context, o PayloadOrder, dst io.Writer) (*Trailer, error) {
	if err := m.chain.Await(ctx, o.AsOf); err != nil {
		return nil, err
	}
	release, err := m.chain.Release(ctx, o.Release)
	if err != nil {
		return nil, err
	}
	if release.Statement.Holder != m.ID() {
		return nil, fmt.Errorf("%w: the release is of holder %s", ErrNotOurs, release.Statement.Holder)
	}
	me, err := m.keys.self(ctx, m.chain)
	if err != nil {
		return nil, err
	}
	sum := m.sums.from(o.Release, o.Offset)
	var count counter
	rest := &skip.Writer{W: dst, Left: o.Offset}
	if err := m.store.Payload(ctx, release.Statement.Record, io.MultiWriter(rest, &skip.Writer{W: sum, Left: sum.begin}, &count)); err != nil {
		return nil, err
	}
	if rest.Left > 0 {
		return nil, fmt.Errorf("%w: the payload has %d bytes, the order begins at %d", ErrDelivery, count, o.Offset)
	}
	s := record.TrailerStatement{
		Release: o.Release, Holder: me.ID, HolderVersion: me.Current().Version, Sent: record.Digest(sum.sum.Sum(nil)), Length: uint64(count),
	}
	return &Trailer{Statement: s, Signature: m.keys.sign(m.chain, bls.RoleHolder, &s)}, nil
}

type counter uint64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
