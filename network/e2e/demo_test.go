package e2e

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/story"
)

// TestDemo runs the demonstration as a person does: twice at the same time,
// and killed in the middle; what a kill leaves does not
// keep the next one from playing.
func TestDemo(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "claimshare-network")
	goCommand(t, "..", nil, "build", "-o", program, "./cmd/claimshare-network")
	first, second := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second")
	t.Cleanup(func() {
		for _, dir := range []string{first, second} {
			_ = exec.Command(program, "down", "--dir", dir).Run() // after a failure only
			requireNoProcess(t, dir)
		}
	})

	t.Run("two at the same time", func(t *testing.T) {
		var forPerson, forProgram []byte
		var both errgroup.Group
		both.Go(func() (err error) {
			forPerson, err = exec.CommandContext(t.Context(), program, "demo", "--dir", first).Output()
			return err
		})
		both.Go(func() (err error) {
			forProgram, err = exec.CommandContext(t.Context(), program, "demo", "--dir", second, "--output", "json").Output()
			return err
		})
		require.NoError(t, both.Wait())
		requireNoProcess(t, first)
		requireNoProcess(t, second)

		require.NotContains(t, string(forPerson), "\x1b", "colours are for terminals")
		for line := range strings.Lines(string(forPerson)) {
			if !strings.Contains(line, first) { // a path may be long
				require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), 100, line)
			}
		}
		var report story.Report
		require.NoError(t, json.Unmarshal(forProgram, &report))
		require.NotEmpty(t, report.Scenes)
		for _, scene := range report.Scenes {
			require.Contains(t, string(forPerson), scene.Title)
		}
	})
	t.Run("killed", func(t *testing.T) {
		demo, rest := demoUntilItPlays(t, program, first)
		require.NoError(t, demo.Process.Kill())
		<-rest
		require.Error(t, demo.Wait())
		requireNoProcess(t, first)
	})
	t.Run("supervisor killed", func(t *testing.T) {
		demo, rest := demoUntilItPlays(t, program, first)
		network, err := launch.Open(first)
		require.NoError(t, err)
		status, err := network.Status()
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(status.Supervisor, syscall.SIGKILL))
		said := <-rest
		require.Error(t, demo.Wait())
		require.Contains(t, said, "the network died")
		requireNoProcess(t, first)
	})
}

// demoUntilItPlays starts a demonstration and returns after its first scene. The
// channel tells the rest of what it says.
func demoUntilItPlays(t *testing.T, program, dir string) (*exec.Cmd, <-chan string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, "demo", "--output", "json", "--dir", dir)
	stderr, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	lines := bufio.NewScanner(stderr)
	var heard strings.Builder
	for lines.Scan() {
		heard.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "scene  1") {
			rest := make(chan string, 1)
			go func() {
				var said strings.Builder
				for lines.Scan() {
					said.WriteString(lines.Text() + "\n")
				}
				rest <- said.String()
			}()
			return command, rest
		}
	}
	require.NoError(t, command.Wait())
	t.Fatalf("the demonstration did not begin:\n%s", heard.String())
	return nil, nil
}
