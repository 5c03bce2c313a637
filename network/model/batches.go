package model

import (
	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/crypto/bls"
)

// submit is a batch of first versions by one issuer.
func (w *world) submit() stub.Call {
	p := w.issuer()
	if p == nil || w.owner() == nil {
		return w.register()
	}
	from := w.member(p)
	n := 1 + w.IntN(4)
	if w.chance(6) {
		n = 9 + w.IntN(4)
	}
	var entries []record.Entry
	for range n {
		entries = append(entries, w.entry(p, from, 24/n))
	}
	spoilt := w.chance(12) || n > record.MaxBadEntries && w.chance(50)
	if spoilt {
		w.spoilSignatures(entries)
	}
	if len(entries) > 1 && w.chance(3) {
		entries[1].Statement.ID = entries[0].Statement.ID
	}
	if old := w.resubmitted(p); old != nil && w.chance(15) {
		entries = append(entries, *old)
	}
	w.entries = append(w.entries, entries...)
	call := w.carry(record.TxSubmitRecords, p, entries)
	if spoilt {
		w.faulty = append(w.faulty, call)
	}
	return call
}

// resubmitted is an entry of the issuer's that was signed before.
func (w *world) resubmitted(p *record.Party) *record.Entry {
	var own []*record.Entry
	for i := range w.entries {
		if w.entries[i].Statement.Issuer == p.ID {
			own = append(own, &w.entries[i])
		}
	}
	return pick(w, own)
}

var labels = map[record.Role][]string{
	record.RoleInsurer: {"policy/2026"}, record.RoleRepairShop: {"repair/2026", "repair/2025"},
}

// entry is a signed entry, wrong in this many of a hundred times.
func (w *world) entry(p *record.Party, from *alliance.Member, wrong int) record.Entry {
	owner := w.member(w.owner())
	s := must(w.Statement(from, owner, pick(w, labels[p.Role]), w.now-int64(w.IntN(1000))))
	signer := owner
	if w.chance(min(wrong, 8)) {
		signer = w.spoilStatement(&s, p, owner)
	}
	return w.SignEntry(s, from, signer)
}

// spoilStatement makes one thing wrong that refuses the batch.
func (w *world) spoilStatement(s *record.RecordStatement, p *record.Party, owner *alliance.Member) *alliance.Member {
	switch w.IntN(9) {
	case 0:
		s.IssuerVersion++
	case 1: // signed with the owner's first keys
		owner = w.made[owner.ID][0]
		s.OwnerVersion, s.OwnerKey = 1, owner.Encryption()
	case 2, 3:
		s.IssuedAt = w.edge()
	case 4:
		s.Owner = w.outsider()
	case 5:
		must(0, w.Draw(s.Previous[:]))
	case 6:
		if other := w.anybody(); other.ID != s.Issuer && !latest(other).Encryption.IsZero() && latest(other).Encryption.Mode == s.OwnerKey.Mode {
			owner = w.member(other)
			s.Owner, s.OwnerVersion, s.OwnerKey = other.ID, latest(other).Version, latest(other).Encryption
		}
	case 7:
		if other := w.issuer(); other.ID != s.Owner {
			s.Issuer = other.ID
		}
	default:
		if rec := pick(w, all(w.m, func(r *record.Record) bool { return r.Issuer == p.ID })); rec != nil {
			s.ID = rec.ID
		}
	}
	return owner
}

// spoilSignatures exchanges signatures of one entry or of all, and in large
// batches of about as many as are still told apart.
func (w *world) spoilSignatures(entries []record.Entry) {
	count := 1
	switch {
	case len(entries) > record.MaxBadEntries:
		count = min(len(entries), record.MaxBadEntries+w.IntN(3))
	case w.chance(20):
		count = len(entries)
	}
	from, how := w.IntN(len(entries)), w.IntN(3)
	for k := range count {
		e := &entries[(from+k)%len(entries)]
		if how != 1 {
			e.IssuerSignature = e.OwnerSignature
		}
		if how != 0 {
			e.OwnerSignature = record.Signature{byte(k)}
		}
	}
}

// carry is the issuer's own call, or a manager's with the carriage.
func (w *world) carry(function string, p *record.Party, entries []record.Entry) stub.Call {
	b := &record.Batch{Entries: entries}
	id := identity(p)
	if w.chance(20) || p.Status != record.StatusActive && w.chance(60) {
		id = w.manager()
		b = w.Carried(w.member(p), w.now, entries...)
		if w.chance(25) {
			w.spoilCarriage(b, p)
		}
	} else if w.chance(4) {
		id = w.somebody()
	}
	args, transient := alliance.BatchArgs(b)
	switch w.IntN(100) {
	case 0:
		args[0] = record.Digest{1}.String()
	case 1:
		transient = nil
	}
	return stub.Call{Identity: id, Function: function, Args: args, Transient: transient}
}

func (w *world) spoilCarriage(b *record.Batch, p *record.Party) {
	other := w.member(w.issuer())
	s := b.Carriage.Statement
	switch w.IntN(5) {
	case 0:
		b.Carriage = nil
	case 1:
		b.Carriage = w.SignCarriage(s, other)
	case 2:
		s.IssuerVersion++
		b.Carriage = w.SignCarriage(s, w.member(p))
	case 3:
		s.Time = w.edge()
		b.Carriage = w.SignCarriage(s, w.member(p))
	default:
		s.Issuer = other.ID
		b.Carriage = w.SignCarriage(s, other)
	}
}

// amend is a batch of new versions.
func (w *world) amend() stub.Call {
	p := w.issuer()
	if p == nil {
		return w.register()
	}
	own := all(w.m, func(r *record.Record) bool { return r.Issuer == p.ID })
	if len(own) == 0 {
		return w.submit()
	}
	from := w.member(p)
	var entries []record.Entry
	used := map[record.RecordID]bool{}
	for range 1 + w.IntN(3) {
		if rec := pick(w, own); !used[rec.ID] || w.chance(5) {
			used[rec.ID] = true
			entries = append(entries, w.amendment(rec, from))
		}
	}
	if w.chance(8) {
		w.spoilSignatures(entries)
	}
	w.entries = append(w.entries, entries...)
	return w.carry(record.TxAmend, p, entries)
}

func (w *world) amendment(rec *record.Record, from *alliance.Member) record.Entry {
	s := must(w.Amended(rec.RecordStatement))
	p := w.m.documents[partyKey(rec.Owner)].(*record.Party)
	owner := w.member(p)
	s.OwnerVersion, s.OwnerKey, s.IssuerVersion, s.IssuedAt = owner.Version, owner.Encryption(), from.Version, w.now
	if w.chance(15) {
		switch versions := w.m.versions(rec.ID); w.IntN(5) {
		case 0:
			s.Previous = pick(w, versions).(*record.Record).Digest
		case 1:
			if old := pick(w, versions).(*record.Record).Digest; old != s.Previous {
				s.Digest = old
			}
		case 2:
			owner = w.member(w.owner())
			if owner.Mode() == from.Mode() {
				s.Owner, s.OwnerVersion, s.OwnerKey = owner.ID, owner.Version, owner.Encryption()
			}
		case 3:
			must(0, w.Draw(s.ID[:]))
		default:
			s.IssuerVersion++
		}
	}
	return record.Entry{
		Statement:       s,
		OwnerSignature:  w.Sign(owner, bls.RoleOwner, &s),
		IssuerSignature: w.Sign(from, bls.RoleIssuer, &s),
	}
}
