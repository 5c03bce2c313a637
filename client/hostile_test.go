package client

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/claimshare/claimshare/chaincode/record"
)

// A query is answered by a single peer, a wallet's by somebody else's.
func TestAnswersOfALyingPeer(t *testing.T) {
	for name, answer := range map[string]string{
		"null": `null`, "nothing": `{}`, "no keys": `{"id":"00112233445566778899aabbccddeeff","keys":[]}`, "not JSON": `<html>`,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := decodeAnswer[record.Party]("registry:Party", []byte(answer))
			require.ErrorIs(t, err, ErrAnswer)
			require.Nil(t, p, "a caller asks for the current keys at once")
		})
	}
}

func TestThrough(t *testing.T) {
	defer goleak.VerifyNone(t)
	broken, unhappy := errors.New("broken"), errors.New("unhappy")
	endless := func(w io.Writer) error {
		for {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
	}
	all := func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }
	for _, c := range []struct {
		name    string
		produce func(io.Writer) error
		consume func(io.Reader) error
		want    error
	}{
		{"both content", func(w io.Writer) error { _, err := w.Write([]byte("x")); return err }, all, nil},
		{"the consumer looks at nothing, and the end is bad", func(w io.Writer) error {
			_, _ = w.Write([]byte("x"))
			return broken
		}, func(io.Reader) error { return nil }, broken},
		{"the consumer hides the producer's error", func(io.Writer) error { return broken }, func(r io.Reader) error { _ = all(r); return unhappy }, broken},
		{"the consumer gives an endless producer up", endless, func(io.Reader) error { return unhappy }, unhappy},
	} {
		t.Run(c.name, func(t *testing.T) { require.ErrorIs(t, through(c.produce, c.consume), c.want) })
	}
	require.Panics(t, func() { _ = through(endless, func(io.Reader) error { panic("inspect") }) })
}
