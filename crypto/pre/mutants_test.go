package pre

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/big"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/stretchr/testify/require"
)

// Checks that no other test would miss: each of these was written against a
// change to the code that all other tests let pass.

// twistPoint is on the twist and outside G2.
func twistPoint(t testing.TB) bn254.G2Affine {
	for i := byte(1); ; i++ {
		b := make([]byte, curve.G2Size)
		b[0], b[63] = 0x80, i
		var p bn254.G2Affine
		if bn254.NewDecoder(bytes.NewReader(b), bn254.NoSubgroupChecks()).Decode(&p) == nil && !p.IsInSubGroup() {
			return p
		}
		require.Less(t, i, byte(50))
	}
}

func offCurve() bn254.G1Affine {
	_, _, g, _ := bn254.Generators()
	g.Y.Double(&g.Y)
	return g
}

// Everything that has a canonical encoding refuses each shorter and longer
// string, each other magic, version and suite, and each field that is no
// element.
func TestEveryFieldOfAnEncodingIsChecked(t *testing.T) {
	w := newWorld(t, "fields")
	c, _ := w.seal(t, "r", []byte("m"))
	paper := &PaperSecretKey{w.owner.secretKey}
	pc, err := w.p.Seal(paper.PublicKey(), "", w.info, io.Discard, bytes.NewReader(nil))
	require.NoError(t, err)
	token, vt, _ := w.token(t, "r")
	search, err := paper.DelegateSearch(w.p, w.consent)
	require.NoError(t, err)
	vc, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(vt, vc)
	require.NoError(t, err)
	proof, err := ProveReencryption(w.p, vt, vc)
	require.NoError(t, err)
	opening, err := w.owner.Disclose(vc)
	require.NoError(t, err)

	capsule := func(b []byte) error { _, err := ParseCapsule(b); return err }
	tok := func(b []byte) error { _, err := ParseToken(b); return err }
	for _, e := range []struct {
		name   string
		value  []byte
		parse  func([]byte) error
		head   int   // bytes of magic, version and suite
		points []int // offsets of elements: all ones is none of them
	}{
		{"capsule", c.Bytes(), capsule, 6, []int{40, 104, 240}},
		{"paper capsule", pc.Bytes(), capsule, 6, []int{39, 103, 239}},
		{"token", token.Bytes(), tok, 6, []int{7, 71, 103, 135}},
		{"search token", search.Bytes(), tok, 6, []int{7, 71, 103, 135}},
		{"re-encrypted", rc.Bytes(), func(b []byte) error { _, err := ParseReencrypted(b); return err }, 6, []int{6, 38, 70, 426 + 40}},
		{"proof", proof.Bytes(), func(b []byte) error { _, err := ParseReencryptionProof(b); return err }, 0, []int{0, 32, 400}},
		{"opening", opening.Bytes(), func(b []byte) error { _, err := ParseOpening(b); return err }, 0, []int{0}},
		{"parameters", w.p.Bytes(), func(b []byte) error { _, err := ParseParameters(b); return err }, 6, []int{6}},
	} {
		require.NoError(t, e.parse(e.value), e.name)
		for n := range e.value {
			require.ErrorIs(t, e.parse(e.value[:n]), ErrMalformed, "%s cut to %d bytes", e.name, n)
		}
		require.ErrorIs(t, e.parse(append(bytes.Clone(e.value), 'x')), ErrMalformed, "%s with a byte more", e.name)
		for at := range e.head {
			require.ErrorIs(t, e.parse(flipped(e.value, uint(8*at))), ErrMalformed, "%s, byte %d", e.name, at)
		}
		for _, at := range e.points {
			b := bytes.Clone(e.value)
			copy(b[at:at+32], bytes.Repeat([]byte{0xff}, 32))
			require.ErrorIs(t, e.parse(b), ErrMalformed, "%s, element at %d", e.name, at)
		}
	}

	// Labels: a re-encryption token has one, and no token has a bad one.
	relabelled := func(kind TokenKind, label string) error {
		x := *token
		x.kind, x.label = kind, label
		return tok(x.Bytes())
	}
	require.NoError(t, relabelled(TokenSearch, ""))
	require.NoError(t, relabelled(TokenSearch, "a"))
	require.ErrorIs(t, relabelled(TokenReencryption, ""), ErrMalformed)
	require.ErrorIs(t, relabelled(TokenReencryption, "A"), ErrLabel)
	require.ErrorIs(t, relabelled(TokenSearch, "A"), ErrLabel)
	require.ErrorIs(t, relabelled(0, "a"), ErrMalformed)
	require.ErrorIs(t, relabelled(3, "a"), ErrMalformed)
	long := *c
	long.label = string(bytes.Repeat([]byte("a"), MaxLabelSize))
	require.NoError(t, capsule(long.Bytes()))
	long.label += "a"
	require.ErrorIs(t, capsule(long.Bytes()), ErrMalformed)

	// The length of what a re-encryption carries is part of its encoding.
	b := rc.Bytes()
	b[425]++
	_, err = ParseReencrypted(b)
	require.ErrorIs(t, err, ErrMalformed)
}

