package supervise

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProcessIsRestarted(t *testing.T) {
	dir := t.TempDir()
	started := start(t, dir, script(dir, "short", "exit 3"), script(dir, "long", "exec sleep 1000"))
	require.NoError(t, started.Keep())
	require.Eventually(t, func() bool {
		status, err := Read(dir)
		return err == nil && status.Processes[0].Restarts >= 2
	}, 5*time.Second, 20*time.Millisecond)
	status, err := Read(dir)
	require.NoError(t, err)
	require.Equal(t, "exit status 3", status.Processes[0].LastExit)
	require.Zero(t, status.Processes[1].Restarts)

	// What is killed comes back under another number.
	before := status.Processes[1].PID
	require.NoError(t, syscall.Kill(before, syscall.SIGKILL))
	require.Eventually(t, func() bool {
		status, err := Read(dir)
		return err == nil && status.Processes[1].Restarts == 1 && status.Processes[1].PID != 0 && status.Processes[1].PID != before
	}, 5*time.Second, 20*time.Millisecond)
	require.NoError(t, Stop(t.Context(), dir))
	_, err = Read(dir)
	require.ErrorIs(t, err, ErrNotRunning)
	require.ErrorIs(t, Stop(t.Context(), dir), ErrNotRunning)
}

func TestKilledSupervisorTakesItsProcessesAlong(t *testing.T) {
	dir := t.TempDir()
	started := start(t, dir, script(dir, "a", "exec sleep 1000"), script(dir, "b", "exec sleep 1000"))
	require.NoError(t, started.Keep())
	status, err := Read(dir)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(status.PID, syscall.SIGKILL))
	for _, process := range status.Processes {
		requireGone(t, process.PID)
	}
	var last *Status
	require.Eventually(t, func() bool { // its last thread may end a little after its processes
		last, err = Read(dir)
		return errors.Is(err, ErrNotRunning)
	}, 5*time.Second, 10*time.Millisecond)
	require.NotNil(t, last, "a supervisor that died leaves its last words")
	require.NoError(t, Forget(dir))
	last, err = Read(dir)
	require.ErrorIs(t, err, ErrNotRunning)
	require.Nil(t, last)
}

func TestSupervisorEndsWithAStarterThatNeverLetGo(t *testing.T) {
	dir := t.TempDir()
	started := start(t, dir, script(dir, "a", "exec sleep 1000"))
	status, err := Read(dir)
	require.NoError(t, err)
	started.Abort() // closes the leash, as the kernel does when the starter is killed
	requireGone(t, status.PID)
	requireGone(t, status.Processes[0].PID)
}

func TestSupervisorEndsWhenItsDirectoryIsRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "supervisor")
	started := start(t, dir, script(filepath.Dir(dir), "a", "exec sleep 1000"))
	require.NoError(t, started.Keep())
	status, err := Read(dir)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(dir))
	requireGone(t, status.PID)
	requireGone(t, status.Processes[0].PID)
}

func TestSecondSupervisorIsRefused(t *testing.T) {
	dir := t.TempDir()
	started := start(t, dir, script(dir, "a", "exec sleep 1000"))
	require.ErrorContains(t, Serve(dir, os.Stdin), "another supervisor")
	started.Abort()
}

func TestStartReportsAProgramThatCannotRun(t *testing.T) {
	dir := t.TempDir()
	missing := Process{Name: "missing", Path: filepath.Join(dir, "missing"), Dir: dir, Log: filepath.Join(dir, "log")}
	_, err := Start(t.Context(), supervisorProgram(t), dir, Plan{Processes: []Process{missing}})
	require.ErrorContains(t, err, "missing cannot be started")
	_, err = Read(dir)
	require.ErrorIs(t, err, ErrNotRunning)
}

func TestRunReturnsTheCommandsResult(t *testing.T) {
	require.NoError(t, Run(exec.Command("true")))
	require.Error(t, Run(exec.Command("false")))
}

func script(dir, name, body string) Process {
	return Process{
		Name: name, Path: "/bin/sh", Args: []string{"-c", body}, Env: []string{"PATH=" + os.Getenv("PATH")},
		Dir: dir, Log: filepath.Join(dir, name+".log"),
	}
}

func start(t *testing.T, dir string, processes ...Process) *Supervisor {
	t.Helper()
	started, err := Start(t.Context(), supervisorProgram(t), dir, Plan{Processes: processes})
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := Stop(context.Background(), dir); err != nil && !errors.Is(err, ErrNotRunning) {
			t.Error(err)
		}
	})
	return started
}

func supervisorProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "claimshare-supervisor")
	output, err := exec.Command("go", "build", "-o", program, "../cmd/claimshare-supervisor").CombinedOutput()
	require.NoError(t, err, string(output))
	return program
}

// requireGone accepts a process that has ended and that nobody has asked about:
// its parent may be a container's first process, which does not always ask.
func requireGone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool {
		environment, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		return err != nil || len(environment) == 0
	}, 5*time.Second, 10*time.Millisecond, "process %d still lives", pid)
}
