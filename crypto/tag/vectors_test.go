package tag

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/vectors"
	"github.com/stretchr/testify/require"
)

// makeVectors hashes the statement of a policy and names a release, from the
// words of docs/protocol.md, section 9.2.
func makeVectors() *vectors.File {
	f := &vectors.File{Comment: "Known answers of ClaimShare's statements, version 1: a record statement of type 1 and a release identifier. Values in order of computation, hexadecimal, text as ASCII. See docs/protocol.md, section 9.2."}
	sum := func(name, of string, n int) []byte {
		h := sha256.Sum256([]byte(of))
		return f.Add(name, h[:n])
	}
	number := func(name string, n uint64, size int) []byte {
		return f.Add(name, binary.BigEndian.AppendUint64(nil, n)[8-size:])
	}
	str := func(name, s string) []byte { return f.Add(name, []byte(s)) }
	params := sum("paramsID", "parameters", 32)
	channel, chaincode := str("channel", "insurance"), str("chaincode", "claimshare")
	party := func(name string) []byte { return sum(name+" party id", string(str(name+" pid", name+"-pid")), 16) }
	owner, issuer, proxy := party("owner"), party("issuer"), party("proxy")
	id := sum("record id", "record", 16)
	body := f.Add("body", bytes.Join([][]byte{
		id, number("kind", 1, 1), LP(nil, str("label", "policy/2026")),
		owner, number("owner key version", 1, 4), issuer, number("issuer key version", 2, 4),
		number("owner key mode", 1, 1), sum("owner key", "key", 32),
		sum("record digest", "digest", 32), number("payload size", 91, 8), sum("evidence commitment", "evidence", 32),
		number("issue time", 1767225600, 8), f.Add("previous version's digest", make([]byte, 32)),
	}, nil))
	h := Hash(Stmt, number("type", 1, 1), number("version", 1, 1), params, LP(nil, channel), LP(nil, chaincode), LP(nil, body))
	f.Add("statement hash", h[:])
	release := Hash(Release, sum("consent id", "consent", 32), id, proxy, sum("nonce", "nonce", 32))
	f.Add("release id", release[:])
	return f
}

func TestVectors(t *testing.T) {
	vectors.Check(t, makeVectors())
}

// No two tags are equal, and none runs into what follows it: [Hash] puts its
// length before it.
func TestTagsAreApart(t *testing.T) {
	tags := []string{
		Generator, PayloadBase, SearchBase, Wrap, Params, Binding, SearchTag, KDF, H3, Record, Capsule, TokenCtx,
		Token, Reenc, Stmt, Release, BLS, BLSPoP, EncPoP, Batch, BatchC, PID, Evidence, WalletKey, WalletAuth,
	}
	seen := map[string]bool{}
	for _, s := range tags {
		require.False(t, seen[s], s)
		seen[s] = true
		require.LessOrEqual(t, len(s), 255, "RFC 9380's longest tag")
	}
	require.NotEqual(t, Hash(Batch, []byte("-c")), Hash(BatchC))
	require.Equal(t, []byte{1, 0, 0, 0, 2, 3, 4}, LP([]byte{1}, []byte{3, 4}))
}