func (w *world) token(t testing.TB, label string) (*Token, *VerifiedToken, Delegation) {
	token, err := w.owner.DelegateReencryption(w.p, label, w.consent, w.insurer.PublicKey())
	require.NoError(t, err)
	d := Delegation{w.owner.PublicKey(), w.consent, token.Commitment(w.p)}
	vt, err := token.Verify(w.p, d.Commitment)
	require.NoError(t, err)
	return token, vt, d
}

// Points that never went through a decoder are looked at before any equation,
// one by one, alone and in a batch.
func TestPointsInMemoryAreChecked(t *testing.T) {
	w := newWorld(t, "memory")
	good, _ := w.seal(t, "r", nil)
	pk := w.owner.PublicKey()
	claims := []Claimed{{good, pk}}
	with := func(change func(*Capsule)) *Capsule { c := *good; change(&c); return &c }
	for _, bad := range []*Capsule{
		with(func(c *Capsule) { c.c1 = bn254.G2Affine{} }),
		with(func(c *Capsule) { c.c1 = twistPoint(t) }),
		with(func(c *Capsule) { c.c2 = bn254.G1Affine{} }),
		with(func(c *Capsule) { c.c2 = offCurve() }),
		with(func(c *Capsule) { c.c5 = bn254.G1Affine{} }),
		with(func(c *Capsule) { c.c5 = offCurve() }),
		{label: "r"},
	} {
		require.False(t, bad.pointsValid(pk.key()))
		_, err := bad.Verify(w.p, pk)
		require.ErrorIs(t, err, ErrInvalidCapsule)
		claims = append(claims, Claimed{bad, pk})
	}
	// What was parsed is not checked twice; what was not is checked here.
	neverParsed := with(func(c *Capsule) { c.inGroup = bn254.G2Affine{} })
	require.True(t, neverParsed.pointsValid(pk.key()))
	infinite := with(func(c *Capsule) { c.c1, c.inGroup = bn254.G2Affine{}, bn254.G2Affine{} })
	require.False(t, infinite.pointsValid(pk.key()))
	for _, key := range []*ScopedPublicKey{{}, {newPoint(offCurve())}} {
		require.False(t, good.pointsValid(key.key()))
		claims = append(claims, Claimed{good, key})
	}
	claims = append(claims, Claimed{nil, pk}, Claimed{good, nil}, Claimed{good, &PaperPublicKey{w.owner.public}})
	verified, bad, err := w.p.VerifyCapsules(claims, len(claims))
	require.NoError(t, err)
	require.Len(t, bad, len(claims)-1)
	require.Equal(t, 1, bad[0])
	require.Same(t, good, verified[0].Capsule())
	require.Equal(t, pk.Bytes(), verified[0].Key().Bytes())
	require.Nil(t, verified[1])
	_, _, err = w.p.VerifyCapsules(claims, len(claims)-2)
	require.ErrorIs(t, err, ErrTooManyBad)

	token, vt, d := w.token(t, "r")
	for _, change := range []func(*Token){
		func(k *Token) { k.owner = publicKey{} }, func(k *Token) { k.owner = newPoint(offCurve()) },
		func(k *Token) { k.r1 = bn254.G1Affine{} }, func(k *Token) { k.r1 = offCurve() },
		func(k *Token) { k.r2 = bn254.G2Affine{} }, func(k *Token) { k.r2 = twistPoint(t) },
	} {
		bad := *token
		change(&bad)
		_, err := bad.Verify(w.p, bad.Commitment(w.p))
		require.ErrorIs(t, err, ErrToken)
	}

	vc, err := good.Verify(w.p, pk)
	require.NoError(t, err)
	rc, err := Reencrypt(vt, vc)
	require.NoError(t, err)
	proof, err := ProveReencryption(w.p, vt, vc)
	require.NoError(t, err)
	var one bn254.GT
	one.SetOne()
	for _, change := range []func(*Reencrypted){
		func(x *Reencrypted) { x.r1 = bn254.G1Affine{} }, func(x *Reencrypted) { x.r1 = offCurve() },
		func(x *Reencrypted) { x.a = bn254.GT{} }, func(x *Reencrypted) { x.a = one },
	} {
		bad := *rc
		change(&bad)
		require.False(t, bad.pointsValid())
		require.ErrorIs(t, w.insurer.OpenReencrypted(w.p, d, nil, &bad, w.info, io.Discard, bytes.NewReader(nil)), ErrReencryption)
		require.ErrorIs(t, proof.Verify(w.p, d, w.insurer.PublicKey(), &bad), ErrReencryption)
	}
	require.True(t, (&Reencrypted{capsule: rc.capsule, r1: rc.r1, a: rc.a}).pointsValid())
	require.False(t, (&Reencrypted{capsule: rc.capsule, r1: rc.r1}).pointsValid())
	for _, change := range []func(*ReencryptionProof){
		func(x *ReencryptionProof) { x.vk = bn254.GT{} }, func(x *ReencryptionProof) { x.vk = one },
		func(x *ReencryptionProof) { x.z = bn254.G2Affine{} }, func(x *ReencryptionProof) { x.z = twistPoint(t) },
	} {
		bad := *proof
		change(&bad)
		require.ErrorIs(t, bad.Verify(w.p, d, w.insurer.PublicKey(), rc), ErrReencryption)
	}
	require.ErrorIs(t, (&Opening{}).Open(w.p, vc, pk, w.info, io.Discard, bytes.NewReader(nil)), ErrWrongKey)
	require.ErrorIs(t, (&Opening{offCurve()}).Open(w.p, vc, pk, w.info, io.Discard, bytes.NewReader(nil)), ErrWrongKey)
}

