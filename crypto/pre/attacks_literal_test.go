package pre

// The attack tests (docs/attacks.md lists them). Each runs against the scheme
// as the paper's equations have it, or against an obvious wrong way of building
// ours, and succeeds there; then against ours, which refuses it with a named
// error. This file is the literal scheme: sections 3.4 and 3.6 of the paper on
// BN254, with a one-time pad, without labels, bindings, factors or checks on
// where a point comes from. It must never leave the tests.

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/hkdf"
)

// literalCapsule is the paper's (C1, C2, C3, C4, C5).
type literalCapsule struct {
	c1     bn254.G2Affine
	c2, c5 bn254.G1Affine
	c3     [32]byte
	c4     []byte // [F]_(l-l1) ‖ ([F]_l1 xor m)
}

// literalSeal is section 3.4, step 5, under the payload base B; r is given by
// the caller. The paper's B is ĝ.
func literalSeal(p *Parameters, r fr.Element, pk bn254.G1Affine, base bn254.G2Affine, m []byte) *literalCapsule {
	c := &literalCapsule{c1: curve.MulG2(ptr(p.gHat1.Point()), &r), c2: curve.MulG1(&pk, &r)}
	c.c3 = p.searchTag(curve.PowGT(curve.Pair(&p.master.point, ptr(curve.HashToG2([]byte("g2"), "literal"))), &r))
	f := c.stream(curve.PowGT(curve.Pair(&p.g, &base), &r), len(m))
	subtle.XORBytes(f[32:], f[32:], m)
	c.c4 = f
	h := c.h()
	c.c5 = curve.MulG1(&p.u, &h)
	c.c5.Add(&c.c5, &p.vd)
	c.c5 = curve.MulG1(&c.c5, &r)
	return c
}

// stream is F(K, C1, C3).
func (c *literalCapsule) stream(k bn254.GT, n int) []byte {
	ikm, c1 := k.Bytes(), c.c1.Bytes()
	f := make([]byte, 32+n)
	_, err := io.ReadFull(hkdf.New(sha256.New, ikm[:], nil, append(c1[:], c.c3[:]...)), f)
	must(err)
	return f
}

// h is H3(C1, C3, C4).
func (c *literalCapsule) h() fr.Element {
	c1 := c.c1.Bytes()
	h, err := fr.Hash(append(append(c1[:], c.c3[:]...), c.c4...), []byte("literal-H3"), 1)
	must(err)
	return h[0]
}

// valid is the paper's check, e(C1, PK u^h v d) = e(g1, C2 C5).
func (c *literalCapsule) valid(p *Parameters, pk bn254.G1Affine) bool {
	return paperEquation(p, &pk, &c.c1, c.h(), &c.c2, &c.c5)
}

// open is section 3.6, step 6, from K; nil when [F]_(l-l1) does not match.
func (c *literalCapsule) open(k bn254.GT) []byte {
	f := c.stream(k, len(c.c4)-32)
	if !bytes.Equal(f[:32], c.c4[:32]) {
		return nil
	}
	m := make([]byte, len(c.c4)-32)
	subtle.XORBytes(m, f[32:], c.c4[32:])
	return m
}

// paperEquation is e(PK u^h v d, C1) = e(C2 C5, ĝ1).
func paperEquation(p *Parameters, pk *bn254.G1Affine, c1 *bn254.G2Affine, h fr.Element, c2, c5 *bn254.G1Affine) bool {
	left := curve.MulG1(&p.u, &h)
	left.Add(&left, &p.vd)
	left.Add(&left, pk)
	right := plus(*c2, *c5)
	a, b := curve.Pair(&left, c1), curve.Pair(&right, ptr(p.gHat1.Point()))
	return a.Equal(&b)
}

// An attacker's arithmetic, in the additive notation of the library.

func ptr[T any](v T) *T { return &v }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func plus(a, b bn254.G1Affine) bn254.G1Affine {
	a.Add(&a, &b)
	return a
}

func minus(a, b bn254.G1Affine) bn254.G1Affine {
	a.Sub(&a, &b)
	return a
}

func over(a, b fr.Element) fr.Element {
	a.Div(&a, &b)
	return a
}

func divGT(a, b bn254.GT) bn254.GT {
	a.Div(&a, &b)
	return a
}

func scalar(t testing.TB) fr.Element {
	t.Helper()
	s, err := curve.RandomScalar(nil)
	require.NoError(t, err)
	return s
}

// withPayload decrypts a real payload with a K that the attacker has found.
func (c *Capsule) withPayload(k bn254.GT, payload []byte) ([]byte, error) {
	key, err := c.payloadKey(k)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = c.decryptPayload(key, &out, bytes.NewReader(payload))
	return out.Bytes(), err
}

// c5For is (u^h v d)^r for the capsule as it stands.
func (c *Capsule) c5For(p *Parameters, r fr.Element) bn254.G1Affine {
	h := c.h()
	c5 := curve.MulG1(&p.u, &h)
	return curve.MulG1(ptr(plus(c5, p.vd)), &r)
}

// paperPair is a re-keyed pair of paper-mode keys.
func paperPair(t testing.TB, owner, receiver *PaperSecretKey) *PaperReencryptionKey {
	t.Helper()
	blinding, challenge, err := owner.StartRekey()
	require.NoError(t, err)
	rk, err := FinishRekey(owner.PublicKey(), receiver.PublicKey(), blinding, receiver.AnswerRekey(challenge))
	require.NoError(t, err)
	return rk
}

func paperKey(t testing.TB) *PaperSecretKey {
	t.Helper()
	k, err := GeneratePaperKey()
	require.NoError(t, err)
	return k
}

// delegated is one consent: the owner's token for the insurer, as the proxy and
// the receiver have it.
func (w *world) delegated(t testing.TB, label string) (*Token, *VerifiedToken, Delegation) {
	t.Helper()
	token, err := w.owner.DelegateReencryption(w.p, label, w.consent, w.insurer.PublicKey())
	require.NoError(t, err)
	d := Delegation{w.owner.PublicKey(), w.consent, token.Commitment(w.p)}
	verified, err := token.Verify(w.p, d.Commitment)
	require.NoError(t, err)
	return token, verified, d
}

// receiverMask is HashToG2(ctx ‖ R1 ‖ PK_i ‖ R1^x_i), which the receiver knows.
func (w *world) receiverMask(t *Token) bn254.G2Affine {
	return t.mask(w.p, curve.MulG1(&t.r1, &w.insurer.x))
}

// openedBase is B̂_w^(1/x_n): what proxy and receiver know together.
func (w *world) openedBase(t *Token) bn254.G2Affine {
	mask := w.receiverMask(t)
	mask.Sub(&t.r2, &mask)
	return mask
}
