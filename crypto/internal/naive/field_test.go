package naive

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// The curve is given by its seed alone.
var (
	x0 = big.NewInt(4965661367192848881)
	p  = polynomial(36, 36, 24, 6, 1)
	r  = polynomial(36, 36, 18, 6, 1)
)

// polynomial evaluates a polynomial at x0, the highest coefficient first.
func polynomial(coefficients ...int64) *big.Int {
	n := new(big.Int)
	for _, c := range coefficients {
		n.Add(n.Mul(n, x0), big.NewInt(c))
	}
	return n
}

func integer(n int64) *big.Int { return big.NewInt(n) }

func plus(a, b *big.Int) *big.Int  { return new(big.Int).Add(a, b) }
func minus(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) }
func times(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) }
func quot(a, b *big.Int) *big.Int  { return new(big.Int).Div(a, b) }
func modP(a *big.Int) *big.Int {
	if a.Sign() >= 0 && a.Cmp(p) < 0 {
		return a
	}
	return new(big.Int).Mod(a, p)
}
func modR(a *big.Int) *big.Int     { return new(big.Int).Mod(a, r) }
func inverseR(a *big.Int) *big.Int { return new(big.Int).ModInverse(a, r) }

// fp2 is a + b u, u^2 = -1. Elements of F_p are those with b = 0, so that one
// curve arithmetic serves G1 and G2. Operations make new values.
type fp2 struct{ a, b *big.Int }

func element(a, b *big.Int) fp2 { return fp2{modP(a), modP(b)} }
func small(a, b int64) fp2      { return element(integer(a), integer(b)) }

func (x fp2) add(y fp2) fp2     { return element(plus(x.a, y.a), plus(x.b, y.b)) }
func (x fp2) sub(y fp2) fp2     { return element(minus(x.a, y.a), minus(x.b, y.b)) }
func (x fp2) neg() fp2          { return small(0, 0).sub(x) }
func (x fp2) conj() fp2         { return element(x.a, minus(p, x.b)) }
func (x fp2) equal(y fp2) bool  { return x.a.Cmp(y.a) == 0 && x.b.Cmp(y.b) == 0 }
func (x fp2) isZero() bool      { return x.a.Sign() == 0 && x.b.Sign() == 0 }
func (x fp2) norm() *big.Int    { return modP(plus(times(x.a, x.a), times(x.b, x.b))) }
func (x fp2) scale(n int64) fp2 { return element(times(x.a, integer(n)), times(x.b, integer(n))) }

func (x fp2) mul(y fp2) fp2 {
	return element(minus(times(x.a, y.a), times(x.b, y.b)), plus(times(x.a, y.b), times(x.b, y.a)))
}

// inv is the inverse, and 0 for 0 as RFC 9380 wants it.
func (x fp2) inv() fp2 {
	if x.isZero() {
		return x
	}
	n := new(big.Int).ModInverse(x.norm(), p)
	return element(times(x.a, n), times(new(big.Int).Neg(x.b), n))
}

func (x fp2) pow(e *big.Int) fp2 {
	z := small(1, 0)
	for i := e.BitLen() - 1; i >= 0; i-- {
		if z = z.mul(z); e.Bit(i) == 1 {
			z = z.mul(x)
		}
	}
	return z
}

// sgn0 is RFC 9380's, the same rule in both fields.
func (x fp2) sgn0() uint {
	if x.a.Sign() == 0 {
		return x.b.Bit(0)
	}
	return x.a.Bit(0)
}

// larger reports whether x is greater than -x, by b first.
func (x fp2) larger() bool {
	n := x.a
	if x.b.Sign() != 0 {
		n = x.b
	}
	return n.Cmp(minus(p, n)) > 0
}

// A square of F_p2 is what has a norm that is a square of F_p; p = 3 mod 4.
func isSquareP(n *big.Int) bool { return big.Jacobi(n, p) >= 0 }

func sqrtP(n *big.Int) *big.Int {
	return new(big.Int).Exp(n, quot(plus(p, integer(1)), integer(4)), p)
}

func isSquare1(x fp2) bool { return isSquareP(x.a) }
func sqrt1(x fp2) fp2      { return fp2{sqrtP(x.a), integer(0)} }
func isSquare2(x fp2) bool { return isSquareP(x.norm()) }

// sqrt2 solves (c + d u)^2 = a + b u: c^2 = (a ± |x|)/2, d = b/(2c).
func sqrt2(x fp2) fp2 {
	length, half := sqrtP(x.norm()), new(big.Int).ModInverse(integer(2), p)
	for _, l := range []*big.Int{length, new(big.Int).Neg(length)} {
		c2 := modP(times(plus(x.a, l), half))
		if c2.Sign() != 0 && isSquareP(c2) {
			c := fp2{sqrtP(c2), integer(0)}
			return c.add(fp2{integer(0), x.b}.mul(c.scale(2).inv()))
		}
	}
	// b = 0 and a is no square of F_p: the root is d u, d^2 = -a.
	return fp2{integer(0), sqrtP(modP(new(big.Int).Neg(x.a)))}
}

