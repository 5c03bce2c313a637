package pre

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

var errDevice = errors.New("the device failed")

// failAfter reads or writes n bytes and then fails.
type failAfter struct {
	io.Reader
	io.Writer
	n int
}

func (f *failAfter) Read(p []byte) (int, error) {
	if f.n == 0 {
		return 0, errDevice
	}
	n, err := f.Reader.Read(p[:min(len(p), f.n)])
	f.n -= n
	return n, err
}

func (f *failAfter) Write(p []byte) (int, error) {
	if len(p) > f.n {
		return 0, errDevice
	}
	f.n -= len(p)
	return f.Writer.Write(p)
}

// What reader and writer answer comes through, wherever they fail, and is told
// from a payload that was cut or altered.
func TestErrorsOfReadersAndWritersComeThrough(t *testing.T) {
	w := newWorld(t, "devices")
	plain := make([]byte, 2*payloadSegment+10)
	c, payload := w.seal(t, "r", plain)
	for _, n := range []int{0, 3, payloadHeader, payloadHeader + 1, payloadSegment, len(payload) - 1, len(payload)} {
		source := func() io.Reader { return &failAfter{Reader: bytes.NewReader(payload), n: n} }
		require.ErrorIs(t, w.owner.Open(w.p, c, w.info, io.Discard, source()), errDevice, "%d bytes read", n)
		require.ErrorIs(t, c.CheckPayload(source()), errDevice, "%d bytes read", n)
	}
	for _, n := range []int{0, payloadSegment, 2 * payloadSegment} {
		err := w.owner.Open(w.p, c, w.info, &failAfter{Writer: io.Discard, n: n}, bytes.NewReader(payload))
		require.ErrorIs(t, err, errDevice, "%d bytes written", n)
		_, err = w.p.Seal(w.owner.PublicKey(), "r", w.info, io.Discard, &failAfter{Reader: bytes.NewReader(plain), n: n})
		require.ErrorIs(t, err, errDevice, "%d bytes sealed", n)
	}
	for _, n := range []int{0, payloadHeader, payloadHeader + payloadSegment + tagSize, len(payload) - 1} {
		_, err := w.p.Seal(w.owner.PublicKey(), "r", w.info, &failAfter{Writer: io.Discard, n: n}, bytes.NewReader(plain))
		require.ErrorIs(t, err, errDevice, "%d bytes stored", n)
	}
	// An altered segment before the failure changes nothing: the failure is told.
	payload[payloadHeader+3] ^= 1
	err := w.owner.Open(w.p, c, w.info, io.Discard, &failAfter{Reader: bytes.NewReader(payload), n: payloadHeader + 2*payloadSegment})
	require.ErrorIs(t, err, errDevice)
}

// Without randomness there is no key, proof or message.
func TestNoRandomnessNoSecret(t *testing.T) {
	w := newWorld(t, "no randomness")
	_, err := generate(bytes.NewReader(nil))
	require.ErrorIs(t, err, io.EOF)
	_, err = w.owner.prove(bytes.NewReader(make([]byte, 47)), ModeScoped, w.p.ID(), "pid", "MSP")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	c, _ := w.seal(t, "r", nil)
	vc, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	_, vt, _ := w.token(t, "r")
	_, err = proveReencryption(bytes.NewReader(nil), w.p, vt, vc)
	require.ErrorIs(t, err, io.EOF)
	_, _, err = (&PaperSecretKey{w.owner.secretKey}).startRekey(bytes.NewReader(nil))
	require.ErrorIs(t, err, io.EOF)
}

func TestModesAndNames(t *testing.T) {
	for _, mode := range []Mode{ModeScoped, ModePaper} {
		parsed, err := ParseMode(mode.String())
		require.NoError(t, err)
		require.Equal(t, mode, parsed)
	}
	require.Equal(t, "Mode(3)", Mode(3).String())
	_, err := ParseMode("Mode(3)")
	require.ErrorIs(t, err, ErrMalformed)

	w := newWorld(t, "names")
	require.Equal(t, "names", w.p.SystemName())
	_, err = ParsePublicKey(3, w.owner.PublicKey().Bytes())
	require.ErrorIs(t, err, ErrMalformed)
	c, payload := w.seal(t, "r", []byte("m"))
	require.Equal(t, "r", c.Label())
	_, vt, _ := w.token(t, "r")
	vc, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(vt, vc)
	require.NoError(t, err)
	require.Same(t, c, rc.Capsule())
	require.Len(t, payload, int(c.Payload().Size))
}

// A paper-mode pair proves its possession, and opens one record, as a scoped
// one does.
func TestPaperKeysProveAndDisclose(t *testing.T) {
	w := newWorld(t, "paper keys")
	k, err := GeneratePaperKey()
	require.NoError(t, err)
	proof, err := k.ProvePossession(w.p.ID(), "pid", "MSP")
	require.NoError(t, err)
	require.NoError(t, VerifyPossession(w.p.ID(), k.PublicKey(), "pid", "MSP", proof))
	scoped, err := ParseScopedPublicKey(k.PublicKey().Bytes())
	require.NoError(t, err)
	require.ErrorIs(t, VerifyPossession(w.p.ID(), scoped, "pid", "MSP", proof), ErrPossession)

	var payload, out bytes.Buffer
	c, err := w.p.Seal(k.PublicKey(), "", w.info, &payload, bytes.NewReader([]byte("m")))
	require.NoError(t, err)
	vc, err := c.Verify(w.p, k.PublicKey())
	require.NoError(t, err)
	opening, err := k.Disclose(vc)
	require.NoError(t, err)
	require.NoError(t, opening.Open(w.p, vc, k.PublicKey(), w.info, &out, &payload))
	require.Equal(t, "m", out.String())
}
