package e2e

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/network/programs"
)

// TestUnmodifiedScripts runs network.sh itself, from a copy of fabric-samples
// that CLAIMSHARE_FABRIC_SAMPLES names. It is off otherwise: the repository has
// no copy, and the scripts need three fixed ports.
func TestUnmodifiedScripts(t *testing.T) {
	samplesDir := os.Getenv("CLAIMSHARE_FABRIC_SAMPLES")
	if samplesDir == "" {
		t.Skip("set CLAIMSHARE_FABRIC_SAMPLES to a checkout of fabric-samples to run its scripts")
	}
	root := checkout(t)
	fabric, err := programs.Fabric(t.Context(), root, nil)
	require.NoError(t, err)
	network := hold(t, testNetwork())
	s := newSamples(t, network, fabric)
	for port, address := range map[string]string{"7050": s.address["ordering.orderer"], "7051": s.endpoint(1), "9051": s.endpoint(2)} {
		forward(t, "127.0.0.1:"+port, address)
	}
	// The scripts find certificates, configuration and programs around them.
	copied := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(copied, "test-network"), os.DirFS(filepath.Join(samplesDir, "test-network"))))
	home := filepath.Join(copied, "test-network")
	require.NoError(t, os.RemoveAll(filepath.Join(home, "organizations")))
	require.NoError(t, os.Symlink(s.crypto, filepath.Join(home, "organizations")))
	require.NoError(t, os.Symlink(s.config, filepath.Join(copied, "config")))
	require.NoError(t, os.Symlink(filepath.Dir(fabric.Peer), filepath.Join(copied, "bin")))

	tool := buildPackageCommand(t, root)
	source := filepath.Join(makePackage(t, tool, []string{s.agency(1)}), "source")

	script := func(args ...string) {
		command := exec.CommandContext(t.Context(), filepath.Join(home, "network.sh"), append(args, "-ccp", source, "-ccep", "OR('Org1MSP.peer')")...)
		command.Dir = home
		output, err := command.CombinedOutput()
		t.Logf("%s", output)
		require.NoError(t, err)
		require.Contains(t, string(output), "Query chaincode definition successful on peer0.org2")
	}
	script("deployCC", "-ccl", "go", "-ccn", "claimshare")
	script("deployCCAAS", "-ccaasdocker", "false", "-ccn", "claimshare-service") // it has no Docker to start the service with

	s.name = "claimshare"
	_, err = s.invoke(1, []int{1}, record.TxInitSystem, setup(t, tool))
	require.NoError(t, err)
	require.True(t, strings.Contains(s.query(1, record.TxSystem), `"chaincode":"claimshare"`))
}

// forward passes connections on until the test ends.
func forward(t *testing.T, from, to string) {
	t.Helper()
	listener, err := net.Listen("tcp", from)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { pipe(ctx, conn, to) })
		}
	})
	t.Cleanup(func() {
		cancel()
		listener.Close()
		running.Wait()
	})
}

func pipe(ctx context.Context, conn net.Conn, to string) {
	defer conn.Close()
	other, err := new(net.Dialer).DialContext(ctx, "tcp", to)
	if err != nil {
		return
	}
	defer other.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close(); other.Close() })
	defer stop()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(conn, other) // ends, one way or another, with the connection
		conn.Close()
	})
	_, _ = io.Copy(other, conn)
	other.Close()
	back.Wait()
}
