package pre

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/big"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
)

// looseProxy does what a proxy does that checks with the paper's equation.
func looseProxy(p *Parameters, c *Capsule, key PublicKey) *VerifiedCapsule {
	if !looselyValid(p, c, key) {
		return nil
	}
	return &VerifiedCapsule{capsule: c, key: key}
}

// sealedBy makes a capsule whose r the maker remembers.
func (w *world) sealedBy(t testing.TB, to PublicKey, label string) (*Capsule, func(*Capsule, bn254.G1Affine) *Capsule) {
	r := scalar(t)
	c, err := w.p.seal(r, to, label, w.info, io.Discard, bytes.NewReader([]byte("the attacker's own")))
	require.NoError(t, err)
	// maul multiplies C2 by T and C5 by 1/T.
	return c, func(c *Capsule, shift bn254.G1Affine) *Capsule {
		out := *c
		out.c2, out.c5 = plus(c.c2, shift), minus(c.c5, shift)
		return &out
	}
}

// Attack 1, scoped mode. The proxy refuses the victim's capsule, by records of
// the consent or after a revocation of it, and serves the attacker's own. The
// paper's check binds only the product C2 C5, so the attacker smuggles the
// refused C2 through a capsule of its own: A(mauled)/A(own) is A(refused).
func TestAttackMauledCapsuleAsOracle(t *testing.T) {
	w := newWorld(t, "oracle")
	secret := []byte("the record that the proxy refuses")
	refused, payload := w.seal(t, "r", secret)
	token, verified, d := w.delegated(t, "r")
	own, maul := w.sealedBy(t, w.owner.PublicKey(), "r")
	mauled := maul(own, refused.c2)

	var answers [2]*Reencrypted
	for k, c := range []*Capsule{own, mauled} {
		v := looseProxy(w.p, c, w.owner.PublicKey())
		require.NotNil(t, v, "the paper's check accepts it")
		var err error
		answers[k], err = Reencrypt(verified, v)
		require.NoError(t, err)
	}
	stolen := divGT(answers[1].a, answers[0].a) // e(C2*, R2)
	mask := w.receiverMask(token)
	m, err := refused.withPayload(divGT(stolen, curve.Pair(&refused.c2, &mask)), payload)
	require.NoError(t, err)
	require.Equal(t, secret, m, "with the paper's check the refused record is read")

	_, err = mauled.Verify(w.p, w.owner.PublicKey())
	require.ErrorIs(t, err, ErrInvalidCapsule)
	_, bad, err := w.p.VerifyCapsules([]Claimed{{own, w.owner.PublicKey()}, {mauled, w.owner.PublicKey()}}, 2)
	require.NoError(t, err)
	require.Equal(t, []int{1}, bad)
	// Neither does a receiver or an owner open what a careless proxy lets pass.
	err = w.insurer.OpenReencrypted(w.p, d, nil, answers[1], w.info, io.Discard, bytes.NewReader(payload))
	require.ErrorIs(t, err, ErrInvalidCapsule)
}

// Attack 1, paper mode: C2'(mauled)/C2'(own) is C2'(refused).
func TestAttackMauledCapsuleAsOracleInPaperMode(t *testing.T) {
	w := newWorld(t, "paper oracle")
	owner, receiver := paperKey(t), paperKey(t)
	rk := paperPair(t, owner, receiver)
	secret := []byte("the record that the proxy refuses")
	var payload bytes.Buffer
	refused, err := w.p.Seal(owner.PublicKey(), "", w.info, &payload, bytes.NewReader(secret))
	require.NoError(t, err)
	own, maul := w.sealedBy(t, owner.PublicKey(), "")
	mauled := maul(own, refused.c2)

	var answers [2]*Capsule
	for k, c := range []*Capsule{own, mauled} {
		v := looseProxy(w.p, c, owner.PublicKey())
		require.NotNil(t, v, "the paper's check accepts it")
		answers[k], err = rk.Reencrypt(v)
		require.NoError(t, err)
	}
	stolen := minus(answers[1].c2, answers[0].c2) // PK_i^r of the refused one
	inv := receiver.inverse()
	m, err := refused.withPayload(curve.Pair(ptr(curve.MulG1(&stolen, &inv)), &w.p.gHat), payload.Bytes())
	require.NoError(t, err)
	require.Equal(t, secret, m, "with the paper's check the refused record is read")

	_, err = mauled.Verify(w.p, owner.PublicKey())
	require.ErrorIs(t, err, ErrInvalidCapsule)
}

// Attack 2: the digest on the ledger leaves C2 out. A proxy that has checked
// the capsule which the holder sent it, and computes from the C2 of another
// message under the same digest, opens whatever record's C2 that is.
func TestAttackC2SwappedUnderAMatchingDigest(t *testing.T) {
	w := newWorld(t, "swapped C2")
	secret := []byte("not in the consent")
	granted, _ := w.seal(t, "r", []byte("in the consent"))
	refused, payload := w.seal(t, "r", secret)
	token, verified, d := w.delegated(t, "r")
	swapped := *granted
	swapped.c2 = refused.c2
	require.Equal(t, granted.Digest(), swapped.Digest(), "a digest check sees no difference")

	a := curve.Pair(&swapped.c2, &token.r2) // the naive proxy: the digest is the granted record's
	mask := w.receiverMask(token)
	m, err := refused.withPayload(divGT(a, curve.Pair(&swapped.c2, &mask)), payload)
	require.NoError(t, err)
	require.Equal(t, secret, m)

	_, err = swapped.Verify(w.p, w.owner.PublicKey())
	require.ErrorIs(t, err, ErrInvalidCapsule)
	require.NotEqual(t, granted.FullDigest(), swapped.FullDigest(), "what a holder signs has C2")
	v, err := granted.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(verified, v)
	require.NoError(t, err)
	rc.capsule = &swapped
	err = w.insurer.OpenReencrypted(w.p, d, nil, rc, w.info, io.Discard, bytes.NewReader(payload))
	require.ErrorIs(t, err, ErrInvalidCapsule)
}

