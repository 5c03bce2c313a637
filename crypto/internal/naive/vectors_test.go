package naive

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// known is a file of known answers. Every value in it has to be accounted for:
// computed again, or named as an input.
type known struct {
	t        *testing.T
	values   map[string][]byte
	left     map[string]bool
	Values   []struct{ Name, Value string }
	Negative []struct{ Name, Type, Value, Error string }
}

func load(t *testing.T, path string) *known {
	k := &known{t: t, values: map[string][]byte{}, left: map[string]bool{}}
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, k))
	for _, v := range k.Values {
		require.NotContains(t, k.values, v.Name, "named twice")
		k.values[v.Name], k.left[v.Name] = k.bytes(v.Value), true
	}
	return k
}

func (k *known) bytes(s string) []byte {
	b, err := hex.DecodeString(s)
	require.NoError(k.t, err)
	return b
}

// input is a value that follows from no other.
func (k *known) input(name string) []byte {
	require.Contains(k.t, k.values, name)
	delete(k.left, name)
	return k.values[name]
}

// check compares a value of the file with what was computed here.
func (k *known) check(name string, got []byte) {
	k.t.Helper()
	require.Equal(k.t, hex.EncodeToString(k.input(name)), hex.EncodeToString(got), name)
}

func (k *known) done() { require.Empty(k.t, k.left, "values that nothing computed again") }

// must unwraps the decoding of what has to be legal.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
