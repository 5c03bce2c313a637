package pre

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/big"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/crypto/hkdf"
)

// Encoded sizes in bytes.
const (
	SecretKeySize  = curve.ScalarSize // big-endian scalar
	PublicKeySize  = curve.G1Size     // compressed point of G1
	PossessionSize = curve.G1Size + curve.ScalarSize
	MaxLabelSize   = 64
)

// Mode is what a key pair may be used for. It is fixed when the pair is made.
type Mode byte

// The modes.
const (
	ModeScoped Mode = 1 // labelled capsules, unidirectional delegation
	ModePaper  Mode = 2 // the paper's bidirectional re-encryption, no labels
)

// String is "scoped" or "paper".
func (m Mode) String() string {
	switch m {
	case ModeScoped:
		return "scoped"
	case ModePaper:
		return "paper"
	}
	return fmt.Sprintf("Mode(%d)", byte(m))
}

// ParseMode is the inverse of [Mode.String].
func ParseMode(s string) (Mode, error) {
	switch s {
	case "scoped":
		return ModeScoped, nil
	case "paper":
		return ModePaper, nil
	}
	return 0, fmt.Errorf("%w: key mode %q, want scoped or paper", ErrMalformed, s)
}

// PublicKey is an encryption key of either mode: *[ScopedPublicKey] or
// *[PaperPublicKey].
type PublicKey interface {
	// Mode is the mode of the pair.
	Mode() Mode
	// Bytes is the compressed point of G1, 32 bytes.
	Bytes() []byte
	key() *publicKey
}

type publicKey struct {
	point bn254.G1Affine
	bytes [PublicKeySize]byte
	table *curve.TableG1 // of point; nil unless asked for
}

func newPoint(p bn254.G1Affine) publicKey { return publicKey{point: p, bytes: p.Bytes()} }

func parsePoint(b []byte) (publicKey, error) {
	p, err := curve.G1(b)
	if err != nil {
		return publicKey{}, fmt.Errorf("%w: public key", ErrMalformed)
	}
	return newPoint(p), nil
}

// Bytes is the compressed point, 32 bytes.
func (k *publicKey) Bytes() []byte   { return k.bytes[:] }
func (k *publicKey) key() *publicKey { return k }

// ScopedPublicKey is PK = g^x of a scoped pair.
type ScopedPublicKey struct{ publicKey }

// PaperPublicKey is PK = g^x of a paper-mode pair.
type PaperPublicKey struct{ publicKey }

// WithTable is the same key with a fixed-base table of 0.3 MB, for who seals or
// verifies many records of one owner. It takes about as long as 30 powers.
func (k *ScopedPublicKey) WithTable() *ScopedPublicKey {
	return &ScopedPublicKey{k.withTable()}
}

// WithTable is as for scoped keys.
func (k *PaperPublicKey) WithTable() *PaperPublicKey { return &PaperPublicKey{k.withTable()} }

func (k publicKey) withTable() publicKey {
	if k.table == nil {
		k.table = curve.NewTableG1(k.point)
	}
	return k
}

// pow is PK^s.
func (k *publicKey) pow(s *fr.Element) bn254.G1Affine {
	if k.table != nil {
		return k.table.Pow(s)
	}
	return curve.MulG1(&k.point, s)
}

// powShort is PK^s for s in [0, 2^128).
func (k *publicKey) powShort(s *big.Int) bn254.G1Jac {
	if k.table != nil {
		var scalar fr.Element
		return k.table.PowJac(scalar.SetBigInt(s))
	}
	return curve.MultiExp([]bn254.G1Affine{k.point}, []*big.Int{s})
}

// Mode is [ModeScoped].
func (*ScopedPublicKey) Mode() Mode { return ModeScoped }

// Mode is [ModePaper].
func (*PaperPublicKey) Mode() Mode { return ModePaper }

// ParsePublicKey decodes a public key of the given mode, 32 bytes. It refuses
// the identity. It returns [ErrMalformed].
func ParsePublicKey(mode Mode, b []byte) (PublicKey, error) {
	k, err := parsePoint(b)
	if err != nil {
		return nil, err
	}
	switch mode {
	case ModeScoped:
		return &ScopedPublicKey{k}, nil
	case ModePaper:
		return &PaperPublicKey{k}, nil
	}
	return nil, fmt.Errorf("%w: unknown key mode %d", ErrMalformed, byte(mode))
}

