package command

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// terminal is one on which answer was typed.
type terminal struct {
	io.Reader
	shown bytes.Buffer
}

func (t *terminal) Write(b []byte) (int, error) { return t.shown.Write(b) }

// Nothing but a plain yes is a yes, and what it is about was shown before.
func TestAskYes(t *testing.T) {
	for typed, want := range map[string]error{
		"yes\n": nil, "YES\r\n": nil, "  yes \n": nil,
		"no\n": errDeclined, "y\n": errDeclined, "\n": errDeclined, "": errDeclined, "yes please\n": errDeclined, "\x1b[A\n": errDeclined,
	} {
		tty := &terminal{Reader: bytes.NewReader([]byte(typed))}
		require.ErrorIs(t, askYes(t.Context(), tty, []string{"You let suedhaven read:"}, "Allow it?"), want, "%q", typed)
		require.Equal(t, "You let suedhaven read:\nAllow it? (yes or no): ", tty.shown.String())
	}
}

func TestAskInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	silent, w := io.Pipe()
	defer w.Close()
	require.ErrorIs(t, askYes(ctx, &terminal{Reader: silent}, nil, "Allow it?"), context.Canceled)
}
