package naive

import (
	"crypto/rand"
	"errors"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

var errMalformed = errors.New("malformed encoding")

// point is an affine point of G1 (coordinates in F_p) or of the twist; nil is
// the identity.
type point struct{ x, y fp2 }

// group is what differs between the two curves y^2 = x^3 + b.
type group struct {
	b        fp2
	size     int // bytes of a coordinate
	isSquare func(fp2) bool
	sqrt     func(fp2) fp2
}

var (
	g1 = group{small(3, 0), 32, isSquare1, sqrt1}
	g2 = group{xi.inv().scale(3), 64, isSquare2, sqrt2}

	generator1 = &point{small(1, 0), small(2, 0)}
	generator2 = &point{
		fp2{decimal("10857046999023057135944570762232829481370756359578518086990519993285655852781"),
			decimal("11559732032986387107991004021392285783925812861821192530917403151452391805634")},
		fp2{decimal("8495653923123431417604973247489272438418190587263600148770280649306958101930"),
			decimal("4082367875863433681332203403145435568316851327593401208105741076214120093531")},
	}
)

func decimal(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic("no number: " + s)
	}
	return n
}

func (g group) rhs(x fp2) fp2          { return x.mul(x).mul(x).add(g.b) }
func (g group) contains(a *point) bool { return a.y.mul(a.y).equal(g.rhs(a.x)) }

// slope is that of the line through two points, the tangent if they are one.
func slope(a, b *point) fp2 {
	if a.x.equal(b.x) && a.y.equal(b.y) {
		return a.x.mul(a.x).scale(3).mul(a.y.scale(2).inv())
	}
	return b.y.sub(a.y).mul(b.x.sub(a.x).inv())
}

func add(a, b *point) *point {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.x.equal(b.x) && !a.y.equal(b.y):
		return nil
	}
	l := slope(a, b)
	x := l.mul(l).sub(a.x).sub(b.x)
	return &point{x, l.mul(a.x.sub(x)).sub(a.y)}
}

func neg(a *point) *point { return &point{a.x, a.y.neg()} }

func mul(a *point, n *big.Int) *point {
	var z *point
	for i := n.BitLen() - 1; i >= 0; i-- {
		if z = add(z, z); n.Bit(i) == 1 {
			z = add(z, a)
		}
	}
	return z
}

// What psi multiplies with: xi^((p-1)/3) and xi^((p-1)/2).
var (
	psiX = xi.pow(quot(minus(p, integer(1)), integer(3)))
	psiY = xi.pow(quot(minus(p, integer(1)), integer(2)))
)

// psi is the untwist-Frobenius-twist map of the twist.
func psi(a *point) *point { return &point{a.x.conj().mul(psiX), a.y.conj().mul(psiY)} }

func bytes32(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }

func (g group) coordinate(x fp2) []byte {
	if g.size == 32 {
		return bytes32(x.a)
	}
	return append(bytes32(x.b), bytes32(x.a)...)
}

func (g group) encode(a *point) []byte {
	b := g.coordinate(a.x)
	if b[0] |= 0x80; a.y.larger() {
		b[0] |= 0x40
	}
	return b
}

func (g group) encodeRaw(a *point) []byte { return append(g.coordinate(a.x), g.coordinate(a.y)...) }

func (g group) decodeCoordinate(b []byte) (fp2, error) {
	x := fp2{new(big.Int).SetBytes(b[len(b)-32:]), new(big.Int).SetBytes(b[:len(b)-32])}
	if x.a.Cmp(p) >= 0 || x.b.Cmp(p) >= 0 {
		return fp2{}, errMalformed
	}
	return x, nil
}

// decode reads a compressed point strictly: of order r, not the identity.
func (g group) decode(b []byte) (*point, error) {
	if len(b) != g.size || b[0]&0x80 == 0 {
		return nil, errMalformed
	}
	x, err := g.decodeCoordinate(append([]byte{b[0] & 0x3f}, b[1:]...))
	if err != nil || !g.isSquare(g.rhs(x)) {
		return nil, errMalformed
	}
	a := &point{x, g.sqrt(g.rhs(x))}
	if a.y.larger() != (b[0]&0x40 != 0) {
		a = neg(a)
	}
	if !g.contains(a) || mul(a, r) != nil {
		return nil, errMalformed
	}
	return a, nil
}

func (g group) decodeRaw(b []byte) (*point, error) {
	if len(b) != 2*g.size {
		return nil, errMalformed
	}
	x, err := g.decodeCoordinate(b[:g.size])
	if err != nil {
		return nil, err
	}
	y, err := g.decodeCoordinate(b[g.size:])
	if a := (&point{x, y}); err == nil && g.contains(a) {
		return a, nil
	}
	return nil, errMalformed
}

func decodeScalar(b []byte) (*big.Int, error) {
	n := new(big.Int).SetBytes(b)
	if len(b) != 32 || n.Sign() == 0 || n.Cmp(r) >= 0 {
		return nil, errMalformed
	}
	return n, nil
}

// random draws a number from 1 to below n.
func random(n *big.Int) *big.Int {
	k, err := rand.Int(rand.Reader, minus(n, integer(1)))
	if err != nil {
		panic(err)
	}
	return plus(k, integer(1))
}

func TestCurves(t *testing.T) {
	require.True(t, g1.contains(generator1))
	require.True(t, g2.contains(generator2))
	require.Nil(t, mul(generator1, r))
	require.Nil(t, mul(generator2, r))
	// On G2, psi is the multiplication by p.
	require.Equal(t, g2.encode(mul(generator2, p)), g2.encode(psi(generator2)))
	for k := int64(1); k < 8; k++ {
		for _, c := range []struct {
			group
			base *point
		}{{g1, generator1}, {g2, generator2}} {
			a := mul(c.base, integer(k))
			b, err := c.decode(c.encode(a))
			require.NoError(t, err)
			require.Equal(t, c.encodeRaw(a), c.encodeRaw(b))
			b, err = c.decodeRaw(c.encodeRaw(a))
			require.NoError(t, err)
			require.Equal(t, c.encode(a), c.encode(b))
		}
	}
}
