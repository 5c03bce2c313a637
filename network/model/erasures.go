package model

import (
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/crypto/bls"
)

func (t *transaction) erase(args []string) {
	s, ok := decoded(t, args[0], record.DecodeEraseStatement)
	if !ok {
		return
	}
	signature, ok := parsed(t, args[1], record.ParseSignature)
	if !ok {
		return
	}
	rec := get[record.Record](t, recordKey(s.Record))
	if t.refuse(rec == nil, record.ErrRecordUnknown) {
		return
	}
	if t.refuse(s.Issuer != t.party.ID || rec.Issuer != t.party.ID, record.ErrForbidden) {
		return
	}
	if t.answer = rec; rec.Erased != 0 {
		return
	}
	keys := latest(t.party)
	t.refuse(s.IssuerVersion != keys.Version, record.ErrStaleKeyVersion)
	t.refuse(!t.inTime(s.Time), record.ErrTime)
	t.refuse(!t.signed(keys.Signing, bls.RoleIssuer, s, signature), record.ErrSignature)
	rec.Erased = t.now
	rec.Erasure = &record.Erasure{IssuerVersion: s.IssuerVersion, Time: s.Time, Signature: signature, Tx: t.tx}
	t.put(recordKey(rec.ID), rec)
	t.changed(record.DocumentRecord, "erased", rec.ID.String())
}

// kept notes that a record is erased, whichever of its versions is asked for.
func (t *transaction) kept(id record.RecordID) {
	rec := get[record.Record](t, recordKey(id))
	t.refuse(rec != nil && rec.Erased != 0, record.ErrRecordErased)
}

// erase has an issuer of any status erase a record of its own, most of the time.
func (w *world) erase() stub.Call {
	rec := pick(w, all(w.m, func(r *record.Record) bool { return r.Erased == 0 || w.chance(10) }))
	if rec == nil {
		return w.submit()
	}
	issuer := w.m.documents[partyKey(rec.Issuer)].(*record.Party)
	signer, caller := w.member(issuer), identity(issuer)
	s := record.EraseStatement{Record: rec.ID, Issuer: issuer.ID, IssuerVersion: latest(issuer).Version, Time: w.now}
	switch w.IntN(16) {
	case 0: // another issuer's word, in its own name
		if other := w.issuer(); other != nil {
			signer, caller = w.member(other), identity(other)
			s.Issuer, s.IssuerVersion = other.ID, latest(other).Version
		}
	case 1:
		signer = w.member(w.owner())
	case 2: // with the issuer's first keys
		signer = w.made[issuer.ID][0]
		s.IssuerVersion = pick(w, []uint32{1, s.IssuerVersion})
	case 3:
		s.Time = w.edge()
	case 4:
		s.Record = record.RecordID{1}
	case 5:
		caller = w.somebody()
	case 6:
		s.IssuerVersion++
	}
	return w.call(caller, record.TxErase, w.SignErasure(s, signer)...)
}
