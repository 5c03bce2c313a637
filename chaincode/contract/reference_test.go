package contract_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the reference in docs/ledger.md anew")

const (
	referenceBegin = "<!-- begin reference: go test ./contract -run TestReference -update -->\n"
	referenceEnd   = "<!-- end reference -->\n"
)

// TestReference keeps the reference in the manual equal to the table that the
// chaincode enforces.
func TestReference(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "ledger.md")
	b, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		t.Skip("the chaincode was packaged without the manual")
	}
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(b), referenceBegin)
	require.True(t, found, "no reference in the manual")
	_, after, found := strings.Cut(rest, referenceEnd)
	require.True(t, found, "the reference has no end")
	want := before + referenceBegin + reference() + referenceEnd + after
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(b), "run the command that stands in the manual")
}

func reference() string {
	var w strings.Builder
	permissionTable(&w)
	contract := ""
	for _, tx := range record.Transactions() {
		if name, _, _ := strings.Cut(tx.Name, ":"); name != contract {
			contract = name
			fmt.Fprintf(&w, "### Contract `%s`\n\n", contract)
		}
		kind := "submit"
		if tx.Query {
			kind = "evaluate"
		}
		fmt.Fprintf(&w, "#### `%s` (%s)\n\n%s\n\n- Caller: %s.\n", tx.Name, kind, tx.Doc, tx.Caller)
		for _, a := range tx.Args {
			fmt.Fprintf(&w, "- `%s`: %s.\n", a.Name, a.Doc)
		}
		fmt.Fprintf(&w, "- Answer: %s.\n", tx.Answer)
		if len(tx.Refuses) > 0 {
			fmt.Fprintf(&w, "- Refuses with %s.\n", codes(tx.Refuses))
		}
		w.WriteString("\n")
	}
	w.WriteString("### Codes\n\n")
	fmt.Fprintf(&w, "Every transaction may answer %s.\n\n| code | what to do |\n|---|---|\n", codes(record.CommonErrors()))
	for _, e := range record.Codes() {
		fmt.Fprintf(&w, "| `%s` | %s. |\n", short(e.Code), e.Message)
	}
	w.WriteString("\n")
	return w.String()
}

func short(code record.Code) string { return strings.TrimPrefix(string(code), "CLAIMSHARE_") }

func codes(list []*record.Error) string {
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = "`" + short(e.Code) + "`"
	}
	return strings.Join(names, ", ")
}

func permissionTable(w *strings.Builder) {
	w.WriteString("### Who may call what\n\nEvery transaction is tested as every one of these.\n\n| caller |")
	for _, p := range permissions {
		fmt.Fprintf(w, " %s |", p.title())
	}
	w.WriteString("\n|---|" + strings.Repeat("---|", len(permissions)) + "\n")
	for _, caller := range everybody {
		fmt.Fprintf(w, "| %s |", caller)
		for _, p := range permissions {
			fmt.Fprintf(w, " %s |", verdict(p.refused[caller]))
		}
		w.WriteString("\n")
	}
	w.WriteString("\n| transactions | open to |\n|---|---|\n")
	for i, p := range permissions {
		if i > 0 && permissions[i-1].class == p.class {
			continue
		}
		var names []string
		for _, tx := range record.Transactions() {
			if tx.Caller == p.class {
				names = append(names, "`"+tx.Name+"`")
			}
		}
		fmt.Fprintf(w, "| %s | %s |\n", strings.Join(names, ", "), p.class)
	}
	w.WriteString("\n### In someone else's name\n\nEach is tested beside the same call by the one who may make it.\n\n| transaction | who | with | answer |\n|---|---|---|---|\n")
	for _, b := range borrowed {
		fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", b.tx, b.who, b.with, verdict(b.want))
	}
	w.WriteString("\n")
}

// title is the head of a column. Where the number of agencies matters there are
// two of them.
func (p permission) title() string {
	if p.class == record.CallerAlone && p.threshold > 1 {
		return "system manager, while it asks for several"
	}
	return p.class
}

func verdict(refusal *record.Error) string {
	if refusal == nil {
		return "yes"
	}
	return "`" + short(refusal.Code) + "`"
}
