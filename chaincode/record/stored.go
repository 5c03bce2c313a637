package record

// Record is one version of a record as the ledger keeps it: every signed field
// and both signatures.
type Record struct {
	RecordStatement
	OwnerSignature  Signature `json:"ownerSignature"`
	IssuerSignature Signature `json:"issuerSignature"`
	RecordedAt      int64     `json:"recordedAt"`
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
// most of.
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
	f.optional("previous version", r.Previous[:])
	f.fixed("owner's signature", r.OwnerSignature[:])
	f.fixed("issuer's signature", r.IssuerSignature[:])
	f.time("time", &r.RecordedAt)
}

func (r *Record) Validate() error            { return r.RecordStatement.Validate() }
func (r *Record) DocumentType() DocumentType { return DocumentRecord }
func (r *Record) Encode() []byte             { return encodeDocument(r) }

// DecodeRecord reads the document.
func DecodeRecord(b []byte) (*Record, error) {
	return decodeNewDocument[Record](b)
}
