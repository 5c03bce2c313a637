package alliance

import (
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

// Statement is a valid first version of a record: a policy when its issuer is an
// insurer, else a repair. Its label is empty when the owner's key has paper mode.
func (d *Deployment) Statement(issuer, owner *Member, label string, now int64) (record.RecordStatement, error) {
	s := record.RecordStatement{
		Kind: record.KindRepair, Label: label, Owner: owner.ID, OwnerVersion: owner.Version, Issuer: issuer.ID, IssuerVersion: issuer.Version,
		OwnerKey: owner.Encryption(), PayloadSize: 1234, IssuedAt: now,
	}
	if owner.Mode() == record.ModePaper {
		s.Label = ""
	}
	err := d.drawAll(s.ID[:], s.Digest[:])
	if issuer.Role == record.RoleInsurer && err == nil {
		s.Kind = record.KindPolicy
		err = d.Draw(s.Evidence[:])
	}
	return s, err
}

// Amended is the next version after s.
func (d *Deployment) Amended(s record.RecordStatement) (record.RecordStatement, error) {
	s.Previous = s.Digest
	return s, d.Draw(s.Digest[:])
}

// SignEntry puts both signatures on a statement.
func (d *Deployment) SignEntry(s record.RecordStatement, issuer, owner *Member) record.Entry {
	return record.Entry{
		Statement:       s,
		OwnerSignature:  d.Sign(owner, bls.RoleOwner, &s),
		IssuerSignature: d.Sign(issuer, bls.RoleIssuer, &s),
	}
}

// Entry is a valid first version with both signatures; see [Deployment.Statement].
func (d *Deployment) Entry(issuer, owner *Member, label string, now int64) (record.Entry, error) {
	s, err := d.Statement(issuer, owner, label, now)
	if err != nil {
		return record.Entry{}, err
	}
	return d.SignEntry(s, issuer, owner), nil
}

// Spoiled is the entry with the owner's signature in place of the issuer's: a
// violation of whoever submits it.
func Spoiled(e record.Entry) record.Entry {
	e.IssuerSignature = e.OwnerSignature
	return e
}

// Carried is a batch with the issuer's signed word for it, so that a system
// manager may carry it.
func (d *Deployment) Carried(issuer *Member, now int64, entries ...record.Entry) *record.Batch {
	b := &record.Batch{Entries: entries}
	s := record.BatchStatement{Issuer: issuer.ID, IssuerVersion: issuer.Version, Entries: b.EntriesDigest(), Time: now}
	b.Carriage = d.SignCarriage(s, issuer)
	return b
}

// SignCarriage puts the issuer's signature on its word for a batch.
func (d *Deployment) SignCarriage(s record.BatchStatement, issuer *Member) *record.Carriage {
	return &record.Carriage{Statement: s, Signature: d.Sign(issuer, bls.RoleIssuer, &s)}
}

// EraseArgs are the arguments of records:Erase: the issuer says that it destroys
// a record.
func (d *Deployment) EraseArgs(id record.RecordID, issuer *Member, now int64) []string {
	s := record.EraseStatement{Record: id, Issuer: issuer.ID, IssuerVersion: issuer.Version, Time: now}
	return d.SignErasure(s, issuer)
}

// SignErasure puts a signature on an erasure; the two are the arguments of
// records:Erase.
func (d *Deployment) SignErasure(s record.EraseStatement, issuer *Member) []string {
	return []string{record.EncodeText(s.Encode()), d.Sign(issuer, bls.RoleIssuer, &s).String()}
}

// BatchArgs are the arguments and the transient data of records:SubmitRecords
// and records:Amend.
func BatchArgs(b *record.Batch) (args []string, transient map[string][]byte) {
	encoded := b.Encode()
	return []string{record.BatchDigest(encoded).String()}, map[string][]byte{record.TransientBatch: encoded}
}
