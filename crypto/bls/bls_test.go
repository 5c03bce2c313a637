package bls

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

var paramsID = sha256.Sum256([]byte("test deployment"))

func key(t testing.TB, seed string) *SecretKey {
	sk, err := DeriveKey(sha256.Sum256([]byte(seed)), "pid")
	require.NoError(t, err)
	return sk
}

func TestSignAndVerify(t *testing.T) {
	sk, other := key(t, "a"), key(t, "b")
	msg := sha256.Sum256([]byte("statement"))
	sig := sk.Sign(RoleOwner, msg)
	require.NoError(t, Verify(sk.PublicKey(), RoleOwner, msg, sig))

	require.ErrorIs(t, Verify(sk.PublicKey(), RoleIssuer, msg, sig), ErrSignature, "another role")
	require.ErrorIs(t, Verify(other.PublicKey(), RoleOwner, msg, sig), ErrSignature, "another key")
	require.ErrorIs(t, Verify(sk.PublicKey(), RoleOwner, sha256.Sum256(nil), sig), ErrSignature, "another statement")
	require.ErrorIs(t, Verify(sk.PublicKey(), RoleOwner, msg, Signature{}), ErrMalformed, "zero bytes")
	infinity := Signature{0x40}
	require.ErrorIs(t, Verify(sk.PublicKey(), RoleOwner, msg, infinity), ErrMalformed, "infinity")
}

func TestEveryFlippedBitOfASignatureIsRefused(t *testing.T) {
	sk := key(t, "flip")
	msg := sha256.Sum256([]byte("statement"))
	sig := sk.Sign(RoleIssuer, msg)
	for bit := 0; bit < 8*SignatureSize; bit += 3 {
		bad := sig
		bad[bit/8] ^= 1 << (bit % 8)
		require.Error(t, Verify(sk.PublicKey(), RoleIssuer, msg, bad), "bit %d", bit)
	}
}

func TestKeyEncodings(t *testing.T) {
	sk := key(t, "encode")
	again, err := ParseSecretKey(sk.Bytes())
	require.NoError(t, err)
	require.Equal(t, sk.PublicKey().Bytes(), again.PublicKey().Bytes())
	pk, err := ParsePublicKey(sk.PublicKey().Bytes())
	require.NoError(t, err)
	require.True(t, pk.Equal(sk.PublicKey()))
	raw, err := ParseRawPublicKey(pk.RawBytes())
	require.NoError(t, err)
	require.True(t, raw.Equal(pk))

	for _, b := range [][]byte{nil, make([]byte, 64), append(pk.Bytes(), 0), pk.RawBytes()} {
		_, err := ParsePublicKey(b)
		require.ErrorIs(t, err, ErrMalformed)
	}
	_, err = ParseSecretKey(make([]byte, 32))
	require.ErrorIs(t, err, ErrMalformed)
	_, err = ParseRawPublicKey(pk.Bytes())
	require.ErrorIs(t, err, ErrMalformed)
	_, err = GenerateKey()
	require.NoError(t, err)
}

func TestSecretKeyNeverPrints(t *testing.T) {
	sk := key(t, "print")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, v := range []any{sk, *sk, struct{ K *SecretKey }{sk}} {
			require.NotContains(t, fmt.Sprintf(verb, v), hex.EncodeToString(sk.Bytes()))
		}
		require.Equal(t, "bls.SecretKey(hidden)", fmt.Sprintf(verb, sk))
		require.Equal(t, "bls.SecretKey(hidden)", fmt.Sprintf(verb, *sk), "a copy of it")
	}
}

func TestProofOfPossessionIsForOneRegistration(t *testing.T) {
	sk := key(t, "pop")
	proof := sk.ProvePossession(paramsID, "pid", "MSP")
	require.NoError(t, VerifyPossession(paramsID, sk.PublicKey(), "pid", "MSP", proof))
	require.ErrorIs(t, VerifyPossession(paramsID, sk.PublicKey(), "pid2", "MSP", proof), ErrSignature)
	require.ErrorIs(t, VerifyPossession(paramsID, sk.PublicKey(), "pid", "MSP2", proof), ErrSignature)
	require.ErrorIs(t, VerifyPossession(sha256.Sum256(nil), sk.PublicKey(), "pid", "MSP", proof), ErrSignature)
	require.ErrorIs(t, VerifyPossession(paramsID, key(t, "other").PublicKey(), "pid", "MSP", proof), ErrSignature)
	// A signature is no proof of possession, whatever its statement.
	require.ErrorIs(t, VerifyPossession(paramsID, sk.PublicKey(), "pid", "MSP", sk.Sign(RoleParty, paramsID)), ErrSignature)
}

func batchOf(t testing.TB, n, signers int) []Item {
	items := make([]Item, n)
	for k := range items {
		sk := key(t, fmt.Sprint("signer", k%signers))
		items[k] = Item{Key: sk.PublicKey(), Role: RoleOwner, Hash: sha256.Sum256([]byte{byte(k)})}
		items[k].Signature = sk.Sign(RoleOwner, items[k].Hash)
	}
	return items
}

func TestBatchNamesTheBadOnes(t *testing.T) {
	items := batchOf(t, 12, 3)
	bad, err := VerifyBatch(paramsID, items, 8)
	require.NoError(t, err)
	require.Empty(t, bad)

	items[2].Signature = items[3].Signature
	items[7].Signature = Signature{} // not even a point
	items[11].Role = RoleIssuer
	bad, err = VerifyBatch(paramsID, items, 8)
	require.NoError(t, err)
	require.Equal(t, []int{2, 7, 11}, bad)

	_, err = VerifyBatch(paramsID, items, 2)
	require.ErrorIs(t, err, ErrTooManyBad)
	bad, err = VerifyBatch(paramsID, nil, 0)
	require.NoError(t, err)
	require.Empty(t, bad)
}

// Two bad signatures whose errors cancel in a plain sum must not cancel here.
func TestCancellingErrorsAreFound(t *testing.T) {
	items := batchOf(t, 2, 1)
	items[0].Signature, items[1].Signature = items[1].Signature, items[0].Signature
	bad, err := VerifyBatch(paramsID, items, 2)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1}, bad)
}