// Attack 3: ρ derived from the digest, which leaves C2 out. The attacker fixes
// C5 first, and with it ρ, then solves for C2: C5/S and C2 S^(1/ρ).
func TestAttackRhoDerivedFromTheDigest(t *testing.T) {
	w := newWorld(t, "derived rho")
	derivedRho := func(c *Capsule) *big.Int {
		d := c.Digest()
		h := sha256.Sum256(d[:])
		return new(big.Int).SetBytes(h[:16])
	}
	naive := func(c *Capsule) bool {
		h, rho := c.h(), derivedRho(c)
		left := w.p.keyed(w.owner.PublicKey().key(), rho, &h)
		var right bn254.G1Affine
		right.ScalarMultiplication(&c.c2, rho)
		right.Add(&right, &c.c5)
		return curve.PairsEqual(&left, &c.c1, &right, w.p.gHat1)
	}
	secret := []byte("the record that the proxy refuses")
	refused, payload := w.seal(t, "r", secret)
	token, _, _ := w.delegated(t, "r")
	own, _ := w.sealedBy(t, w.owner.PublicKey(), "r")
	require.True(t, naive(own))

	mauled := *own
	mauled.c5 = minus(own.c5, refused.c2) // S is the refused C2
	rho := derivedRho(&mauled)
	var shift bn254.G1Affine
	shift.ScalarMultiplication(&refused.c2, new(big.Int).ModInverse(rho, fr.Modulus()))
	mauled.c2 = plus(own.c2, shift)
	require.True(t, naive(&mauled), "the derived factor accepts it")

	// The proxy answers both; the rest is attack 1 and a power of ρ.
	a := divGT(curve.Pair(&mauled.c2, &token.r2), curve.Pair(&own.c2, &token.r2))
	a.Exp(a, rho)
	mask := w.receiverMask(token)
	m, err := refused.withPayload(divGT(a, curve.Pair(&refused.c2, &mask)), payload)
	require.NoError(t, err)
	require.Equal(t, secret, m)

	_, err = mauled.Verify(w.p, w.owner.PublicKey())
	require.ErrorIs(t, err, ErrInvalidCapsule)
}

// Attack 4: one coefficient for each capsule of a batch. Put on the whole
// equation it leaves the paper's hole open; put on the key's part alone, the
// errors of two capsules' C5 cancel. (C2, C5/T) and (C2, C5 T) are a denial:
// both enter the store as checked, and no receiver will open either.
func TestAttackOneCoefficientInABatch(t *testing.T) {
	w := newWorld(t, "one coefficient")
	claims := w.claims(t, 4)
	shift := w.other.public.point
	spoil := func(k int, c2, c5 bn254.G1Affine) {
		c := *claims[k].Capsule
		c.c2, c.c5 = plus(c.c2, c2), plus(c.c5, c5)
		claims[k].Capsule = &c
	}
	var zero bn254.G1Affine
	spoil(1, shift, minus(zero, shift))
	require.True(t, naiveBatch(w.p, claims), "one coefficient on the whole equation")
	_, bad, err := w.p.VerifyCapsules(claims, 4)
	require.NoError(t, err)
	require.Equal(t, []int{1}, bad)

	claims = w.claims(t, 4)
	spoil(0, zero, shift)
	spoil(2, zero, minus(zero, shift))
	require.True(t, keyOnlyBatch(t, w.p, claims), "one coefficient on the key's part")
	_, bad, err = w.p.VerifyCapsules(claims, 4)
	require.NoError(t, err)
	require.Equal(t, []int{0, 2}, bad)
	_, err = claims[0].Capsule.Verify(w.p, claims[0].Key)
	require.ErrorIs(t, err, ErrInvalidCapsule)
	_, _, err = w.p.VerifyCapsules(claims, 1)
	require.ErrorIs(t, err, ErrTooManyBad)
}

// keyOnlyBatch is prod e(PK^ρ u^h v d, C1) = e(prod C2^ρ C5, ĝ1), the single
// check with its one factor, multiplied out.
func keyOnlyBatch(t testing.TB, p *Parameters, claims []Claimed) bool {
	var left []bn254.G1Affine
	var c1 []bn254.G2Affine
	var sum bn254.G1Affine
	for _, c := range claims {
		rho, err := curve.RandomShort()
		require.NoError(t, err)
		h := c.Capsule.h()
		left, c1 = append(left, p.keyed(c.Key.key(), rho, &h)), append(c1, c.Capsule.c1)
		var term bn254.G1Affine
		term.ScalarMultiplication(&c.Capsule.c2, rho)
		sum = plus(sum, plus(term, c.Capsule.c5))
	}
	return curve.ProductEquals(left, c1, &sum, p.gHat1)
}
