package record

import "encoding/hex"

// Sizes of keys and proofs, in bytes.
const (
	EncryptionKeySize = 32
	SigningKeySize    = 64
	SignatureSize     = 32
	EncryptionProof   = 64
)

// EncryptionKey is the public key under which a party's records are encrypted
// (G1, compressed), with its mode. Without a key, mode and bytes are zero.
type EncryptionKey struct {
	Mode KeyMode                 `json:"mode"`
	Key  EncryptionKeyCompressed `json:"key"`
}

// EncryptionKeyCompressed is a compressed point of G1.
type EncryptionKeyCompressed [EncryptionKeySize]byte

// SigningKey is a BLS public key (G2, compressed).
type SigningKey [SigningKeySize]byte

// RawSigningKey is the same key uncompressed, as it stands on the ledger once
// registration has checked it: loading it costs no square root and no subgroup
// check.
type RawSigningKey [2 * SigningKeySize]byte

// Signature is a BLS signature (G1, compressed).
type Signature [SignatureSize]byte

// PossessionProof proves that a party holds the private half of its
// encryption key.
type PossessionProof [EncryptionProof]byte

func (k EncryptionKeyCompressed) String() string               { return hex.EncodeToString(k[:]) }
func (k EncryptionKeyCompressed) MarshalText() ([]byte, error) { return textOf(k[:]), nil }
func (k *EncryptionKeyCompressed) UnmarshalText(b []byte) error {
	return fromText("encryption key", k[:], b)
}

func (k SigningKey) String() string                { return hex.EncodeToString(k[:]) }
func (k SigningKey) MarshalText() ([]byte, error)  { return textOf(k[:]), nil }
func (k *SigningKey) UnmarshalText(b []byte) error { return fromText("signing key", k[:], b) }

func (k RawSigningKey) MarshalText() ([]byte, error)  { return textOf(k[:]), nil }
func (k *RawSigningKey) UnmarshalText(b []byte) error { return fromText("raw signing key", k[:], b) }

func (s Signature) String() string                { return hex.EncodeToString(s[:]) }
func (s Signature) MarshalText() ([]byte, error)  { return textOf(s[:]), nil }
func (s *Signature) UnmarshalText(b []byte) error { return fromText("signature", s[:], b) }

func (p PossessionProof) String() string                { return hex.EncodeToString(p[:]) }
func (p PossessionProof) MarshalText() ([]byte, error)  { return textOf(p[:]), nil }
func (p *PossessionProof) UnmarshalText(b []byte) error { return fromText("proof", p[:], b) }

// ParseSignature reads the 64 hexadecimal digits of a signature.
func ParseSignature(s string) (sig Signature, err error) {
	err = parseHex("signature", sig[:], s)
	return sig, err
}

// ParsePossessionProof reads the 128 hexadecimal digits of a proof.
func ParsePossessionProof(s string) (p PossessionProof, err error) {
	err = parseHex("proof of possession", p[:], s)
	return p, err
}

// IsZero reports whether there is no encryption key.
func (k EncryptionKey) IsZero() bool { return k == EncryptionKey{} }

func (k *EncryptionKey) layout(f *fields) {
	f.u8("key mode", (*byte)(&k.Mode))
	f.fixed("encryption key", k.Key[:])
}

func (k *EncryptionKey) check(name string) error {
	switch k.Mode {
	case ModeScoped, ModePaper:
		return requireID(name, k.Key[:])
	case ModeNone:
		return rule(isZero(k.Key[:]), name+" has no mode")
	}
	return checkName("key mode", modeNames, k.Mode)
}

func (k *EncryptionKey) require(name string) error {
	return first(rule(k.Mode != ModeNone, name+" is missing"), k.check(name))
}

// checkScope ties the label to the mode: a paper key has only the empty label,
// a scoped key never has it.
func (k *EncryptionKey) checkScope(label string) error {
	if k.Mode == ModePaper {
		return rule(label == "", "a paper-mode key has no labels")
	}
	return CheckLabel(label)
}
