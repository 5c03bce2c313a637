package pre

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
)

// Attack 6: bases hashed under the generators' tag. The base of label "g1" is
// then ĝ1, and K = e(g, ĝ1)^r = e(g, C1) is public.
func TestAttackLabelG1UnderTheGeneratorsTag(t *testing.T) {
	w := newWorld(t, "g1")
	base := curve.HashToG2([]byte("g1"), tag.Generator)
	c := literalSeal(w.p, scalar(t), w.owner.public.point, base, []byte("public"))
	require.Equal(t, "public", string(c.open(curve.Pair(&w.p.g, &c.c1))), "read from C1 alone")

	ours, payload := w.seal(t, "g1", []byte("private"))
	_, err := ours.withPayload(curve.Pair(&w.p.g, &ours.c1), payload)
	require.ErrorIs(t, err, ErrInvalidCapsule)
}

// Attack 6: one tag for payload and search bases. The trapdoor that the system
// manager opens, Û = S^(1/x_n), is then what opens the payload.
func TestAttackTrapdoorAsDecryptionKey(t *testing.T) {
	w := newWorld(t, "one base")
	token, err := w.owner.DelegateSearch(w.p, "r", w.consent)
	require.NoError(t, err)
	opened, err := token.unwrap(w.p, &w.master.x)
	require.NoError(t, err)
	c := literalSeal(w.p, scalar(t), w.owner.public.point, w.p.base("r").search, []byte("for the owner"))
	require.Equal(t, "for the owner", string(c.open(curve.Pair(&c.c2, &opened))), "the system manager reads it")

	ours, payload := w.seal(t, "r", []byte("for the owner"))
	_, err = ours.withPayload(curve.Pair(&ours.c2, &opened), payload)
	require.ErrorIs(t, err, ErrInvalidCapsule)
	_, err = token.Verify(w.p, token.Commitment(w.p))
	require.ErrorIs(t, err, ErrToken, "a proxy takes no search token")
	reenc, _, d := w.delegated(t, "r")
	_, err = w.master.OpenTrapdoor(w.p, reenc, d.Commitment)
	require.ErrorIs(t, err, ErrToken, "nor the system manager a re-encryption token")
}

// Attack 6: labels as exponents, B̂_w = ĝ^H(w). One token opens all labels.
func TestAttackExponentHashLabels(t *testing.T) {
	w := newWorld(t, "exponents")
	exponent := func(label string) fr.Element {
		h, err := fr.Hash([]byte(label), []byte("label"), 1)
		require.NoError(t, err)
		return h[0]
	}
	repair, medical := exponent("repair"), exponent("medical")
	inv := w.owner.inverse()
	opened := curve.MulG2(ptr(curve.MulG2(&w.p.gHat, &repair)), &inv) // what the receiver of "repair" has
	ratio := over(medical, repair)
	all := curve.MulG2(&opened, &ratio)
	c := literalSeal(w.p, scalar(t), w.owner.public.point, curve.MulG2(&w.p.gHat, &medical), []byte("never granted"))
	require.Equal(t, "never granted", string(c.open(curve.Pair(&c.c2, &all))))

	token, verified, _ := w.delegated(t, "repair")
	oursOpened := w.openedBase(token)
	all = curve.MulG2(&oursOpened, &ratio)
	ours, payload := w.seal(t, "medical", []byte("never granted"))
	_, err := ours.withPayload(curve.Pair(&ours.c2, &all), payload)
	require.ErrorIs(t, err, ErrInvalidCapsule)
	v, err := ours.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	_, err = Reencrypt(verified, v)
	require.ErrorIs(t, err, ErrToken)
}

// Attack 9: the digest leaves C2 out, so who knows g^r (an arbiter to whom the
// record was opened) makes PK'^r for a key of its own: same digest, valid under
// PK'. Without the binding the record is the attacker's.
func TestAttackRetargetedCapsule(t *testing.T) {
	w := newWorld(t, "retarget")
	c, payload := w.seal(t, "r", []byte("the owner's"))
	v, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	opening, err := w.owner.Disclose(v)
	require.NoError(t, err)

	stolen := *c
	stolen.c2 = curve.MulG1(&opening.g, &w.other.x)
	require.Equal(t, c.Digest(), stolen.Digest())
	vs, err := stolen.Verify(w.p, w.other.PublicKey())
	require.NoError(t, err, "validity and digest alone call it the attacker's")
	// The naive reader stops here, and delegates, discloses and opens it.
	inv := w.other.inverse()
	base := curve.MulG2(w.payloadBase("r"), &inv)
	m, err := stolen.withPayload(curve.Pair(&stolen.c2, &base), payload)
	require.NoError(t, err)
	require.Equal(t, "the owner's", string(m))

	require.ErrorIs(t, stolen.BoundTo(w.p, w.other.PublicKey(), w.info), ErrBinding)
	require.ErrorIs(t, w.other.Open(w.p, &stolen, w.info, io.Discard, bytes.NewReader(payload)), ErrBinding)
	forged, err := w.other.Disclose(vs)
	require.NoError(t, err)
	require.ErrorIs(t, forged.Open(w.p, vs, w.other.PublicKey(), w.info, io.Discard, bytes.NewReader(payload)), ErrBinding)
	// Re-bound in the header, it is another record and has no valid C5.
	stolen.binding = w.p.binding(w.other.PublicKey().key(), w.info)
	require.NotEqual(t, c.Digest(), stolen.Digest())
	_, err = stolen.Verify(w.p, w.other.PublicKey())
	require.ErrorIs(t, err, ErrInvalidCapsule)
}

