package skip

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriter(t *testing.T) {
	const whole = "what a receiver has already is left out"
	for _, piece := range []int{1, 3, 7, len(whole)} {
		for left := range uint64(len(whole) + 2) {
			var got bytes.Buffer
			w := &Writer{W: &got, Left: left}
			n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{strings.NewReader(whole)}, make([]byte, piece))
			require.NoError(t, err)
			require.EqualValues(t, len(whole), n)
			require.Equal(t, whole[min(left, uint64(len(whole))):], got.String())
			require.Equal(t, left-min(left, uint64(len(whole))), w.Left, "what is missing at the end")
		}
	}
}

var errFull = errors.New("full")

type full struct{}

func (full) Write(b []byte) (int, error) { return 1, errFull }

func TestWriterFails(t *testing.T) {
	w := &Writer{W: full{}, Left: 2}
	n, err := w.Write([]byte("abcdef"))
	require.ErrorIs(t, err, errFull)
	require.Equal(t, 3, n)
}
