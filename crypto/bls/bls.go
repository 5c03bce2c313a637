// Package bls signs ClaimShare's statements: Boneh-Lynn-Shacham signatures on
// BN254 (the paper's reference [21]), signatures in G1 (32 bytes), public keys
// in G2 (64 bytes).
//
// Message augmentation: the signed point is a hash of the signer's own public
// key, the role in which it signs and the statement's hash, so that two parties
// who sign one record never sign the same bytes and no rogue key can be
// combined with an honest one.
//
// A signature is deterministic. Never sign a hash of guessable plaintext:
// whoever reads the signature could confirm a guess. ClaimShare signs digests
// of ciphertexts. BN254 offers about 100 bits of security; arithmetic is
// variable-time; nothing here is post-quantum.
package bls

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"golang.org/x/crypto/hkdf"
)

// Encoded sizes in bytes.
const (
	SecretKeySize = curve.ScalarSize // big-endian scalar
	PublicKeySize = curve.G2Size     // compressed point of G2
	RawKeySize    = curve.G2RawSize  // uncompressed point of G2
	SignatureSize = curve.G1Size     // compressed point of G1
)

var (
	// ErrMalformed says that a key or signature is not the canonical encoding
	// of a valid element.
	ErrMalformed = errors.New("bls: malformed key or signature")
	// ErrSignature says that a well-formed signature is not the signer's.
	ErrSignature = errors.New("bls: signature does not verify")
	// ErrTooManyBad says that a batch holds more bad signatures than the caller
	// wanted named.
	ErrTooManyBad = errors.New("bls: more bad signatures than the caller lets be named")
)

// Role is the capacity in which a key signs. It is part of the signed bytes.
type Role byte

// The roles.
const (
	RoleOwner  Role = 1 // the policyholder whose record or consent it is
	RoleIssuer Role = 2 // the insurer or repair shop that issues a record
	RoleHolder Role = 3 // the party that delivers a ciphertext it keeps
	RoleParty  Role = 4 // any party about itself, such as a key rotation
)

// PublicKey is a verified point of G2: on the curve, of prime order, not the
// identity.
type PublicKey struct {
	point bn254.G2Affine
	bytes [PublicKeySize]byte
}

// SecretKey is a signing key.
type SecretKey struct {
	x      fr.Element
	public *PublicKey
}

// Signature is a compressed point of G1 as it stands on the wire; it is checked
// when it is verified.
type Signature [SignatureSize]byte

// GenerateKey draws a signing key from crypto/rand.
func GenerateKey() (*SecretKey, error) {
	x, err := curve.RandomScalar(nil)
	if err != nil {
		return nil, fmt.Errorf("bls: generate key: %w", err)
	}
	return newSecretKey(x), nil
}

// DeriveKey derives the signing key of one pseudo-identity from a wallet's
// 32-byte seed, so that keys of different pseudo-identities are unrelated.
func DeriveKey(seed [32]byte, pid string) (*SecretKey, error) {
	info := tag.LP(tag.LP(nil, []byte(tag.WalletKey)), []byte("signing"))
	x, err := curve.RandomScalar(hkdf.New(sha256.New, seed[:], []byte(pid), info))
	if err != nil {
		return nil, fmt.Errorf("bls: derive key: %w", err)
	}
	return newSecretKey(x), nil
}

// ParseSecretKey decodes 32 bytes made by [SecretKey.Bytes].
func ParseSecretKey(b []byte) (*SecretKey, error) {
	x, err := curve.Scalar(b)
	if err != nil {
		return nil, fmt.Errorf("%w: secret key", ErrMalformed)
	}
	return newSecretKey(x), nil
}

func newSecretKey(x fr.Element) *SecretKey {
	_, _, _, g2 := bn254.Generators()
	return &SecretKey{x: x, public: newPublicKey(curve.MulG2(&g2, &x))}
}

func newPublicKey(p bn254.G2Affine) *PublicKey {
	return &PublicKey{point: p, bytes: p.Bytes()}
}

// Bytes is the secret scalar, 32 bytes big-endian.
func (sk *SecretKey) Bytes() []byte {
	b := sk.x.Bytes()
	return b[:]
}

// PublicKey is the key that verifies what sk signs.
func (sk *SecretKey) PublicKey() *PublicKey { return sk.public }

// String hides the key from logs.
func (sk SecretKey) String() string { return "bls.SecretKey(hidden)" }