// Fields joined without their lengths: "ab" with "c" is "a" with "bc".
func TestAttackBindingWithoutLengths(t *testing.T) {
	w := newWorld(t, "lengths")
	joined := func(i RecordInfo) [32]byte {
		return sha256.Sum256([]byte(string(i.RecordID[:]) + string(i.Kind) + i.OwnerPID + i.IssuerPID))
	}
	a, b := w.info, w.info
	a.OwnerPID, a.IssuerPID = "owner", "1shop"
	b.OwnerPID, b.IssuerPID = "owner1", "shop"
	require.Equal(t, joined(a), joined(b))

	c, err := w.p.Seal(w.owner.PublicKey(), "r", a, io.Discard, bytes.NewReader(nil))
	require.NoError(t, err)
	require.NoError(t, c.BoundTo(w.p, w.owner.PublicKey(), a))
	require.ErrorIs(t, c.BoundTo(w.p, w.owner.PublicKey(), b), ErrBinding)
}

// Attack 10: r used twice, in the literal form. Two C5 give u^r and (v d)^r and
// with them a valid C5 for any content; the pads repeat.
func TestAttackReuseOfR(t *testing.T) {
	w := newWorld(t, "reuse")
	r, pk := scalar(t), w.owner.public.point
	one, two := []byte("bumper, 200 EUR "), []byte("gearbox, 999 EUR")
	a, b := literalSeal(w.p, r, pk, w.p.gHat, one), literalSeal(w.p, r, pk, w.p.gHat, two)
	xor := make([]byte, len(one))
	subtle.XORBytes(xor, a.c4[32:], b.c4[32:])
	want := make([]byte, len(one))
	subtle.XORBytes(want, one, two)
	require.Equal(t, want, xor, "the XOR of the records is public")

	ha, hb := a.h(), b.h()
	var difference fr.Element
	difference.Sub(&ha, &hb)
	inverse := over(fr.One(), difference)
	ur := curve.MulG1(ptr(minus(a.c5, b.c5)), &inverse)
	vdr := minus(a.c5, curve.MulG1(&ur, &ha))
	forged := *a
	forged.c4 = bytes.Clone(a.c4)
	change := []byte("bumper, 999 EUR ")
	for k := range change { // the pad is malleable too
		forged.c4[32+k] ^= one[k] ^ change[k]
	}
	hf := forged.h()
	forged.c5 = plus(curve.MulG1(&ur, &hf), vdr)
	require.True(t, forged.valid(w.p, pk))
	inv := w.owner.inverse()
	k := curve.PowGT(curve.Pair(&forged.c2, &w.p.gHat), &inv)
	require.Equal(t, string(change), string(forged.open(k)), "the owner reads the forger's text")

	// Ours draws r itself, and there is no way to hand it one.
	c, _ := w.seal(t, "r", one)
	d, _ := w.seal(t, "r", one)
	require.False(t, c.c1.Equal(&d.c1))
	hc, hd := c.h(), d.h()
	difference.Sub(&hc, &hd)
	inverse = over(fr.One(), difference)
	ur = curve.MulG1(ptr(minus(c.c5, d.c5)), &inverse)
	vdr = minus(c.c5, curve.MulG1(&ur, &hc))
	bad := *c
	bad.payload.SHA256[0]++
	hf = bad.h()
	bad.c5 = plus(curve.MulG1(&ur, &hf), vdr)
	_, err := bad.Verify(w.p, w.owner.PublicKey())
	require.ErrorIs(t, err, ErrInvalidCapsule)
}