// ParseScopedPublicKey decodes a scoped public key, 32 bytes.
func ParseScopedPublicKey(b []byte) (*ScopedPublicKey, error) {
	k, err := parsePoint(b)
	return &ScopedPublicKey{k}, err
}

// ParsePaperPublicKey decodes a paper-mode public key, 32 bytes.
func ParsePaperPublicKey(b []byte) (*PaperPublicKey, error) {
	k, err := parsePoint(b)
	return &PaperPublicKey{k}, err
}

type secretKey struct {
	x      fr.Element
	public publicKey
	bases  *lru.Cache[openedBase, bn254.G2Affine] // B̂_w^(1/x), secret as the key is
}

// openedBase names B̂_w^(1/x) of one deployment and label.
type openedBase struct {
	params [32]byte
	label  string
}

const openedCached = 64 // labels whose records the owner opens; 128 bytes each

func newSecretKey(x fr.Element) secretKey {
	_, _, g, _ := bn254.Generators()
	bases, err := lru.New[openedBase, bn254.G2Affine](openedCached)
	if err != nil {
		panic("pre: " + err.Error()) // the size is a constant
	}
	return secretKey{x: x, public: newPoint(curve.MulG1(&g, &x)), bases: bases}
}

// payloadBase is B̂_w^(1/x), which opens the owner's records of one label.
func (k *secretKey) payloadBase(p *Parameters, label string) bn254.G2Affine {
	name := openedBase{p.id, label}
	if k.bases != nil {
		if b, ok := k.bases.Get(name); ok {
			return b
		}
	}
	inv := k.inverse()
	b := curve.MulG2(&p.base(label).payload, &inv)
	if k.bases != nil {
		k.bases.Add(name, b)
	}
	return b
}

func generate(entropy io.Reader) (secretKey, error) {
	x, err := curve.RandomScalar(entropy)
	if err != nil {
		return secretKey{}, fmt.Errorf("pre: generate key: %w", err)
	}
	return newSecretKey(x), nil
}

func parseSecretKey(b []byte) (secretKey, error) {
	x, err := curve.Scalar(b)
	if err != nil {
		return secretKey{}, fmt.Errorf("%w: secret key", ErrMalformed)
	}
	return newSecretKey(x), nil
}

// Bytes is the secret scalar, 32 bytes big-endian.
func (k *secretKey) Bytes() []byte {
	b := k.x.Bytes()
	return b[:]
}

// Format hides the key, and copies of it, from every fmt verb.
func (k secretKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "pre.SecretKey(hidden)") }

// inverse is 1/x.
func (k *secretKey) inverse() fr.Element {
	var inv fr.Element
	inv.Inverse(&k.x)
	return inv
}

// ScopedSecretKey is a key pair of scoped mode.
type ScopedSecretKey struct{ secretKey }

// PaperSecretKey is a key pair of paper mode.
type PaperSecretKey struct{ secretKey }

// MasterKey is the system manager's x with Y = g^x. It opens search trapdoors
// and, through package pseudonym, traces pseudo-identities. It opens no record.
type MasterKey struct{ secretKey }

// GenerateScopedKey draws a scoped key pair from crypto/rand.
func GenerateScopedKey() (*ScopedSecretKey, error) {
	k, err := generate(nil)
	return &ScopedSecretKey{k}, err
}

// GeneratePaperKey draws a paper-mode key pair from crypto/rand.
func GeneratePaperKey() (*PaperSecretKey, error) {
	k, err := generate(nil)
	return &PaperSecretKey{k}, err
}

// GenerateMasterKey draws a system manager's master key from crypto/rand.
func GenerateMasterKey() (*MasterKey, error) {
	k, err := generate(nil)
	return &MasterKey{k}, err
}

// DeriveScopedKey derives the encryption key of one pseudo-identity from a
// wallet's 32-byte seed, so that keys of different pseudo-identities are
// unrelated.
func DeriveScopedKey(seed [32]byte, pid string) (*ScopedSecretKey, error) {
	k, err := derive(seed, pid, "scoped")
	return &ScopedSecretKey{k}, err
}

// DerivePaperKey is [DeriveScopedKey] for paper mode.
func DerivePaperKey(seed [32]byte, pid string) (*PaperSecretKey, error) {
	k, err := derive(seed, pid, "paper")
	return &PaperSecretKey{k}, err
}

func derive(seed [32]byte, pid, use string) (secretKey, error) {
	info := tag.LP(tag.LP(nil, []byte(tag.WalletKey)), []byte(use))
	return generate(hkdf.New(sha256.New, seed[:], []byte(pid), info))
}

