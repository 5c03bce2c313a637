package naive

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"
)

// rounds are the twenty rounds of ChaCha20 over constants, key and input.
func rounds(key, input []byte) (start, end [16]uint32) {
	all := join([]byte("expand 32-byte k"), key, input)
	for i := range start {
		start[i] = binary.LittleEndian.Uint32(all[4*i:])
	}
	x := start
	quarter := func(a, b, c, d int) {
		step := func(a, b, d, n int) {
			x[a] += x[b]
			x[d] = bits.RotateLeft32(x[d]^x[a], n)
		}
		step(a, b, d, 16)
		step(c, d, b, 12)
		step(a, b, d, 8)
		step(c, d, b, 7)
	}
	for range 10 {
		for i := range 4 {
			quarter(i, i+4, i+8, i+12)
		}
		for i := range 4 {
			quarter(i, 4+(i+1)%4, 8+(i+2)%4, 12+(i+3)%4)
		}
	}
	return start, x
}

func little(words ...uint32) (b []byte) {
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// hchacha is the key derivation of XChaCha20.
func hchacha(key, nonce []byte) []byte {
	_, x := rounds(key, nonce)
	return append(little(x[:4]...), little(x[12:]...)...)
}

// chacha is one block of ChaCha20 (RFC 8439).
func chacha(key, nonce []byte, counter uint32) []byte {
	start, x := rounds(key, append(little(counter), nonce...))
	for i := range x {
		x[i] += start[i]
	}
	return little(x[:]...)
}

func fromLittle(b []byte) *big.Int {
	b = bytes.Clone(b)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return new(big.Int).SetBytes(b)
}

// poly1305 is the authenticator of RFC 8439, section 2.5.
func poly1305(key, msg []byte) []byte {
	prime := minus(new(big.Int).Lsh(integer(1), 130), integer(5))
	clamp, _ := new(big.Int).SetString("0ffffffc0ffffffc0ffffffc0fffffff", 16)
	at := new(big.Int).And(fromLittle(key[:16]), clamp)
	sum := new(big.Int)
	for len(msg) > 0 {
		n := min(16, len(msg))
		sum.Add(sum, fromLittle(join(msg[:n], []byte{1})))
		sum.Mul(sum, at).Mod(sum, prime)
		msg = msg[n:]
	}
	sum.Add(sum, fromLittle(key[16:]))
	b := sum.FillBytes(make([]byte, 32))[16:]
	return fromLittle(b).FillBytes(make([]byte, 16))
}

// xchacha encrypts with XChaCha20-Poly1305.
func xchacha(key, nonce, plain, associated []byte) []byte {
	key = hchacha(key, nonce[:16])
	nonce = append(make([]byte, 4), nonce[16:]...)
	out := bytes.Clone(plain)
	for i := range out {
		out[i] ^= chacha(key, nonce, uint32(1+i/64))[i%64]
	}
	pad := func(b []byte) []byte { return append(bytes.Clone(b), make([]byte, (16-len(b)%16)%16)...) }
	size := func(b []byte) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(len(b))) }
	msg := join(pad(associated), pad(out), size(associated), size(out))
	return append(out, poly1305(chacha(key, nonce, 0)[:32], msg)...)
}

func TestXChaCha(t *testing.T) {
	h := func(s string) []byte { return must(hex.DecodeString(s)) }
	// draft-irtf-cfrg-xchacha-03, 2.2.1
	key := h("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	require.Equal(t, h("82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"), hchacha(key, h("000000090000004a0000000031415927")))
	// RFC 8439, 2.5.2
	require.Equal(t, h("a8061dc1305136c6c22b8baf0c0127a9"), poly1305(h("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"), []byte("Cryptographic Forum Research Group")))
}
