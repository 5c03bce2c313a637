package pre

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fp"
	"github.com/stretchr/testify/require"
)

// Attack 12: the identity in memory. The paper's equation and a product of
// pairings hold for it without any secret.
func TestAttackIdentityInEquations(t *testing.T) {
	w := newWorld(t, "identities")
	c, payload := w.seal(t, "r", []byte("record"))
	var zero1 bn254.G1Affine
	var zero2 bn254.G2Affine

	// PK = C2 = 1: valid under the key of nobody.
	nobody := &ScopedPublicKey{}
	keyless := *c
	keyless.c2 = zero1
	require.True(t, looselyValid(w.p, &keyless, nobody))
	_, err := keyless.Verify(w.p, nobody)
	require.ErrorIs(t, err, ErrInvalidCapsule)

	// C1 = C2 = C5 = 1: any content, valid under every key, readable by all.
	everyones := *c
	everyones.c1, everyones.c2, everyones.c5 = zero2, zero1, zero1
	everyones.payload.Size++
	for _, key := range []PublicKey{w.owner.PublicKey(), w.other.PublicKey()} {
		require.True(t, looselyValid(w.p, &everyones, key))
		_, err = everyones.Verify(w.p, key)
		require.ErrorIs(t, err, ErrInvalidCapsule)
		_, bad, err := w.p.VerifyCapsules([]Claimed{{c, w.owner.PublicKey()}, {&everyones, key}}, 1)
		require.NoError(t, err)
		require.Equal(t, []int{1}, bad)
	}
	k := curve.Pair(&everyones.c2, w.payloadBase("r"))
	require.True(t, k.IsOne(), "its K is 1")

	// R1 = 1 in what a proxy sends: R1^x tells nobody apart.
	_, verified, d := w.delegated(t, "r")
	v, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(verified, v)
	require.NoError(t, err)
	mine, theirs := curve.MulG1(&zero1, &w.insurer.x), curve.MulG1(&zero1, &w.other.x)
	require.Equal(t, mine, theirs)
	rc.r1 = zero1
	err = w.insurer.OpenReencrypted(w.p, d, nil, rc, w.info, io.Discard, bytes.NewReader(payload))
	require.ErrorIs(t, err, ErrReencryption)
	token := *verified.token
	token.r1 = zero1
	_, err = token.Verify(w.p, token.Commitment(w.p))
	require.ErrorIs(t, err, ErrToken)
}

// Attack 12: a delegation to T = 1. T^s is 1 whatever s is, so the proxy
// computes the mask and opens the token that was meant for another.
func TestAttackTokenForTheIdentity(t *testing.T) {
	w := newWorld(t, "T = 1")
	s, inv := scalar(t), w.owner.inverse()
	naive := &Token{kind: TokenReencryption, owner: w.owner.public, label: "r", consent: w.consent, r1: curve.MulG1(&w.p.g, &s)}
	mask := naive.mask(w.p, curve.MulG1(&naive.target.point, &s))
	naive.r2 = curve.MulG2(w.payloadBase("r"), &inv)
	naive.r2.Add(&naive.r2, &mask)

	var one bn254.G1Affine
	proxys := naive.mask(w.p, one) // no secret
	opened := naive.r2
	opened.Sub(&opened, &proxys)
	c, payload := w.seal(t, "r", []byte("record"))
	m, err := c.withPayload(curve.Pair(&c.c2, &opened), payload)
	require.NoError(t, err)
	require.Equal(t, "record", string(m), "the proxy reads it")

	_, err = w.owner.DelegateReencryption(w.p, "r", w.consent, &ScopedPublicKey{})
	require.ErrorIs(t, err, ErrMalformed)
	wire := naive.Bytes()
	infinity := one.Bytes()
	copy(wire[71:103], infinity[:])
	_, err = ParseToken(wire)
	require.ErrorIs(t, err, ErrMalformed)
	_, err = NewParameters("Y = 1", infinity[:])
	require.ErrorIs(t, err, ErrMalformed)
}

// slot is a group element inside an encoded message.
type slot struct {
	name     string
	message  []byte
	at, size int
	parse    func([]byte) error
}

