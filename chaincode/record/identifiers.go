package record

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/claimshare/claimshare/crypto/tag"
)

// Identifiers. Each is hexadecimal in text and JSON, lower case, of its exact
// length. A zero identifier means "none": it is the empty string in JSON, and
// the Parse functions refuse it.
type (
	// PartyID is the first half of the SHA-256 of a party's pseudo-identity.
	PartyID [16]byte
	// RecordID is drawn at random by the issuer of a record.
	RecordID [16]byte
	// RequestID is drawn at random by the requester.
	RequestID [16]byte
	// ConsentID is drawn at random by the owner who grants.
	ConsentID [32]byte
	// DecisionID is drawn at random by the agency that proposes.
	DecisionID [16]byte
	// ReleaseID follows from consent, record, proxy and nonce: see [NewReleaseID].
	ReleaseID [32]byte
	// Digest is a SHA-256: of a capsule, a payload, a batch, a commitment.
	Digest [32]byte
	// TxID is the identifier of a Fabric transaction.
	TxID [32]byte
	// Nonce is what a proxy drew at random for one release.
	Nonce [32]byte
)

// NewPartyID shortens a pseudo-identity to the form in which every document
// but the party's own refers to it.
func NewPartyID(pid string) PartyID {
	sum := sha256.Sum256([]byte(pid))
	return PartyID(sum[:16])
}

// NewReleaseID is the identifier of one release by one proxy.
func NewReleaseID(consent ConsentID, rec RecordID, proxy PartyID, nonce Nonce) ReleaseID {
	return tag.Hash(tag.Release, consent[:], rec[:], proxy[:], nonce[:])
}

