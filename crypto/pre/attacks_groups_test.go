package pre

import (
	"bytes"
	"io"
	"math/big"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fp"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
)

// Attack 12: elements of another order than r, in the three groups.

// orderPlus is the group order and n more, 32 bytes.
func orderPlus(n int64) []byte {
	return new(big.Int).Add(fr.Modulus(), big.NewInt(n)).FillBytes(make([]byte, 32))
}

// timesG2 and timesG1 are double-and-add: the library's own multiplication
// assumes the order r.
func timesG2(p bn254.G2Affine, n *big.Int) bn254.G2Jac {
	var acc, base bn254.G2Jac
	base.FromAffine(&p)
	acc.X.SetOne()
	acc.Y.SetOne()
	for i := n.BitLen() - 1; i >= 0; i-- {
		acc.DoubleAssign()
		if n.Bit(i) == 1 {
			acc.AddAssign(&base)
		}
	}
	return acc
}

func timesG1(p bn254.G1Affine, n *big.Int) (out bn254.G1Affine) {
	var acc, base bn254.G1Jac
	base.FromAffine(&p)
	acc.X.SetOne()
	acc.Y.SetOne()
	for i := n.BitLen() - 1; i >= 0; i-- {
		acc.DoubleAssign()
		if n.Bit(i) == 1 {
			acc.AddAssign(&base)
		}
	}
	return *out.FromJacobian(&acc)
}

// The twist has 2p - r times as many points as G2, and 10069 divides that. A
// party who raises a point of that order to its secret gives the secret away
// mod 10069; a few such primes give all of it.
func TestAttackSmallSubgroupOfTheTwist(t *testing.T) {
	const small = 10069
	w := newWorld(t, "small subgroup")
	cofactor := new(big.Int).Lsh(fp.Modulus(), 1)
	cofactor.Sub(cofactor, fr.Modulus())
	part, rest := new(big.Int).DivMod(cofactor, big.NewInt(small), new(big.Int))
	require.Zero(t, rest.Sign())
	var q bn254.G2Affine
	jac := timesG2(twistPoint(t), part.Mul(part, fr.Modulus()))
	q.FromJacobian(&jac)
	require.False(t, q.IsInfinity())
	require.True(t, q.IsOnCurve())

	answer := timesG2(q, curve.Int(&w.owner.x)) // the naive owner
	var guess, step bn254.G2Jac
	step.FromAffine(&q)
	guess.X.SetOne()
	guess.Y.SetOne()
	leaked := int64(-1)
	for n := range int64(small) {
		if guess.Equal(&answer) {
			leaked = n
			break
		}
		guess.AddAssign(&step)
	}
	want := new(big.Int).Mod(curve.Int(&w.owner.x), big.NewInt(small)).Int64()
	require.Equal(t, want, leaked, "the key mod 10069")

	c, _ := w.seal(t, "r", nil)
	bad := *c
	bad.c1 = q
	_, err := bad.Verify(w.p, w.owner.PublicKey())
	require.ErrorIs(t, err, ErrInvalidCapsule, "in memory")
	_, err = ParseCapsule(bad.Bytes())
	require.ErrorIs(t, err, ErrMalformed, "on the wire")
	_, found, err := w.p.VerifyCapsules([]Claimed{{&bad, w.owner.PublicKey()}}, 1)
	require.NoError(t, err)
	require.Equal(t, []int{0}, found)
	// Added to a good point: C1 Q is on the twist and not in G2.
	bad.c1.Add(&c.c1, &q)
	_, err = bad.Verify(w.p, w.owner.PublicKey())
	require.ErrorIs(t, err, ErrInvalidCapsule)
	token, _, _ := w.delegated(t, "r")
	mauled := *token
	mauled.r2.Add(&token.r2, &q)
	_, err = mauled.Verify(w.p, mauled.Commitment(w.p))
	require.ErrorIs(t, err, ErrToken, "even if the owner committed to it")
	_, err = ParseToken(mauled.Bytes())
	require.ErrorIs(t, err, ErrMalformed)
}

