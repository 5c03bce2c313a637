package launch_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hyperledger/fabric-admin-sdk/pkg/identity"
	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/hash"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/topology"
)

// One network of real programs, taken through its whole life.
func TestNetwork(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	network := hold(t, dir)

	insurer, shop := contract(t, network, "insurer1"), contract(t, network, "shop2")
	put(t, insurer, "k", "v1")
	requireValue(t, shop, "k", "v1")

	t.Run("insurer endorsing alone", func(t *testing.T) {
		proposal, err := insurer.NewProposal("Put", client.WithArguments("k", "forged"), client.WithEndorsingOrganizations("Insurer1MSP"))
		require.NoError(t, err)
		endorsed, err := proposal.Endorse()
		require.NoError(t, err)
		commit, err := endorsed.Submit()
		require.NoError(t, err)
		status, err := commit.Status()
		require.NoError(t, err)
		require.Equal(t, peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE, status.Code)
		requireValue(t, shop, "k", "v1")
	})

	t.Run("batch", func(t *testing.T) {
		const wait = 3 * time.Second
		require.NoError(t, network.SetBatch(t.Context(), topology.Batch{MaxMessages: 20, Timeout: wait}))
		require.NoError(t, network.SetBatch(t.Context(), topology.Batch{MaxMessages: 20, Timeout: wait}), "no change is no error")
		blocks := putMany(t, insurer, 25)
		require.Len(t, blocks, 2)
		var sizes []int
		for _, size := range blocks {
			sizes = append(sizes, size)
		}
		require.ElementsMatch(t, []int{20, 5}, sizes)
		require.NoError(t, network.SetBatch(t.Context(), topology.Development().Ordering.Batch))
	})

	t.Run("killed processes come back", func(t *testing.T) {
		for _, name := range []string{"sm.peer0", "sm.peer0.chaincode", "ordering.orderer0"} {
			before := process(t, network, name)
			require.NoError(t, syscall.Kill(before.PID, syscall.SIGKILL))
			require.Eventually(t, func() bool {
				now := process(t, network, name)
				return now.Restarts > before.Restarts && now.PID != 0 && now.PID != before.PID
			}, 10*time.Second, 50*time.Millisecond, name)
		}
		put(t, insurer, "k", "v2")
		requireValue(t, shop, "k", "v2")
	})

	t.Run("running twice", func(t *testing.T) {
		_, err := launch.Up(t.Context(), topology.Development().WithTestChaincode(), dir, nil)
		require.ErrorIs(t, err, launch.ErrRunning)
		require.ErrorContains(t, network.Remove(), "running")
	})

	t.Run("private files", func(t *testing.T) { requirePrivate(t, dir) })

	t.Run("killed supervisor leaves nothing", func(t *testing.T) {
		status, err := network.Status()
		require.NoError(t, err)
		require.Equal(t, launch.Running, status.Condition)
		require.Len(t, status.Processes, 11)
		require.NoError(t, syscall.Kill(status.Supervisor, syscall.SIGKILL))
		requireNoProcess(t, dir)
		require.Eventually(t, func() bool {
			status, err := network.Status()
			return err == nil && status.Condition == launch.Crashed
		}, 5*time.Second, 20*time.Millisecond)
	})

	t.Run("restarted with its ledger", func(t *testing.T) {
		_, err := launch.Hold(t.Context(), topology.Paper().WithTestChaincode(), dir, nil)
		require.ErrorContains(t, err, "another topology")
		network = hold(t, dir)
		insurer = contract(t, network, "insurer1")
		requireValue(t, insurer, "k", "v2")
		put(t, insurer, "k", "v3")
	})

	t.Run("down", func(t *testing.T) {
		require.NoError(t, network.Down(t.Context()))
		requireNoProcess(t, dir)
		status, err := network.Status()
		require.NoError(t, err)
		require.Equal(t, launch.Stopped, status.Condition)
		require.NoError(t, network.Down(t.Context()), "down twice")
		require.NoError(t, network.Remove())
		require.NoDirExists(t, dir)
		_, err = launch.Open(dir)
		require.ErrorIs(t, err, launch.ErrNoNetwork)
	})
}

// An Up that is given up half-way, at various moments, must leave no process,
// and must not keep the next one from working. Meanwhile another network runs.
func TestGivenUpHalfWayBesideAnotherNetwork(t *testing.T) {
	other := hold(t, filepath.Join(t.TempDir(), "other"))
	dir := filepath.Join(t.TempDir(), "run")
	for _, after := range []time.Duration{100 * time.Millisecond, 700 * time.Millisecond, 1500 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		network, err := launch.Up(ctx, topology.Development().WithTestChaincode(), dir, nil)
		cancel()
		if err == nil { // a quick machine
			require.NoError(t, network.Down(t.Context()))
		} else {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		requireNoProcess(t, dir)
	}
	network := hold(t, dir)
	put(t, contract(t, network, "shop1"), "where", "here")
	put(t, contract(t, other, "shop1"), "where", "there")
	requireValue(t, contract(t, network, "insurer2"), "where", "here")
	requireValue(t, contract(t, other, "insurer2"), "where", "there")
	for _, one := range append(status(t, network).Processes, status(t, other).Processes...) {
		require.Zero(t, one.Restarts, one.Name)
	}
}

// The same topology value with more orderers, of either protocol, must work as
// it is.
func TestLargerOrderingServices(t *testing.T) {
	for _, one := range []struct {
		consensus topology.Consensus
		orderers  []string
	}{
		{topology.Raft, []string{"orderer0", "orderer1", "orderer2"}},
		{topology.BFT, []string{"orderer0", "orderer1", "orderer2", "orderer3"}},
	} {
		t.Run(string(one.consensus), func(t *testing.T) {
			larger := topology.Development().WithTestChaincode()
			larger.Ordering.Consensus = one.consensus
			larger.Organizations[0].Orderers = one.orderers
			network := holdTopology(t, larger, filepath.Join(t.TempDir(), "run"))
			put(t, contract(t, network, "insurer1"), "k", "v")
			requireValue(t, contract(t, network, "shop2"), "k", "v")
			require.NoError(t, network.SetBatch(t.Context(), topology.Batch{MaxMessages: 20, Timeout: 2 * time.Second}))
			began := time.Now()
			put(t, contract(t, network, "insurer1"), "k", "w")
			require.Greater(t, time.Since(began), time.Second, "the batch waits for more")
		})
	}
}

func TestForeignDirectoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious.txt")
	require.NoError(t, os.WriteFile(precious, []byte("x"), 0o600))
	_, err := launch.Up(t.Context(), topology.Development().WithTestChaincode(), dir, nil)
	require.ErrorContains(t, err, "precious.txt")
	require.FileExists(t, precious)
}

