package command

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bench is a directory with a system, a party and a sealed record r.
type bench struct {
	t   *testing.T
	dir string
}

func newBench(t *testing.T, recordSize int) bench {
	t.Helper()
	b := bench{t, t.TempDir()}
	require.NoError(t, os.WriteFile(b.path("pass"), []byte("correct horse battery"), 0o600))
	require.NoError(t, os.WriteFile(b.path("record"), bytes.Repeat([]byte("plaintext "), recordSize/10), 0o600))
	t.Setenv(passphraseEnv, b.path("pass"))
	b.ok("params", "new", b.path("sys"), "--system", "s")
	b.ok("keys", "new", b.path("alice"))
	b.ok("record", "seal", "--params", b.path("sys.params.json"), "--to", b.path("alice.pub.json"),
		"--label", "l", b.path("record"), b.path("r"))
	return b
}

func (b bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b bench) run(args ...string) (code int, stderr string) {
	var out, errOut bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &out, err: &errOut, scryptWork: 1}
	return a.run(context.Background(), args), errOut.String()
}

func (b bench) ok(args ...string) {
	b.t.Helper()
	code, stderr := b.run(args...)
	require.Zero(b.t, code, stderr)
}

func (b bench) open(name, target string) (int, string) {
	return b.run("record", "open", "--params", b.path("sys.params.json"), "--key", b.path("alice.key"), b.path(name), target)
}

// One flipped bit anywhere in capsule or payload is found, with an exit code
// that says where, and leaves nothing at the target or beside it.
func TestAnyFlippedBitIsFound(t *testing.T) {
	b := newBench(t, 200_000)
	// A fixed seed: which bits are tried does not change from run to run.
	r := rand.New(rand.NewPCG(20261122, 2))
	capsule, err := os.ReadFile(b.path("r.capsule"))
	require.NoError(t, err)
	payload, err := os.ReadFile(b.path("r.payload"))
	require.NoError(t, err)
	out := b.path("out")
	require.NoError(t, os.Mkdir(out, 0o700))

	try := func(suffix string, original []byte, i int, family func(int) bool) {
		bad := bytes.Clone(original)
		bad[i] ^= 1 << r.IntN(8)
		require.NoError(t, os.WriteFile(b.path("x"+suffix), bad, 0o600))
		code, stderr := b.open("x", filepath.Join(out, "record"))
		require.True(t, family(code), "byte %d of %s: exit code %d: %s", i, suffix, code, stderr)
		left, err := os.ReadDir(out)
		require.NoError(t, err)
		require.Empty(t, left)
	}
	require.NoError(t, os.WriteFile(b.path("x.payload"), payload, 0o600))
	for i := range capsule {
		try(".capsule", capsule, i, func(code int) bool { return code >= 10 && code < 20 })
	}
	require.NoError(t, os.WriteFile(b.path("x.capsule"), capsule, 0o600))
	for i := range 40 { // the header, byte by byte
		try(".payload", payload, i, func(code int) bool { return code >= 20 && code < 30 })
	}
	for range 200 {
		try(".payload", payload, 40+r.IntN(len(payload)-40), func(code int) bool { return code == 23 })
	}

	require.NoError(t, os.WriteFile(b.path("x.payload"), payload, 0o600))
	code, stderr := b.open("x", filepath.Join(out, "record"))
	require.Zero(t, code, stderr)
}

// Every truncation of a payload is found, also where a segment ends.
func TestAnyTruncationIsFound(t *testing.T) {
	b := newBench(t, 200_000)
	payload, err := os.ReadFile(b.path("r.payload"))
	require.NoError(t, err)
	capsule, err := os.ReadFile(b.path("r.capsule"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(b.path("x.capsule"), capsule, 0o600))
	const header, segment = 37, 64<<10 + 16
	for _, n := range []int{0, 1, header - 1, header, header + 1, header + segment - 1, header + segment,
		header + segment + 1, header + 2*segment, len(payload) - 1} {
		require.NoError(t, os.WriteFile(b.path("x.payload"), payload[:n], 0o600))
		code, stderr := b.open("x", b.path("target"))
		require.Equal(t, 21, code, "%d bytes: %s", n, stderr)
		require.NoFileExists(t, b.path("target"))
	}
}
