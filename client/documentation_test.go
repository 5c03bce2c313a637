package client_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// The programs in the documents are the examples, which the compiler reads.
func TestDocumentsQuoteTheExamples(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "example_test.go", source, 0)
	require.NoError(t, err)
	for name, document := range map[string]string{
		"ExampleInitialise":         "../docs/integrate.md",
		"ExampleAuthority_Register": "../docs/integrate.md",
		"ExampleOpenChain":          "../docs/integrate.md",
	} {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		example, ok := file.Scope.Lookup(name).Decl.(*ast.FuncDecl)
		require.True(t, ok, name)
		body := source[set.Position(example.Body.Lbrace).Offset : set.Position(example.Body.Rbrace).Offset+1]
		require.Contains(t, string(text), "func main() "+string(body), document)
	}
}