// ParseScopedSecretKey decodes 32 bytes. It returns [ErrMalformed].
func ParseScopedSecretKey(b []byte) (*ScopedSecretKey, error) {
	k, err := parseSecretKey(b)
	return &ScopedSecretKey{k}, err
}

// ParsePaperSecretKey decodes 32 bytes. It returns [ErrMalformed].
func ParsePaperSecretKey(b []byte) (*PaperSecretKey, error) {
	k, err := parseSecretKey(b)
	return &PaperSecretKey{k}, err
}

// ParseMasterKey decodes 32 bytes. It returns [ErrMalformed].
func ParseMasterKey(b []byte) (*MasterKey, error) {
	k, err := parseSecretKey(b)
	return &MasterKey{k}, err
}

// PublicKey is the key that others encrypt under.
func (k *ScopedSecretKey) PublicKey() *ScopedPublicKey { return &ScopedPublicKey{k.public} }

// PublicKey is the key that others encrypt under.
func (k *PaperSecretKey) PublicKey() *PaperPublicKey { return &PaperPublicKey{k.public} }

// PublicKey is Y, 32 bytes, for [NewParameters].
func (k *MasterKey) PublicKey() []byte { return k.public.Bytes() }

// ProvePossession proves, for one registration in one deployment, that the
// registrant pid of msp knows the secret key: a Schnorr proof, 64 bytes.
func (k *ScopedSecretKey) ProvePossession(paramsID [32]byte, pid, msp string) ([]byte, error) {
	return k.prove(nil, ModeScoped, paramsID, pid, msp)
}

// ProvePossession is as for scoped keys.
func (k *PaperSecretKey) ProvePossession(paramsID [32]byte, pid, msp string) ([]byte, error) {
	return k.prove(nil, ModePaper, paramsID, pid, msp)
}

func (k *secretKey) prove(entropy io.Reader, mode Mode, paramsID [32]byte, pid, msp string) ([]byte, error) {
	nonce, err := curve.RandomScalar(entropy)
	if err != nil {
		return nil, fmt.Errorf("pre: prove possession: %w", err)
	}
	_, _, g, _ := bn254.Generators()
	commitment := curve.MulG1(&g, &nonce)
	r := commitment.Bytes()
	c := possessionChallenge(mode, paramsID, &k.public, pid, msp, r[:])
	var z fr.Element
	z.Mul(&c, &k.x)
	z.Add(&z, &nonce)
	zb := z.Bytes()
	return append(r[:], zb[:]...), nil
}

// VerifyPossession checks a proof made by ProvePossession: g^z = R PK^c. It
// returns [ErrPossession].
func VerifyPossession(paramsID [32]byte, key PublicKey, pid, msp string, proof []byte) error {
	if len(proof) != PossessionSize {
		return fmt.Errorf("%w: want %d bytes", ErrPossession, PossessionSize)
	}
	r, err := curve.G1(proof[:curve.G1Size])
	if err != nil {
		return fmt.Errorf("%w: commitment is no point", ErrPossession)
	}
	z, err := curve.Scalar(proof[curve.G1Size:])
	if err != nil {
		return fmt.Errorf("%w: response is no scalar", ErrPossession)
	}
	pk := key.key()
	if !curve.ValidG1(&pk.point) { // the identity needs no secret: g^z = R
		return fmt.Errorf("%w: key is no point", ErrPossession)
	}
	c := possessionChallenge(key.Mode(), paramsID, pk, pid, msp, proof[:curve.G1Size])
	_, _, g, _ := bn254.Generators()
	left, right := curve.MulG1(&g, &z), curve.MulG1(&pk.point, &c)
	right.Add(&right, &r)
	if !left.Equal(&right) {
		return ErrPossession
	}
	return nil
}

// possessionChallenge is SHA256(lp(D"ENC-POP") ‖ paramsID ‖ lp(pid) ‖ lp(msp) ‖
// mode ‖ PK ‖ R) mod r.
func possessionChallenge(mode Mode, paramsID [32]byte, pk *publicKey, pid, msp string, r []byte) fr.Element {
	names := tag.LP(tag.LP(nil, []byte(pid)), []byte(msp))
	h := tag.Hash(tag.EncPoP, paramsID[:], names, []byte{byte(mode)}, pk.bytes[:], r)
	var c fr.Element
	c.SetBytes(h[:])
	return c
}