// A token is for one kind, one owner and one label, however well it is made.
func TestTokensFitOneUse(t *testing.T) {
	w := newWorld(t, "token use")
	c, _ := w.seal(t, "r", nil)

	// Of the wrong kind, though SM could unwrap it and would hold a payload base.
	disguised, err := w.owner.DelegateReencryption(w.p, "r", w.consent, &ScopedPublicKey{w.p.master})
	require.NoError(t, err)
	_, err = w.master.OpenTrapdoor(w.p, disguised, disguised.Commitment(w.p))
	require.ErrorIs(t, err, ErrToken)
	elsewhere, err := w.owner.delegate(nil, w.p, TokenSearch, "r", w.consent, w.insurer.public)
	require.NoError(t, err)
	_, err = w.master.OpenTrapdoor(w.p, elsewhere, elsewhere.Commitment(w.p))
	require.ErrorIs(t, err, ErrToken)

	_, vt, _ := w.token(t, "r")
	theirs, err := w.p.Seal(w.other.PublicKey(), "r", w.info, io.Discard, bytes.NewReader(nil))
	require.NoError(t, err)
	vc, err := theirs.Verify(w.p, w.other.PublicKey())
	require.NoError(t, err)
	_, err = Reencrypt(vt, vc)
	require.ErrorIs(t, err, ErrToken)
	_, err = ProveReencryption(w.p, vt, vc)
	require.ErrorIs(t, err, ErrToken)

	search, err := w.owner.DelegateSearch(w.p, "r", w.consent)
	require.NoError(t, err)
	trapdoor, err := w.master.OpenTrapdoor(w.p, search, search.Commitment(w.p))
	require.NoError(t, err)
	require.True(t, trapdoor.Test(c))
	relabelled := *c
	relabelled.label = "s"
	require.False(t, trapdoor.Test(&relabelled), "C3 alone does not make it a capsule of this label")

	for _, label := range []string{"", "A"} {
		_, err = w.owner.DelegateSearch(w.p, label, w.consent)
		require.ErrorIs(t, err, ErrLabel)
	}
	_, err = w.owner.delegate(bytes.NewReader(nil), w.p, TokenSearch, "r", w.consent, w.p.master)
	require.Error(t, err, "no randomness, no token")
	require.Equal(t, TokenSearch, search.Kind())
	require.Equal(t, "r", search.Label())
	require.Equal(t, w.consent, search.Consent())
	require.Equal(t, w.owner.PublicKey().Bytes(), search.Owner())
	require.Equal(t, w.p.MasterPublicKey(), search.Target())
}

