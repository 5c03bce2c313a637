package doccheck

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The documentation of this repository names nothing that is not there.
func TestDocumentation(t *testing.T) {
	c, err := newChecker(os.DirFS("../../.."))
	require.NoError(t, err)
	documents, err := c.documents()
	require.NoError(t, err)
	require.Contains(t, documents, "docs/paper.md")
	for _, document := range documents {
		dead, err := c.check(document)
		require.NoError(t, err)
		for _, reason := range dead {
			t.Error(reason)
		}
	}
}

// A document in which every kind of reference occurs alive and dead.
func TestDeadReferencesAreFound(t *testing.T) {
	const source = `package pre
type Key struct{}
func (k *Key) Open() {}
func Seal() {}
const Size, Other = 1, 2
`
	repo := fstest.MapFS{
		"crypto/pre/seal.go":      {Data: []byte(source)},
		"crypto/pre/seal_test.go": {Data: []byte("package pre\nfunc TestSeal(t *testing.T) {}\n")},
		"docs/other.md":           {Data: []byte("# Other\n\n## 2.1 What *it* is: `x`\n")},
		"README.md":               {Data: []byte("read")},
	}
	for text, want := range map[string]string{
		"`crypto/pre/seal.go` `crypto/pre` `crypto/pre/` `crypto/...` `README.md` `crypto/*/*.go`":                      "",
		"`crypto/pre/seal.go:Seal` `crypto/pre/seal.go:Key.Open` `crypto/pre/seal.go:Other`":                            "",
		"`crypto/pre:Key` `crypto/pre:TestSeal` `github.com/claimshare/claimshare/crypto/pre`":                          "",
		"TestSeal, `repair/2026`, `pre.Seal`, `make demo`, Test, Testing, `--crypto/pre`, `a/b:C`, `.build/bin/x`, `r`": "",
		"[a](other.md) [b](../README.md) [c](https://nowhere.example/x) [d](other.md#21-what-it-is-x) [e](.)":           "",
		"```\ncrypto/gone.go\n```": "",

		"one\ntwo\n\n`crypto/pre/gone.go`":       "docs/d.md:4: there is no crypto/pre/gone.go",
		"| a | b |\n|---|---|\n| `crypto/x` | |": "docs/d.md:3: there is no crypto/x",
		"`CHANGELOG.md`":                         "docs/d.md:1: there is no CHANGELOG.md",
		"`docs/*.txt`":                           "docs/d.md:1: there is no docs/*.txt",
		"`crypto/pre/seal.go:Open`":              "docs/d.md:1: crypto/pre/seal.go declares no Open",
		"`crypto/pre:Key.Close`":                 "docs/d.md:1: crypto/pre declares no Key.Close",
		"`docs/other.md:Other`":                  "docs/d.md:1: docs/other.md is not Go: name no symbol of it",
		"\nas TestGone shows":                    "docs/d.md:2: no test is called TestGone",
		"```\ngo test -run FuzzGone\n```":        "docs/d.md:2: no test is called FuzzGone",
		"[a](gone.md)":                           "docs/d.md:1: link gone.md leads nowhere",
		"![a](gone.png)":                         "docs/d.md:1: link gone.png leads nowhere",
		"[a](../../outside.md)":                  "docs/d.md:1: link ../../outside.md leads nowhere",
		"[a](other.md#gone)":                     "docs/d.md:1: link other.md#gone: docs/other.md has no such heading",
		"[a](#gone)":                             "docs/d.md:1: link #gone: docs/d.md has no such heading",
	} {
		repo["docs/d.md"] = &fstest.MapFile{Data: []byte(text)}
		c, err := newChecker(repo)
		require.NoError(t, err)
		documents, err := c.documents()
		require.NoError(t, err)
		require.Equal(t, []string{"README.md", "docs/d.md", "docs/other.md"}, documents)
		dead, err := c.check("docs/d.md")
		require.NoError(t, err)
		if want == "" {
			assert.Empty(t, dead, text)
		} else {
			assert.Equal(t, []string{want}, dead, text)
		}
	}
}
