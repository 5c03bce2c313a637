package curve

import (
	"math/big"
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fp"
)

// Coefficients of at most shortBits bits are half as long as scalars, so the
// curve's endomorphism has nothing to split, and the library's own
// multi-exponentiation is made for many more points: this one is Straus's, with
// doublings shared by all points and width-4 non-adjacent forms.
const (
	shortBits   = 128
	nafWidth    = 4
	oddMultiple = 1 << (nafWidth - 2) // table entries: 1, 3, 5, 7 times the point
)

// naf is an integer below 2^128 in non-adjacent form, least digit first: odd
// digits between -7 and 7 with at least three zeros after each.
type naf [shortBits + 1]int8

func newNAF(n *big.Int) (out naf) {
	var b [shortBits / 8]byte
	n.FillBytes(b[:])
	var lo, hi uint64
	for i := range 8 {
		hi, lo = hi<<8|uint64(b[i]), lo<<8|uint64(b[8+i])
	}
	var carry uint64 // of the 129th bit
	for i := 0; lo|hi|carry != 0; {
		zeros := bits.TrailingZeros64(lo)
		if zeros > 0 {
			zeros = min(zeros, nafWidth) // lo may be zero with hi not
			lo, hi = lo>>zeros|hi<<(64-zeros), hi>>zeros|carry<<(64-zeros)
			carry = 0
			i += zeros
			continue
		}
		d := int8(lo & (1<<nafWidth - 1))
		var borrow uint64
		if d >= 1<<(nafWidth-1) {
			d -= 1 << nafWidth
			lo, borrow = bits.Add64(lo, uint64(-d), 0)
			hi, borrow = bits.Add64(hi, 0, borrow)
			carry += borrow
		} else {
			lo -= uint64(d) // lo's low bits are d
		}
		out[i] = d
	}
	return out
}

// MultiExp is the product of points[k]^coefficients[k], for coefficients in
// [0, 2^128). It is exact for every input, the identity among the points
// included.
func MultiExp(points []bn254.G1Affine, coefficients []*big.Int) bn254.G1Jac {
	table := oddMultiples(points)
	digits := make([]naf, len(points))
	for k, c := range coefficients {
		digits[k] = newNAF(c)
	}
	var z bn254.G1Jac
	z.X.SetOne()
	z.Y.SetOne() // the identity
	var minus bn254.G1Affine
	for i := shortBits; i >= 0; i-- {
		if !z.Z.IsZero() {
			z.DoubleAssign()
		}
		for k := range digits {
			switch d := int(digits[k][i]); {
			case d > 0:
				z.AddMixed(&table[k*oddMultiple+d/2])
			case d < 0:
				minus.Neg(&table[k*oddMultiple-d/2])
				z.AddMixed(&minus)
			}
		}
	}
	return z
}

// oddMultiples lists p, 3p, 5p, 7p for each point, with one inversion in all.
func oddMultiples(points []bn254.G1Affine) []bn254.G1Affine {
	all := make([]bn254.G1Jac, oddMultiple*len(points))
	for k := range points {
		var twice bn254.G1Jac
		twice.DoubleMixed(&points[k])
		entries := all[k*oddMultiple : (k+1)*oddMultiple]
		entries[0].FromAffine(&points[k])
		for i := 1; i < oddMultiple; i++ {
			entries[i] = entries[i-1]
			entries[i].AddAssign(&twice)
		}
	}
	return affineG1(all)
}

// affineG1 converts with one inversion in all (Montgomery's trick). The
// library's own starts goroutines, which cost more than a few points do.
func affineG1(points []bn254.G1Jac) []bn254.G1Affine {
	out := make([]bn254.G1Affine, len(points))
	var acc fp.Element
	acc.SetOne()
	for i := range points {
		if !points[i].Z.IsZero() {
			out[i].X = acc // the product of the Zs before it
			acc.Mul(&acc, &points[i].Z)
		}
	}
	acc.Inverse(&acc)
	for i := len(points) - 1; i >= 0; i-- {
		if points[i].Z.IsZero() {
			continue // (0, 0) is the identity
		}
		var inv, square fp.Element
		inv.Mul(&acc, &out[i].X)
		acc.Mul(&acc, &points[i].Z)
		square.Square(&inv)
		out[i].X.Mul(&points[i].X, &square)
		out[i].Y.Mul(&points[i].Y, &square)
		out[i].Y.Mul(&out[i].Y, &inv)
	}
	return out
}
