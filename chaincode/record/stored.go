package record

// Record is one version of a record as the ledger keeps it: every signed field
// and both signatures.
type Record struct {
	RecordStatement
	OwnerSignature  Signature `json:"ownerSignature"`
	IssuerSignature Signature `json:"issuerSignature"`
	RecordedAt      int64     `json:"recordedAt"`

	// Erased is when the ledger learnt that the issuer destroys the record, zero
	// while it has not. It stands on the current version and counts for all.
	Erased  int64    `json:"erased,omitempty"`
	Erasure *Erasure `json:"erasure,omitempty"` // with Erased, never without
}

// Erase marks the record as erased by its issuer, who signed so. The time is
// the transaction's.
func (r *Record) Erase(s *EraseStatement, signature Signature, time int64, tx TxID) {
	r.Erased = time
	r.Erasure = &Erasure{IssuerVersion: s.IssuerVersion, Time: s.Time, Signature: signature, Tx: tx}
}

// EraseStatement is what the issuer of an erased record signed, nil for a record
// that is not erased.
func (r *Record) EraseStatement() *EraseStatement {
	if r.Erasure == nil {
		return nil
	}
	return &EraseStatement{Record: r.ID, Issuer: r.Issuer, IssuerVersion: r.Erasure.IssuerVersion, Time: r.Erasure.Time}
}

// Statement is what owner and issuer signed.
func (r *Record) Statement() *RecordStatement { return &r.RecordStatement }

// Version names this version of the record.
func (r *Record) Version() RecordVersion { return RecordVersion{ID: r.ID, Digest: r.Digest} }

// Entry is the record as it was submitted.
func (r *Record) Entry() Entry {
	return Entry{Statement: r.RecordStatement, OwnerSignature: r.OwnerSignature, IssuerSignature: r.IssuerSignature}
}

// layout leaves out what is usually zero: it is the document that there are
// most of. One byte says both whether a version goes before and whether the
// record is erased, so that an erasure costs nothing while there is none.
func (r *Record) layout(f *fields) {
	f.fixed("record id", r.ID[:])
	f.u8("kind", (*byte)(&r.Kind))
	f.text("label", &r.Label, 64)
	f.fixed("owner", r.Owner[:])
	f.u32("owner key version", &r.OwnerVersion)
	f.fixed("issuer", r.Issuer[:])
	f.u32("issuer key version", &r.IssuerVersion)
	r.OwnerKey.layout(f)
	f.fixed("digest", r.Digest[:])
	f.u64("payload size", &r.PayloadSize)
	f.optional("evidence", r.Evidence[:])
	f.time("issue time", &r.IssuedAt)
	previous, erased := !r.Previous.IsZero(), r.Erasure != nil
	f.flags("previous version and erasure", &previous, &erased)
	f.present("previous version", r.Previous[:], previous)
	f.fixed("owner's signature", r.OwnerSignature[:])
	f.fixed("issuer's signature", r.IssuerSignature[:])
	f.time("time", &r.RecordedAt)
	if !erased {
		return
	}
	if f.decoding {
		r.Erasure = new(Erasure)
	}
	f.time("erased", &r.Erased)
	r.Erasure.layout(f)
}

func (r *Record) Validate() error {
	if err := r.RecordStatement.Validate(); err != nil {
		return err
	}
	if r.Erasure == nil {
		return rule(r.Erased == 0, "an erased record has its issuer's word for it")
	}
	return first(
		rule(r.Erased > 0 && r.Erased <= MaxTime, "an erased record has the time of its erasure"),
		r.EraseStatement().Validate(),
		requireID("transaction of the erasure", r.Erasure.Tx[:]),
	)
}

func (r *Record) DocumentType() DocumentType { return DocumentRecord }
func (r *Record) Encode() []byte             { return encodeDocument(r) }

// DecodeRecord reads the document.
func DecodeRecord(b []byte) (*Record, error) {
	return decodeNewDocument[Record](b)
}
