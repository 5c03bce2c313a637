// Package doccheck has tests alone: they read the documentation and fail when
// it names a file, a symbol, a test or a heading that is not there.
//
// What counts as a reference:
//
//   - a code span that begins with a folder of the repository, like
//     `crypto/pre` or `docs/paper.md`, or is a file at its top; patterns
//     (`docs/*.md`) have to match something;
//   - behind it, after a colon, a symbol: `crypto/pre/seal.go:Parameters.Seal`
//     is declared in that file, `crypto/pre:TestSearch` in that package;
//   - any word like TestSearch, FuzzDecode or BenchmarkSeal;
//   - a relative link, with its heading if it has one.
//
// It does not look into code blocks, except for names of tests, and not at
// addresses elsewhere.
//
// Go does not see that documents outside this module have changed and may
// answer with an earlier result: run it with -count=1, as make check does.
package doccheck

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	markdown "github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

var (
	testName     = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
	testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	topFile      = regexp.MustCompile(`^(?:[A-Z]+\.md|Makefile|LICENSE|go\.work)$`)
	pathSpan     = regexp.MustCompile(`^((?:\w|\.github/|\.ci/)[\w.*/-]*)(?::(\w+(?:\.\w+)?))?$`)
)

// checker knows a repository.
type checker struct {
	repo  fs.FS
	tests map[string]bool
}

// newChecker collects the names of the repository's tests.
func newChecker(repo fs.FS) (*checker, error) {
	c := &checker{repo: repo, tests: map[string]bool{}}
	return c, fs.WalkDir(repo, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && name != "." && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(repo, name)
		for _, match := range testFunction.FindAllSubmatch(source, -1) {
			c.tests[string(match[1])] = true
		}
		return err
	})
}

// documents are the Markdown files at the top and under docs.
func (c *checker) documents() (names []string, err error) {
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := fs.Glob(c.repo, pattern)
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	return names, nil
}

// check lists what is dead in one document, as "file:line: reason".
func (c *checker) check(document string) (dead []string, err error) {
	source, err := fs.ReadFile(c.repo, document)
	if err != nil {
		return nil, err
	}
	report := func(at int, format string, args ...any) {
		line := 1 + bytes.Count(source[:at], []byte("\n"))
		dead = append(dead, fmt.Sprintf("%s:%d: %s", document, line, fmt.Sprintf(format, args...)))
	}
	for _, at := range testName.FindAllIndex(source, -1) {
		if name := string(source[at[0]:at[1]]); !c.tests[name] {
			report(at[0], "no test is called %s", name)
		}
	}
	at := 0 // where the block that is being walked begins
	return dead, markdown.Walk(parse(source), func(n markdown.Node, entering bool) (markdown.WalkStatus, error) {
		if !entering {
			return markdown.WalkContinue, nil
		}
		if n.Type() == markdown.TypeBlock && n.Lines().Len() > 0 {
			at = n.Lines().At(0).Start
		}
		var reason error
		switch n := n.(type) {
		case *markdown.CodeSpan:
			reason = c.span(content(n, source))
		case *markdown.Link:
			reason = c.link(document, string(n.Destination))
		case *markdown.Image:
			reason = c.link(document, string(n.Destination))
		}
		if reason != nil {
			report(at, "%v", reason)
		}
		return markdown.WalkContinue, nil
	})
}

func parse(source []byte) markdown.Node {
	return goldmark.New(goldmark.WithExtensions(extension.Table)).Parser().Parse(text.NewReader(source))
}

// content is the text under a node, without its markup.
func content(n markdown.Node, source []byte) string {
	var b strings.Builder
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		if t, isText := child.(*markdown.Text); isText {
			b.Write(t.Value(source))
		} else {
			b.WriteString(content(child, source))
		}
	}
	return b.String()
}

// span checks a code span that names a path, and a symbol if there is one.
func (c *checker) span(span string) error {
	match := pathSpan.FindStringSubmatch(strings.TrimPrefix(span, "github.com/claimshare/claimshare/"))
	if match == nil {
		return nil
	}
	name, symbol := strings.TrimSuffix(strings.TrimSuffix(match[1], "..."), "/"), match[2]
	first, _, nested := strings.Cut(match[1], "/")
	if top, err := fs.Stat(c.repo, first); nested && (err != nil || !top.IsDir()) || !nested && !topFile.MatchString(name) {
		return nil // not one of ours: a label, a flag, a type
	}
	found, err := fs.Glob(c.repo, name)
	if err != nil || len(found) == 0 {
		return fmt.Errorf("there is no %s", name)
	}
	if symbol == "" {
		return nil
	}
	declared, err := c.declared(name, symbol)
	if err == nil && !declared {
		err = fmt.Errorf("%s declares no %s", name, symbol)
	}
	return err
}

// declared looks for a symbol in a Go file or in the Go files of a folder.
func (c *checker) declared(name, symbol string) (bool, error) {
	files := []string{name}
	if info, err := fs.Stat(c.repo, name); err == nil && info.IsDir() {
		if files, err = fs.Glob(c.repo, path.Join(name, "*.go")); err != nil {
			return false, err
		}
	}
	for _, file := range files {
		source, err := fs.ReadFile(c.repo, file)
		if err != nil {
			return false, err
		}
		if path.Ext(file) != ".go" {
			return false, fmt.Errorf("%s is not Go: name no symbol of it", file)
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, source, parser.SkipObjectResolution)
		if err != nil {
			return false, err
		}
		if declares(tree, symbol) {
			return true, nil
		}
	}
	return false, nil
}

// declares finds a function, type, constant, variable or Type.Method.
func declares(file *ast.File, symbol string) bool {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil {
				receiver := d.Recv.List[0].Type
				if star, pointer := receiver.(*ast.StarExpr); pointer {
					receiver = star.X
				}
				name = fmt.Sprint(receiver) + "." + name
			}
			if name == symbol {
				return true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Name.Name == symbol {
						return true
					}
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						if name.Name == symbol {
							return true
						}
					}
				}
			}
		}
	}
	return false
}

// link checks a relative link and the heading that it leads to.
func (c *checker) link(document, destination string) error {
	target, err := url.Parse(destination)
	if err != nil {
		return fmt.Errorf("link %s: %w", destination, err)
	}
	if target.IsAbs() || target.Host != "" {
		return nil
	}
	name := document
	if target.Path != "" {
		name = path.Join(path.Dir(document), target.Path)
	}
	if _, err := fs.Stat(c.repo, name); err != nil {
		return fmt.Errorf("link %s leads nowhere", destination)
	}
	if target.Fragment == "" || path.Ext(name) != ".md" {
		return nil
	}
	source, err := fs.ReadFile(c.repo, name)
	if err == nil && !hasHeading(source, target.Fragment) {
		err = fmt.Errorf("link %s: %s has no such heading", destination, name)
	}
	return err
}

// hasHeading compares with the anchors that forges make of headings.
func hasHeading(source []byte, anchor string) (found bool) {
	for n := parse(source).FirstChild(); n != nil; n = n.NextSibling() {
		if n.Kind() != markdown.KindHeading {
			continue
		}
		made := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, content(n, source))
		found = found || made == anchor
	}
	return found
}
