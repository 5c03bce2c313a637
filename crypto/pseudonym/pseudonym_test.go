package pseudonym

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var paramsID = sha256.Sum256([]byte("test deployment"))

func issuer(t testing.TB, seed string) *Issuer {
	k := sha256.Sum256([]byte(seed))
	is, err := NewIssuer(k[:])
	require.NoError(t, err)
	return is
}

func TestOnlyTheIssuerTraces(t *testing.T) {
	sm, other := issuer(t, "sm"), issuer(t, "other")
	pid, err := sm.Issue(paramsID, "policyholder", "Ada Lovelace, 1815-12-10")
	require.NoError(t, err)
	require.Len(t, string(pid), Size)
	again, err := sm.Issue(paramsID, "policyholder", "Ada Lovelace, 1815-12-10")
	require.NoError(t, err)
	require.NotEqual(t, pid, again, "two PIDs of one person are unrelated")

	id, err := sm.Trace(paramsID, "policyholder", pid)
	require.NoError(t, err)
	require.Equal(t, "Ada Lovelace, 1815-12-10", id)

	_, err = other.Trace(paramsID, "policyholder", pid)
	require.ErrorIs(t, err, ErrUntraceable)
	_, err = sm.Trace(paramsID, "insurer", pid)
	require.ErrorIs(t, err, ErrUntraceable, "another role")
	_, err = sm.Trace(sha256.Sum256(nil), "policyholder", pid)
	require.ErrorIs(t, err, ErrUntraceable, "another deployment")
}

// The paper's ID xor λ with λ outside the cipher's integrity lets anyone turn
// one PID into another person's. Here every changed bit is refused.
func TestNoBitOfAPIDIsMalleable(t *testing.T) {
	sm := issuer(t, "sm")
	pid, err := sm.Issue(paramsID, "policyholder", "Ada")
	require.NoError(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(string(pid))
	require.NoError(t, err)
	for bit := 0; bit < 8*len(raw); bit++ {
		raw[bit/8] ^= 1 << (bit % 8)
		_, err := sm.Trace(paramsID, "policyholder", PID(base64.RawURLEncoding.EncodeToString(raw)))
		require.ErrorIs(t, err, ErrUntraceable)
		raw[bit/8] ^= 1 << (bit % 8)
	}
}

func TestBadInput(t *testing.T) {
	sm := issuer(t, "sm")
	for _, id := range []string{"", strings.Repeat("x", 64), "a\x00b"} {
		_, err := sm.Issue(paramsID, "insurer", id)
		require.ErrorIs(t, err, ErrIdentity)
	}
	_, err := sm.Issue(paramsID, "insurer", strings.Repeat("x", MaxIdentity))
	require.NoError(t, err)
	pid, err := sm.Issue(paramsID, "insurer", "x")
	require.NoError(t, err)
	for _, s := range []string{"", "x", string(pid) + "A", string(pid)[:138], strings.Replace(string(pid), string(pid)[0:1], "!", 1)} {
		_, err := Parse(s)
		require.ErrorIs(t, err, ErrMalformed)
	}
	_, err = Parse(string(pid))
	require.NoError(t, err)
	_, err = NewIssuer([]byte("short"))
	require.Error(t, err)
}

func TestEvidence(t *testing.T) {
	e, err := NewEvidence()
	require.NoError(t, err)
	rec := [16]byte{1}
	c := e.Commit(paramsID, rec, "owner")
	require.True(t, e.Opens(c, paramsID, rec, "owner"))
	require.False(t, e.Opens(c, paramsID, rec, "another"))
	require.False(t, e.Opens(c, paramsID, [16]byte{2}, "owner"))
	require.False(t, Evidence{}.Opens(c, paramsID, rec, "owner"))
	require.Equal(t, "pseudonym.Evidence(hidden)", fmt.Sprintf("%x", e))
}

func TestNoRandomnessNoPID(t *testing.T) {
	_, err := issuer(t, "sm").issue(strings.NewReader("short"), paramsID, "insurer", "ACME")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}
