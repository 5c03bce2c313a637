// Package curve is the only door between bytes and BN254: strict decoding,
// random scalars, fixed-argument pairings and blinded multiplication.
//
// It implements nothing of the scheme. Arithmetic is gnark-crypto's and is
// variable-time; [MulBlinded] is offered where a secret exponent meets a base
// that somebody else chose.
package curve

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// Encoded sizes in bytes. Points are compressed; a GT element is gnark's
// twelve 32-byte coordinates, highest tower coordinate first.
const (
	G1Size     = bn254.SizeOfG1AffineCompressed
	G2Size     = bn254.SizeOfG2AffineCompressed
	G2RawSize  = bn254.SizeOfG2AffineUncompressed
	GTSize     = bn254.SizeOfGT
	ScalarSize = fr.Bytes
)

// ErrMalformed says that bytes are not the one canonical encoding of a valid
// element: wrong length, not on the curve, outside the prime-order group, the
// identity, or a coordinate not reduced.
var ErrMalformed = errors.New("malformed group element")

// The two top bits of gnark's first byte; 10 and 11 are compressed points,
// 00 is uncompressed and 01 is infinity, both refused here.
func compressed(b []byte) bool { return b[0]&0x80 != 0 }

// G1 decodes a compressed point of G1, 32 bytes. It refuses the identity.
func G1(b []byte) (bn254.G1Affine, error) {
	var p bn254.G1Affine
	if len(b) != G1Size || !compressed(b) {
		return p, fmt.Errorf("%w: want %d bytes of compressed G1", ErrMalformed, G1Size)
	}
	if n, err := p.SetBytes(b); err != nil || n != len(b) || p.IsInfinity() || p.Bytes() != [G1Size]byte(b) {
		return bn254.G1Affine{}, fmt.Errorf("%w: not a point of G1", ErrMalformed)
	}
	return p, nil
}

// G2 decodes a compressed point of G2, 64 bytes, and checks its order (the
// twist has a large cofactor). It refuses the identity.
func G2(b []byte) (bn254.G2Affine, error) {
	var p bn254.G2Affine
	if len(b) != G2Size || !compressed(b) {
		return p, fmt.Errorf("%w: want %d bytes of compressed G2", ErrMalformed, G2Size)
	}
	if n, err := p.SetBytes(b); err != nil || n != len(b) || p.IsInfinity() || p.Bytes() != [G2Size]byte(b) {
		return bn254.G2Affine{}, fmt.Errorf("%w: not a point of G2", ErrMalformed)
	}
	return p, nil
}

// G2Raw decodes an uncompressed point of G2, 128 bytes, from storage that the
// caller trusts: it checks the curve equation, not the order.
func G2Raw(b []byte) (bn254.G2Affine, error) {
	var p bn254.G2Affine
	if len(b) != G2RawSize || b[0]&0xc0 != 0 {
		return p, fmt.Errorf("%w: want %d bytes of uncompressed G2", ErrMalformed, G2RawSize)
	}
	coordinates := []interface{ SetBytesCanonical([]byte) error }{&p.X.A1, &p.X.A0, &p.Y.A1, &p.Y.A0}
	for i, c := range coordinates {
		if err := c.SetBytesCanonical(b[32*i : 32*i+32]); err != nil {
			return bn254.G2Affine{}, fmt.Errorf("%w: coordinate not reduced", ErrMalformed)
		}
	}
	if p.IsInfinity() || !p.IsOnCurve() {
		return bn254.G2Affine{}, fmt.Errorf("%w: not a point of the twist", ErrMalformed)
	}
	return p, nil
}

// GT decodes an element of the target group, 384 bytes, and checks its order.
// It refuses zero, one, and whatever lies outside the cyclotomic subgroup,
// where gnark's own subgroup check is not valid.
func GT(b []byte) (bn254.GT, error) {
	var z bn254.GT
	if len(b) != GTSize {
		return z, fmt.Errorf("%w: want %d bytes of GT", ErrMalformed, GTSize)
	}
	if err := z.SetBytes(b); err != nil || !ValidGT(&z) {
		return bn254.GT{}, fmt.Errorf("%w: not an element of GT", ErrMalformed)
	}
	return z, nil
}

