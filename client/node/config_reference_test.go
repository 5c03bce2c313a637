package node

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the tables in docs/configuration.md anew")

const reference = "../../docs/configuration.md"

// TestTheReference compares the tables of docs/configuration.md with the program:
// every field and every variable has its row.
func TestTheReference(t *testing.T) {
	var rows, variables strings.Builder
	rows.WriteString("| field | variable | flag | default | what |\n|---|---|---|---|---|\n")
	for _, f := range Fields() {
		without := "none"
		if f.Default != "" {
			without = f.Default
		}
		fmt.Fprintf(&rows, "| `%s` | `%s` | `--%s` | %s | %s |\n", f.Path, f.Variable(), f.Flag(), without, f.Help)
	}
	variables.WriteString("| variable | in the file | what |\n|---|---|---|\n")
	for _, v := range ConnectionVariables() {
		fmt.Fprintf(&variables, "| `%s` | %s | %s |\n", v.Name, "`"+strings.ReplaceAll(v.Field, ", ", "`, `")+"`", v.Help)
	}
	raw, err := os.ReadFile(reference)
	require.NoError(t, err)
	text := string(raw)
	for name, table := range map[string]string{"fields": rows.String(), "variables": variables.String()} {
		_, after, found := strings.Cut(text, "<!-- "+name)
		require.True(t, found)
		comment, after, _ := strings.Cut(after, "-->\n")
		have, _, found := strings.Cut(after, "<!-- end of "+name+" -->")
		require.True(t, found)
		if *update {
			mark := "<!-- " + name + comment + "-->\n"
			text = strings.Replace(text, mark+have, mark+table, 1)
			continue
		}
		require.Equal(t, table, have, "go test ./node -run TestTheReference -update")
	}
	if *update {
		require.NoError(t, os.WriteFile(reference, []byte(text), 0o644))
	}
}

// What is left out is what the reference calls its default.
func TestDefaultsAreAsTheReferenceHasThem(t *testing.T) {
	_, path := configFile(t, whole)
	s, err := Sources{File: path}.Read()
	require.NoError(t, err)
	for _, f := range fields {
		if s.Origin(f.Path).Source != FromDefault {
			continue
		}
		want := f.Default
		switch f.Path {
		case "payloads":
			want = s.Config.Store + ".payloads"
		case "submit", "wallets.enrolmentsPerSecond":
			want = "" // decided where it is used
		}
		require.Equal(t, want, cmp.Or(s.Value(f.Path), ""), f.Path)
	}
}
