package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/programs"
	"github.com/claimshare/claimshare/network/supervise"
)

const (
	oldestGo = "go1.23.5" // of the oldest chaincode environment that is supported
	patience = time.Minute
	tick     = 200 * time.Millisecond
)

// TestDeploy follows docs/deploy.md on the network of fabric-samples, with real
// peers and Fabric's own commands. Only Docker is replaced, by a builder that
// compiles the package in the same way: offline, from its vendor folder, with
// the oldest Go.
func TestDeploy(t *testing.T) {
	t.Parallel()
	root := checkout(t)
	fabric, err := programs.Fabric(t.Context(), root, nil)
	require.NoError(t, err)
	network := hold(t, testNetwork())
	s := newSamples(t, network, fabric)
	address := freeAddress(t)
	tool := buildPackageCommand(t, root)
	out := makePackage(t, tool, []string{s.agency(1)}, "--address", address)
	golang, service := filepath.Join(out, "claimshare_1.0.golang.tar.gz"), filepath.Join(out, "claimshare_1.0.ccaas.tar.gz")

	s.name, s.version, s.source = "claimshare", "1.0", filepath.Join(out, "source")
	s.packageCC()
	require.Equal(t, s.id(golang), s.packageID, "the script and make package pack the same")
	program := buildOffline(t, root, golang)

	t.Run("deployCC", func(t *testing.T) { deployCC(t, s.in(t), tool) })
	t.Run("the SDK", func(t *testing.T) { requireSDK(t, s.in(t), network) })
	t.Run("metadata", func(t *testing.T) { requireMetadata(t, s.in(t).query(2, "org.hyperledger.fabric:GetMetadata")) })
	t.Run("as a service", func(t *testing.T) { deployService(t, s.in(t), tool, program, service, address) })
	t.Run("upgrade to several agencies", func(t *testing.T) { upgrade(t, s.in(t), tool) })
}

// setup makes parameters and has the command turn them into the argument of
// registry:InitSystem.
func setup(t *testing.T, tool string) string {
	t.Helper()
	master, err := pre.GenerateMasterKey()
	require.NoError(t, err)
	params, err := pre.NewParameters("test", master.PublicKey())
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "authority.params.json")
	require.NoError(t, keyfile.WriteParameters(file, params))
	printed, err := exec.CommandContext(t.Context(), tool, "setup", file).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(printed))
}

// deployCC deploys twice: first without -ccep, which is the mistake to show,
// then as the manual says.
func deployCC(t *testing.T, s *samples, tool string) {
	s.deploy()
	require.Equal(t, 1, s.sequence)
	argument := setup(t, tool)
	_, err := s.invoke(1, []int{1}, record.TxInitSystem, argument)
	require.ErrorContains(t, err, "ENDORSEMENT_POLICY_FAILURE", "the channel's default asks for a majority of the organisations")

	s.policy = "OR('Org1MSP.peer')"
	s.deploy()
	require.Equal(t, 2, s.sequence)
	_, err = s.invoke(2, []int{1}, record.TxInitSystem, argument)
	require.ErrorContains(t, err, string(record.ErrNotSystemManager.Code))
	_, err = s.invoke(1, []int{2}, record.TxInitSystem, argument)
	require.ErrorContains(t, err, "ENDORSEMENT_POLICY_FAILURE", "the other organisation's peer alone endorses nothing")
	output, err := s.invoke(1, []int{1}, record.TxInitSystem, argument)
	require.NoError(t, err)
	require.Contains(t, output, "status:200")
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		output, err := s.try(2, s.dir, s.peer, "chaincode", "query", "-C", "mychannel", "-n", s.name, "-c", call(record.TxSystem, nil))
		require.NoError(c, err)
		require.Contains(c, output.stdout, `"chaincode":"claimshare"`)
	}, patience, tick)
}

