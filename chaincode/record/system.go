package record

// Setup is the argument of registry:InitSystem.
type Setup struct {
	// Parameters are the public parameters of the encryption scheme, encoded
	// by package pre; they hold the system's name and the manager's public key.
	Parameters []byte
	// RecordWindow is how many seconds a signed record may be old when it
	// reaches the ledger, ClockSkew how many it may lie in the future.
	RecordWindow uint32
	ClockSkew    uint32
}

// Usual bounds of the age of a record statement.
const (
	DefaultRecordWindow = 7 * 24 * 3600
	DefaultClockSkew    = 120
)

// setupVersion is the first byte of an encoded setup or registration.
const setupVersion = 1

func (s *Setup) layout(f *fields) {
	layoutVersion(f)
	f.bytes("parameters", &s.Parameters, 4096)
	f.u32("record window", &s.RecordWindow)
	f.u32("clock skew", &s.ClockSkew)
}

func layoutVersion(f *fields) {
	version := byte(setupVersion)
	f.u8("version", &version)
	if version != setupVersion {
		f.fail("version", "%d is unknown", version)
	}
}

func (s *Setup) Validate() error {
	return first(
		rule(len(s.Parameters) > 0, "the parameters are missing"),
		(&Rules{s.RecordWindow, s.ClockSkew}).check(),
	)
}

// Encode is the canonical form.
func (s *Setup) Encode() []byte { return encode(nil, s) }

// DecodeSetup reads the canonical form.
func DecodeSetup(b []byte) (*Setup, error) {
	return decodeNew[Setup](b)
}

// System is what the deployment was set up with. Only the record window and the
// clock skew ever change, by a decision of the agencies. Managers and Threshold
// are those of the system.json with which the system was set up: chaincode with
// another one is a matter of the channel's approval of chaincode, and every
// decision says which it was taken under.
type System struct {
	ParamsID     Digest                  `json:"paramsId"`
	Parameters   Hex                     `json:"parameters"`
	MasterKey    EncryptionKeyCompressed `json:"masterKey"` // Y, the system manager's public key
	Channel      string                  `json:"channel"`
	Chaincode    string                  `json:"chaincode"`
	Managers     Digest                  `json:"managers"` // SHA-256 of system.json
	Threshold    uint32                  `json:"threshold"`
	RecordWindow uint32                  `json:"recordWindow"`
	ClockSkew    uint32                  `json:"clockSkew"`
	Initial      uint32                  `json:"creditInitial"`
	Penalty      uint32                  `json:"creditPenalty"`
	ExpelAt      uint32                  `json:"expelAt"`
	Time         int64                   `json:"time"`
	Tx           TxID                    `json:"tx"`
}

// Context is what statements for this deployment are hashed with.
func (s *System) Context() Context {
	return Context{ParamsID: s.ParamsID, Channel: s.Channel, Chaincode: s.Chaincode}
}

func (s *System) layout(f *fields) {
	f.fixed("parameters id", s.ParamsID[:])
	f.bytes("parameters", (*[]byte)(&s.Parameters), 4096)
	f.fixed("master key", s.MasterKey[:])
	f.text("channel", &s.Channel, 256)
	f.text("chaincode", &s.Chaincode, 256)
	f.fixed("managers", s.Managers[:])
	f.u32("threshold", &s.Threshold)
	f.u32("record window", &s.RecordWindow)
	f.u32("clock skew", &s.ClockSkew)
	f.u32("credit", &s.Initial)
	f.u32("penalty", &s.Penalty)
	f.u32("expel at", &s.ExpelAt)
	f.time("time", &s.Time)
	f.fixed("transaction", s.Tx[:])
}

func (s *System) Validate() error {
	return first(
		requireID("parameters id", s.ParamsID[:]),
		rule(len(s.Parameters) > 0, "the parameters are missing"),
		requireID("master key", s.MasterKey[:]),
		rule(s.Channel != "" && s.Chaincode != "", "channel or chaincode is missing"),
		requireID("managers", s.Managers[:]),
	)
}

func (s *System) DocumentType() DocumentType { return DocumentSystem }
func (s *System) Encode() []byte             { return encodeDocument(s) }

// DecodeSystem reads the document.
func DecodeSystem(b []byte) (*System, error) {
	return decodeNewDocument[System](b)
}
