package pre

import (
	"bytes"
	"crypto/aes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/big"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/stretchr/testify/require"
)

// Segments that are sealed one by one, without number and last flag: cut,
// swapped and repeated segments decrypt to another record.
func TestAttackSegmentsCutAndReordered(t *testing.T) {
	var key [32]byte
	naive, err := newSegmentCipher(key)
	require.NoError(t, err)
	nonce := make([]byte, 12)
	var sealed [][]byte
	for _, text := range []string{"pay ", "not ", "now"} {
		nonce[0]++
		sealed = append(sealed, append(bytes.Clone(nonce), naive.aead.Seal(nil, nonce, []byte(text), nil)...))
	}
	read := func(segments ...int) (text string) {
		for _, k := range segments {
			m, err := naive.aead.Open(nil, sealed[k][:12], sealed[k][12:], nil)
			require.NoError(t, err)
			text += string(m)
		}
		return text
	}
	require.Equal(t, "pay not now", read(0, 1, 2))
	require.Equal(t, "pay now", read(0, 2))
	require.Equal(t, "pay ", read(0))
	require.Equal(t, "not pay ", read(1, 0))

	w := newWorld(t, "segments")
	plain := make([]byte, 3*payloadSegment)
	r := scalar(t)
	var payload bytes.Buffer
	c, err := w.p.seal(r, w.owner.PublicKey(), "r", w.info, &payload, bytes.NewReader(plain))
	require.NoError(t, err)
	segment := func(k int) []byte {
		at := payloadHeader + k*(payloadSegment+tagSize)
		return payload.Bytes()[at : at+payloadSegment+tagSize]
	}
	for name, order := range map[string][]int{
		"cut": {0, 1}, "dropped": {0, 2}, "swapped": {1, 0, 2}, "repeated": {0, 1, 1, 2}, "last first": {2}, "none": {},
	} {
		b := bytes.Clone(payload.Bytes()[:payloadHeader])
		for _, k := range order {
			b = append(b, segment(k)...)
		}
		_, err := w.open(c, b)
		require.Error(t, err, name)
		// Even the issuer, who knows r and can make a capsule for these very
		// bytes, makes none that opens.
		resealed := *c
		resealed.payload = PayloadSum{SHA256: sha256.Sum256(b), Size: uint64(len(b))}
		resealed.c5 = resealed.c5For(w.p, r)
		_, err = resealed.Verify(w.p, w.owner.PublicKey())
		require.NoError(t, err, name)
		_, err = w.open(&resealed, b)
		require.ErrorIs(t, err, ErrPayloadAltered, name)
	}
}

// AES-GCM is not committing: a hostile issuer makes one payload that is two
// records under two keys. The naive reader decrypts; ours compares the key's
// commitment, in the capsule and in the payload.
func TestAttackOnePayloadTwoRecords(t *testing.T) {
	w := newWorld(t, "salamander")
	var capsules [2]*Capsule
	var keys [2][32]byte
	for k, owner := range []*ScopedSecretKey{w.owner, w.other} {
		c, err := w.p.Seal(owner.PublicKey(), "r", w.info, io.Discard, bytes.NewReader(nil))
		require.NoError(t, err)
		shared := keyOf(w, owner, c)
		_, keys[k], err = c.derive(&shared)
		require.NoError(t, err)
		capsules[k] = c
	}
	nonce := make([]byte, 12)
	nonce[11] = 1 // our last segment
	block := collide(t, keys, nonce)
	var texts [2][]byte
	for k := range keys {
		aead, err := newSegmentCipher(keys[k])
		require.NoError(t, err)
		texts[k], err = aead.aead.Open(nil, nonce, block, nil)
		require.NoError(t, err, "the same bytes decrypt under both keys")
	}
	require.NotEqual(t, texts[0], texts[1])

	for k, c := range capsules {
		payload := append(append([]byte(payloadMagic), version), capsules[0].commit[:]...)
		payload = append(payload, block...)
		c.payload = PayloadSum{SHA256: sha256.Sum256(payload), Size: uint64(len(payload))}
		err := c.decryptPayload(keys[k], io.Discard, bytes.NewReader(payload))
		if k == 0 {
			require.NoError(t, err, "it is the first capsule's record")
			continue
		}
		require.ErrorIs(t, err, ErrPayloadMismatch, "and nobody else's")
		c.commit = capsules[0].commit
		shared := keyOf(w, w.other, c)
		_, err = c.payloadKey(shared)
		require.ErrorIs(t, err, ErrInvalidCapsule, "a borrowed commitment does not fit K")
	}
}

