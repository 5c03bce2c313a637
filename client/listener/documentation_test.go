package listener_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The program in the document is the example, which the compiler reads.
func TestTheDocumentQuotesTheExample(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	text, err := os.ReadFile("../../docs/integrate.md")
	require.NoError(t, err)
	_, body, found := strings.Cut(string(source), "func Example() ")
	require.True(t, found)
	require.Contains(t, string(text), "func main() "+strings.TrimSpace(body))
}
