package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/claimshare/claimshare/network/filelock"
)

// Supervisor is one that this process has started and still answers for: if
// this process ends before Keep, the supervisor ends everything.
type Supervisor struct {
	dir   string
	leash *os.File
	ended chan struct{}
}

// Start runs the plan under a new detached supervisor whose files are in dir,
// and returns when every process has been started once.
func Start(ctx context.Context, program, dir string, plan Plan) (*Supervisor, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("start the supervisor: %w", err)
	}
	if err := writeJSON(filepath.Join(dir, planFile), plan); err != nil {
		return nil, fmt.Errorf("write the supervisor's plan: %w", err)
	}
	output, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start the supervisor: %w", err)
	}
	defer output.Close()
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the supervisor: %w", err)
	}
	defer theirs.Close()
	command := exec.Command(program, "--dir", dir)
	command.Dir = dir
	command.Stdout, command.Stderr = output, output
	command.ExtraFiles = []*os.File{theirs} // file descriptor 3
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		ours.Close()
		return nil, fmt.Errorf("start the supervisor: %w", err)
	}
	started := &Supervisor{dir: dir, leash: ours, ended: make(chan struct{})}
	go func() {
		_ = command.Wait()
		close(started.ended)
	}()
	if err := started.waitForProcesses(ctx); err != nil {
		started.Abort()
		return nil, err
	}
	return started, nil
}

func (s *Supervisor) waitForProcesses(ctx context.Context) error {
	for {
		status, err := Read(s.dir)
		if err == nil {
			if started, err := allStarted(status); started || err != nil {
				return err
			}
		}
		if err != nil && !errors.Is(err, ErrNotRunning) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ended:
			return fmt.Errorf("the supervisor ended at once: %s", lastLine(filepath.Join(s.dir, logFile)))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func allStarted(status *Status) (bool, error) {
	for _, process := range status.Processes {
		switch {
		case !process.Started.IsZero():
		case process.LastExit != "":
			return false, fmt.Errorf("%s cannot be started: %s", process.Name, process.LastExit)
		default:
			return false, nil
		}
	}
	return true, nil
}

// Keep lets the supervisor live on after this process.
func (s *Supervisor) Keep() error {
	defer s.leash.Close()
	if _, err := s.leash.Write([]byte{keep}); err != nil {
		return fmt.Errorf("let the supervisor go on alone: %w", err)
	}
	return nil
}

// Abort ends the supervisor and its processes, and waits for that.
func (s *Supervisor) Abort() {
	s.leash.Close()
	<-s.ended
}

// Ended is closed when the supervisor is gone.
func (s *Supervisor) Ended() <-chan struct{} { return s.ended }

// Stop ends the supervisor in dir with its processes and waits for that. It
// returns ErrNotRunning when there is none.
func Stop(ctx context.Context, dir string) error {
	status, err := Read(dir)
	if err != nil {
		return err
	}
	if err := syscall.Kill(status.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop the supervisor (process %d): %w", status.PID, err)
	}
	held, err := filelock.Wait(ctx, filepath.Join(dir, lockFile), nil)
	if err != nil {
		return fmt.Errorf("wait for the supervisor (process %d) to end: %w", status.PID, err)
	}
	held.Release()
	return nil
}

func lastLine(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return lines[len(lines)-1]
}

// Forget removes the last words of a supervisor that died.
func Forget(dir string) error {
	err := os.Remove(filepath.Join(dir, statusFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
