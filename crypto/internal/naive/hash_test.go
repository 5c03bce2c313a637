package naive

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func join(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func u32(n int) []byte     { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func u64(n int) []byte     { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
func lp(b []byte) []byte   { return append(u32(len(b)), b...) }
func text(s string) []byte { return lp([]byte(s)) }

// domain is D"x".
func domain(tag string) []byte { return []byte("ClaimShare-v1-BN254-" + tag) }

// hash is H(D"x", parts...).
func hash(tag string, parts ...[]byte) []byte {
	return sha(lp(domain(tag)), join(parts...))
}

func sha(parts ...[]byte) []byte {
	h := sha256.Sum256(join(parts...))
	return h[:]
}

// hkdf is RFC 5869 with SHA-256.
func hkdf(ikm, salt, info []byte, n int) (out []byte) {
	mac := func(key []byte, parts ...[]byte) []byte {
		m := hmac.New(sha256.New, key)
		m.Write(join(parts...))
		return m.Sum(nil)
	}
	if len(salt) == 0 {
		salt = make([]byte, 32)
	}
	prk := mac(salt, ikm)
	var t []byte
	for i := byte(1); len(out) < n; i++ {
		t = mac(prk, t, info, []byte{i})
		out = append(out, t...)
	}
	return out[:n]
}

// expand is expand_message_xmd of RFC 9380, section 5.3.1, with SHA-256.
func expand(msg, dst []byte, n int) []byte {
	prime := append(append([]byte(nil), dst...), byte(len(dst)))
	b0 := sha(make([]byte, 64), msg, []byte{byte(n >> 8), byte(n), 0}, prime)
	b := sha(b0, []byte{1}, prime)
	out := append([]byte(nil), b...)
	for i := byte(2); len(out) < n; i++ {
		for k := range b {
			b[k] ^= b0[k]
		}
		b = sha(b, []byte{i}, prime)
		out = append(out, b...)
	}
	return out[:n]
}

// hashToField is hash_to_field of RFC 9380, section 5.2, with L = 48.
func hashToField(msg, dst []byte, count int, modulus *big.Int) (out []*big.Int) {
	b := expand(msg, dst, 48*count)
	for ; len(b) > 0; b = b[48:] {
		n := new(big.Int).SetBytes(b[:48])
		out = append(out, n.Mod(n, modulus))
	}
	return out
}

// hashToScalar is H3: a zero byte is appended while the hash is zero.
func hashToScalar(msg []byte) *big.Int {
	for {
		if h := hashToField(msg, domain("H3"), 1, r)[0]; h.Sign() != 0 {
			return h
		}
		msg = append(msg, 0)
	}
}

// svdw is map_to_curve of RFC 9380, section 6.6.1, with Z = 1 and A = 0.
func (g group) svdw(u fp2) *point {
	one := small(1, 0)
	gz := g.rhs(one)
	c1 := gz
	c2 := small(2, 0).inv().neg()
	c3 := g.sqrt(gz.scale(3).neg())
	if c3.sgn0() == 1 {
		c3 = c3.neg()
	}
	c4 := gz.scale(4).neg().mul(small(3, 0).inv())

	tv1 := u.mul(u).mul(c1)
	tv2 := one.add(tv1)
	tv1 = one.sub(tv1)
	tv3 := tv1.mul(tv2).inv()
	tv4 := u.mul(tv1).mul(tv3).mul(c3)
	x := c2.sub(tv4)
	if !g.isSquare(g.rhs(x)) {
		if x = c2.add(tv4); !g.isSquare(g.rhs(x)) {
			x = tv2.mul(tv2).mul(tv3)
			x = x.mul(x).mul(c4).add(one)
		}
	}
	y := g.sqrt(g.rhs(x))
	if y.sgn0() != u.sgn0() {
		y = y.neg()
	}
	return &point{x, y}
}

func hashG1(msg []byte, tag string) *point {
	u := hashToField(msg, domain(tag), 2, p)
	return add(g1.svdw(element(u[0], integer(0))), g1.svdw(element(u[1], integer(0))))
}

func hashG2(msg []byte, tag string) *point {
	u := hashToField(msg, domain(tag), 4, p)
	q := add(g2.svdw(element(u[0], u[1])), g2.svdw(element(u[2], u[3])))
	xq := mul(q, x0)
	return add(add(xq, psi(mul(xq, integer(3)))), add(psi(psi(xq)), psi(psi(psi(q)))))
}

// stream is where the vectors take their randomness from: SHA-256(seed ‖ u64
// counter), the counter from 0.
func stream(seed string, n int) (b []byte) {
	for i := 0; len(b) < n; i++ {
		b = append(b, sha([]byte(seed), u64(i))...)
	}
	return b[:n]
}

func randomScalar(seed string) *big.Int { return modR(new(big.Int).SetBytes(stream(seed, 48))) }

func TestHashes(t *testing.T) {
	// RFC 9380, K.1
	dst := []byte("QUUX-V01-CS02-with-expander-SHA256-128")
	require.Equal(t, "68a985b87eb6b46952128911f2a4412bbc302a9d759667f87f7a21d803f07235", hex.EncodeToString(expand(nil, dst, 32)))
	require.Equal(t, "d8ccab23b5985ccea865c6c97b6e5b8350e794e603b4b97902f53a8a0d605615", hex.EncodeToString(expand([]byte("abc"), dst, 32)))
	// RFC 5869, A.3
	ikm := make([]byte, 22)
	for i := range ikm {
		ikm[i] = 0x0b
	}
	require.Equal(t, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8", hex.EncodeToString(hkdf(ikm, nil, nil, 42)))
	for _, m := range []string{"", "a", "b"} {
		a, b := hashG1([]byte(m), "test"), hashG2([]byte(m), "test")
		require.True(t, g1.contains(a))
		require.True(t, g2.contains(b))
		require.Nil(t, mul(b, r))
	}
}
