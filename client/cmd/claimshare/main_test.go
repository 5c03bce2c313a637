package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"
)

// rig is the real program and a directory with a system and a party.
type rig struct {
	t        *testing.T
	program  string
	dir      string
	identity string
}

func newRig(t *testing.T) rig {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("measures a process as Linux does")
	}
	r := rig{t: t, dir: t.TempDir()}
	r.program = r.path("claimshare")
	build, err := exec.Command("go", "build", "-o", r.program, ".").CombinedOutput()
	require.NoError(t, err, string(build))

	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	r.identity = r.path("identity")
	require.NoError(t, os.WriteFile(r.identity, []byte(identity.String()+"\n"), 0o600))
	recipient := identity.Recipient().String()
	r.run("params", "new", r.path("sys"), "--system", "s", "--recipient", recipient)
	r.run("keys", "new", r.path("alice"), "--recipient", recipient)
	return r
}

func (r rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r rig) command(args ...string) *exec.Cmd { return exec.Command(r.program, args...) }

// run runs the program and answers how much memory it used, in bytes.
func (r rig) run(args ...string) int64 {
	r.t.Helper()
	c := r.command(args...)
	out, err := c.CombinedOutput()
	require.NoError(r.t, err, string(out))
	return c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
}

func (r rig) sealArgs(input, name string) []string {
	return []string{"record", "seal", "--params", r.path("sys.params.json"), "--to", r.path("alice.pub.json"),
		"--label", "l", input, r.path(name)}
}

func (r rig) openArgs(name, target string) []string {
	return []string{"record", "open", "--params", r.path("sys.params.json"), "--key", r.path("alice.key"),
		"--identity", r.identity, r.path(name), target}
}

func (r rig) digest(path string) [32]byte {
	f, err := os.Open(path)
	require.NoError(r.t, err)
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	require.NoError(r.t, err)
	return [32]byte(h.Sum(nil))
}

// A record of any size goes through in constant memory: 64 MiB here, 1 GiB
// with CLAIMSHARE_SOAK=1.
func TestMemoryIsConstant(t *testing.T) {
	const limit = 100 << 20
	size := int64(64 << 20)
	if os.Getenv("CLAIMSHARE_SOAK") != "" {
		size = 1 << 30
	}
	r := newRig(t)
	for _, n := range []int64{0, 1 << 10, size} {
		record, err := os.Create(r.path("record"))
		require.NoError(t, err)
		_, err = io.CopyN(record, rand.NewChaCha8([32]byte{1}), n)
		require.NoError(t, err)
		require.NoError(t, record.Close())
		name := fmt.Sprint("r", n)

		start := time.Now()
		sealed := r.run(r.sealArgs(r.path("record"), name)...)
		sealTime := time.Since(start)
		start = time.Now()
		opened := r.run(r.openArgs(name, r.path("opened"))...)
		openTime := time.Since(start)
		t.Logf("%d bytes: seal %v, %d MiB; open %v, %d MiB", n,
			sealTime.Round(time.Millisecond), sealed>>20, openTime.Round(time.Millisecond), opened>>20)
		require.Less(t, sealed, int64(limit))
		require.Less(t, opened, int64(limit))
		require.Equal(t, r.digest(r.path("record")), r.digest(r.path("opened")))
		require.NoError(t, os.Remove(r.path("opened")))
	}
}

// An interrupted or killed program leaves no part of a record behind.
func TestKilledHalfWay(t *testing.T) {
	r := newRig(t)
	record := r.path("record")
	require.NoError(t, os.WriteFile(record, make([]byte, 4<<20), 0o600))
	r.run(r.sealArgs(record, "r")...)
	payload, err := os.ReadFile(r.path("r.payload"))
	require.NoError(t, err)
	capsule, err := os.ReadFile(r.path("r.capsule"))
	require.NoError(t, err)

	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, os.Kill} {
		t.Run(signal.String(), func(t *testing.T) {
			// The payload comes through a pipe that stays half full.
			name := "half-" + signal.String()
			require.NoError(t, os.WriteFile(r.path(name+".capsule"), capsule, 0o600))
			require.NoError(t, syscall.Mkfifo(r.path(name+".payload"), 0o600))
			out := t.TempDir()
			c := r.command(r.openArgs(name, filepath.Join(out, "record"))...)
			require.NoError(t, c.Start())
			pipe, err := os.OpenFile(r.path(name+".payload"), os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = pipe.Write(payload[:3<<20])
			require.NoError(t, err)
			require.NoError(t, c.Process.Signal(signal))
			time.Sleep(50 * time.Millisecond)
			_, _ = pipe.Write(payload[3<<20 : 3<<20+1])
			require.Error(t, c.Wait())
			pipe.Close()
			if signal != os.Kill {
				require.Equal(t, 130, c.ProcessState.ExitCode())
			}
			left, err := os.ReadDir(out)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}
