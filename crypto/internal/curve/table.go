package curve

import (
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// Fixed-base tables: a scalar is written in signed digits of windowBits bits, so
// that a power of the base is one table entry, or its inverse, for each window,
// multiplied together. Inverses cost next to nothing in G1, G2 and the
// cyclotomic subgroup, so half the entries do.
//
// Look-ups depend on the scalar: like the rest of the arithmetic, tables do not
// hide it from whoever shares the machine's caches.
const (
	windowBits = 8
	halfWindow = 1 << (windowBits - 1)
	windows    = 256/windowBits + 1 // one more for the last carry
)

// digits writes s in signed digits, least first: each in [-128, 128).
func digits(s *fr.Element) [windows]int {
	var out [windows]int
	b := s.Bytes() // big-endian
	carry := 0
	for i := range out {
		d := carry
		if i < len(b) {
			d += int(b[len(b)-1-i])
		}
		carry = 0
		if d >= halfWindow {
			d -= 1 << windowBits
			carry = 1
		}
		out[i] = d
	}
	return out
}

// TableG1 raises one point of G1 to many scalars. About 0.27 MB; safe for
// concurrent use.
type TableG1 struct{ rows []bn254.G1Affine }

// NewTableG1 precomputes the table of p.
func NewTableG1(p bn254.G1Affine) *TableG1 {
	all := make([]bn254.G1Jac, 0, windows*halfWindow)
	var base bn254.G1Jac
	base.FromAffine(&p)
	for range windows {
		var entry bn254.G1Jac
		entry.Set(&base)
		for range halfWindow {
			all = append(all, entry)
			entry.AddAssign(&base)
		}
		for range windowBits {
			base.DoubleAssign()
		}
	}
	return &TableG1{bn254.BatchJacobianToAffineG1(all)}
}

// Pow is p^s.
func (t *TableG1) Pow(s *fr.Element) bn254.G1Affine {
	z := t.PowJac(s)
	var out bn254.G1Affine
	out.FromJacobian(&z)
	return out
}

// PowJac is [TableG1.Pow] without the final inversion.
func (t *TableG1) PowJac(s *fr.Element) bn254.G1Jac {
	var z bn254.G1Jac
	z.X.SetOne()
	z.Y.SetOne() // the identity
	var minus bn254.G1Affine
	for i, d := range digits(s) {
		switch {
		case d > 0:
			z.AddMixed(&t.rows[i*halfWindow+d-1])
		case d < 0:
			minus.Neg(&t.rows[i*halfWindow-d-1])
			z.AddMixed(&minus)
		}
	}
	return z
}

// TableG2 raises one point of G2 to many scalars. About 0.54 MB; safe for
// concurrent use.
type TableG2 struct{ rows []bn254.G2Affine }

// NewTableG2 precomputes the table of p.
func NewTableG2(p bn254.G2Affine) *TableG2 {
	rows := make([]bn254.G2Jac, 0, windows*halfWindow)
	var base bn254.G2Jac
	base.FromAffine(&p)
	for range windows {
		var entry bn254.G2Jac
		entry.Set(&base)
		for range halfWindow {
			rows = append(rows, entry)
			entry.AddAssign(&base)
		}
		for range windowBits {
			base.DoubleAssign()
		}
	}
	return &TableG2{affineG2(rows)}
}

// affineG2 converts with one inversion in all (Montgomery's trick).
func affineG2(points []bn254.G2Jac) []bn254.G2Affine {
	products := make([]bn254.E2, len(points)) // of the Zs before each point
	var acc bn254.E2
	acc.SetOne()
	for i := range points {
		products[i] = acc
		acc.Mul(&acc, &points[i].Z)
	}
	acc.Inverse(&acc)
	out := make([]bn254.G2Affine, len(points))
	for i := len(points) - 1; i >= 0; i-- {
		var inv, square bn254.E2
		inv.Mul(&acc, &products[i])
		acc.Mul(&acc, &points[i].Z)
		square.Square(&inv)
		out[i].X.Mul(&points[i].X, &square)
		out[i].Y.Mul(&points[i].Y, &square)
		out[i].Y.Mul(&out[i].Y, &inv)
	}
	return out
}

// Pow is p^s.
func (t *TableG2) Pow(s *fr.Element) bn254.G2Affine {
	var z bn254.G2Jac
	z.X.SetOne()
	z.Y.SetOne() // the identity
	var minus bn254.G2Affine
	for i, d := range digits(s) {
		switch {
		case d > 0:
			z.AddMixed(&t.rows[i*halfWindow+d-1])
		case d < 0:
			minus.Neg(&t.rows[i*halfWindow-d-1])
			z.AddMixed(&minus)
		}
	}
	var out bn254.G2Affine
	out.FromJacobian(&z)
	return out
}

// TableGT raises one element of the target group to many scalars. About 1.6 MB;
// safe for concurrent use.
type TableGT struct{ rows []bn254.GT }

// NewTableGT precomputes the table of e, which must be in the prime-order
// group.
func NewTableGT(e bn254.GT) *TableGT {
	t := &TableGT{make([]bn254.GT, 0, windows*halfWindow)}
	base := e
	for range windows {
		entry := base
		for range halfWindow {
			t.rows = append(t.rows, entry)
			entry.Mul(&entry, &base)
		}
		for range windowBits {
			base.CyclotomicSquare(&base)
		}
	}
	return t
}

// Pow is e^s.
func (t *TableGT) Pow(s *fr.Element) bn254.GT {
	var z, minus bn254.GT
	z.SetOne()
	first := true
	for i, d := range digits(s) {
		var entry *bn254.GT
		switch {
		case d > 0:
			entry = &t.rows[i*halfWindow+d-1]
		case d < 0:
			entry = minus.Conjugate(&t.rows[i*halfWindow-d-1])
		default:
			continue
		}
		if first {
			z, first = *entry, false
			continue
		}
		z.Mul(&z, entry)
	}
	return z
}

// PowGT is e^s for e in the prime-order group, without a table.
func PowGT(e bn254.GT, s *fr.Element) bn254.GT {
	var z bn254.GT
	z.ExpGLV(e, s.BigInt(new(big.Int)))
	return z
}
