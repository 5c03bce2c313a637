package naive

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
)

func pidKey(x []byte) []byte { return hkdf(x, nil, domain("pid"), 32) }

func pidAssociated(params, role []byte) []byte { return join(lp(domain("pid")), params, role) }

func issue(key, lambda, associated, identity []byte) []byte {
	padded := append(bytes.Clone(identity), make([]byte, 64-len(identity))...)
	return join(lambda, xchacha(key, lambda, padded, associated))
}

func TestPseudonymVectors(t *testing.T) {
	k := load(t, "../../pseudonym/testdata/vectors.json")
	key := pidKey(k.input("x secret"))
	associated := pidAssociated(k.input("paramsID"), k.input("role"))
	raw := issue(key, k.input("lambda"), associated, k.input("identity"))
	pid := base64.RawURLEncoding.EncodeToString(raw)
	require.Len(t, raw, 104)
	require.Len(t, pid, 139)
	k.check("pid key", key)
	k.check("associated data", associated)
	k.check("raw pid", raw)
	k.check("pid", []byte(pid))
	k.check("evidence commitment", hash("evidence", k.input("paramsID"), lp(k.input("record id")), text(pid), k.input("evidence")))
	k.done()

	require.NotEmpty(t, k.Negative)
	for _, n := range k.Negative {
		b := k.bytes(n.Value)
		if n.Type == "identity" {
			require.True(t, len(b) == 0 || len(b) > 63 || bytes.IndexByte(b, 0) >= 0, n.Name)
			require.Equal(t, "pseudonym: identity must have 1 to 63 bytes and no zero byte", n.Error)
			continue
		}
		require.Equal(t, "pid", n.Type)
		raw, err := base64.RawURLEncoding.Strict().DecodeString(string(b))
		if err != nil || len(raw) != 104 || len(b) != 139 {
			require.Equal(t, "pseudonym: not a pseudo-identity", n.Error, n.Name)
			continue
		}
		// A stream cipher: deciphering is enciphering, and the tag of what
		// comes out has to be the one that came in.
		require.Equal(t, "pseudonym: not issued by this system manager in this role", n.Error, n.Name)
		plain := xchacha(key, raw[:24], raw[24:88], associated)[:64]
		require.NotEqual(t, raw, issue(key, raw[:24], associated, plain), n.Name)
	}
}
