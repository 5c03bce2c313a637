// Package vectors keeps files of known answers for tests: hexadecimal values in
// the order of their computation, and values that must be refused. A test run
// with -update writes the file anew.
package vectors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

// Path is where a package has its file.
const Path = "testdata/vectors.json"

// Bytes stand in the file as hexadecimal digits.
type Bytes []byte

func (b Bytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }
func (b *Bytes) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	*b = raw
	return err
}

// Value is one known answer. A list of them keeps its order.
type Value struct {
	Name  string `json:"name"`
	Value Bytes  `json:"value"`
}

// Negative is a value that must be refused, and with which error.
type Negative struct {
	Name  string `json:"name"`
	Type  string `json:"type"` // what to decode it as, or what to try with it
	Value Bytes  `json:"value"`
	Error string `json:"error"`
}

// File is a file of known answers.
type File struct {
	Comment  string     `json:"comment"`
	Values   []Value    `json:"values"`
	Negative []Negative `json:"negative,omitempty"`
}

// Add adds a copy of a value, and answers the value.
func (f *File) Add(name string, value []byte) []byte {
	f.Values = append(f.Values, Value{name, bytes.Clone(value)})
	return value
}

// Refuse adds a copy of a value that must be refused with err.
func (f *File) Refuse(name, typ string, value []byte, err error) {
	f.Negative = append(f.Negative, Negative{name, typ, bytes.Clone(value), err.Error()})
}

// Check compares what was computed with the file at [Path], value by value, and
// answers the file: negative values are the caller's to try.
func Check(t testing.TB, got *File) *File {
	t.Helper()
	if *update {
		b, err := json.MarshalIndent(got, "", " ")
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(Path), 0o755))
		require.NoError(t, os.WriteFile(Path, append(b, '\n'), 0o644))
	}
	b, err := os.ReadFile(Path)
	require.NoError(t, err)
	want := new(File)
	require.NoError(t, json.Unmarshal(b, want))
	require.Equal(t, want.Comment, got.Comment)
	require.Equal(t, len(want.Values), len(got.Values))
	for i, v := range want.Values {
		require.Equal(t, v.Name, got.Values[i].Name)
		require.Equal(t, []byte(v.Value), []byte(got.Values[i].Value), v.Name)
	}
	require.Equal(t, len(want.Negative), len(got.Negative))
	return want
}