func (w *world) slots(t testing.TB) []slot {
	c, _ := w.seal(t, "r", []byte("record"))
	token, verified, _ := w.delegated(t, "r")
	v, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(verified, v)
	require.NoError(t, err)
	proof, err := ProveReencryption(w.p, verified, v)
	require.NoError(t, err)
	opening, err := w.owner.Disclose(v)
	require.NoError(t, err)
	capsule := func(b []byte) error { _, err := ParseCapsule(b); return err }
	tokens := func(b []byte) error { _, err := ParseToken(b); return err }
	reencrypted := func(b []byte) error { _, err := ParseReencrypted(b); return err }
	proofs := func(b []byte) error { _, err := ParseReencryptionProof(b); return err }
	body := headerFixed + 1
	return []slot{
		{"capsule C1", c.Bytes(), body, 64, capsule},
		{"capsule C2", c.Bytes(), body + 64, 32, capsule},
		{"capsule C5", c.Bytes(), body + 200, 32, capsule},
		{"token PK", token.Bytes(), 7, 32, tokens},
		{"token T", token.Bytes(), 71, 32, tokens},
		{"token R1", token.Bytes(), 103, 32, tokens},
		{"token R2", token.Bytes(), 135, 64, tokens},
		{"re-encrypted R1", rc.Bytes(), 6, 32, reencrypted},
		{"re-encrypted A", rc.Bytes(), 38, 384, reencrypted},
		{"re-encrypted C1", rc.Bytes(), 426 + body, 64, reencrypted},
		{"proof VK", proof.Bytes(), 0, 384, proofs},
		{"proof z", proof.Bytes(), 400, 64, proofs},
		{"opening", opening.Bytes(), 0, 32, func(b []byte) error { _, err := ParseOpening(b); return err }},
		{"scoped key", w.owner.PublicKey().Bytes(), 0, 32, func(b []byte) error { _, err := ParsePublicKey(ModeScoped, b); return err }},
		{"paper key", w.owner.PublicKey().Bytes(), 0, 32, func(b []byte) error { _, err := ParsePublicKey(ModePaper, b); return err }},
		{"parameters Y", w.p.Bytes(), 6, 32, func(b []byte) error { _, err := ParseParameters(b); return err }},
	}
}

// naively decodes as one does with the library alone: SetBytes on what is left
// of the message. It returns how much was read.
func naively(s slot, b []byte) (int, error) {
	switch s.size {
	case 32:
		return new(bn254.G1Affine).SetBytes(b)
	case 64:
		return new(bn254.G2Affine).SetBytes(b)
	}
	if len(b) < s.size {
		return 0, errors.New("short")
	}
	return s.size, new(bn254.GT).SetBytes(b[:s.size])
}

// Attack 12, every group element of every message: the identity, and in the
// target group 0 and what has another order. The library's decoders take all of
// them.
func TestAttackForeignElementsOnTheWire(t *testing.T) {
	w := newWorld(t, "wire")
	var zero1 bn254.G1Affine
	var zero2 bn254.G2Affine
	var zeroT, oneT, minusOne, outside bn254.GT
	oneT.SetOne()
	minusOne.Sub(&zeroT, &oneT)
	outside.MustSetRandom()
	foreign := map[int]map[string][]byte{
		32:  {"infinity": g1b(zero1)},
		64:  {"infinity": g2b(zero2)},
		384: {"0": gtb(zeroT), "1": gtb(oneT), "-1": gtb(minusOne), "outside": gtb(outside)},
	}
	for _, s := range w.slots(t) {
		require.NoError(t, s.parse(s.message), s.name)
		for what, element := range foreign[s.size] {
			bad := bytes.Clone(s.message)
			copy(bad[s.at:], element)
			_, err := naively(s, bad[s.at:])
			require.NoError(t, err, "%s in %s, the library alone", what, s.name)
			require.ErrorIs(t, s.parse(bad), ErrMalformed, "%s in %s", what, s.name)
		}
		if s.size == 64 {
			bad := bytes.Clone(s.message)
			twist := twistPoint(t)
			copy(bad[s.at:], g2b(twist))
			require.NoError(t, bn254.NewDecoder(bytes.NewReader(bad[s.at:]), bn254.NoSubgroupChecks()).Decode(new(bn254.G2Affine)))
			require.ErrorIs(t, s.parse(bad), ErrMalformed, "twist point in %s", s.name)
		}
	}
}

// Attack 12, wrong lengths: a decoder that goes on where SetBytes stopped reads
// an uncompressed point in a compressed slot, so that one message has many
// encodings, digests and signatures; and SetBytes ignores what follows.
func TestAttackUncompressedInACompressedSlot(t *testing.T) {
	w := newWorld(t, "lengths")
	for _, s := range w.slots(t) {
		longer := append(bytes.Clone(s.message), 0)
		require.ErrorIs(t, s.parse(longer), ErrMalformed, s.name)
		require.ErrorIs(t, s.parse(s.message[:len(s.message)-1]), ErrMalformed, s.name)
		if s.size == 384 {
			continue
		}
		element := s.message[s.at : s.at+s.size]
		var raw []byte
		if s.size == 32 {
			var p bn254.G1Affine
			_, err := p.SetBytes(element)
			require.NoError(t, err)
			b := p.RawBytes()
			raw = b[:]
		} else {
			var p bn254.G2Affine
			_, err := p.SetBytes(element)
			require.NoError(t, err)
			b := p.RawBytes()
			raw = b[:]
		}
		n, err := naively(s, append(bytes.Clone(element), "trailing"...))
		require.NoError(t, err)
		require.Equal(t, s.size, n, "trailing bytes are ignored")
		second := append(append(bytes.Clone(s.message[:s.at]), raw...), s.message[s.at+s.size:]...)
		n, err = naively(s, second[s.at:])
		require.NoError(t, err)
		require.Equal(t, 2*s.size, n, "the same element, spelled otherwise")
		require.ErrorIs(t, s.parse(second), ErrMalformed, s.name)
		cut := append(append(bytes.Clone(s.message[:s.at]), raw[:s.size]...), s.message[s.at+s.size:]...)
		require.ErrorIs(t, s.parse(cut), ErrMalformed, "%s, cut to size", s.name)
	}
}