// xi is what the tower is built on: w^6 = 9 + u.
var xi = small(9, 1)

// fp12 is the sum of its coefficients times w^0 to w^5. In the tower of
// docs/protocol.md, C0.Bj stands at w^(2j) and C1.Bj at w^(2j+1).
type fp12 [6]fp2

func one12() fp12 {
	z := fp12{small(1, 0)}
	for i := 1; i < 6; i++ {
		z[i] = small(0, 0)
	}
	return z
}

func (x fp12) equal(y fp12) bool {
	for i := range x {
		if !x[i].equal(y[i]) {
			return false
		}
	}
	return true
}

func (x fp12) mul(y fp12) fp12 {
	var a, b [11]big.Int // sums not yet reduced
	for i := range x {
		for j := range y {
			accumulate(&a[i+j], &b[i+j], x[i], y[j])
		}
	}
	return reduce(&a, &b)
}

// square is mul without computing a product twice.
func (x fp12) square() fp12 {
	var a, b [11]big.Int
	for i := range x {
		accumulate(&a[2*i], &b[2*i], x[i], x[i])
		twice := x[i].scale(2)
		for j := range i {
			accumulate(&a[i+j], &b[i+j], twice, x[j])
		}
	}
	return reduce(&a, &b)
}

// accumulate adds x y to a + b u.
func accumulate(a, b *big.Int, x, y fp2) {
	var t big.Int
	a.Add(a, t.Mul(x.a, y.a))
	a.Sub(a, t.Mul(x.b, y.b))
	b.Add(b, t.Mul(x.a, y.b))
	b.Add(b, t.Mul(x.b, y.a))
}

// reduce replaces w^6 by xi.
func reduce(a, b *[11]big.Int) (z fp12) {
	for i := range z {
		z[i] = element(&a[i], &b[i])
		if i < 5 {
			z[i] = z[i].add(xi.mul(element(&a[i+6], &b[i+6])))
		}
	}
	return z
}

func (x fp12) pow(e *big.Int) fp12 {
	z := one12()
	for i := e.BitLen() - 1; i >= 0; i-- {
		if z = z.square(); e.Bit(i) == 1 {
			z = z.mul(x)
		}
	}
	return z
}

// wToP2 is w^(p^2-1) = xi^((p^2-1)/6).
var wToP2 = xi.pow(quot(minus(times(p, p), integer(1)), integer(6)))

// frobenius2 raises to p^2, which leaves F_p2 alone.
func (x fp12) frobenius2() fp12 {
	var z fp12
	power := small(1, 0)
	for i := range x {
		z[i] = x[i].mul(power)
		power = power.mul(wToP2)
	}
	return z
}

// conj raises to p^6, which turns w into -w. It inverts elements of GT.
func (x fp12) conj() fp12 {
	for i := 1; i < 6; i += 2 {
		x[i] = x[i].neg()
	}
	return x
}

// inv divides the other five conjugates over F_p2 by the product of all six,
// which lies in F_p2.
func (x fp12) inv() fp12 {
	others, y := one12(), x
	for range 5 {
		y = y.frobenius2()
		others = others.mul(y)
	}
	n := x.mul(others)[0].inv()
	for i := range others {
		others[i] = others[i].mul(n)
	}
	return others
}

func TestFields(t *testing.T) {
	require.Equal(t, "21888242871839275222246405745257275088696311157297823662689037894645226208583", p.String())
	require.Equal(t, "21888242871839275222246405745257275088548364400416034343698204186575808495617", r.String())
	require.True(t, p.ProbablyPrime(20))
	require.True(t, r.ProbablyPrime(20))
	require.False(t, isSquare2(xi), "w is in no smaller field")
	x := small(3, -7)
	require.True(t, x.mul(x.inv()).equal(small(1, 0)))
	require.True(t, x.pow(p).equal(x.conj()))
	for _, s := range []fp2{x, x.conj(), small(-1, 0), small(0, 1), small(5, 0), small(0, 0)} {
		root := sqrt2(s.mul(s))
		require.True(t, root.equal(s) || root.equal(s.neg()))
	}
	z := fp12{x, small(1, 2), small(3, 4), small(5, 6), small(7, 8), small(9, 10)}
	require.True(t, z.mul(z.inv()).equal(one12()))
	require.True(t, z.mul(z).equal(z.square()))
	require.True(t, z.pow(times(p, p)).equal(z.frobenius2()))
	require.True(t, z.frobenius2().frobenius2().frobenius2().equal(z.conj()))
}