// An issuer seals under a K of its own invention, K* = e(G*, B), and opens the
// record to an arbiter with G*. An arbiter who only sees that K* fits the
// commitment reads what no receiver will ever read.
func TestAttackOpeningWithoutItsProof(t *testing.T) {
	w := newWorld(t, "false opening")
	r, invented := scalar(t), scalar(t)
	c, err := w.p.seal(r, w.owner.PublicKey(), "r", w.info, io.Discard, bytes.NewReader(nil))
	require.NoError(t, err)
	forged := &Opening{curve.MulG1(&w.p.g, &invented)}
	k := curve.Pair(&forged.g, w.payloadBase("r"))
	commit, key, err := c.derive(&k)
	require.NoError(t, err)
	var payload bytes.Buffer
	c.commit = commit
	c.payload, err = encryptPayload(key, commit, &payload, bytes.NewReader([]byte("never in the record")))
	require.NoError(t, err)
	c.c5 = c.c5For(w.p, r)
	v, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	m, err := c.withPayload(k, payload.Bytes())
	require.NoError(t, err)
	require.Equal(t, "never in the record", string(m))

	err = forged.Open(w.p, v, w.owner.PublicKey(), w.info, io.Discard, bytes.NewReader(payload.Bytes()))
	require.ErrorIs(t, err, ErrWrongKey)
	_, err = w.open(c, payload.Bytes())
	require.ErrorIs(t, err, ErrInvalidCapsule, "and the owner signs nothing that it cannot open")
}

// keyOf is K of a capsule.
func keyOf(w *world, owner *ScopedSecretKey, c *Capsule) bn254.GT {
	inv := owner.inverse()
	return curve.Pair(ptr(curve.MulG1(&c.c2, &inv)), w.payloadBase(c.label))
}

// collide makes a block and its tag that open under both keys: the tag is
// C H^2 + L H + E(J0), linear in C.
func collide(t testing.TB, keys [2][32]byte, nonce []byte) []byte {
	var h, mask [2]*big.Int
	for k := range keys {
		b, err := aes.NewCipher(keys[k][:])
		require.NoError(t, err)
		var out [16]byte
		b.Encrypt(out[:], out[:])
		h[k] = fromBlock(out[:])
		b.Encrypt(out[:], binary.BigEndian.AppendUint32(bytes.Clone(nonce), 1))
		mask[k] = fromBlock(out[:])
	}
	var lengths [16]byte
	binary.BigEndian.PutUint64(lengths[8:], 128)
	l := fromBlock(lengths[:])
	xor := func(a, b *big.Int) *big.Int { return new(big.Int).Xor(a, b) }
	square := [2]*big.Int{timesGF(h[0], h[0]), timesGF(h[1], h[1])}
	right := xor(timesGF(l, xor(h[0], h[1])), xor(mask[0], mask[1]))
	c := timesGF(right, inverseGF(xor(square[0], square[1])))
	tag := xor(xor(timesGF(c, square[0]), timesGF(l, h[0])), mask[0])
	return append(toBlock(c), toBlock(tag)...)
}

// GCM's field: x^128 + x^7 + x^2 + x + 1, the first bit is the constant term.
func fromBlock(b []byte) *big.Int {
	n := new(big.Int)
	for i := range 128 {
		n.SetBit(n, i, uint(b[i/8]>>(7-i%8))&1)
	}
	return n
}

func toBlock(n *big.Int) []byte {
	b := make([]byte, 16)
	for i := range 128 {
		b[i/8] |= byte(n.Bit(i)) << (7 - i%8)
	}
	return b
}

func timesGF(a, b *big.Int) *big.Int {
	reduce := new(big.Int).SetBit(big.NewInt(0x87), 128, 1)
	acc := new(big.Int)
	for i := 127; i >= 0; i-- {
		acc.Lsh(acc, 1)
		if acc.Bit(128) == 1 {
			acc.Xor(acc, reduce)
		}
		if b.Bit(i) == 1 {
			acc.Xor(acc, a)
		}
	}
	return acc
}

// inverseGF is a^(2^128 - 2).
func inverseGF(a *big.Int) *big.Int {
	acc := big.NewInt(1)
	for range 127 {
		acc = timesGF(acc, a)
		acc = timesGF(acc, acc)
	}
	return acc
}
