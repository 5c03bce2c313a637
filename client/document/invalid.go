package document

import (
	"fmt"
	"slices"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Problem is one thing that is wrong with a document.
type Problem struct {
	Pointer string `json:"pointer"` // JSON pointer (RFC 6901) to the value; empty for the whole document
	Message string `json:"message"` // what is wrong
	Fix     string `json:"fix"`     // what to do
}

// String gives the problem on one line.
func (p Problem) String() string {
	at := p.Pointer
	if at == "" {
		at = "(document)"
	}
	return fmt.Sprintf("%s: %s. %s.", at, p.Message, p.Fix)
}

// Invalid is the error for a document that breaks the standard. Problems is
// never empty; it is sorted by pointer.
type Invalid struct {
	Kind     record.Kind
	Problems []Problem
}

// Error lists every problem, one a line.
func (e *Invalid) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the %s breaks the standard in %d place", e.Kind, len(e.Problems))
	if len(e.Problems) > 1 {
		b.WriteByte('s')
	}
	b.WriteByte(':')
	for _, p := range e.Problems {
		b.WriteString("\n  ")
		b.WriteString(p.String())
	}
	return b.String()
}

// problems collects what is wrong with one document.
type problems []Problem

func (ps *problems) add(pointer, fix, format string, args ...any) {
	*ps = append(*ps, Problem{Pointer: pointer, Message: fmt.Sprintf(format, args...), Fix: fix})
}

// err is nil where nothing is wrong.
func (ps problems) err(kind record.Kind) error {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps, func(a, b Problem) int { return strings.Compare(a.Pointer, b.Pointer) })
	return &Invalid{Kind: kind, Problems: ps}
}

// pointerTo builds a JSON pointer from its parts.
func pointerTo(tokens ...string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(t))
	}
	return b.String()
}
