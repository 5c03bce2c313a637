package record

// Violation is one fault of one party, with what proves it. Credit is counted
// from these documents.
type Violation struct {
	Party   PartyID `json:"party"`
	Offence Offence `json:"offence"`
	Time    int64   `json:"time"`
	Tx      TxID    `json:"tx"`

	// After wrong signatures: the batch, who answers for it, and the entries.
	Batch      Digest     `json:"batch"`   // SHA-256 of the encoded batch
	Entries    uint32     `json:"entries"` // how many the batch had
	WholeBatch bool       `json:"wholeBatch"`
	Bad        []BadEntry `json:"bad"`
	Carriage   *Carriage  `json:"carriage,omitempty"` // when another carried it

	// After an upheld dispute.
	Release ReleaseID `json:"release"`
}

// BadEntry is an entry whose signatures do not verify.
type BadEntry struct {
	Index  uint32 `json:"index"`
	Owner  bool   `json:"owner"`  // the owner's signature is wrong
	Issuer bool   `json:"issuer"` // the issuer's signature is wrong
	Entry  Entry  `json:"entry"`
}

func (v *Violation) layout(f *fields) {
	f.fixed("party", v.Party[:])
	f.u8("offence", (*byte)(&v.Offence))
	f.time("time", &v.Time)
	f.fixed("transaction", v.Tx[:])
	f.optional("batch", v.Batch[:])
	f.u32("entries", &v.Entries)
	f.flag("whole batch", &v.WholeBatch)
	n := f.count("bad entries", len(v.Bad), MaxBadEntries)
	if f.decoding {
		v.Bad = make([]BadEntry, n)
	}
	for i := range v.Bad {
		b := &v.Bad[i]
		f.u32("index", &b.Index)
		f.flag("owner", &b.Owner)
		f.flag("issuer", &b.Issuer)
		b.Entry.layout(f)
	}
	carried := v.Carriage != nil
	f.flag("carriage", &carried)
	if carried {
		if f.decoding {
			v.Carriage = new(Carriage)
		}
		v.Carriage.layout(f)
	}
	f.optional("release", v.Release[:])
}

func (v *Violation) Validate() error {
	return first(
		requireID("party", v.Party[:]),
		checkName("offence", offenceNames, v.Offence),
		requireID("transaction", v.Tx[:]),
	)
}

func (v *Violation) DocumentType() DocumentType { return DocumentViolation }
func (v *Violation) Encode() []byte             { return encodeDocument(v) }

// DecodeViolation reads the document.
func DecodeViolation(b []byte) (*Violation, error) {
	return decodeNewDocument[Violation](b)
}
