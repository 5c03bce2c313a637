package launch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/network/launch"
)

// A person's session with the program, and two ways to end it rudely.
func TestSession(t *testing.T) {
	program := filepath.Join(t.TempDir(), "claimshare-network")
	output, err := exec.Command("go", "build", "-o", program, "../cmd/claimshare-network").CombinedOutput()
	require.NoError(t, err, string(output))
	dir := filepath.Join(t.TempDir(), "run")
	t.Cleanup(func() {
		_ = exec.Command(program, "down", "--dir", dir).Run()
		requireNoProcess(t, dir)
	})
	up := func() *exec.Cmd { return exec.Command(program, "up", "--chaincode", "test", "--dir", dir) }

	for _, end := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		started := up()
		require.NoError(t, started.Start())
		require.Eventually(t, func() bool { // half-way: processes run, the channel does not
			_, err := os.Stat(filepath.Join(dir, "supervisor", "status.json"))
			return err == nil
		}, time.Minute, 5*time.Millisecond)
		require.NoError(t, started.Process.Signal(end))
		err := started.Wait()
		require.Error(t, err)
		if end == syscall.SIGINT {
			require.Equal(t, 130, started.ProcessState.ExitCode())
		}
		requireNoProcess(t, dir)
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "supervisor")))
	}

	output, err = up().CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "clear an unfinished start")
	require.Contains(t, string(output), "the network is up after")

	// up has ended, and what it started has not.
	code, stdout, stderr := command(t, program, "status", "--dir", dir, "--output", "json")
	require.Zero(t, code, stderr)
	var status launch.Status
	require.NoError(t, json.Unmarshal([]byte(stdout), &status))
	require.Equal(t, launch.Running, status.Condition)
	code, stdout, _ = command(t, program, "status", "--dir", dir)
	require.Zero(t, code)
	require.Contains(t, stdout, "insurer1.peer0.chaincode")
	require.NotContains(t, stdout, "\x1b", "colours are for terminals")

	code, _, stderr = command(t, program, "up", "--chaincode", "test", "--dir", dir)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "already running")

	code, stdout, _ = command(t, program, "down", "--purge", "--dir", dir)
	require.Zero(t, code)
	require.Equal(t, "the network is down and its state removed\n", stdout)
	requireNoProcess(t, dir)
	require.NoDirExists(t, dir)
}

// command runs the program to its end.
func command(t *testing.T, program string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	one := exec.Command(program, args...)
	one.Stdout, one.Stderr = &out, &errs
	err := one.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return one.ProcessState.ExitCode(), out.String(), errs.String()
}
