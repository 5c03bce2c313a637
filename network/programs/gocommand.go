package programs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/claimshare/claimshare/network/progress"
	"github.com/claimshare/claimshare/network/supervise"
)

// goCommand runs the go program in a module on its own, outside any workspace.
func goCommand(ctx context.Context, module string, args []string, output io.Writer) error {
	var kept bytes.Buffer
	command := newGoCommand(ctx, module, args)
	command.Stdout = io.MultiWriter(&kept, output)
	command.Stderr = command.Stdout
	if err := supervise.Run(command); err != nil {
		return explain(ctx, err, kept.String())
	}
	return nil
}

func goOutput(ctx context.Context, module string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	command := newGoCommand(ctx, module, args)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := supervise.Run(command); err != nil {
		return "", explain(ctx, err, stderr.String())
	}
	return stdout.String(), nil
}

func newGoCommand(ctx context.Context, module string, args []string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = module
	command.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGINT) }
	command.WaitDelay = 5 * time.Second
	return command
}

func explain(ctx context.Context, err error, output string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("the go command is not in PATH: install Go 1.26 or newer: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(output), "\n")
	kept := lines[:0]
	for _, line := range lines { // -v prints a line for each package that went well
		if strings.Contains(line, " ") || strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	const most = 20
	if len(kept) > most {
		kept = kept[len(kept)-most:]
	}
	return fmt.Errorf("go build: %w\n%s", err, strings.Join(kept, "\n"))
}

// countPackages is for the progress display alone: 0 means unknown.
func countPackages(ctx context.Context, module, pkg string, phase *progress.Phase) int {
	phase.Detail("fetching sources")
	list, err := goOutput(ctx, module, "list", "-deps", pkg)
	if err != nil {
		return 0 // go build will meet the same obstacle and say what it is
	}
	return strings.Count(list, "\n")
}

// counter turns the lines of `go build -v` into progress.
type counter struct {
	phase       *progress.Phase
	total, done int
}

func newCounter(phase *progress.Phase, total int) *counter {
	return &counter{phase: phase, total: total}
}

func (c *counter) Write(output []byte) (int, error) {
	c.done += bytes.Count(output, []byte("\n"))
	if c.total > 0 {
		c.phase.Detail("%d of at most %d packages compiled", min(c.done, c.total), c.total)
	} else {
		c.phase.Detail("%d packages compiled", c.done)
	}
	return len(output), nil
}
