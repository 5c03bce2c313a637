package pseudonym

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/vectors"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/hkdf"
)

func addHash(f *vectors.File, name, of string) [32]byte {
	h := sha256.Sum256([]byte(of))
	f.Add(name, h[:])
	return h
}

func makeVectors(t *testing.T) (f *vectors.File, is *Issuer) {
	f = &vectors.File{Comment: "Known answers of ClaimShare's pseudo-identities and evidence, version 1. Values in order of computation, hexadecimal, text as ASCII. See docs/protocol.md, section 10. Negative PIDs are traced with the key, parameters and role here."}
	x, params := addHash(f, "x secret", "system manager"), addHash(f, "paramsID", "parameters")
	const role, identity = "policyholder", "Ada Lovelace, 1815-12-10"
	f.Add("role", []byte(role))
	f.Add("identity", []byte(identity))
	key := make([]byte, 32)
	_, err := io.ReadFull(hkdf.New(sha256.New, x[:], nil, []byte(tag.PID)), key)
	require.NoError(t, err)
	f.Add("pid key", key)
	lambda := bytes.Repeat([]byte("lambda"), 4)
	f.Add("lambda", lambda)
	f.Add("associated data", associated(params, role))
	is, err = NewIssuer(x[:])
	require.NoError(t, err)
	pid, err := is.issue(bytes.NewReader(lambda), params, role, identity)
	require.NoError(t, err)
	raw, err := decode(pid)
	require.NoError(t, err)
	f.Add("raw pid", raw)
	f.Add("pid", []byte(pid))
	delta := Evidence(addHash(f, "evidence", "delta"))
	id := [16]byte{0: 0xaa, 15: 0x55}
	f.Add("record id", id[:])
	c := delta.Commit(params, id, pid)
	require.True(t, delta.Opens(c, params, id, pid))
	f.Add("evidence commitment", c[:])

	bad := func(name, typ, value string, err error) {
		f.Refuse(name, typ, []byte(value), err)
	}
	p := string(pid)
	bad("empty", "pid", "", ErrMalformed)
	bad("one character short", "pid", p[:Size-1], ErrMalformed)
	bad("one character long", "pid", p+"A", ErrMalformed)
	bad("padded", "pid", p+"=", ErrMalformed)
	bad("line break", "pid", p[:Size-1]+"\n", ErrMalformed)
	bad("the alphabet of plain base64", "pid", p[:8]+"+"+p[9:], ErrMalformed)
	bad("stray bits behind the last byte", "pid", p[:Size-1]+"_", ErrMalformed)
	flip := func(name string, at int) {
		b := bytes.Clone(raw)
		b[at] ^= 1
		bad(name, "pid", base64.RawURLEncoding.EncodeToString(b), ErrUntraceable)
	}
	flip("another lambda", 0)
	flip("another lambda behind the nonce of HChaCha", 23)
	flip("altered identity", 24)
	flip("altered authenticator", len(raw)-1)
	other := func(name string, issuer *Issuer, params [32]byte, role string) {
		pid, err := issuer.issue(bytes.NewReader(lambda), params, role, identity)
		require.NoError(t, err)
		bad(name, "pid", string(pid), ErrUntraceable)
	}
	other("another role", is, params, "insurer")
	other("another deployment", is, x, role)
	stranger, err := NewIssuer(params[:])
	require.NoError(t, err)
	other("another issuer", stranger, params, role)
	bad("empty", "identity", "", ErrIdentity)
	bad("64 bytes", "identity", strings.Repeat("x", 64), ErrIdentity)
	bad("a zero byte", "identity", "Ada\x00", ErrIdentity)
	return f, is
}

func TestVectors(t *testing.T) {
	got, is := makeVectors(t)
	want := vectors.Check(t, got)
	values := map[string][]byte{}
	for _, v := range want.Values {
		values[v.Name] = v.Value
	}
	params, role := [32]byte(values["paramsID"]), string(values["role"])
	identity, err := is.Trace(params, role, PID(values["pid"]))
	require.NoError(t, err)
	require.Equal(t, string(values["identity"]), identity)
	require.NotEmpty(t, want.Negative)
	for _, n := range want.Negative {
		if n.Type == "identity" {
			_, err = is.Issue(params, role, string(n.Value))
		} else {
			_, err = is.Trace(params, role, PID(n.Value))
		}
		require.EqualError(t, err, n.Error, n.Name)
	}
}
