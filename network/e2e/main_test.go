package e2e

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/programs"
	"github.com/claimshare/claimshare/network/topology"
)

func TestMain(m *testing.M) {
	if socket := os.Getenv(machineVariable); socket != "" {
		os.Exit(machineCall(socket, os.Args[1:]))
	}
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		// They mostly wait, for blocks above all: processors do not limit them.
		_ = flag.Set("test.parallel", "5")
	}
	os.Exit(m.Run())
}

// soak multiplies doses that a person waits for.
func soak(everyday, long int) int {
	if os.Getenv("CLAIMSHARE_SOAK") != "" {
		return long
	}
	return everyday
}

// hold brings a network up for one test.
func hold(t *testing.T, made topology.Topology) *launch.Network {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	began := time.Now()
	network, err := launch.Hold(t.Context(), made, dir, nil)
	require.NoError(t, err)
	t.Logf("the network was up after %v", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() {
		if err := network.Down(context.Background()); err != nil {
			t.Error(err)
		}
		requireNoProcess(t, dir)
	})
	return network
}

// dial connects to the ledger as the named identity.
func dial(t *testing.T, network *launch.Network, identity string, change ...func(*ledger.Connection)) *ledger.Ledger {
	t.Helper()
	connection, err := ledger.LoadConnection(network.ConnectionFile(identity))
	require.NoError(t, err)
	for _, c := range change {
		c(&connection)
	}
	l, err := ledger.Dial(connection)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// requireNoProcess looks through every process of the machine for one that has
// the directory in its command line or environment.
func requireNoProcess(t *testing.T, dir string) {
	t.Helper()
	const patience = 15 * time.Second
	var found []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if found = processesOf(dir); len(found) == 0 {
			return
		}
	}
	t.Errorf("processes left: %v", found)
}

func processesOf(dir string) []string {
	var found []string
	for _, file := range []string{"cmdline", "environ"} {
		paths, _ := filepath.Glob(filepath.Join("/proc", "[0-9]*", file)) // the pattern is valid
		for _, path := range paths {
			raw, err := os.ReadFile(path)
			if err == nil && strings.Contains(string(raw), dir) {
				found = append(found, path+": "+strings.ReplaceAll(string(raw), "\x00", " "))
			}
		}
	}
	return found
}

func checkout(t *testing.T) string {
	t.Helper()
	root, err := programs.Checkout()
	require.NoError(t, err)
	return root
}
