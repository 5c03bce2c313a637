package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/network/launch"
)

func TestUsageErrors(t *testing.T) {
	for _, args := range [][]string{
		{"status", "--output", "xml"}, {"up", "--profile", "production"}, {"down", "now"}, {"up", "--nonsense"},
	} {
		code, stdout, stderr := command(args...)
		require.Equal(t, exitUsage, code, args)
		require.Empty(t, stdout)
		require.True(t, strings.HasPrefix(stderr, "claimshare-network: "), stderr)
	}
}

func TestWithoutANetwork(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	code, _, stderr := command("status", "--dir", dir)
	require.Equal(t, exitNotRunning, code)
	require.Contains(t, stderr, "make one with `up`")
	code, stdout, _ := command("down", "--dir", dir)
	require.Zero(t, code)
	require.Equal(t, "there is no network to stop\n", stdout)
	code, stdout, _ = command("down", "--dir", dir, "--output", "json")
	require.Zero(t, code)
	require.JSONEq(t, `{"condition":"stopped","removed":false}`, stdout)
	require.NoDirExists(t, dir)
}

// A person's session with the program, and two ways to end it rudely.
func TestSession(t *testing.T) {
	program := filepath.Join(t.TempDir(), "claimshare-network")
	output, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
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
			require.Equal(t, exitInterrupted, started.ProcessState.ExitCode())
		}
		requireNoProcess(t, dir)
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "supervisor")))
	}

	output, err = up().CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "clear an unfinished start")
	require.Contains(t, string(output), "the network is up after")

	// up has ended, and what it started has not.
	code, stdout, stderr := command("status", "--dir", dir, "--output", "json")
	require.Zero(t, code, stderr)
	var status launch.Status
	require.NoError(t, json.Unmarshal([]byte(stdout), &status))
	require.Equal(t, launch.Running, status.Condition)
	code, stdout, _ = command("status", "--dir", dir)
	require.Zero(t, code)
	require.Contains(t, stdout, "insurer1.peer0.chaincode")
	require.NotContains(t, stdout, "\x1b", "colours are for terminals")

	code, _, stderr = command("up", "--chaincode", "test", "--dir", dir)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "already running")

	code, stdout, _ = command("down", "--purge", "--dir", dir)
	require.Zero(t, code)
	require.Equal(t, "the network is down and its state removed\n", stdout)
	requireNoProcess(t, dir)
	require.NoDirExists(t, dir)
}

func command(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, &out, &errs)
	return code, out.String(), errs.String()
}

func requireNoProcess(t *testing.T, dir string) {
	t.Helper()
	require.Eventually(t, func() bool {
		paths, _ := filepath.Glob("/proc/[0-9]*") // the pattern is valid
		for _, process := range paths {
			for _, file := range []string{"cmdline", "environ"} {
				raw, err := os.ReadFile(filepath.Join(process, file))
				if err == nil && strings.Contains(string(raw), dir) {
					return false
				}
			}
		}
		return true
	}, 15*time.Second, 20*time.Millisecond, "processes of %s are left", dir)
}
