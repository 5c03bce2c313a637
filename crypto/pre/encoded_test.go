package pre

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is found among encoded capsules is what is found among decoded ones, for
// every capsule that can be decoded.
func TestSearchEncoded(t *testing.T) {
	w := newWorld(t, "search encoded")
	var encoded [][]byte
	var decoded []*Capsule
	for i := range 6 {
		c, _ := w.seal(t, []string{"r", "other"}[i%2], nil)
		if i == 4 {
			c, _ = w.seal(t, "r", []byte("x"))
		}
		encoded = append(encoded, c.Bytes())
	}
	whole := encoded[0]
	for at := range whole { // one altered byte at every place
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1
		encoded = append(encoded, damaged)
	}
	encoded = append(encoded, nil, whole[:4], whole[:len(whole)-1], append(bytes.Clone(whole), 0))
	for _, b := range encoded {
		c, err := ParseCapsule(b)
		if err != nil {
			c = nil
		}
		decoded = append(decoded, c)
	}
	for _, label := range []string{"r", "other", "none"} {
		token, err := w.owner.DelegateSearch(w.p, label, w.consent)
		require.NoError(t, err)
		trapdoor, err := w.master.OpenTrapdoor(w.p, token, token.Commitment(w.p))
		require.NoError(t, err)
		found := []int{}
		for _, i := range trapdoor.SearchEncoded(encoded) {
			if decoded[i] != nil {
				found = append(found, i)
			}
		}
		want := trapdoor.Search(decoded)
		require.ElementsMatch(t, want, found)
		if label == "r" {
			require.Subset(t, found, []int{0, 2, 4})
		}
	}
	require.Empty(t, (&Trapdoor{p: w.p}).SearchEncoded(nil))
}