// A point on no curve of ours: the formulas do not use the curve's constant, so
// (x, 0) has order 2 and (0, y) order 3 on another curve, and R1^x_i gives the
// receiver's key mod 6. An uncompressed decoder that skips the check takes it.
func TestAttackInvalidCurvePoints(t *testing.T) {
	w := newWorld(t, "invalid curve")
	var two, three bn254.G1Affine
	two.X.SetUint64(5)
	three.Y.SetUint64(7)
	secret := curve.Int(&w.insurer.x)
	for _, p := range []bn254.G1Affine{two, three} {
		raw := p.RawBytes()
		var decoded bn254.G1Affine
		require.NoError(t, bn254.NewDecoder(bytes.NewReader(raw[:]), bn254.NoSubgroupChecks()).Decode(&decoded))
		require.False(t, decoded.IsOnCurve())
	}
	shared := timesG1(two, secret)
	require.Equal(t, secret.Bit(0) == 0, shared.IsInfinity(), "the key mod 2")
	shared = timesG1(three, secret)
	mod3 := new(big.Int).Mod(secret, big.NewInt(3)).Int64()
	require.Equal(t, mod3 == 0, shared.IsInfinity())
	require.Equal(t, mod3 == 1, shared.Equal(&three), "the key mod 3")

	c, payload := w.seal(t, "r", nil)
	token, verified, d := w.delegated(t, "r")
	v, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(verified, v)
	require.NoError(t, err)
	for _, p := range []bn254.G1Affine{two, three} {
		rc.r1 = p
		err = w.insurer.OpenReencrypted(w.p, d, nil, rc, w.info, io.Discard, bytes.NewReader(payload))
		require.ErrorIs(t, err, ErrReencryption, "in memory, before the key is used")
		// On the wire there is only x: it is of our curve or refused.
		if parsed, err := ParseReencrypted(rc.Bytes()); err == nil {
			require.True(t, parsed.r1.IsOnCurve())
			err = w.insurer.OpenReencrypted(w.p, d, nil, parsed, w.info, io.Discard, bytes.NewReader(payload))
			require.ErrorIs(t, err, ErrToken)
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
		bad := *token
		bad.r1 = p
		_, err = bad.Verify(w.p, bad.Commitment(w.p))
		require.ErrorIs(t, err, ErrToken)
		_, err = w.owner.DelegateReencryption(w.p, "r", w.consent, &ScopedPublicKey{publicKey{point: p}})
		require.ErrorIs(t, err, ErrMalformed)
		capsule := *c
		capsule.c2 = p
		_, err = capsule.Verify(w.p, w.owner.PublicKey())
		require.ErrorIs(t, err, ErrInvalidCapsule)
		_, err = w.p.Seal(&ScopedPublicKey{publicKey{point: p}}, "r", w.info, io.Discard, bytes.NewReader(nil))
		require.ErrorIs(t, err, ErrMalformed)
	}
}

// The library's own tools are wrong outside the cyclotomic subgroup: ExpGLV is
// another function there, and IsInSubGroup accepts 0. Torus compression, which
// we do not use, has no 1 and no -1, and reads 0 as -1.
func TestAttackTargetGroupTools(t *testing.T) {
	w := newWorld(t, "GT tools")
	var zero, one, minusOne, outside, glv, plain bn254.GT
	one.SetOne()
	minusOne.Sub(&zero, &one)
	outside.MustSetRandom()
	n := curve.Int(ptr(scalar(t)))
	glv.ExpGLV(outside, n)
	plain.Exp(outside, n)
	require.False(t, glv.Equal(&plain), "ExpGLV outside the subgroup")
	require.True(t, zero.IsInSubGroup(), "IsInSubGroup takes 0")
	for _, z := range []bn254.GT{one, minusOne} {
		_, err := z.CompressTorus()
		require.Error(t, err, "an honest 1 cannot be written")
	}
	torus := zero.C0
	decompressed := torus.DecompressTorus()
	require.True(t, decompressed.Equal(&minusOne), "and 0 is read as -1")

	c, payload := w.seal(t, "r", []byte("record"))
	_, verified, d := w.delegated(t, "r")
	v, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	for _, bad := range []bn254.GT{zero, one, minusOne, outside} {
		rc, err := Reencrypt(verified, v)
		require.NoError(t, err)
		rc.a = bad
		err = w.insurer.OpenReencrypted(w.p, d, nil, rc, w.info, io.Discard, bytes.NewReader(payload))
		require.ErrorIs(t, err, ErrReencryption)
		_, err = ParseReencrypted(rc.Bytes())
		require.ErrorIs(t, err, ErrMalformed)
	}
}

// A proof of re-encryption whose verifier takes any A: with A = 0 the second
// equation has a zero on both sides, with -A it holds for every even challenge.
// A proxy that spoils re-encryptions would have proofs that it does not.
func TestAttackProofForAWrongA(t *testing.T) {
	w := newWorld(t, "wrong A")
	c, _ := w.seal(t, "r", []byte("record"))
	token, verified, d := w.delegated(t, "r")
	v, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(verified, v)
	require.NoError(t, err)
	honest := rc.a
	pk := &w.owner.public

	// naive is ReencryptionProof.Verify without the checks of A's order.
	naive := func(proof *ReencryptionProof, a bn254.GT) bool {
		n := new(big.Int).SetBytes(proof.c[:])
		quotient := func(g *bn254.G1Affine, base bn254.GT) bn254.GT {
			z := curve.Pair(g, &proof.z)
			var power bn254.GT
			power.Exp(base, n)
			power.Conjugate(&power)
			z.Mul(&z, &power)
			return z
		}
		return w.p.reencChallenge(pk, &c.c2, &proof.vk, &a, quotient(&pk.point, proof.vk), quotient(&c.c2, a)) == proof.c
	}
	// forge proves a, claiming the second commitment to be a2 of e(C2, M).
	forge := func(a bn254.GT, a2 func(bn254.GT) bn254.GT) *ReencryptionProof {
		m := curve.MulG2(&w.p.gHat, ptr(scalar(t)))
		proof := &ReencryptionProof{vk: curve.Pair(&pk.point, &token.r2)}
		proof.c = w.p.reencChallenge(pk, &c.c2, &proof.vk, &a, curve.Pair(&pk.point, &m), a2(curve.Pair(&c.c2, &m)))
		proof.z.ScalarMultiplication(&token.r2, new(big.Int).SetBytes(proof.c[:]))
		proof.z.Add(&proof.z, &m)
		return proof
	}
	same := func(z bn254.GT) bn254.GT { return z }
	require.True(t, naive(forge(honest, same), honest))

	var zero, minusA bn254.GT
	minusA.Sub(&zero, &honest)
	zeroProof := forge(zero, func(bn254.GT) bn254.GT { return zero })
	require.True(t, naive(zeroProof, zero), "a proof for A = 0")
	minusProof := forge(minusA, same)
	for !naive(minusProof, minusA) { // every second challenge is odd
		minusProof = forge(minusA, same)
	}

	for _, forged := range []struct {
		proof *ReencryptionProof
		a     bn254.GT
	}{{zeroProof, zero}, {minusProof, minusA}} {
		rc.a = forged.a
		require.ErrorIs(t, forged.proof.Verify(w.p, d, w.insurer.PublicKey(), rc), ErrReencryption)
		_, err = ParseReencrypted(rc.Bytes())
		require.ErrorIs(t, err, ErrMalformed)
	}
}
