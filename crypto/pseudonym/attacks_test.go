package pseudonym

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
)

// Attack 7 (docs/attacks.md): the paper's PID = E_SM(ID xor λ) ‖ λ. However
// good E is, λ stands outside it: who knows one person's identity turns that
// person's PID into anybody's.
func TestAttackXORPseudonymBecomesAnotherPerson(t *testing.T) {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	e, err := cipher.NewGCM(block) // E_SM, authenticated even
	require.NoError(t, err)
	type literalPID struct{ nonce, sealed, lambda []byte }
	pad := func(id string) []byte {
		b := make([]byte, paddedSize)
		copy(b, id)
		return b
	}
	xor := func(a, b []byte) []byte {
		out := make([]byte, len(a))
		subtle.XORBytes(out, a, b)
		return out
	}
	issue := func(id string) literalPID {
		p := literalPID{nonce: make([]byte, e.NonceSize()), lambda: make([]byte, paddedSize)}
		_, _ = rand.Read(p.nonce)
		_, _ = rand.Read(p.lambda)
		p.sealed = e.Seal(nil, p.nonce, xor(pad(id), p.lambda), nil)
		return p
	}
	trace := func(p literalPID) string {
		masked, err := e.Open(nil, p.nonce, p.sealed, nil)
		require.NoError(t, err)
		id := xor(masked, p.lambda)
		for len(id) > 0 && id[len(id)-1] == 0 {
			id = id[:len(id)-1]
		}
		return string(id)
	}
	pid := issue("Mallory")
	require.Equal(t, "Mallory", trace(pid))
	difference := xor(pad("Mallory"), pad("Ada Lovelace"))
	pid.lambda = xor(pid.lambda, difference)
	require.Equal(t, "Ada Lovelace", trace(pid), "Mallory's doings are traced to Ada")

	// Ours: the same change anywhere in the PID, and λ of one with the rest of
	// another.
	sm := issuer(t, "sm")
	mine, err := sm.Issue(paramsID, "policyholder", "Mallory")
	require.NoError(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(string(mine))
	require.NoError(t, err)
	refused := func(raw []byte) {
		_, err := sm.Trace(paramsID, "policyholder", PID(base64.RawURLEncoding.EncodeToString(raw)))
		require.ErrorIs(t, err, ErrUntraceable)
	}
	for at := 0; at+len(difference) <= len(raw); at++ {
		mauled := append([]byte(nil), raw...)
		subtle.XORBytes(mauled[at:], mauled[at:], difference)
		refused(mauled)
	}
	other, err := sm.Issue(paramsID, "policyholder", "Ada Lovelace")
	require.NoError(t, err)
	rawOther, err := base64.RawURLEncoding.DecodeString(string(other))
	require.NoError(t, err)
	refused(append(append([]byte(nil), raw[:24]...), rawOther[24:]...))
}

// A PID has one spelling: base64 with other trailing bits, padding or line
// breaks would make two parties of one.
func TestAttackSecondSpellingOfAPseudonym(t *testing.T) {
	sm := issuer(t, "sm")
	pid, err := sm.Issue(paramsID, "policyholder", "Ada")
	require.NoError(t, err)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	spellings := []string{string(pid) + "=", string(pid[:70]) + "\n" + string(pid[70:]), "\n" + string(pid[:138])}
	for _, c := range []byte(alphabet) {
		if s := string(pid[:Size-1]) + string(c); s != string(pid) {
			spellings = append(spellings, s)
		}
	}
	lenient := 0
	want, err := base64.RawURLEncoding.DecodeString(string(pid))
	require.NoError(t, err)
	for _, s := range spellings {
		raw, err := base64.RawURLEncoding.DecodeString(s) // the naive decoder
		if err != nil || string(raw) != string(want) {
			continue
		}
		lenient++
		_, err = Parse(s)
		require.ErrorIs(t, err, ErrMalformed, "%q", s)
		_, err = sm.Trace(paramsID, "policyholder", PID(s))
		require.ErrorIs(t, err, ErrMalformed, "%q", s)
	}
	require.Positive(t, lenient, "the naive decoder takes other spellings")
}

// An evidence commitment that is a bare hash of δ is good for every record and
// owner; ours names both.
func TestAttackEvidenceOfAnotherRecord(t *testing.T) {
	delta, err := NewEvidence()
	require.NoError(t, err)
	naive := func([16]byte, PID) [32]byte { return sha256.Sum256(delta[:]) }
	require.Equal(t, naive([16]byte{1}, "mallory"), naive([16]byte{2}, "ada"))

	mine := delta.Commit(paramsID, [16]byte{1}, "mallory")
	require.True(t, delta.Opens(mine, paramsID, [16]byte{1}, "mallory"))
	require.False(t, delta.Opens(mine, paramsID, [16]byte{2}, "mallory"))
	require.False(t, delta.Opens(mine, paramsID, [16]byte{1}, "ada"))
}
