package command

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExitCodesAreDistinct(t *testing.T) {
	codes, names := map[int]bool{}, map[string]bool{}
	for _, e := range exits {
		require.False(t, codes[e.Code], e.Name)
		require.False(t, names[e.Name], e.Name)
		codes[e.Code], names[e.Name] = true, true
		require.True(t, e.Code == 0 || e.Code == 130 || e.Advice != "", e.Name)
	}
}

// docs/cli.md has the very table that the program prints.
func TestExitCodesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../../../../docs/cli.md")
	require.NoError(t, err)
	require.Contains(t, string(doc), strings.TrimSpace(exitTable()))
}
