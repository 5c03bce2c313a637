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
	everybody := []string{asManager, asColleague, asInsurer, asShop, asProxy, asSuspended, asExpelled, asIdle, asBanned, asNamesake, asVisitor}
	w.WriteString("### Who may call what\n\n| caller |")
	for _, class := range classes() {
		fmt.Fprintf(w, " %s |", class)
	}
	w.WriteString("\n|---|" + strings.Repeat("---|", len(classes())) + "\n")
	for _, caller := range everybody {
		fmt.Fprintf(w, "| %s |", caller)
		for _, class := range classes() {
			cell := "yes"
			if refusal, refused := permissions[class][caller]; refused {
				cell = "`" + short(refusal.Code) + "`"
			}
			fmt.Fprintf(w, " %s |", cell)
		}
		w.WriteString("\n")
	}
	w.WriteString("\n| transactions | open to |\n|---|---|\n")
	for _, class := range classes() {
		var names []string
		for _, tx := range record.Transactions() {
			if tx.Caller == class {
				names = append(names, "`"+tx.Name+"`")
			}
		}
		fmt.Fprintf(w, "| %s | %s |\n", strings.Join(names, ", "), class)
	}
	w.WriteString("\n")
}

// classes lists the classes of callers in the order in which they appear.
func classes() []string {
	var list []string
	seen := map[string]bool{}
	for _, tx := range record.Transactions() {
		if !seen[tx.Caller] {
			seen[tx.Caller] = true
			list = append(list, tx.Caller)
		}
	}
	return list
}
