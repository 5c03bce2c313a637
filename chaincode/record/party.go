package record

import (
	"encoding/base64"
	"unicode/utf8"
)

// Registration is the argument of registry:RegisterParty.
type Registration struct {
	PID     string `json:"pid"`
	Role    Role   `json:"role"`
	MSP     string `json:"msp"`     // empty for policyholders
	Subject string `json:"subject"` // of the certificate; empty for policyholders

	Encryption      EncryptionKey   `json:"encryption"` // none for proxies and authorities that receive nothing
	EncryptionProof PossessionProof `json:"encryptionProof"`
	Signing         SigningKey      `json:"signing"`
	SigningProof    Signature       `json:"signingProof"`
}

// Bounds of names, in bytes.
const (
	maxPID     = 139
	maxMSP     = 128
	maxSubject = 1024
)

func (r *Registration) layout(f *fields) {
	layoutVersion(f)
	f.text("pid", &r.PID, maxPID)
	f.u8("role", (*byte)(&r.Role))
	f.text("msp", &r.MSP, maxMSP)
	f.text("subject", &r.Subject, maxSubject)
	r.Encryption.layout(f)
	f.optional("proof for the encryption key", r.EncryptionProof[:])
	f.fixed("signing key", r.Signing[:])
	f.fixed("proof for the signing key", r.SigningProof[:])
}

func (r *Registration) Validate() error {
	return first(
		checkIdentity(r.PID, r.Role, r.MSP, r.Subject),
		checkKeys(r.Role, &r.Encryption, &r.Signing),
		rule(r.Encryption.IsZero() == isZero(r.EncryptionProof[:]), "encryption key and its proof go together"),
		requireID("proof for the signing key", r.SigningProof[:]),
	)
}

func checkIdentity(pid string, role Role, msp, subject string) error {
	err := first(
		checkPID(pid),
		checkName("role", roleNames, role),
	)
	if err != nil {
		return err
	}
	if role == RolePolicyholder {
		return rule(msp == "" && subject == "", "a policyholder has no certificate: MSP and subject must be empty")
	}
	return first(CheckMSP(msp), CheckSubject(subject))
}

// CheckMSP reports whether s can be the identifier of an organisation: 1 to 128
// printable ASCII characters.
func CheckMSP(s string) error { return checkPrintable("msp", s, 1, maxMSP) }

// CheckSubject reports whether s can be the subject of a certificate: 1 to 1024
// bytes of UTF-8.
func CheckSubject(s string) error {
	return first(
		rule(len(s) >= 1 && len(s) <= maxSubject, "subject must have 1 to 1024 bytes"),
		rule(utf8.ValidString(s), "subject must be UTF-8"),
	)
}

// checkPID accepts the base64url form of the 104 bytes of a pseudo-identity.
func checkPID(pid string) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(pid)
	return rule(err == nil && len(b) == 104, "the pid is not a pseudo-identity of 139 base64url characters")
}

func checkKeys(role Role, enc *EncryptionKey, sign *SigningKey) error {
	if err := requireID("signing key", sign[:]); err != nil {
		return err
	}
	if role == RoleProxy || role == RoleAuthority {
		return enc.check("encryption key")
	}
	return enc.require("encryption key")
}

// Encode is the canonical form.
func (r *Registration) Encode() []byte { return encode(nil, r) }

// DecodeRegistration reads the canonical form.
func DecodeRegistration(b []byte) (*Registration, error) {
	return decodeNew[Registration](b)
}

// KeyVersion is the keys that a party had from a time on.
type KeyVersion struct {
	Version    uint32        `json:"version"`
	Encryption EncryptionKey `json:"encryption"`
	Signing    SigningKey    `json:"signing"`
	Since      int64         `json:"since"`
	Tx         TxID          `json:"tx"`
}

// MaxKeyVersions bounds how often a party can rotate its keys.
const MaxKeyVersions = 1000

// Party is a registered party.
type Party struct {
	ID      PartyID `json:"id"`
	PID     string  `json:"pid"`
	Role    Role    `json:"role"`
	MSP     string  `json:"msp"`
	Subject string  `json:"subject"`

	Status       Status `json:"status"`
	StatusReason string `json:"statusReason"`
	StatusSince  int64  `json:"statusSince"`
	StatusTx     TxID   `json:"statusTx"`

	Keys       []KeyVersion  `json:"keys"` // ascending; the last is current
	RawSigning RawSigningKey `json:"-"`    // the current one
}

// Current is the party's present keys.
func (p *Party) Current() *KeyVersion { return &p.Keys[len(p.Keys)-1] }

// KeysAt is the keys of a version, or nil.
func (p *Party) KeysAt(version uint32) *KeyVersion {
	if version < 1 || int(version) > len(p.Keys) {
		return nil
	}
	return &p.Keys[version-1]
}

func (p *Party) layout(f *fields) {
	f.fixed("party", p.ID[:])
	f.text("pid", &p.PID, maxPID)
	f.u8("role", (*byte)(&p.Role))
	f.text("msp", &p.MSP, maxMSP)
	f.text("subject", &p.Subject, maxSubject)
	f.u8("status", (*byte)(&p.Status))
	f.text("status reason", &p.StatusReason, 256)
	f.time("status time", &p.StatusSince)
	f.fixed("status transaction", p.StatusTx[:])
	n := f.count("keys", len(p.Keys), MaxKeyVersions)
	if f.decoding {
		p.Keys = make([]KeyVersion, n)
	}
	for i := range p.Keys {
		k := &p.Keys[i]
		f.u32("key version", &k.Version)
		k.Encryption.layout(f)
		f.fixed("signing key", k.Signing[:])
		f.time("key time", &k.Since)
		f.fixed("key transaction", k.Tx[:])
	}
	f.fixed("raw signing key", p.RawSigning[:])
}

func (p *Party) Validate() error {
	err := first(
		checkIdentity(p.PID, p.Role, p.MSP, p.Subject),
		rule(p.ID == NewPartyID(p.PID), "the id does not follow from the pid"),
		checkName("status", statusNames, p.Status),
		checkPrintable("reason", p.StatusReason, 0, 256),
		rule(len(p.Keys) > 0, "the keys are missing"),
	)
	if err != nil {
		return err
	}
	for i := range p.Keys {
		k := &p.Keys[i]
		if err := first(
			rule(int(k.Version) == i+1, "key versions must count from 1"),
			checkKeys(p.Role, &k.Encryption, &k.Signing),
		); err != nil {
			return err
		}
	}
	return nil
}

func (p *Party) DocumentType() DocumentType { return DocumentParty }
func (p *Party) Encode() []byte             { return encodeDocument(p) }

// DecodeParty reads the document.
func DecodeParty(b []byte) (*Party, error) {
	return decodeNewDocument[Party](b)
}
