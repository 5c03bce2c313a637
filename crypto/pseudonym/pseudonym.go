// Package pseudonym issues and traces pseudo-identities (PID, the paper's
// sections 3.2 to 3.4) and commits to the evidence δ (section 3.4, step 4).
//
// The paper writes PID = E_SM(ID xor λ) ‖ λ. With λ outside the cipher's
// integrity that is malleable: anyone could turn one person's PID into
// another's. Here PID = λ ‖ XChaCha20-Poly1305(key, nonce λ, pad(ID)), so that
// all of λ is authenticated. Only who holds the system manager's key can tell
// the identity; equal identities give unrelated PIDs.
//
// It does not hide the role, nor that two PIDs share keys: give each PID fresh
// keys.
package pseudonym

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/crypto/tag"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/hkdf"
)

// Sizes.
const (
	Size         = 139 // characters of a PID, base64url without padding
	MaxIdentity  = 63  // bytes of a real identity
	EvidenceSize = 32  // bytes of δ and of its commitment

	paddedSize = MaxIdentity + 1
	rawSize    = chacha20poly1305.NonceSizeX + paddedSize + chacha20poly1305.Overhead
)

var (
	// ErrMalformed says that a string is not a PID.
	ErrMalformed = errors.New("pseudonym: not a pseudo-identity")
	// ErrUntraceable says that this key did not issue the PID, or not in this
	// role or deployment.
	ErrUntraceable = errors.New("pseudonym: not issued by this system manager in this role")
	// ErrIdentity says that a real identity is empty, too long or ends in a
	// zero byte.
	ErrIdentity = errors.New("pseudonym: identity must have 1 to 63 bytes and no zero byte")
)

// PID is a pseudo-identity: 139 characters of base64url.
type PID string

// Issuer is the system manager's key for pseudo-identities.
type Issuer struct{ aead cipher.AEAD }

// NewIssuer derives the PID key from the system master key's 32 bytes.
func NewIssuer(masterKey []byte) (*Issuer, error) {
	if len(masterKey) != 32 {
		return nil, fmt.Errorf("pseudonym: master key has %d bytes, want 32", len(masterKey))
	}
	key := make([]byte, chacha20poly1305.KeySize)
	defer clear(key)
	if _, err := io.ReadFull(hkdf.New(sha256.New, masterKey, nil, []byte(tag.PID)), key); err != nil {
		return nil, fmt.Errorf("pseudonym: derive key: %w", err)
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("pseudonym: %w", err)
	}
	return &Issuer{aead: aead}, nil
}

// Issue makes a fresh PID of a real identity in a role of one deployment.
// It returns [ErrIdentity] for an identity it cannot carry.
func (is *Issuer) Issue(paramsID [32]byte, role, identity string) (PID, error) {
	return is.issue(rand.Reader, paramsID, role, identity)
}

func (is *Issuer) issue(random io.Reader, paramsID [32]byte, role, identity string) (PID, error) {
	if identity == "" || len(identity) > MaxIdentity || bytes.IndexByte([]byte(identity), 0) >= 0 {
		return "", ErrIdentity
	}
	raw := make([]byte, chacha20poly1305.NonceSizeX, rawSize)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("pseudonym: draw λ: %w", err)
	}
	var padded [paddedSize]byte
	copy(padded[:], identity)
	raw = is.aead.Seal(raw, raw, padded[:], associated(paramsID, role))
	return PID(base64.RawURLEncoding.EncodeToString(raw)), nil
}

// Trace tells the real identity behind a PID. It returns [ErrMalformed] or
// [ErrUntraceable].
func (is *Issuer) Trace(paramsID [32]byte, role string, pid PID) (string, error) {
	raw, err := decode(pid)
	if err != nil {
		return "", err
	}
	nonce, sealed := raw[:chacha20poly1305.NonceSizeX], raw[chacha20poly1305.NonceSizeX:]
	padded, err := is.aead.Open(nil, nonce, sealed, associated(paramsID, role))
	if err != nil {
		return "", ErrUntraceable
	}
	return string(bytes.TrimRight(padded, "\x00")), nil
}

// Parse checks that s has the form of a PID. It cannot tell who issued it.
func Parse(s string) (PID, error) {
	if _, err := decode(PID(s)); err != nil {
		return "", err
	}
	return PID(s), nil
}

func decode(pid PID) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(pid))
	if err != nil || len(raw) != rawSize || len(pid) != Size {
		return nil, ErrMalformed
	}
	return raw, nil
}

func associated(paramsID [32]byte, role string) []byte {
	aad := tag.LP(nil, []byte(tag.PID))
	aad = append(aad, paramsID[:]...)
	return append(aad, role...)
}

// Evidence is δ, the secret that an insurer hands to the policyholder with a
// policy. The insurer knows it too: it never replaces the owner's signature.
type Evidence [EvidenceSize]byte

// NewEvidence draws δ.
func NewEvidence() (Evidence, error) {
	var e Evidence
	if _, err := rand.Read(e[:]); err != nil {
		return e, fmt.Errorf("pseudonym: draw evidence: %w", err)
	}
	return e, nil
}

// String hides δ from logs.
func (Evidence) String() string { return "pseudonym.Evidence(hidden)" }

// Format hides δ from every fmt verb.
func (e Evidence) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.String()) }

// Commit is what the ledger keeps of δ:
// SHA256(lp(D"evidence") ‖ paramsID ‖ lp(recordID) ‖ lp(ownerPID) ‖ δ).
func (e Evidence) Commit(paramsID [32]byte, recordID [16]byte, owner PID) [32]byte {
	return tag.Hash(tag.Evidence, paramsID[:], tag.LP(nil, recordID[:]), tag.LP(nil, []byte(owner)), e[:])
}

// Opens reports, in constant time, whether δ opens a commitment.
func (e Evidence) Opens(commitment, paramsID [32]byte, recordID [16]byte, owner PID) bool {
	c := e.Commit(paramsID, recordID, owner)
	return subtle.ConstantTimeCompare(c[:], commitment[:]) == 1
}