// Format hides the key, and copies of it, from every fmt verb.
func (sk SecretKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, sk.String()) }

// ParsePublicKey decodes a compressed public key, 64 bytes, and checks its
// order. It refuses the identity.
func ParsePublicKey(b []byte) (*PublicKey, error) {
	p, err := curve.G2(b)
	if err != nil {
		return nil, fmt.Errorf("%w: public key", ErrMalformed)
	}
	return newPublicKey(p), nil
}

// ParseRawPublicKey decodes [PublicKey.RawBytes] from storage that the caller
// trusts. It does not check the order again (that takes a hundred times longer
// than loading), so never give it bytes from a stranger.
func ParseRawPublicKey(b []byte) (*PublicKey, error) {
	p, err := curve.G2Raw(b)
	if err != nil {
		return nil, fmt.Errorf("%w: raw public key", ErrMalformed)
	}
	return newPublicKey(p), nil
}

// Bytes is the compressed encoding, 64 bytes.
func (pk *PublicKey) Bytes() []byte { return pk.bytes[:] }

// RawBytes is the uncompressed encoding, 128 bytes.
func (pk *PublicKey) RawBytes() []byte {
	b := pk.point.RawBytes()
	return b[:]
}

// Equal reports whether both are the same key.
func (pk *PublicKey) Equal(other *PublicKey) bool { return pk.bytes == other.bytes }

// signedPoint is HashToG1(signerPK ‖ role ‖ stmtHash; D"BLS-AUG").
func signedPoint(pk *PublicKey, role Role, stmtHash [32]byte) bn254.G1Affine {
	msg := make([]byte, 0, PublicKeySize+1+32)
	msg = append(msg, pk.bytes[:]...)
	msg = append(msg, byte(role))
	msg = append(msg, stmtHash[:]...)
	return curve.HashToG1(msg, tag.BLS)
}

// Sign signs a statement's hash in a role.
func (sk *SecretKey) Sign(role Role, stmtHash [32]byte) Signature {
	h := signedPoint(sk.public, role, stmtHash)
	return Signature(sk.raise(&h))
}

func (sk *SecretKey) raise(h *bn254.G1Affine) [SignatureSize]byte {
	s := curve.MulG1(h, &sk.x)
	return s.Bytes()
}

// Verify checks sig over stmtHash by pk in a role. It returns [ErrMalformed]
// for bytes that are no point, [ErrSignature] for a wrong signature.
func Verify(pk *PublicKey, role Role, stmtHash [32]byte, sig Signature) error {
	return verifyPoint(pk, signedPoint(pk, role, stmtHash), sig)
}

func verifyPoint(pk *PublicKey, h bn254.G1Affine, sig Signature) error {
	s, err := curve.G1(sig[:])
	if err != nil {
		return fmt.Errorf("%w: signature", ErrMalformed)
	}
	if !pairsMatch([]bn254.G1Affine{h}, []bn254.G2Affine{pk.point}, s) {
		return ErrSignature
	}
	return nil
}

// pairsMatch reports whether prod e(h[k], pk[k]) = e(s, ĝ).
func pairsMatch(h []bn254.G1Affine, pk []bn254.G2Affine, s bn254.G1Affine) bool {
	_, _, _, g2 := bn254.Generators()
	s.Neg(&s)
	return curve.ProductIsOne(append(slices.Clip(h), s), append(slices.Clip(pk), g2))
}

// possessionPoint is HashToG1(paramsID ‖ lp(pid) ‖ lp(msp) ‖ PK; D"BLS-POP").
func possessionPoint(paramsID [32]byte, pk *PublicKey, pid, msp string) bn254.G1Affine {
	msg := append([]byte(nil), paramsID[:]...)
	msg = tag.LP(tag.LP(msg, []byte(pid)), []byte(msp))
	return curve.HashToG1(append(msg, pk.bytes[:]...), tag.BLSPoP)
}

// ProvePossession proves that the registrant pid of msp holds this key. It is
// good in one deployment, for one registration.
func (sk *SecretKey) ProvePossession(paramsID [32]byte, pid, msp string) Signature {
	h := possessionPoint(paramsID, sk.public, pid, msp)
	return Signature(sk.raise(&h))
}

// VerifyPossession checks a proof made by [SecretKey.ProvePossession].
func VerifyPossession(paramsID [32]byte, pk *PublicKey, pid, msp string, proof Signature) error {
	return verifyPoint(pk, possessionPoint(paramsID, pk, pid, msp), proof)
}