func parseHex(name string, dst []byte, s string) error {
	if len(s) != 2*len(dst) {
		return ErrMalformed.With("%s must be %d hexadecimal digits, not %d characters", name, 2*len(dst), len(s))
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil {
		return ErrMalformed.With("%s is not hexadecimal", name)
	}
	if hex.EncodeToString(dst) != s {
		return ErrMalformed.With("%s must be in lower case", name)
	}
	return nil
}

func parseID(name string, dst []byte, s string) error {
	if err := parseHex(name, dst, s); err != nil {
		return err
	}
	if isZero(dst) {
		return ErrMalformed.With("%s is zero", name)
	}
	return nil
}

func textOf(b []byte) []byte {
	if isZero(b) {
		return []byte{}
	}
	return []byte(hex.EncodeToString(b))
}

func fromText(name string, dst, text []byte) error {
	if len(text) == 0 {
		clear(dst)
		return nil
	}
	return parseID(name, dst, string(text))
}

// ParsePartyID reads the 32 hexadecimal digits of a party.
func ParsePartyID(s string) (id PartyID, err error) {
	err = parseID("party id", id[:], s)
	return id, err
}

func (id PartyID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id names no party.
func (id PartyID) IsZero() bool { return id == PartyID{} }

func (id PartyID) MarshalText() ([]byte, error) { return textOf(id[:]), nil }

func (id *PartyID) UnmarshalText(b []byte) error { return fromText("party id", id[:], b) }

// ParseRecordID reads the 32 hexadecimal digits of a record.
func ParseRecordID(s string) (id RecordID, err error) {
	err = parseID("record id", id[:], s)
	return id, err
}

func (id RecordID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id names no record.
func (id RecordID) IsZero() bool { return id == RecordID{} }

func (id RecordID) MarshalText() ([]byte, error) { return textOf(id[:]), nil }

func (id *RecordID) UnmarshalText(b []byte) error { return fromText("record id", id[:], b) }

// ParseRequestID reads the 32 hexadecimal digits of an access request.
func ParseRequestID(s string) (id RequestID, err error) {
	err = parseID("request id", id[:], s)
	return id, err
}

func (id RequestID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id names no request.
func (id RequestID) IsZero() bool { return id == RequestID{} }

func (id RequestID) MarshalText() ([]byte, error) { return textOf(id[:]), nil }

func (id *RequestID) UnmarshalText(b []byte) error { return fromText("request id", id[:], b) }

// ParseConsentID reads the 64 hexadecimal digits of a consent.
func ParseConsentID(s string) (id ConsentID, err error) {
	err = parseID("consent id", id[:], s)
	return id, err
}

func (id ConsentID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id names no consent.
func (id ConsentID) IsZero() bool { return id == ConsentID{} }

func (id ConsentID) MarshalText() ([]byte, error) { return textOf(id[:]), nil }

func (id *ConsentID) UnmarshalText(b []byte) error { return fromText("consent id", id[:], b) }

// ParseDecisionID reads the 32 hexadecimal digits of a decision.
func ParseDecisionID(s string) (id DecisionID, err error) {
	err = parseID("decision id", id[:], s)
	return id, err
}

func (id DecisionID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id names no decision.
func (id DecisionID) IsZero() bool { return id == DecisionID{} }

func (id DecisionID) MarshalText() ([]byte, error) { return textOf(id[:]), nil }

func (id *DecisionID) UnmarshalText(b []byte) error { return fromText("decision id", id[:], b) }

// ParseReleaseID reads the 64 hexadecimal digits of a release.
func ParseReleaseID(s string) (id ReleaseID, err error) {
	err = parseID("release id", id[:], s)
	return id, err
}

func (id ReleaseID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id names no release.
func (id ReleaseID) IsZero() bool { return id == ReleaseID{} }

func (id ReleaseID) MarshalText() ([]byte, error) { return textOf(id[:]), nil }

func (id *ReleaseID) UnmarshalText(b []byte) error { return fromText("release id", id[:], b) }

// ParseDigest reads the 64 hexadecimal digits of a digest.
func ParseDigest(s string) (d Digest, err error) {
	err = parseID("digest", d[:], s)
	return d, err
}

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether d stands for "none".
func (d Digest) IsZero() bool { return d == Digest{} }

func (d Digest) MarshalText() ([]byte, error) { return textOf(d[:]), nil }

func (d *Digest) UnmarshalText(b []byte) error { return fromText("digest", d[:], b) }

// ParseTxID reads the 64 hexadecimal digits of a Fabric transaction.
func ParseTxID(s string) (id TxID, err error) {
	err = parseID("transaction id", id[:], s)
	return id, err
}

func (id TxID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id names no transaction.
func (id TxID) IsZero() bool { return id == TxID{} }

func (id TxID) MarshalText() ([]byte, error) { return textOf(id[:]), nil }

func (id *TxID) UnmarshalText(b []byte) error { return fromText("transaction id", id[:], b) }

func (n Nonce) String() string { return hex.EncodeToString(n[:]) }

func (n Nonce) MarshalText() ([]byte, error) { return textOf(n[:]), nil }

func (n *Nonce) UnmarshalText(b []byte) error { return fromText("nonce", n[:], b) }

// EncodeText is the form in which encoded values travel as transaction
// arguments: lower-case hexadecimal.
func EncodeText(b []byte) string { return hex.EncodeToString(b) }

// DecodeText is the strict inverse of [EncodeText]; name says in the error
// which argument was meant.
func DecodeText(name, s string) ([]byte, error) {
	b, err := hex.DecodeString(s)
	if err != nil || hex.EncodeToString(b) != s {
		return nil, ErrMalformed.With("%s is not lower-case hexadecimal", name)
	}
	if len(b) == 0 {
		return nil, ErrMalformed.With("%s is empty", name)
	}
	return b, nil
}

func requireID(name string, b []byte) error {
	if isZero(b) {
		return fmt.Errorf("%s is missing", name)
	}
	return nil
}

// Hex is a byte string that is hexadecimal in JSON.
type Hex []byte

func (h Hex) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *Hex) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(string(b))
	if err != nil {
		return ErrMalformed.With("not hexadecimal")
	}
	*h = raw
	return nil
}