// requireSDK opens the deployed ledger with the connection file of the manual.
func requireSDK(t *testing.T, s *samples, network *launch.Network) {
	connection, err := ledger.LoadConnection(network.ConnectionFile("user-org1"))
	require.NoError(t, err)
	connection.Chaincode = s.name
	connection.ClientCert = s.admin(1, "signcerts", "Admin@org1.example.com-cert.pem")
	connection.ClientKey = s.admin(1, "keystore", "priv_sk")
	l, err := ledger.Dial(connection)
	require.NoError(t, err)
	defer l.Close()
	chain, err := client.OpenChain(t.Context(), l)
	require.NoError(t, err)
	require.Equal(t, "test", chain.Parameters().SystemName())
	_, err = client.Initialise(t.Context(), l, chain.Parameters())
	require.ErrorIs(t, err, record.ErrAlreadyInitialised)
}

// requireMetadata compares what the deployed chaincode says of itself with the
// list of transactions: every one with all its parameters, their types, and
// whether to evaluate or submit it.
func requireMetadata(t *testing.T, raw string) {
	var found struct {
		Contracts map[string]struct {
			Transactions []struct {
				Name       string   `json:"name"`
				Tag        []string `json:"tag"`
				Parameters []struct {
					Name        string `json:"name"`
					Description string `json:"description"`
					Schema      struct {
						Type string `json:"type"`
					} `json:"schema"`
				} `json:"parameters"`
				Returns struct {
					Type        string `json:"type"`
					Description string `json:"description"`
				} `json:"returns"`
			} `json:"transactions"`
		} `json:"contracts"`
	}
	require.NoError(t, json.Unmarshal([]byte(raw), &found))
	described := map[string][]string{}
	for contract, one := range found.Contracts {
		for _, transaction := range one.Transactions {
			name := contract + ":" + transaction.Name
			require.NotContains(t, described, name)
			require.NotEmpty(t, transaction.Returns.Description, name)
			require.Equal(t, "string", transaction.Returns.Type, name)
			described[name] = []string{strings.Join(transaction.Tag, " ")}
			for _, p := range transaction.Parameters {
				require.NotEmpty(t, p.Description, name)
				described[name] = append(described[name], p.Name+" "+p.Schema.Type)
			}
		}
	}
	want := map[string][]string{}
	for _, transaction := range record.Transactions() {
		want[transaction.Name] = []string{"submit SUBMIT"}
		if transaction.Query {
			want[transaction.Name] = []string{"evaluate EVALUATE"}
		}
		for _, argument := range transaction.Args {
			want[transaction.Name] = append(want[transaction.Name], argument.Name+" string")
		}
	}
	require.Equal(t, want, described)
}

// deployService installs the package of the service on both peers, runs one
// service for them and sets the ledger up under another name.
func deployService(t *testing.T, s *samples, tool, program, archive, address string) {
	s.name, s.packageID, s.policy = "claimshare-service", s.id(archive), "OR('Org1MSP.peer')"
	packed, err := os.ReadFile(archive)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, s.name+".tar.gz"), packed, 0o600))
	serve(t, program, address, s.packageID)
	s.deploy()
	require.Equal(t, 1, s.sequence)
	_, err = s.invoke(1, []int{1}, record.TxInitSystem, setup(t, tool))
	require.NoError(t, err)
	require.Contains(t, s.query(1, record.TxSystem), `"chaincode":"claimshare-service"`)
}

