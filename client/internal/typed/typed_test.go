package typed

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRoundTrip(t *testing.T) {
	for n := range 60 {
		b := bytes.Repeat([]byte{0xa5, byte(n)}, n)[:n]
		text := Encode("x", b, 4)
		require.Regexp(t, `^[0-9A-HJKMNP-TV-Z]{1,4}(-[0-9A-HJKMNP-TV-Z]{1,4})*$`, text)
		got, err := Decode("x", text)
		require.NoError(t, err)
		require.Equal(t, b, append([]byte{}, got...))
		_, err = Decode("y", text)
		require.ErrorIs(t, err, ErrText)
	}
}

func TestAsPeopleTypeIt(t *testing.T) {
	b := []byte{0, 0x11, 0x42, 0xff, 9, 8, 7}
	text := Encode("code", b, 5)
	sloppy := strings.ToLower(strings.NewReplacer("0", "o", "1", "l", "-", " ").Replace(text))
	got, err := Decode("code", " "+sloppy+"\r\n")
	require.NoError(t, err)
	require.Equal(t, b, got)
}

func TestMistakes(t *testing.T) {
	text := Encode("code", []byte("sixteen bytes ok"), 4)
	for i, r := range text {
		if r == '-' {
			continue
		}
		other := 'Z'
		if r == other {
			other = 'Y'
		}
		_, err := Decode("code", text[:i]+string(other)+text[i+1:])
		require.ErrorIs(t, err, ErrText, "letter %d", i)
	}
	for _, wrong := range []string{"", "A", text + "A", text[2:], text[:len(text)-1], "!" + text, text + "é"} {
		_, err := Decode("code", wrong)
		require.ErrorIs(t, err, ErrText, wrong)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode("code", []byte("sixteen bytes ok"), 4))
	f.Fuzz(func(t *testing.T, text string) {
		b, err := Decode("code", text)
		if err != nil {
			return
		}
		again, err := Decode("code", Encode("code", b, 4))
		require.NoError(t, err)
		require.Equal(t, b, again)
	})
}
