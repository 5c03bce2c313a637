package record

// EraseStatement says that the issuer of a record destroys what it holds of it,
// capsule and payload of every version. The issuer signs it.
type EraseStatement struct {
	Record        RecordID `json:"record"`
	Issuer        PartyID  `json:"issuer"`
	IssuerVersion uint32   `json:"issuerVersion"`
	Time          int64    `json:"time"`
}

func (s *EraseStatement) layout(f *fields) {
	f.fixed("record id", s.Record[:])
	f.fixed("issuer", s.Issuer[:])
	f.u32("issuer key version", &s.IssuerVersion)
	f.time("time", &s.Time)
}

func (s *EraseStatement) Validate() error {
	return first(
		requireID("record id", s.Record[:]),
		requireID("issuer", s.Issuer[:]),
		rule(s.IssuerVersion > 0, "key versions start at 1"),
		checkTime("time", s.Time),
	)
}

func (s *EraseStatement) Type() StatementType     { return StatementErase }
func (s *EraseStatement) Encode() []byte          { return encode(nil, s) }
func (s *EraseStatement) Hash(c Context) [32]byte { return c.hash(StatementErase, s.Encode()) }

// DecodeEraseStatement reads the canonical body.
func DecodeEraseStatement(b []byte) (*EraseStatement, error) {
	return decodeNew[EraseStatement](b)
}

// Erasure is what an erased record has beside its fields: the issuer's word for
// it, and the transaction that brought it.
type Erasure struct {
	IssuerVersion uint32    `json:"issuerVersion"`
	Time          int64     `json:"time"`      // of the statement
	Signature     Signature `json:"signature"` // by the issuer, in the issuer's role
	Tx            TxID      `json:"tx"`
}

func (e *Erasure) layout(f *fields) {
	f.u32("issuer key version", &e.IssuerVersion)
	f.time("time of the erasure", &e.Time)
	f.fixed("signature of the erasure", e.Signature[:])
	f.fixed("transaction of the erasure", e.Tx[:])
}