// A commitment that does not belong to K is inside a valid capsule: each way of
// opening finds it, and none hands anything on. Nor does any pass on a payload
// without its end.
func TestEveryWayOfOpeningChecksCommitmentAndPayload(t *testing.T) {
	w := newWorld(t, "ways of opening")
	r := fixedScalar(t, "r")
	var payload bytes.Buffer
	good, err := w.p.seal(r, w.owner.PublicKey(), "r", w.info, &payload, bytes.NewReader(make([]byte, payloadSegment+1)))
	require.NoError(t, err)
	dishonest := *good
	dishonest.commit[0]++
	h := dishonest.h()
	c5 := curve.MulG1(&w.p.u, &h)
	c5.Add(&c5, &w.p.vd)
	dishonest.c5 = curve.MulG1(&c5, &r)
	_, vt, d := w.token(t, "r")

	open := func(c *Capsule, payload []byte) map[string]error {
		vc, err := c.Verify(w.p, w.owner.PublicKey())
		require.NoError(t, err)
		rc, err := Reencrypt(vt, vc)
		require.NoError(t, err)
		opening, err := w.owner.Disclose(vc)
		require.NoError(t, err)
		src := func() io.Reader { return bytes.NewReader(payload) }
		return map[string]error{
			"owner":    w.owner.Open(w.p, c, w.info, io.Discard, src()),
			"receiver": w.insurer.OpenReencrypted(w.p, d, nil, rc, w.info, io.Discard, src()),
			"arbiter":  opening.Open(w.p, vc, w.owner.PublicKey(), w.info, io.Discard, src()),
		}
	}
	for who, err := range open(good, payload.Bytes()) {
		require.NoError(t, err, who)
	}
	for who, err := range open(good, payload.Bytes()[:payload.Len()-1]) {
		require.ErrorIs(t, err, ErrPayloadTruncated, who)
	}
	for who, err := range open(&dishonest, payload.Bytes()) {
		want := ErrInvalidCapsule
		if who == "receiver" {
			want = ErrReencryption
		}
		require.ErrorIs(t, err, want, who)
	}
}

// The challenge of the proof, put together here again: nothing may be missing
// from what it hashes.
func TestProofChallengeCoversEverything(t *testing.T) {
	w := newWorld(t, "challenge")
	c, _ := w.seal(t, "r", nil)
	token, vt, _ := w.token(t, "r")
	vc, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(vt, vc)
	require.NoError(t, err)
	proof, err := ProveReencryption(w.p, vt, vc)
	require.NoError(t, err)

	quotient := func(g, base *bn254.GT) []byte {
		var power bn254.GT
		power.Exp(*base, new(big.Int).SetBytes(proof.c[:]))
		power.Inverse(&power)
		power.Mul(g, &power)
		b := power.Bytes()
		return b[:]
	}
	pk, c2 := token.owner.point, c.c2
	left, right := curve.Pair(&pk, &proof.z), curve.Pair(&c2, &proof.z)
	vk, a, id, c2b := proof.vk.Bytes(), rc.a.Bytes(), w.p.ID(), c2.Bytes()
	h := sha256.New()
	h.Write(tag.LP(nil, []byte("ClaimShare-v1-BN254-reenc")))
	for _, part := range [][]byte{id[:], token.Owner(), c2b[:], vk[:], a[:], quotient(&left, &proof.vk), quotient(&right, &rc.a)} {
		h.Write(part)
	}
	require.Equal(t, h.Sum(nil)[:16], proof.c[:])
}

// The cap on bad capsules bounds the work, not only the answer: the search for
// them ends at the first beyond it.
func TestBisectionStopsAtTheCap(t *testing.T) {
	w := newWorld(t, "cap")
	c, _ := w.seal(t, "r", nil)
	const n = 8
	b := &validityBatch{p: w.p, terms: make([]validityTerm, n)}
	all := make([]int, n)
	for k := range all {
		all[k] = k
		require.NoError(t, b.prepare(k, Claimed{c, w.other.PublicKey()}))
	}
	for _, maxBad := range []int{0, 1, 3} {
		var bad []int
		require.False(t, b.find(all, maxBad, &bad))
		require.Equal(t, all[:maxBad+1], bad)
	}
	var bad []int
	require.True(t, b.find(all, n, &bad))
	require.Equal(t, all, bad)

	claims := make([]Claimed, n)
	for k := range claims {
		claims[k] = Claimed{c, w.other.PublicKey()}
	}
	for _, maxBad := range []int{0, n - 1} {
		_, _, err := w.p.VerifyCapsules(claims, maxBad)
		require.ErrorIs(t, err, ErrTooManyBad)
	}
	_, named, err := w.p.VerifyCapsules(claims, n)
	require.NoError(t, err)
	require.Equal(t, all, named)

	require.Equal(t, [][]int{{5}}, chunks([]int{5}, 4))
	require.Empty(t, chunks(nil, 2))
	failure := errors.New("one of many")
	require.ErrorIs(t, inParallel(100, func(i int) error {
		if i == 0 {
			return failure
		}
		return nil
	}), failure)
}

func TestOpeningsNeverPrint(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		require.Equal(t, "pre.Opening(hidden)", fmt.Sprintf(verb, Opening{}))
		require.Equal(t, "pre.Opening(hidden)", fmt.Sprintf(verb, &Opening{}))
	}
}