// upgrade makes both organisations agencies: another system.json, therefore
// another package, and another policy. What the ledger holds stays.
func upgrade(t *testing.T, s *samples, tool string) {
	out := makePackage(t, tool, []string{s.agency(1), s.agency(2), "--threshold", "2"}, "--version", "1.1")
	s.version, s.source, s.policy = "1.1", filepath.Join(out, "source"), "OutOf(2,'Org1MSP.peer','Org2MSP.peer')"
	before := s.query(1, record.TxSystem)
	s.packageCC()
	s.deploy()
	require.Equal(t, 3, s.sequence)
	require.Equal(t, before, s.query(1, record.TxSystem))

	proposal := record.Proposal{
		Action: record.ActionRules, Rules: record.Rules{RecordWindow: 3600, ClockSkew: 60},
		Reason: "shorter", Expiry: time.Now().Add(time.Hour).Unix(),
	}
	_, err := rand.Read(proposal.ID[:])
	require.NoError(t, err)
	argument := record.EncodeText(proposal.Encode())
	_, err = s.invoke(1, []int{1}, record.TxPropose, argument)
	require.ErrorContains(t, err, "ENDORSEMENT_POLICY_FAILURE")
	_, err = s.invoke(1, []int{1, 2}, record.TxPropose, argument)
	require.NoError(t, err)
	require.Equal(t, before, s.query(1, record.TxSystem), "one agency of two changes nothing")
	_, err = s.invoke(2, []int{1, 2}, record.TxApproveDecision, proposal.ID.String())
	require.NoError(t, err)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.Contains(c, s.query(1, record.TxSystem), `"recordWindow":3600`)
	}, patience, tick)
}

func buildPackageCommand(t *testing.T, root string) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "claimshare-package")
	goCommand(t, filepath.Join(root, "network"), nil, "build", "-o", tool, "./cmd/claimshare-package")
	return tool
}

// makePackage does what make package does, with a system.json that the command
// makes from certificates, and returns the folder.
func makePackage(t *testing.T, tool string, agencies []string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	out, system := filepath.Join(dir, "package"), filepath.Join(dir, "system.json")
	made, err := exec.CommandContext(t.Context(), tool, append([]string{"system"}, agencies...)...).Output()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(system, made, 0o600))
	printed, err := exec.CommandContext(t.Context(), tool, append([]string{"--out", out, "--system", system}, flags...)...).CombinedOutput()
	require.NoError(t, err, "%s", printed)
	require.NotContains(t, string(printed), "Warning")
	return out
}

// serve runs the chaincode as a service until the test ends.
func serve(t *testing.T, program, address, id string) {
	t.Helper()
	var log strings.Builder
	ctx, stop := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, program)
	command.Env = []string{"CHAINCODE_SERVER_ADDRESS=" + address, "CHAINCODE_ID=" + id}
	command.Stdout, command.Stderr = &log, &log
	ended := make(chan error, 1)
	go func() { ended <- supervise.Run(command) }() // it ends with this process, however that ends
	t.Cleanup(func() {
		select {
		case err := <-ended:
			t.Errorf("the service ended by itself: %v\n%s", err, &log)
		default:
			stop()
			<-ended
		}
		stop()
	})
	require.Eventually(t, func() bool {
		conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", address)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	}, patience, tick)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+mathrand.IntN(12000)) // below the ports of outgoing connections
		if listener, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, listener.Close())
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

// buildOffline does with a Go package what Fabric's chaincode image does: in an
// empty folder, with nothing but the package and the oldest Go.
func buildOffline(t *testing.T, root, packed string) (program string) {
	t.Helper()
	compiler, cache, err := programs.Toolchain(t.Context(), root, oldestGo)
	require.NoError(t, err)
	dir := t.TempDir()
	for _, archive := range []string{packed, filepath.Join(dir, "code.tar.gz")} {
		unpacked, err := exec.CommandContext(t.Context(), "tar", "-xzf", archive, "-C", dir).CombinedOutput()
		require.NoError(t, err, "%s", unpacked)
	}
	program = filepath.Join(dir, "chaincode")
	command := exec.CommandContext(t.Context(), compiler, "build", "-mod=vendor", "-trimpath", "-o", program, ".")
	command.Dir = filepath.Join(dir, "src")
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GOPATH=" + filepath.Join(dir, "gopath"), "GOCACHE=" + cache,
		"GOENV=off", "GOPROXY=off", "GOTOOLCHAIN=local", "GO111MODULE=on", "CGO_ENABLED=0",
	}
	began := time.Now()
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	t.Logf("built offline by %s in %v", oldestGo, time.Since(began).Round(time.Millisecond))
	version, err := exec.CommandContext(t.Context(), "go", "version", program).CombinedOutput()
	require.NoError(t, err)
	require.Contains(t, string(version), oldestGo)
	return program
}