// ValidGT reports whether z is a non-trivial element of the prime-order target
// group.
func ValidGT(z *bn254.GT) bool {
	var zero, one bn254.GT
	one.SetOne()
	if z.Equal(&zero) || z.Equal(&one) {
		return false
	}
	// Cyclotomic: z^(p^4) * z = z^(p^2).
	var p2, p4 bn254.GT
	p2.FrobeniusSquare(z)
	p4.FrobeniusSquare(&p2)
	p4.Mul(&p4, z)
	return p4.Equal(&p2) && z.IsInSubGroup()
}

// ValidG1 reports whether p, held in memory, is on the curve and not the identity.
func ValidG1(p *bn254.G1Affine) bool { return !p.IsInfinity() && p.IsOnCurve() }

// ValidG2 reports whether p, held in memory, is in G2 and not the identity.
func ValidG2(p *bn254.G2Affine) bool { return !p.IsInfinity() && p.IsInSubGroup() }

// Scalar decodes a non-zero scalar, 32 bytes big-endian, reduced.
func Scalar(b []byte) (fr.Element, error) {
	var s fr.Element
	if len(b) != ScalarSize {
		return s, fmt.Errorf("%w: want %d bytes of scalar", ErrMalformed, ScalarSize)
	}
	if err := s.SetBytesCanonical(b); err != nil || s.IsZero() {
		return fr.Element{}, fmt.Errorf("%w: scalar is zero or not reduced", ErrMalformed)
	}
	return s, nil
}

// RandomScalar draws a uniform non-zero scalar from r. A nil r is crypto/rand.
func RandomScalar(r io.Reader) (fr.Element, error) {
	if r == nil {
		r = rand.Reader
	}
	var wide [48]byte // 384 bits: the bias of the reduction is below 2^-128
	for {
		if _, err := io.ReadFull(r, wide[:]); err != nil {
			return fr.Element{}, fmt.Errorf("draw a scalar: %w", err)
		}
		var s fr.Element
		s.SetBigInt(new(big.Int).SetBytes(wide[:]))
		clear(wide[:])
		if !s.IsZero() {
			return s, nil
		}
	}
}

// RandomShort draws a uniform integer in [1, 2^128) from crypto/rand, the
// coefficient of a randomised check.
func RandomShort() (*big.Int, error) {
	var b [16]byte
	for {
		if _, err := rand.Read(b[:]); err != nil {
			return nil, fmt.Errorf("draw a coefficient: %w", err)
		}
		if n := new(big.Int).SetBytes(b[:]); n.Sign() != 0 {
			return n, nil
		}
	}
}

// Int is the integer value of s.
func Int(s *fr.Element) *big.Int { return s.BigInt(new(big.Int)) }

// HashToG1 is RFC 9380 BN254G1_XMD:SHA-256_SVDW_RO_ under the given tag.
func HashToG1(msg []byte, domain string) bn254.G1Affine {
	p, err := bn254.HashToG1(msg, []byte(domain))
	if err != nil {
		panic("curve: tag longer than 255 bytes: " + err.Error()) // tags are constants
	}
	return p
}

// HashToG2 is RFC 9380 BN254G2_XMD:SHA-256_SVDW_RO_ under the given tag.
func HashToG2(msg []byte, domain string) bn254.G2Affine {
	p, err := bn254.HashToG2(msg, []byte(domain))
	if err != nil {
		panic("curve: tag longer than 255 bytes: " + err.Error()) // tags are constants
	}
	return p
}

// MulG1 is p^s.
func MulG1(p *bn254.G1Affine, s *fr.Element) bn254.G1Affine {
	var q bn254.G1Affine
	q.ScalarMultiplication(p, Int(s))
	return q
}

// MulG2 is p^s.
func MulG2(p *bn254.G2Affine, s *fr.Element) bn254.G2Affine {
	var q bn254.G2Affine
	q.ScalarMultiplication(p, Int(s))
	return q
}

// MulBlinded is p^s computed as p^(s-b) p^b for a random b, so that the running
// time on a base chosen by others tells nothing fixed about the secret s.
func MulBlinded(p *bn254.G1Affine, s *fr.Element) (bn254.G1Affine, error) {
	b, err := RandomScalar(nil)
	if err != nil {
		return bn254.G1Affine{}, err
	}
	var rest fr.Element
	rest.Sub(s, &b)
	x, y := MulG1(p, &rest), MulG1(p, &b)
	x.Add(&x, &y)
	return x, nil
}
