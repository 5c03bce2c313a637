package bls

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func flipped(b []byte, bit uint) []byte {
	b = bytes.Clone(b)
	bit %= uint(8 * len(b))
	b[bit/8] ^= 1 << (bit % 8)
	return b
}

// FuzzDecoders holds the decoders to the law: what they accept encodes back to
// the same bytes, and what they refuse is malformed.
func FuzzDecoders(f *testing.F) {
	b, err := os.ReadFile("testdata/vectors.json")
	require.NoError(f, err)
	type value struct{ Value string }
	var file struct{ Values, Negative []value }
	require.NoError(f, json.Unmarshal(b, &file))
	for _, v := range append(file.Values, file.Negative...) {
		raw, err := hex.DecodeString(v.Value)
		require.NoError(f, err)
		f.Add(raw)
	}
	sk := key(f, "fuzz")
	f.Add(sk.PublicKey().RawBytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if pk, err := ParsePublicKey(b); err == nil {
			require.Equal(t, b, pk.Bytes())
			raw, err := ParseRawPublicKey(pk.RawBytes())
			require.NoError(t, err)
			require.True(t, raw.Equal(pk))
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
		if pk, err := ParseRawPublicKey(b); err == nil {
			require.Equal(t, b, pk.RawBytes())
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
		if k, err := ParseSecretKey(b); err == nil {
			require.Equal(t, b, k.Bytes())
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
		if len(b) == SignatureSize {
			require.Error(t, Verify(sk.PublicKey(), RoleOwner, [32]byte{1}, Signature(b)))
		}
	})
}

// FuzzSignatures: what was signed verifies, alone and in a batch; with one bit
// flipped anywhere it does not, and the batch names it.
func FuzzSignatures(f *testing.F) {
	f.Add([]byte("statement"), byte(RoleOwner), uint(0))
	f.Add([]byte{}, byte(RoleIssuer), uint(255))
	f.Add([]byte("x"), byte(0), uint(77))
	sk, other := key(f, "fuzz"), key(f, "other")
	f.Fuzz(func(t *testing.T, message []byte, role byte, bit uint) {
		pk, hash := sk.PublicKey(), sha256.Sum256(message)
		sig := sk.Sign(Role(role), hash)
		require.NoError(t, Verify(pk, Role(role), hash, sig))
		badHash := [32]byte(flipped(hash[:], bit))
		badSig := Signature(flipped(sig[:], bit))
		require.ErrorIs(t, Verify(pk, Role(role), badHash, sig), ErrSignature)
		require.ErrorIs(t, Verify(pk, Role(flipped([]byte{role}, bit)[0]), hash, sig), ErrSignature)
		require.ErrorIs(t, Verify(other.PublicKey(), Role(role), hash, sig), ErrSignature)
		require.Error(t, Verify(pk, Role(role), hash, badSig))

		good := Item{pk, Role(role), hash, sig}
		second := Item{other.PublicKey(), Role(role), hash, other.Sign(Role(role), hash)}
		bad, err := VerifyBatch(paramsID, []Item{good, second, good}, 0)
		require.NoError(t, err)
		require.Empty(t, bad)
		bad, err = VerifyBatch(paramsID, []Item{second, {pk, Role(role), hash, badSig}, good, {pk, Role(role), badHash, sig}}, 2)
		require.NoError(t, err)
		require.Equal(t, []int{1, 3}, bad)

		pid := string(message)
		proof := sk.ProvePossession(paramsID, pid, "MSP")
		require.NoError(t, VerifyPossession(paramsID, pk, pid, "MSP", proof))
		require.Error(t, VerifyPossession(paramsID, pk, pid, "MSP", Signature(flipped(proof[:], bit))))
		require.ErrorIs(t, VerifyPossession(paramsID, pk, pid+"x", "MSP", proof), ErrSignature)
		require.ErrorIs(t, Verify(pk, Role(role), hash, proof), ErrSignature, "a proof of possession is no signature")
	})
}