// Non-canonical encodings: x + p for a coordinate, s + r for a scalar. A
// decoder that reduces reads two messages as one.
func TestAttackCoordinatesThatAreNotReduced(t *testing.T) {
	w := newWorld(t, "canonical")
	tried := 0
	for _, s := range w.slots(t) {
		if s.size == 384 {
			bad := bytes.Clone(s.message)
			x := new(big.Int).SetBytes(bad[s.at : s.at+32])
			x.Add(x, fp.Modulus()) // 254 bits in 256: there is room
			x.FillBytes(bad[s.at : s.at+32])
			tried++
			require.ErrorIs(t, s.parse(bad), ErrMalformed, s.name)
			continue
		}
		bad := bytes.Clone(s.message)
		flags := bad[s.at] & 0xc0
		first := bytes.Clone(bad[s.at : s.at+32])
		first[0] &= 0x3f
		x := new(big.Int).SetBytes(first)
		shifted := new(big.Int).Add(x, fp.Modulus())
		if shifted.BitLen() > 254 {
			continue
		}
		var a, b fp.Element
		require.True(t, a.SetBigInt(x).Equal(b.SetBigInt(shifted)), "to a decoder that reduces")
		shifted.FillBytes(bad[s.at : s.at+32])
		bad[s.at] |= flags
		tried++
		require.ErrorIs(t, s.parse(bad), ErrMalformed, s.name)
	}
	require.Positive(t, tried)

	for name, b := range map[string][]byte{"0": make([]byte, 32), "r": orderPlus(0), "r + 1": orderPlus(1)} {
		_, err := ParseScopedSecretKey(b)
		require.ErrorIs(t, err, ErrMalformed, name)
		_, err = ParsePaperBlinding(b)
		require.ErrorIs(t, err, ErrMalformed, name)
		_, err = ParsePaperReencryptionKey(paperKey(t).PublicKey(), paperKey(t).PublicKey(), b)
		require.ErrorIs(t, err, ErrMalformed, name)
	}
	// z + r in a proof of possession: a second proof to a decoder that reduces.
	proof, err := w.owner.ProvePossession(w.p.ID(), "pid", "MSP")
	require.NoError(t, err)
	z := new(big.Int).SetBytes(proof[32:])
	z.Add(z, new(big.Int).SetBytes(orderPlus(0))).FillBytes(proof[32:])
	require.ErrorIs(t, VerifyPossession(w.p.ID(), w.owner.PublicKey(), "pid", "MSP", proof), ErrPossession)
}

// Magic, version, suite, kind and label length are part of the one encoding.
func TestAttackForeignHeaders(t *testing.T) {
	w := newWorld(t, "headers")
	for _, s := range w.slots(t) {
		for at := range min(6, s.at) {
			if strings.HasPrefix(s.name, "proof") {
				break // it has no header: its size says what it is
			}
			bad := bytes.Clone(s.message)
			bad[at] ^= 0x80
			require.ErrorIs(t, s.parse(bad), ErrMalformed, fmt.Sprint(s.name, at))
		}
	}
	token, _, _ := w.delegated(t, "r")
	for _, kind := range []byte{0, 3, 0x81} {
		bad := token.Bytes()
		bad[6] = kind
		_, err := ParseToken(bad)
		require.ErrorIs(t, err, ErrMalformed, "kind %d", kind)
	}
	c, _ := w.seal(t, "r", nil)
	for _, label := range []string{"R", "\x00", " ", "\xff"} {
		bad := c.Bytes()
		bad[headerFixed] = label[0]
		_, err := ParseCapsule(bad)
		require.ErrorIs(t, err, ErrMalformed, "%q", label)
		require.ErrorIs(t, err, ErrLabel, "%q", label)
	}
	long := *c
	long.label = string(bytes.Repeat([]byte("a"), MaxLabelSize+1))
	_, err := ParseCapsule(long.Bytes())
	require.ErrorIs(t, err, ErrMalformed)
}
