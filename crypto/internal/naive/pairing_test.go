package naive

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// line is the line through two points of the twist at a point of G1, after
// untwisting (x, y) to (x w^2, y w^3).
func line(a, b, at *point) fp12 {
	l, z := slope(a, b), one12()
	z[0] = at.y
	z[1] = l.mul(at.x).neg()
	z[3] = l.mul(a.x).sub(a.y)
	return z
}

// miller is the Miller function of the optimal ate pairing.
func miller(a, b *point) fp12 {
	loop := plus(times(integer(6), x0), integer(2))
	f, at := one12(), b
	for i := loop.BitLen() - 2; i >= 0; i-- {
		f = f.square().mul(line(at, at, a))
		at = add(at, at)
		if loop.Bit(i) == 1 {
			f = f.mul(line(at, b, a))
			at = add(at, b)
		}
	}
	b1 := psi(b)
	b2 := neg(psi(b1))
	f = f.mul(line(at, b1, a))
	return f.mul(line(add(at, b1), b2, a))
}

// cofactor is s of docs/protocol.md, section 2.2.
var cofactor = times(times(integer(2), x0), polynomial(6, 3, 1))

// finalExponentiation raises to s (p^12-1)/r. The factors p^6-1 and p^2+1 of
// p^12-1 cost no exponentiation.
func finalExponentiation(f fp12) fp12 {
	f = f.conj().mul(f.inv())
	f = f.frobenius2().mul(f)
	p2 := times(p, p)
	hard := quot(plus(minus(times(p2, p2), p2), integer(1)), r)
	return f.pow(times(cofactor, hard))
}

func pair(a, b *point) fp12 { return finalExponentiation(miller(a, b)) }

// pairsTo1 reports whether the product of e(a, b) over pairs a, b is 1.
func pairsTo1(ab ...*point) bool {
	f := one12()
	for i := 0; i < len(ab); i += 2 {
		f = f.mul(miller(ab[i], ab[i+1]))
	}
	return finalExponentiation(f).equal(one12())
}

// towerOrder lists the coefficients of an element of GT as they are encoded.
var towerOrder = [6]int{5, 3, 1, 4, 2, 0}

func encodeGT(z fp12) (b []byte) {
	for _, i := range towerOrder {
		b = append(append(b, bytes32(z[i].b)...), bytes32(z[i].a)...)
	}
	return b
}

// decodeGT reads an element of order r strictly.
func decodeGT(b []byte) (fp12, error) {
	if len(b) != 384 {
		return fp12{}, errMalformed
	}
	var z fp12
	for k, i := range towerOrder {
		x, err := g2.decodeCoordinate(b[64*k : 64*k+64])
		if err != nil {
			return fp12{}, err
		}
		z[i] = x
	}
	if z.equal(one12()) || !z.pow(r).equal(one12()) {
		return fp12{}, errMalformed
	}
	return z, nil
}

func TestPairing(t *testing.T) {
	z := pair(generator1, generator2)
	p12 := new(big.Int).Exp(p, integer(12), nil)
	whole := times(cofactor, quot(minus(p12, integer(1)), r))
	require.True(t, miller(generator1, generator2).pow(whole).equal(z), "the short cut of the final exponentiation")

	a, b := integer(0x123456789), integer(0x3b9aca07)
	require.False(t, z.equal(one12()))
	require.True(t, z.pow(r).equal(one12()))
	require.True(t, z.mul(z.conj()).equal(one12()))
	require.True(t, pair(mul(generator1, a), mul(generator2, b)).equal(z.pow(times(a, b))))
	require.True(t, pairsTo1(mul(generator1, a), generator2, neg(generator1), mul(generator2, a)))
	require.False(t, pairsTo1(mul(generator1, a), generator2, neg(generator1), mul(generator2, b)))
	back, err := decodeGT(encodeGT(z))
	require.NoError(t, err)
	require.True(t, back.equal(z))
}
