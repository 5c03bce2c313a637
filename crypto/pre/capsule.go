package pre

import (
	"encoding/binary"
	"fmt"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

const (
	capsuleMagic = "CSCA"
	headerFixed  = 4 + 1 + 1 + 32 + 1 // magic, version, suite, binding, label length
	c4Size       = 32 + 32 + 8        // commitment, payload digest, payload size
	bodySize     = curve.G2Size + curve.G1Size + 32 + c4Size + curve.G1Size

	// CapsuleOverhead is the size of a capsule without its label, in bytes.
	CapsuleOverhead = headerFixed + bodySize
)

// Capsule is the small half of a sealed record, the paper's (C1, C2, C3, C4,
// C5): everything that a proxy re-encrypts, a system manager searches and a
// ledger refers to. 271 bytes and the label.
//
//	header  magic(4) ‖ version(1) ‖ suite(1) ‖ binding(32) ‖ len(1) ‖ label
//	C1      ĝ1^r, G2                      64 bytes
//	C2      PK^r, G1                      32 bytes
//	C3      search tag                    32 bytes
//	C4      key commitment(32) ‖ SHA-256 of the payload(32) ‖ its size(8)
//	C5      (u^h v d)^r, G1               32 bytes
//
// A parsed capsule is well-formed, not valid: see [Capsule.Verify].
type Capsule struct {
	binding [32]byte
	label   string
	c1      bn254.G2Affine
	c2      bn254.G1Affine
	c3      [32]byte
	commit  [32]byte
	payload PayloadSum
	c5      bn254.G1Affine

	inGroup bn254.G2Affine // the C1 whose order was checked, or that has it by construction
}

// RecordInfo names the record that a capsule is made for. The capsule's header
// is bound to it, so that a capsule cannot be passed off as another record's.
type RecordInfo struct {
	RecordID  [16]byte
	Kind      byte   // as in the ledger: 1 policy, 2 repair
	OwnerPID  string // pseudo-identity of the policyholder
	IssuerPID string // pseudo-identity of the issuer
}

// binding is SHA256(lp(D"binding") ‖ paramsID ‖ PK ‖ lp(aad)), aad =
// lp(recordID) ‖ kind ‖ lp(ownerPID) ‖ lp(issuerPID).
func (p *Parameters) binding(pk *publicKey, info RecordInfo) [32]byte {
	aad := append(tag.LP(nil, info.RecordID[:]), info.Kind)
	aad = tag.LP(tag.LP(aad, []byte(info.OwnerPID)), []byte(info.IssuerPID))
	return tag.Hash(tag.Binding, p.id[:], pk.bytes[:], tag.LP(nil, aad))
}

func (c *Capsule) header() []byte {
	b := append([]byte(capsuleMagic), version, suite)
	b = append(b, c.binding[:]...)
	b = append(b, byte(len(c.label)))
	return append(b, c.label...)
}

func (c *Capsule) c4() []byte {
	b := append(append([]byte(nil), c.commit[:]...), c.payload.SHA256[:]...)
	return binary.BigEndian.AppendUint64(b, c.payload.Size)
}

// h is H3(header ‖ C1 ‖ C3 ‖ C4), a non-zero scalar.
func (c *Capsule) h() fr.Element {
	c1 := c.c1.Bytes()
	msg := append(c.header(), c1[:]...)
	msg = append(append(msg, c.c3[:]...), c.c4()...)
	for {
		s, err := fr.Hash(msg, []byte(tag.H3), 1)
		if err != nil {
			panic("pre: " + err.Error()) // the tag is a constant of legal length
		}
		if !s[0].IsZero() {
			return s[0]
		}
		msg = append(msg, 0) // zero has probability 2^-254
	}
}

// Bytes encodes the capsule.
func (c *Capsule) Bytes() []byte {
	c1, c2, c5 := c.c1.Bytes(), c.c2.Bytes(), c.c5.Bytes()
	b := append(c.header(), c1[:]...)
	b = append(append(b, c2[:]...), c.c3[:]...)
	return append(append(b, c.c4()...), c5[:]...)
}

// ParseCapsule decodes a capsule strictly: exact length, canonical points of
// prime order, no identity, a legal label. It returns [ErrMalformed] or
// [ErrLabel].
func ParseCapsule(b []byte) (*Capsule, error) {
	if len(b) < CapsuleOverhead || string(b[:4]) != capsuleMagic {
		return nil, fmt.Errorf("%w: not a capsule", ErrMalformed)
	}
	if b[4] != version || b[5] != suite {
		return nil, fmt.Errorf("%w: capsule of version %d, suite %d; this program reads version %d, suite %d", ErrMalformed, b[4], b[5], version, suite)
	}
	n := int(b[headerFixed-1])
	if n > MaxLabelSize || len(b) != CapsuleOverhead+n {
		return nil, fmt.Errorf("%w: capsule has %d bytes, its label calls for %d", ErrMalformed, len(b), CapsuleOverhead+n)
	}
	c := &Capsule{binding: [32]byte(b[6:38]), label: string(b[headerFixed : headerFixed+n])}
	if n > 0 {
		if err := ValidLabel(c.label); err != nil {
			return nil, fmt.Errorf("%w: capsule: %w", ErrMalformed, err)
		}
	}
	body := b[headerFixed+n:]
	var err error
	if c.c1, err = curve.G2(body[:64]); err != nil {
		return nil, fmt.Errorf("%w: capsule C1", ErrMalformed)
	}
	c.inGroup = c.c1
	if c.c2, err = curve.G1(body[64:96]); err != nil {
		return nil, fmt.Errorf("%w: capsule C2", ErrMalformed)
	}
	c.c3, c.commit = [32]byte(body[96:128]), [32]byte(body[128:160])
	c.payload = PayloadSum{SHA256: [32]byte(body[160:192]), Size: binary.BigEndian.Uint64(body[192:200])}
	if c.c5, err = curve.G1(body[200:232]); err != nil {
		return nil, fmt.Errorf("%w: capsule C5", ErrMalformed)
	}
	return c, nil
}

// Digest is the record digest that owner and issuer sign:
// SHA256(lp(D"record") ‖ header ‖ C1 ‖ C3 ‖ C4 ‖ C5). C2 is left out: the
// strict check determines it from C1 and the owner's key, and it is what
// paper-mode re-encryption and key rotation replace.
func (c *Capsule) Digest() [32]byte {
	c1, c5 := c.c1.Bytes(), c.c5.Bytes()
	return tag.Hash(tag.Record, c.header(), c1[:], c.c3[:], c.c4(), c5[:])
}

// FullDigest is SHA256(lp(D"capsule") ‖ capsule), C2 included: what a holder
// signs when it delivers.
func (c *Capsule) FullDigest() [32]byte { return tag.Hash(tag.Capsule, c.Bytes()) }

// Label is the scope of the capsule, empty in paper mode.
func (c *Capsule) Label() string { return c.label }

// Payload is the size and SHA-256 of the payload that belongs to the capsule.
func (c *Capsule) Payload() PayloadSum { return c.payload }

// Mode tells for which mode of key the capsule is: paper when it has no label.
func (c *Capsule) Mode() Mode {
	if c.label == "" {
		return ModePaper
	}
	return ModeScoped
}

// BoundTo reports whether the capsule was made for this record under this key:
// the key that it was sealed under, also after a rotation. Returns [ErrBinding].
// Alone it proves nothing; check [Capsule.Verify] too.
func (c *Capsule) BoundTo(p *Parameters, sealedUnder PublicKey, info RecordInfo) error {
	if c.binding != p.binding(sealedUnder.key(), info) {
		return ErrBinding
	}
	return nil
}