func hold(t *testing.T, dir string) *launch.Network {
	t.Helper()
	return holdTopology(t, topology.Development().WithTestChaincode(), dir)
}

func holdTopology(t *testing.T, made topology.Topology, dir string) *launch.Network {
	t.Helper()
	began := time.Now()
	network, err := launch.Hold(t.Context(), made, dir, nil)
	require.NoError(t, err)
	t.Logf("up after %v", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() {
		if err := network.Down(context.Background()); err != nil {
			t.Error(err)
		}
		requireNoProcess(t, dir)
	})
	return network
}

func status(t *testing.T, network *launch.Network) *launch.Status {
	t.Helper()
	found, err := network.Status()
	require.NoError(t, err)
	return found
}

func process(t *testing.T, network *launch.Network, name string) launch.Process {
	t.Helper()
	for _, one := range status(t, network).Processes {
		if one.Name == name {
			return one
		}
	}
	t.Fatalf("no process %s", name)
	return launch.Process{}
}

func contract(t *testing.T, network *launch.Network, name string) *client.Contract {
	t.Helper()
	connection, err := network.Connection(name)
	require.NoError(t, err)
	at := connection.Peers[0]
	root, err := credentials.NewClientTLSFromFile(at.TLSRootCert, at.ServerName)
	require.NoError(t, err)
	conn, err := grpc.NewClient(at.Endpoint, grpc.WithTransportCredentials(root))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	certificate, err := identity.ReadCertificate(connection.ClientCert)
	require.NoError(t, err)
	key, err := identity.ReadPrivateKey(connection.ClientKey)
	require.NoError(t, err)
	who, err := identity.NewPrivateKeySigningIdentity(connection.MSPID, certificate, key)
	require.NoError(t, err)
	gateway, err := client.Connect(who, client.WithSign(who.Sign), client.WithHash(hash.NONE), client.WithClientConnection(conn))
	require.NoError(t, err)
	t.Cleanup(func() { gateway.Close() })
	return gateway.GetNetwork(connection.Channel).GetContract(connection.Chaincode)
}

// put tries again while the network recovers from what a test did to it.
func put(t *testing.T, contract *client.Contract, key, value string) {
	t.Helper()
	var err error
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err = contract.SubmitWithContext(ctx, "Put", client.WithArguments(key, value), client.WithEndorsingOrganizations("SMMSP"))
		return err == nil
	}, 30*time.Second, 100*time.Millisecond, "put %s: %v", key, &err)
}

func requireValue(t *testing.T, contract *client.Contract, key, value string) {
	t.Helper()
	require.Eventually(t, func() bool { // a peer may be a block behind
		got, err := contract.Evaluate("Get", client.WithArguments(key))
		return err == nil && string(got) == value
	}, 10*time.Second, 100*time.Millisecond, "%s should be %s", key, value)
}

// putMany submits n values at once and counts how many landed in which block.
func putMany(t *testing.T, contract *client.Contract, n int) map[uint64]int {
	t.Helper()
	var running sync.WaitGroup
	var mu sync.Mutex
	blocks := map[uint64]int{}
	for i := range n {
		running.Add(1)
		go func() {
			defer running.Done()
			_, commit, err := contract.SubmitAsync("Put", client.WithArguments("many"+string(rune('a'+i)), "x"), client.WithEndorsingOrganizations("SMMSP"))
			if err != nil {
				t.Error(err)
				return
			}
			status, err := commit.Status()
			if err != nil || !status.Successful {
				t.Error(status, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			blocks[status.BlockNumber]++
		}()
	}
	running.Wait()
	return blocks
}

// requireNoProcess looks through every process of the machine for one that has
// the directory in its command line or environment.
func requireNoProcess(t *testing.T, dir string) {
	t.Helper()
	var found []string
	require.Eventually(t, func() bool {
		found = processesOf(dir)
		return len(found) == 0
	}, 15*time.Second, 50*time.Millisecond, "processes left: %v", &found)
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

func requirePrivate(t *testing.T, dir string) {
	t.Helper()
	const others = 0o077
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if os.IsNotExist(err) { // a running database drops files
			return nil
		}
		require.NoError(t, err)
		info, err := entry.Info()
		if os.IsNotExist(err) || entry.Type()&os.ModeSymlink != 0 {
			return nil
		}
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&others, "%s may be read by others", path)
		return nil
	})
	require.NoError(t, err)
}