// Attack 11: the same owner's key, label and consent in two deployments. With
// bases from the label alone, what is opened in one opens the other's records.
func TestAttackTokenFromAnotherDeployment(t *testing.T) {
	a, b := newWorld(t, "test network"), newWorld(t, "production")
	naiveBase := curve.HashToG2([]byte("repair"), tag.PayloadBase)
	inv := a.owner.inverse()
	opened := curve.MulG2(&naiveBase, &inv) // from a consent in the test network
	c := literalSeal(b.p, scalar(t), b.owner.public.point, naiveBase, []byte("production record"))
	require.Equal(t, "production record", string(c.open(curve.Pair(&c.c2, &opened))))

	token, _, d := a.delegated(t, "repair")
	oursOpened := a.openedBase(token)
	ours, payload := b.seal(t, "repair", []byte("production record"))
	_, err := ours.withPayload(curve.Pair(&ours.c2, &oursOpened), payload)
	require.ErrorIs(t, err, ErrInvalidCapsule)
	_, err = token.Verify(b.p, d.Commitment)
	require.ErrorIs(t, err, ErrToken)
	// A careless proxy that re-encrypts with it all the same.
	v, err := ours.Verify(b.p, b.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(&VerifiedToken{token}, v)
	require.NoError(t, err)
	err = b.insurer.OpenReencrypted(b.p, d, nil, rc, b.info, io.Discard, bytes.NewReader(payload))
	require.ErrorIs(t, err, ErrToken)
	search, err := a.owner.DelegateSearch(a.p, "repair", a.consent)
	require.NoError(t, err)
	_, err = a.master.OpenTrapdoor(b.p, search, search.Commitment(a.p))
	require.ErrorIs(t, err, ErrToken)
	// Nor does a capsule or a proof of possession travel.
	require.ErrorIs(t, ours.BoundTo(a.p, a.owner.PublicKey(), a.info), ErrBinding)
	proof, err := a.owner.ProvePossession(a.p.ID(), "pid", "MSP")
	require.NoError(t, err)
	require.ErrorIs(t, VerifyPossession(b.p.ID(), a.owner.PublicKey(), "pid", "MSP", proof), ErrPossession)
}

// A token without its context: what was made for one consent, kind or label is
// presented under another. The naive mask hashes R1 and the shared point alone,
// so R2 is good for any consent of the same label.
func TestAttackReplayedToken(t *testing.T) {
	w := newWorld(t, "replay")
	inv := w.owner.inverse()
	s := scalar(t)
	shared := curve.MulG1(&w.insurer.public.point, &s)
	naiveMask := func(_ [32]byte) bn254.G2Affine { b := shared.Bytes(); return curve.HashToG2(b[:], "naive-wrap") }
	first, second := sha256.Sum256([]byte("revoked")), sha256.Sum256([]byte("in force"))
	mask := naiveMask(first)
	r2 := curve.MulG2(w.payloadBase("r"), &inv)
	r2.Add(&r2, &mask)
	mask = naiveMask(second)
	r2.Sub(&r2, &mask)
	c, payload := w.seal(t, "r", []byte("record"))
	m, err := c.withPayload(curve.Pair(&c.c2, &r2), payload)
	require.NoError(t, err, "a token of the revoked consent serves in the other")
	require.Equal(t, "record", string(m))

	token, _, d := w.delegated(t, "r")
	for name, change := range map[string]func(*Token){
		"consent": func(t *Token) { t.consent = second },
		"label":   func(t *Token) { t.label = "other" },
		"owner":   func(t *Token) { t.owner = w.other.public },
		"target":  func(t *Token) { t.target = w.other.public },
		"kind":    func(t *Token) { t.kind = TokenSearch },
		"R1":      func(t *Token) { t.r1 = w.other.public.point },
		"R2":      func(t *Token) { t.r2 = *w.payloadBase("other") },
	} {
		replayed := *token
		change(&replayed)
		_, err := replayed.Verify(w.p, d.Commitment)
		require.ErrorIs(t, err, ErrToken, name)
	}
	// Committed to under another consent by a signature of the owner's, the
	// receiver's mask is another and nothing opens.
	replayed := *token
	replayed.consent = second
	v, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(&VerifiedToken{&replayed}, v)
	require.NoError(t, err)
	d = Delegation{w.owner.PublicKey(), second, replayed.Commitment(w.p)}
	err = w.insurer.OpenReencrypted(w.p, d, nil, rc, w.info, io.Discard, bytes.NewReader(payload))
	require.ErrorIs(t, err, ErrToken)
}

// A label that is not in h is changed to that of a consent in force. In the
// literal form nothing covers it.
func TestAttackSwappedLabel(t *testing.T) {
	w := newWorld(t, "swapped label")
	type labelled struct {
		label string
		*literalCapsule
	}
	naive := labelled{"medical", literalSeal(w.p, scalar(t), w.owner.public.point, w.p.gHat, nil)}
	naive.label = "repair"
	require.True(t, naive.valid(w.p, w.owner.public.point), "the paper's check does not see %s", naive.label)

	c, payload := w.seal(t, "medical", []byte("never granted"))
	swapped := *c
	swapped.label = "repair"
	require.NotEqual(t, c.Digest(), swapped.Digest())
	_, err := swapped.Verify(w.p, w.owner.PublicKey())
	require.ErrorIs(t, err, ErrInvalidCapsule)
	_, err = w.open(&swapped, payload)
	require.ErrorIs(t, err, ErrInvalidCapsule)
	swapped.label = ""
	_, err = swapped.Verify(w.p, w.owner.PublicKey())
	require.ErrorIs(t, err, ErrMode)
	search, err := w.owner.DelegateSearch(w.p, "repair", w.consent)
	require.NoError(t, err)
	trapdoor, err := w.master.OpenTrapdoor(w.p, search, search.Commitment(w.p))
	require.NoError(t, err)
	swapped.label = "repair"
	require.False(t, trapdoor.Test(&swapped))
}
