package model

import (
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

// batch reads the batch of a call.
func (t *transaction) batch(args []string) *record.Batch {
	digest, ok := parsed(t, args[0], record.ParseDigest)
	if !ok {
		return nil
	}
	encoded, present := t.call.Transient[record.TransientBatch]
	if t.refuse(!present, record.ErrBatchMissing) || t.refuse(record.BatchDigest(encoded) != digest, record.ErrBatchDigest) {
		return nil
	}
	b, err := record.DecodeBatch(encoded)
	if t.refuse(err != nil, record.ErrMalformed) {
		return nil
	}
	return b
}

// submit is SubmitRecords and Amend.
func submit(amend bool) func(*transaction, []string) {
	return func(t *transaction, args []string) {
		b := t.batch(args)
		if b == nil {
			return
		}
		by := b.Entries[0].Statement.Issuer
		ids := map[record.RecordID]bool{}
		for _, e := range b.Entries {
			t.refuse(e.Statement.Issuer != by, record.ErrMixedIssuers)
			t.refuse(ids[e.Statement.ID], record.ErrDuplicateEntry)
			ids[e.Statement.ID] = true
		}
		from := t.known(by)
		if from == nil {
			return
		}
		t.mayAct(from)
		carriage := t.carriage(b, from)
		a := &record.BatchAnswer{Entries: len(b.Entries)}
		var fresh []int
		for i := range b.Entries {
			if t.entry(&b.Entries[i], from, amend) {
				a.Exceptions = append(a.Exceptions, record.Exception{Index: i, Verdict: record.VerdictAlready})
			} else {
				fresh = append(fresh, i)
			}
		}
		if t.refused() {
			return
		}
		t.judge(b, from, carriage, fresh, args[0], a)
		slices.SortFunc(a.Exceptions, func(x, y record.Exception) int { return x.Index - y.Index })
		t.answer = a
	}
}

// carriage checks who brings the batch, and answers with the issuer's word when
// it is not the issuer.
func (t *transaction) carriage(b *record.Batch, from *record.Party) *record.Carriage {
	if t.party != nil && t.party.ID == from.ID {
		return nil
	}
	c := b.Carriage
	if t.refuse(!t.manager || c == nil || c.Statement.Issuer != from.ID, record.ErrCarrier) {
		return nil
	}
	keys := latest(from)
	t.refuse(c.Statement.IssuerVersion != keys.Version, record.ErrStaleKeyVersion)
	t.refuse(!t.inTime(c.Statement.Time), record.ErrTime)
	t.refuse(!t.signed(keys.Signing, bls.RoleIssuer, &c.Statement, c.Signature), record.ErrSignature)
	return c
}

// entry checks all of an entry but its signatures; it answers whether the entry
// is on the ledger just so.
func (t *transaction) entry(e *record.Entry, from *record.Party, amend bool) (already bool) {
	s := &e.Statement
	owner := t.known(s.Owner)
	if owner != nil {
		t.hasRole(owner, record.ErrOwnerRole, record.RolePolicyholder)
		t.mayAct(owner)
	}
	now := get[record.Record](t, recordKey(s.ID))
	if now != nil {
		earlier := t.version(record.RecordVersion{ID: s.ID, Digest: s.Digest}, now)
		if earlier != nil && earlier.RecordStatement == *s && earlier.OwnerSignature == e.OwnerSignature && earlier.IssuerSignature == e.IssuerSignature {
			return true
		}
	}
	if amend {
		t.amendment(s, now)
	} else {
		t.refuse(now != nil, record.ErrRecordExists)
		t.refuse(now == nil && !s.Previous.IsZero(), record.ErrVersionConflict)
	}
	issues := map[record.Kind]record.Role{record.KindPolicy: record.RoleInsurer, record.KindRepair: record.RoleRepairShop}
	t.refuse(issues[s.Kind] != from.Role, record.ErrIssuerKind)
	t.refuse(s.IssuerVersion != latest(from).Version, record.ErrStaleKeyVersion)
	t.refuse(!t.inTime(s.IssuedAt), record.ErrTime)
	if owner != nil {
		t.refuse(s.OwnerVersion != latest(owner).Version, record.ErrStaleKeyVersion)
		t.refuse(s.OwnerKey != latest(owner).Encryption, record.ErrKeyMismatch)
	}
	return false
}

// amendment checks that a version follows the current one and is new.
func (t *transaction) amendment(s *record.RecordStatement, now *record.Record) {
	if t.refuse(now == nil, record.ErrRecordUnknown) {
		return
	}
	t.refuse(now.Erased != 0, record.ErrRecordErased)
	t.refuse(s.Previous != now.Digest, record.ErrVersionConflict)
	t.refuse(s.Owner != now.Owner || s.Issuer != now.Issuer || s.Kind != now.Kind, record.ErrAmendment)
	t.refuse(get[record.Record](t, versionKey(record.RecordVersion{ID: s.ID, Digest: s.Digest})) != nil, record.ErrAmendment)
}

// version is the current or an amended version of a record.
func (t *transaction) version(v record.RecordVersion, now *record.Record) *record.Record {
	if now.Digest == v.Digest {
		return now
	}
	return get[record.Record](t, versionKey(v))
}

// judge records what is rightly signed and punishes the rest.
func (t *transaction) judge(b *record.Batch, from *record.Party, carriage *record.Carriage, fresh []int, digest string, a *record.BatchAnswer) {
	var bad []record.BadEntry
	wrong := 0
	for _, i := range fresh {
		e := b.Entries[i]
		owner := t.m.documents[partyKey(e.Statement.Owner)].(*record.Party)
		x := record.BadEntry{
			Index: uint32(i), Entry: e,
			Owner:  !t.signed(latest(owner).Signing, bls.RoleOwner, &e.Statement, e.OwnerSignature),
			Issuer: !t.signed(latest(from).Signing, bls.RoleIssuer, &e.Statement, e.IssuerSignature),
		}
		if x.Owner || x.Issuer {
			bad = append(bad, x)
		}
		for _, is := range []bool{x.Owner, x.Issuer} {
			if is {
				wrong++
			}
		}
	}
	whole := len(bad) > 8
	for _, i := range fresh {
		k := slices.IndexFunc(bad, func(x record.BadEntry) bool { return x.Index == uint32(i) })
		switch {
		case whole:
			a.Exceptions = append(a.Exceptions, record.Exception{Index: i, Verdict: record.VerdictBatch})
		case k >= 0:
			a.Exceptions = append(a.Exceptions, record.Exception{Index: i, Verdict: record.VerdictSignature, Owner: bad[k].Owner, Issuer: bad[k].Issuer})
		default:
			t.store(&b.Entries[i])
			a.Recorded++
		}
	}
	if len(bad) > 0 {
		t.punish(b, from, carriage, evidence(bad, wrong), whole, digest, a)
	}
}

// evidence is what a violation keeps: up to eight bad entries, and of a batch
// with more than sixteen wrong signatures the first of them.
func evidence(bad []record.BadEntry, wrong int) []record.BadEntry {
	if wrong <= 16 {
		return bad[:min(8, len(bad))]
	}
	first := bad[0]
	first.Issuer = first.Issuer && !first.Owner
	return []record.BadEntry{first}
}

func (t *transaction) store(e *record.Entry) {
	s := e.Statement
	before := get[record.Record](t, recordKey(s.ID))
	change := "added"
	if before != nil {
		change = "amended"
		t.put(versionKey(record.RecordVersion{ID: before.ID, Digest: before.Digest}), before)
	}
	t.put(recordKey(s.ID), &record.Record{RecordStatement: s, OwnerSignature: e.OwnerSignature, IssuerSignature: e.IssuerSignature, RecordedAt: t.now})
	t.changed(record.DocumentRecord, change, s.ID.String())
}

// punish commits the one violation of a batch, unless that very batch has cost
// it before.
func (t *transaction) punish(b *record.Batch, from *record.Party, carriage *record.Carriage, bad []record.BadEntry, whole bool, digest string, a *record.BatchAnswer) {
	key := batchKey(b.EntriesDigest())
	if get[record.Link](t, key) != nil {
		a.Repeated = true
		return
	}
	t.put(key, &record.Link{Party: from.ID})
	v := &record.Violation{Offence: record.OffenceSignature, Entries: uint32(len(b.Entries)), WholeBatch: whole, Bad: bad, Carriage: carriage}
	v.Batch, _ = record.ParseDigest(digest)
	credit := t.violate(from, v)
	a.Violation, a.Credit, a.Expelled = t.tx.String(), &credit, from.Status == record.StatusExpelled
}
