package pseudonym

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParse: a string that is a PID has one spelling, and none that was made up
// is traced.
func FuzzParse(f *testing.F) {
	sm := issuer(f, "fuzz")
	pid, err := issuer(f, "another").issue(strings.NewReader(strings.Repeat("λ", 12)), paramsID, "insurer", "ACME")
	require.NoError(f, err)
	f.Add(string(pid))
	f.Add(string(pid[:Size-1]) + "_") // stray bits behind the last byte
	f.Add(string(pid) + "\n")
	f.Add(string(pid) + "=")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := Parse(s)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		raw, err := base64.RawURLEncoding.DecodeString(s)
		require.NoError(t, err)
		require.Equal(t, s, base64.RawURLEncoding.EncodeToString(raw))
		require.Len(t, s, Size)
		_, err = sm.Trace(paramsID, "insurer", parsed)
		require.ErrorIs(t, err, ErrUntraceable)
	})
}

// FuzzIssueTrace: what was issued is traced to the same identity, and with one
// bit flipped to none; δ opens its own commitment and no other.
func FuzzIssueTrace(f *testing.F) {
	f.Add("Ada Lovelace, 1815-12-10", "policyholder", uint(9))
	f.Add("", "", uint(0))
	f.Add(strings.Repeat("x", MaxIdentity+1), "insurer", uint(1))
	f.Add("a\x00", "insurer", uint(831))
	sm := issuer(f, "fuzz")
	f.Fuzz(func(t *testing.T, identity, role string, bit uint) {
		pid, err := sm.Issue(paramsID, role, identity)
		if identity == "" || len(identity) > MaxIdentity || strings.Contains(identity, "\x00") {
			require.ErrorIs(t, err, ErrIdentity)
			return
		}
		require.NoError(t, err)
		traced, err := sm.Trace(paramsID, role, pid)
		require.NoError(t, err)
		require.Equal(t, identity, traced)
		_, err = sm.Trace(paramsID, role+"x", pid)
		require.ErrorIs(t, err, ErrUntraceable)

		raw, err := base64.RawURLEncoding.DecodeString(string(pid))
		require.NoError(t, err)
		bit %= uint(8 * len(raw))
		raw[bit/8] ^= 1 << (bit % 8)
		_, err = sm.Trace(paramsID, role, PID(base64.RawURLEncoding.EncodeToString(raw)))
		require.ErrorIs(t, err, ErrUntraceable)

		delta := Evidence(raw[:EvidenceSize])
		commitment := delta.Commit(paramsID, [16]byte{1}, pid)
		require.True(t, delta.Opens(commitment, paramsID, [16]byte{1}, pid))
		delta[bit%EvidenceSize] ^= 1
		require.False(t, delta.Opens(commitment, paramsID, [16]byte{1}, pid))
	})
}
