package curve

import (
	"github.com/consensys/gnark-crypto/ecc/bn254"
)

// lines is gnark's precomputation for a fixed second argument of a pairing.
type lines = [2][len(bn254.LoopCounter)]bn254.LineEvaluationAff

// FixedG2 is a point of G2 with its precomputed Miller lines (about 17 KB). It
// is safe for concurrent use.
type FixedG2 struct {
	point bn254.G2Affine
	lines lines
}

// NewFixedG2 precomputes the lines of q.
func NewFixedG2(q bn254.G2Affine) *FixedG2 {
	return &FixedG2{point: q, lines: bn254.PrecomputeLines(q)}
}

// Point is the fixed point itself.
func (f *FixedG2) Point() bn254.G2Affine { return f.point }

// Pair is e(p, q) of the paper for the fixed q.
func (f *FixedG2) Pair(p *bn254.G1Affine) bn254.GT {
	z := f.miller(p)
	return bn254.FinalExponentiation(&z)
}

func (f *FixedG2) miller(p *bn254.G1Affine) bn254.GT {
	// gnark overwrites the lines it is handed (v0.18.1 to v0.22.0): give it a
	// copy, or the second pairing is wrong and concurrent ones race.
	own := []lines{f.lines}
	z, err := bn254.MillerLoopFixedQ([]bn254.G1Affine{*p}, own)
	if err != nil {
		panic("curve: " + err.Error()) // one point, one set of lines
	}
	return z
}

// Pair is e(p, q).
func Pair(p *bn254.G1Affine, q *bn254.G2Affine) bn254.GT {
	z, err := bn254.Pair([]bn254.G1Affine{*p}, []bn254.G2Affine{*q})
	if err != nil {
		panic("curve: " + err.Error()) // one point each
	}
	return z
}

// PairsEqual reports whether e(a, q) = e(b, f).
func PairsEqual(a *bn254.G1Affine, q *bn254.G2Affine, b *bn254.G1Affine, f *FixedG2) bool {
	return ProductEquals([]bn254.G1Affine{*a}, []bn254.G2Affine{*q}, b, f)
}

// ProductEquals reports whether the product of e(p[k], q[k]) is e(b, f): one
// Miller loop for each pair and one for f, and one final exponentiation.
func ProductEquals(p []bn254.G1Affine, q []bn254.G2Affine, b *bn254.G1Affine, f *FixedG2) bool {
	left, err := bn254.MillerLoop(p, q)
	if err != nil {
		return false
	}
	var minusB bn254.G1Affine
	minusB.Neg(b)
	right := f.miller(&minusB)
	left.Mul(&left, &right)
	z := bn254.FinalExponentiation(&left)
	var one bn254.GT
	one.SetOne()
	return z.Equal(&one)
}

// ProductIsOne reports whether the product of e(p[k], q[k]) is one.
func ProductIsOne(p []bn254.G1Affine, q []bn254.G2Affine) bool {
	ok, err := bn254.PairingCheck(p, q)
	return err == nil && ok
}
