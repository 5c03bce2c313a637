package naive

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// statementHash is section 9.2.
func statementHash(typ byte, params []byte, channel, chaincode string, body []byte) []byte {
	return hash("stmt", []byte{typ, 1}, params, text(channel), text(chaincode), lp(body))
}

func TestStatementVectors(t *testing.T) {
	k := load(t, "../../tag/testdata/vectors.json")
	for _, name := range []string{"owner", "issuer", "proxy"} {
		k.check(name+" party id", sha(k.input(name + " pid"))[:16])
	}
	k.check("body", join(
		k.input("record id"), k.input("kind"), lp(k.input("label")),
		k.input("owner party id"), k.input("owner key version"), k.input("issuer party id"), k.input("issuer key version"),
		k.input("owner key mode"), k.input("owner key"), k.input("record digest"), k.input("payload size"),
		k.input("evidence commitment"), k.input("issue time"), k.input("previous version's digest")))
	require.Equal(t, []byte{1}, k.input("type"))
	require.Equal(t, []byte{1}, k.input("version"))
	k.check("statement hash", statementHash(1, k.input("paramsID"), string(k.input("channel")), string(k.input("chaincode")), k.input("body")))
	k.check("release id", hash("release", k.input("consent id"), k.input("record id"), k.input("proxy party id"), k.input("nonce")))
	k.done()
}

// The ledger's own known answers: all types of statement, hashed for the
// parameters 09 09 09 00... and the names below.
func TestLedgerStatements(t *testing.T) {
	b, err := os.ReadFile("../../../chaincode/record/testdata/vectors.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the module stands alone, without the ledger's known answers")
	}
	require.NoError(t, err)
	var all map[string]struct{ Encoding, Hash string }
	require.NoError(t, json.Unmarshal(b, &all))
	params := append([]byte{9, 9, 9}, make([]byte, 29)...)
	for i, name := range []string{"record", "grant", "revoke", "deliver", "trailer", "rotate", "batch"} {
		v := all["statement "+name]
		body, err := hex.DecodeString(v.Encoding)
		require.NoError(t, err)
		require.NotEmpty(t, body)
		require.Equal(t, v.Hash, hex.EncodeToString(statementHash(byte(i+1), params, "insurance", "claimshare", body)), name)
	}
}
