package pre

import (
	"bytes"
	"crypto/sha256"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// The sizes around the read-ahead, from readers that give little at a time.
func TestSmallRecordsAreOneSegment(t *testing.T) {
	w := newWorld(t, "small records")
	for _, n := range []int{0, 1, smallRecord - 1, smallRecord, smallRecord + 1, payloadSegment} {
		plain := bytes.Repeat([]byte{7}, n)
		var payload bytes.Buffer
		c, err := w.p.Seal(w.owner.PublicKey(), "r", w.info, &payload, iotest.OneByteReader(bytes.NewReader(plain)))
		require.NoError(t, err)
		require.Equal(t, PayloadSum{SHA256: sha256.Sum256(payload.Bytes()), Size: SealedSize(uint64(n))}, c.Payload())
		var out bytes.Buffer
		require.NoError(t, w.owner.Open(w.p, c, w.info, &out, iotest.DataErrReader(bytes.NewReader(payload.Bytes()))))
		require.True(t, bytes.Equal(plain, out.Bytes()), "%d bytes", n)
	}
}

// A source that breaks off says so with io.ErrUnexpectedEOF: not a short record.
func TestBrokenSourceIsNotAShortRecord(t *testing.T) {
	w := newWorld(t, "broken source")
	for _, n := range []int{0, 1, smallRecord, smallRecord + 1} {
		src := io.MultiReader(bytes.NewReader(make([]byte, n)), iotest.ErrReader(io.ErrUnexpectedEOF))
		_, err := w.p.Seal(w.owner.PublicKey(), "r", w.info, io.Discard, src)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "after %d bytes", n)
	}
}
