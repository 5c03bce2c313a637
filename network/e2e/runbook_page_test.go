package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	markdown "github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/claimshare/claimshare/network/supervise"
)

// step is a block of the runbook to be typed, with what it prints.
type step struct {
	section string
	who     string // the first word of the comment that it begins with: "operator" or "manager"
	script  string
	prints  string // "" when the page does not say
	line    int
}

// runbookSteps reads the page: every fenced block "bash" is a step, and a block
// "text" behind one says what it prints.
func runbookSteps(t *testing.T, page string) []step {
	t.Helper()
	source, err := os.ReadFile(page)
	require.NoError(t, err)
	var steps []step
	var section string
	root := goldmark.New(goldmark.WithExtensions(extension.Table)).Parser().Parse(text.NewReader(source))
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *markdown.Heading:
			section = string(n.Lines().Value(source))
		case *markdown.FencedCodeBlock:
			body, line := string(n.Lines().Value(source)), 1+bytes.Count(source[:n.Lines().At(0).Start], []byte("\n"))
			switch string(n.Language(source)) {
			case "bash":
				s := step{section: section, who: "operator", script: body, line: line}
				if strings.HasPrefix(body, "# The system manager") {
					s.who = "manager"
				}
				steps = append(steps, s)
			case "text":
				require.NotEmpty(t, steps, "line %d: nothing printed this", line)
				steps[len(steps)-1].prints = body
			}
		}
	}
	require.NotEmpty(t, steps)
	return steps
}

// pattern is a regular expression for what a step prints: "..." on a line of its
// own is any lines, within a line any text; runs of blanks are one.
func (s step) pattern() *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for line := range strings.Lines(s.prints) {
		line = squeeze(line)
		if line == "..." {
			b.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), `\.\.\.`, `[^\n]*?`) + `\n`)
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

// squeeze is a line without its end, and with runs of blanks made one.
func squeeze(line string) string { return strings.Join(strings.Fields(line), " ") }

// session is somebody's bash, from the first step to the last.
type session struct {
	dir   string
	in    io.WriteCloser
	ended chan error
	n     int
}

// stepPatience is how long a step may take on a machine that does a lot else.
const stepPatience = 4 * time.Minute

func newSession(t *testing.T, dir string, environment []string) *session {
	t.Helper()
	s := &session{dir: dir, ended: make(chan error, 1)}
	command := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eu", "-o", "pipefail")
	command.Env, command.Dir = environment, dir
	log, err := os.Create(filepath.Join(dir, "session.log"))
	require.NoError(t, err)
	command.Stdout, command.Stderr = log, log
	s.in, err = command.StdinPipe()
	require.NoError(t, err)
	go func() { s.ended <- supervise.Run(command) }()
	t.Cleanup(func() {
		_ = s.in.Close() // bash ends with its input
		<-s.ended
		_ = log.Close()
	})
	return s
}

// run types a step and answers what it printed.
func (s *session) run(t *testing.T, what step) string {
	t.Helper()
	s.n++
	name := filepath.Join(s.dir, fmt.Sprintf("step-%02d", s.n))
	require.NoError(t, os.WriteFile(name+".sh", []byte(what.script), 0o600))
	_, err := fmt.Fprintf(s.in, "source %[1]s.sh </dev/null >%[1]s.out 2>&1\ntouch %[1]s.done\n", name)
	require.NoError(t, err)
	printed := func() string {
		raw, _ := os.ReadFile(name + ".out") // what there is
		return string(raw)
	}
	for deadline := time.Now().Add(stepPatience); ; {
		if _, err := os.Stat(name + ".done"); err == nil {
			return printed()
		}
		select {
		case err := <-s.ended:
			s.ended <- err
			require.FailNow(t, "a step of the runbook failed", "docs/operations.md:%d (%s): %v\n%s\nprinted:\n%s", what.line, what.section, err, what.script, printed())
		case <-time.After(glance):
		}
		if time.Now().After(deadline) {
			require.FailNow(t, "a step of the runbook does not end", "docs/operations.md:%d (%s)\n%s\nprinted:\n%s", what.line, what.section, what.script, printed())
		}
	}
}

// check compares what a step printed with what the page says. What it says may
// name variables that were set from the beginning.
func (s step) check(t *testing.T, printed string) {
	t.Helper()
	if s.prints == "" {
		return
	}
	var b strings.Builder
	for line := range strings.Lines(printed) {
		b.WriteString(squeeze(line) + "\n")
	}
	require.Regexp(t, s.pattern(), b.String(), "docs/operations.md:%d (%s)", s.line, s.section)
}

func TestRunbookPattern(t *testing.T) {
	t.Parallel()
	s := step{prints: "status  active\n...\nblocks ... of ...\n"}
	s.check(t, "status    active\nblocks 7 of 7\n")
	s.check(t, "status active\nand\nmore\nblocks 7 of 8\n")
	for _, other := range []string{"", "status active\n", "status active\nblocks 7\n", "status active\nblocks 7 of 8\nmore\n", "no status active\nblocks 1 of 2\n"} {
		require.NotRegexp(t, s.pattern(), other)
	}
}
