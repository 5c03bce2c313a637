package walletauth

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCode(t *testing.T) {
	c, err := NewCode()
	require.NoError(t, err)
	require.Len(t, c.Text(), 35) // 30 letters in groups of five
	got, err := ParseCode(strings.ToLower(strings.ReplaceAll(c.Text(), "-", " ")))
	require.NoError(t, err)
	require.Equal(t, c.Hash(), got.Hash())
	require.NotContains(t, fmt.Sprintf("%v %s %x", c, c, c), c.Text()[:5])
	for _, wrong := range []string{"", "12345", c.Text() + "7", c.Text()[1:]} {
		_, err := ParseCode(wrong)
		require.Error(t, err, wrong)
	}
}
