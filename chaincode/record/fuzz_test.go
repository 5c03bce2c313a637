package record_test

import (
	"encoding/base64"
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/stretchr/testify/require"
)

func encodePID(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// reencode encodes a decoded value again.
func reencode(v any) []byte { return v.(interface{ Encode() []byte }).Encode() }

// FuzzDecode: what decodes encodes to the same bytes, whichever type it is read
// as.
func FuzzDecode(f *testing.F) {
	all := codings()
	for i, c := range all {
		f.Add(byte(i), c.encode())
	}
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		c := all[int(which)%len(all)]
		v, err := c.decode(b)
		if err != nil {
			require.ErrorIs(t, err, record.ErrMalformed)
			return
		}
		require.Equal(t, b, reencode(v), c.name)
	})
}

// FuzzParseError: no text makes it panic, and what it finds is a known code.
func FuzzParseError(f *testing.F) {
	f.Add("chaincode response 500, CLAIMSHARE_TIME: the record is dated 1970-01-01T00:00:00Z. Set the clock")
	f.Add("CLAIMSHARE_CLAIMSHARE_TIME CLAIMSHARE_KEY")
	f.Fuzz(func(t *testing.T, text string) {
		e, found := record.ParseError(text)
		if !found {
			require.Nil(t, e)
			return
		}
		for _, known := range record.Codes() {
			if known.Code == e.Code {
				return
			}
		}
		t.Fatalf("unknown code %q", e.Code)
	})
}
