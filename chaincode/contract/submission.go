package contract

import (
	"errors"
	"fmt"
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

// submission is one batch on its way to the ledger. Everything that is wrong
// with it except a signature fails the transaction and changes nothing; a wrong
// signature is the issuer's fault and is kept against it.
type submission struct {
	c        *Context
	batch    *record.Batch
	digest   record.Digest
	issuer   *record.Party
	key      *bls.PublicKey
	owners   map[record.PartyID]*owner // looked up only, never walked
	existing []*record.Record          // current versions, nil where there is none
	answer   *record.BatchAnswer
}

type owner struct {
	party *record.Party
	key   *bls.PublicKey
}

// check decides on one entry: nil to record it, errAlready when it is there.
type check func(s *submission, entry *record.Entry, existing *record.Record) error

var errAlready = errors.New("already recorded")

func (c *Context) submit(batchDigest string, rule check) (string, error) {
	c.GetStub().StartWriteBatch()
	s := &submission{c: c}
	if err := first(
		func() error { return s.open(batchDigest) },
		s.checkShape,
		s.checkCarrier,
		s.loadOwners,
		s.loadExisting,
	); err != nil {
		return "", err
	}
	s.answer = &record.BatchAnswer{Entries: len(s.batch.Entries)}
	fresh, err := s.checkEntries(rule)
	if err != nil {
		return "", err
	}
	if err := s.judge(fresh); err != nil {
		return "", err
	}
	slices.SortFunc(s.answer.Exceptions, func(a, b record.Exception) int { return a.Index - b.Index })
	return c.done(s.answer)
}

func first(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (s *submission) open(batchDigest string) error {
	claimed, err := record.ParseDigest(batchDigest)
	if err != nil {
		return err
	}
	transient, err := s.c.GetStub().GetTransient()
	if err != nil {
		return internal("transient map", err)
	}
	encoded, present := transient[record.TransientBatch]
	if !present {
		return record.ErrBatchMissing.With("the transient map has no batch")
	}
	s.digest = record.BatchDigest(encoded)
	if s.digest != claimed {
		return record.ErrBatchDigest.With("the batch has digest %s", s.digest)
	}
	s.batch, err = record.DecodeBatch(encoded)
	return err
}

func (s *submission) checkShape() error {
	seen := make(map[record.RecordID]bool, len(s.batch.Entries))
	for i := range s.batch.Entries {
		statement := &s.batch.Entries[i].Statement
		if statement.Issuer != s.batch.Entries[0].Statement.Issuer {
			return record.ErrMixedIssuers.With("entry %d is of another issuer than entry 0", i)
		}
		if seen[statement.ID] {
			return record.ErrDuplicateEntry.With("record %s stands twice in the batch", statement.ID)
		}
		seen[statement.ID] = true
	}
	return nil
}

// checkCarrier makes sure that the batch is the issuer's own: it is the caller,
// or it has signed for a batch that the system manager carries.
func (s *submission) checkCarrier() (err error) {
	id := s.batch.Entries[0].Statement.Issuer
	if caller := s.c.caller.party; caller != nil && caller.ID == id {
		s.issuer = caller // read already
	} else if s.issuer, err = s.c.party(id); err != nil {
		return err
	}
	if err := active(s.issuer); err != nil {
		return err
	}
	if s.key, err = signingKey(s.issuer); err != nil {
		return err
	}
	if caller := s.c.caller.party; caller != nil && caller.ID == s.issuer.ID {
		s.batch.Carriage = nil // the issuer's certificate speaks for it
		return nil
	}
	if !s.c.caller.manager {
		return record.ErrCarrier.With("the caller is not the issuer %s", s.issuer.ID)
	}
	carriage := s.batch.Carriage
	if carriage == nil {
		return record.ErrCarrier.With("the batch of issuer %s has no carriage", s.issuer.ID)
	}
	if carriage.Statement.Issuer != s.issuer.ID {
		return record.ErrCarrier.With("the carriage is signed by %s, the entries are of %s", carriage.Statement.Issuer, s.issuer.ID)
	}
	if err := currentVersion(s.issuer, carriage.Statement.IssuerVersion); err != nil {
		return err
	}
	if err := s.c.inWindow("the carriage", carriage.Statement.Time); err != nil {
		return err
	}
	return s.c.verify(s.issuer, &carriage.Statement, bls.RoleIssuer, carriage.Signature)
}

func (s *submission) loadOwners() error {
	var ids []record.PartyID
	s.owners = map[record.PartyID]*owner{}
	for i := range s.batch.Entries {
		id := s.batch.Entries[i].Statement.Owner
		if s.owners[id] == nil {
			s.owners[id] = &owner{}
			ids = append(ids, id)
		}
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = record.PartyKey(id)
	}
	parties, err := loadAll(s.c, keys, record.DecodeParty)
	if err != nil {
		return err
	}
	for i, party := range parties {
		if party == nil {
			return record.ErrPartyUnknown.With("there is no owner %s", ids[i])
		}
		if err := policyholder(party); err != nil {
			return err
		}
		if err := active(party); err != nil {
			return err
		}
		key, err := signingKey(party)
		if err != nil {
			return err
		}
		*s.owners[ids[i]] = owner{party, key}
	}
	return nil
}

func (s *submission) loadExisting() (err error) {
	keys := make([]string, len(s.batch.Entries))
	for i := range s.batch.Entries {
		keys[i] = record.RecordKey(s.batch.Entries[i].Statement.ID)
	}
	s.existing, err = loadAll(s.c, keys, record.DecodeRecord)
	return err
}

// checkEntries applies every rule but the signatures and returns the indexes of
// the entries that are new.
func (s *submission) checkEntries(rule check) (fresh []int, err error) {
	for i := range s.batch.Entries {
		err := rule(s, &s.batch.Entries[i], s.existing[i])
		if errors.Is(err, errAlready) {
			s.answer.Exceptions = append(s.answer.Exceptions, record.Exception{Index: i, Verdict: record.VerdictAlready})
			continue
		}
		if err == nil {
			err = s.checkEntry(&s.batch.Entries[i])
		}
		if err != nil {
			return nil, entryError(i, err)
		}
		fresh = append(fresh, i)
	}
	return fresh, nil
}

// entryError says which entry is meant.
func entryError(index int, err error) error {
	var refusal *record.Error
	if errors.As(err, &refusal) {
		return &record.Error{Code: refusal.Code, Message: fmt.Sprintf("entry %d: %s", index, refusal.Message)}
	}
	return err
}

func (s *submission) checkEntry(entry *record.Entry) error {
	statement := &entry.Statement
	holder := s.owners[statement.Owner].party
	if s.issuer.Role != statement.Kind.Issuer() {
		return record.ErrIssuerKind.With("issuer %s is of role %s, the record is a %s", s.issuer.ID, s.issuer.Role, statement.Kind)
	}
	return first(
		func() error { return currentVersion(s.issuer, statement.IssuerVersion) },
		func() error { return currentVersion(holder, statement.OwnerVersion) },
		func() error { return currentKey(holder, statement.OwnerKey) },
		func() error { return s.c.inWindow("the record", statement.IssuedAt) },
	)
}

// checkFirst is the rule for first versions.
func (s *submission) checkFirst(entry *record.Entry, existing *record.Record) error {
	if existing != nil {
		return s.compare(entry, existing, record.ErrRecordExists.With("record %s is there with other contents", entry.Statement.ID))
	}
	if !entry.Statement.Previous.IsZero() {
		return record.ErrVersionConflict.With("record %s names a previous version, but there is none", entry.Statement.ID)
	}
	return nil
}

// checkAmendment is the rule for new versions.
func (s *submission) checkAmendment(entry *record.Entry, existing *record.Record) error {
	statement := &entry.Statement
	if existing == nil {
		return record.ErrRecordUnknown.With("there is no record %s", statement.ID)
	}
	if existing.Erased != 0 {
		return s.compare(entry, existing, erased(existing))
	}
	if statement.Previous != existing.Digest {
		return s.compare(entry, existing, record.ErrVersionConflict.With("the current version of record %s has digest %s", statement.ID, existing.Digest))
	}
	if statement.Owner != existing.Owner || statement.Issuer != existing.Issuer || statement.Kind != existing.Kind {
		return record.ErrAmendment.With("record %s has another owner, issuer or kind", statement.ID)
	}
	earlier, err := load(s.c, record.VersionKey(record.RecordVersion{ID: statement.ID, Digest: statement.Digest}), record.DecodeRecord)
	if err == nil && earlier != nil {
		err = record.ErrAmendment.With("record %s already has a version with this digest", statement.ID)
	}
	return err
}

// compare answers errAlready when the entry is on the ledger as it stands, as
// the current or an amended version, and otherwise with the given refusal.
func (s *submission) compare(entry *record.Entry, existing *record.Record, refusal error) error {
	if existing.Entry() == *entry {
		return errAlready
	}
	if existing.Previous.IsZero() {
		return refusal
	}
	earlier, err := load(s.c, record.VersionKey(record.RecordVersion{ID: entry.Statement.ID, Digest: entry.Statement.Digest}), record.DecodeRecord)
	if err != nil {
		return err
	}
	if earlier != nil && earlier.Entry() == *entry {
		return errAlready
	}
	return refusal
}

// judge verifies the signatures of the fresh entries, records those that pass
// and commits a violation when some do not.
func (s *submission) judge(fresh []int) error {
	if len(fresh) == 0 {
		return nil
	}
	items := s.items(fresh)
	wrong, err := bls.VerifyBatch(s.c.setUp.ParamsID, items, 2*record.MaxBadEntries)
	switch {
	case errors.Is(err, bls.ErrTooManyBad):
		wrong = firstWrong(items)
	case err != nil:
		return internal("batch verification", err)
	}
	bad := s.badEntries(fresh, wrong)
	if err == nil && len(bad) <= record.MaxBadEntries {
		if err := s.store(fresh, bad); err != nil {
			return err
		}
		for _, b := range bad {
			s.answer.Exceptions = append(s.answer.Exceptions, record.Exception{
				Index: int(b.Index), Verdict: record.VerdictSignature, Owner: b.Owner, Issuer: b.Issuer,
			})
		}
		if len(bad) == 0 {
			return nil
		}
		return s.convict(bad, false)
	}
	for _, i := range fresh {
		s.answer.Exceptions = append(s.answer.Exceptions, record.Exception{Index: i, Verdict: record.VerdictBatch})
	}
	return s.convict(bad[:min(len(bad), record.MaxBadEntries)], true)
}

// items lists two signatures per fresh entry, the owner's and the issuer's.
func (s *submission) items(fresh []int) []bls.Item {
	context := s.c.setUp.Context()
	items := make([]bls.Item, 0, 2*len(fresh))
	for _, i := range fresh {
		entry := &s.batch.Entries[i]
		hash := entry.Statement.Hash(context)
		items = append(items,
			bls.Item{Key: s.owners[entry.Statement.Owner].key, Role: bls.RoleOwner, Hash: hash, Signature: bls.Signature(entry.OwnerSignature)},
			bls.Item{Key: s.key, Role: bls.RoleIssuer, Hash: hash, Signature: bls.Signature(entry.IssuerSignature)})
	}
	return items
}

// firstWrong finds one wrong signature, as evidence against a batch that has
// too many to name them all.
func firstWrong(items []bls.Item) []int {
	for k, item := range items {
		if bls.Verify(item.Key, item.Role, item.Hash, item.Signature) != nil {
			return []int{k}
		}
	}
	return nil
}

// badEntries joins the wrong signatures of each entry.
func (s *submission) badEntries(fresh, wrong []int) []record.BadEntry {
	var bad []record.BadEntry
	for _, k := range wrong {
		index := fresh[k/2]
		if len(bad) == 0 || bad[len(bad)-1].Index != uint32(index) {
			bad = append(bad, record.BadEntry{Index: uint32(index), Entry: s.batch.Entries[index]})
		}
		if k%2 == 0 {
			bad[len(bad)-1].Owner = true
		} else {
			bad[len(bad)-1].Issuer = true
		}
	}
	return bad
}

// store writes the fresh entries that are not bad; both lists ascend.
func (s *submission) store(fresh []int, bad []record.BadEntry) error {
	for _, i := range fresh {
		if len(bad) > 0 && bad[0].Index == uint32(i) {
			bad = bad[1:]
			continue
		}
		if err := s.storeEntry(&s.batch.Entries[i], s.existing[i]); err != nil {
			return err
		}
		s.answer.Recorded++
	}
	return nil
}

func (s *submission) storeEntry(entry *record.Entry, existing *record.Record) error {
	c := s.c
	rec := &record.Record{
		RecordStatement: entry.Statement, OwnerSignature: entry.OwnerSignature, IssuerSignature: entry.IssuerSignature, RecordedAt: c.now,
	}
	if err := c.put(record.RecordKey(rec.ID), rec); err != nil {
		return err
	}
	if existing != nil {
		c.changed(record.DocumentRecord, "amended", rec.ID.String())
		return c.put(record.VersionKey(existing.Version()), existing)
	}
	c.changed(record.DocumentRecord, "added", rec.ID.String())
	if err := c.putIndex(indexRecordOwner, record.KeyPart(rec.Owner[:]), record.KeyPart(rec.ID[:])); err != nil {
		return err
	}
	return c.putIndex(indexRecordIssuer, record.KeyPart(rec.Issuer[:]), record.KeyPart(rec.ID[:]))
}

// convict commits one violation for the whole batch. The same batch costs
// nothing a second time: neither a carrier's replay nor a client's retry may
// take more credit.
func (s *submission) convict(bad []record.BadEntry, whole bool) error {
	key := batchKey(s.batch.EntriesDigest())
	known, err := load(s.c, key, record.DecodeLink)
	if err != nil {
		return err
	}
	if known != nil {
		s.answer.Repeated = true
		return nil
	}
	if err := s.c.put(key, &record.Link{Party: s.issuer.ID}); err != nil {
		return err
	}
	violation := &record.Violation{
		Offence: record.OffenceSignature, Batch: s.digest, Entries: uint32(len(s.batch.Entries)), WholeBatch: whole,
		Bad: bad, Carriage: s.batch.Carriage,
	}
	standing, err := s.c.violate(s.issuer, violation)
	if err != nil {
		return err
	}
	s.answer.Violation = s.c.tx.String()
	s.answer.Credit = &standing.Credit
	s.answer.Expelled = standing.Status == record.StatusExpelled
	return nil
}
