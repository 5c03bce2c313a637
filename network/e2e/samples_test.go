package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/programs"
	"github.com/claimshare/claimshare/network/topology"
)

// testNetwork is the network of Hyperledger's fabric-samples: two organisations
// with one peer each, names, MSP ids and domains as there. The launcher needs a
// chaincode of its own to see that the network works; it is called ready.
func testNetwork() topology.Topology {
	made := topology.Development().WithTestChaincode()
	made.Profile, made.Channel, made.GoToolchain = "test-network", "mychannel", oldestGo
	made.Chaincode.Name = "ready"
	made.Chaincode.Policy, made.Chaincode.Endorsers = "OR('Org1MSP.peer')", []string{"Org1MSP"}
	organization := func(name string, kind topology.Kind) topology.Organization {
		return topology.Organization{
			Name: strings.ToLower(name), Title: name, Kind: kind, MSPID: name + "MSP",
			Domain: strings.ToLower(name) + ".example.com", Peers: []string{"peer0"},
			Identities: []topology.Identity{{Name: "user-" + strings.ToLower(name), Role: topology.PartyRole}},
		}
	}
	org1 := organization("Org1", topology.SystemManager)
	org1.Identities[0].Role = topology.AuthorityRole
	made.Organizations = []topology.Organization{
		{Name: "ordering", Title: "Orderer", Kind: topology.OrderingService, MSPID: "OrdererMSP", Domain: "example.com", Orderers: []string{"orderer"}},
		org1, organization("Org2", topology.Insurer),
	}
	return made
}

// samples runs what the scripts of fabric-samples' test-network run: deployCC.sh,
// packageCC.sh, ccutils.sh and envVar.sh as of commit c9b221e4a940 (June 2026).
// Each method is one function of the scripts, and has its command line but for
// addresses and folders. The scripts themselves need fixed ports.
type samples struct {
	t       *testing.T
	peer    string // Fabric's command
	dir     string // where the scripts would run
	crypto  string // what the scripts call organizations
	config  string // FABRIC_CFG_PATH
	address map[string]string
	// What deployCC.sh is called with.
	name, version, source, policy string
	sequence                      int
	packageID                     string
}

func newSamples(t *testing.T, network *launch.Network, fabric *programs.Set) *samples {
	t.Helper()
	status, err := network.Status()
	require.NoError(t, err)
	s := &samples{t: t, peer: fabric.Peer, dir: t.TempDir(), address: map[string]string{},
		crypto: filepath.Join(network.Dir(), "crypto"), config: filepath.Join(network.Dir(), "config")}
	for _, process := range status.Processes {
		s.address[process.Name] = process.Endpoint
	}
	return s
}

func (s *samples) organization(org int, parts ...string) string {
	domain := fmt.Sprintf("org%d.example.com", org)
	return filepath.Join(append([]string{s.crypto, "peerOrganizations", domain}, parts...)...)
}

func (s *samples) tlsRoot(org int) string {
	return s.organization(org, "tlsca", fmt.Sprintf("tlsca.org%d.example.com-cert.pem", org))
}

func (s *samples) admin(org int, parts ...string) string {
	return s.organization(org, append([]string{"users", fmt.Sprintf("Admin@org%d.example.com", org), "msp"}, parts...)...)
}

// agency is how claimshare-package takes an organisation's administrator.
func (s *samples) agency(org int) string {
	return fmt.Sprintf("Org%dMSP=%s", org, s.admin(org, "signcerts", fmt.Sprintf("Admin@org%d.example.com-cert.pem", org)))
}

func (s *samples) endpoint(org int) string { return s.address[fmt.Sprintf("org%d.peer0", org)] }

// in is the same, for a subtest.
func (s *samples) in(t *testing.T) *samples {
	other := *s
	other.t = t
	return &other
}

// printed is what a command wrote.
type printed struct{ stdout, stderr string }

// try runs a command with the environment that setGlobals exports.
func (s *samples) try(org int, dir, program string, args ...string) (printed, error) {
	command := exec.CommandContext(s.t.Context(), program, args...)
	command.Dir = dir
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "GOWORK=") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env,
		"FABRIC_LOGGING_SPEC=error:chaincodeCmd=info",
		"GO111MODULE=on", "FABRIC_CFG_PATH="+s.config, "CORE_PEER_TLS_ENABLED=true",
		fmt.Sprintf("CORE_PEER_LOCALMSPID=Org%dMSP", org), "CORE_PEER_TLS_ROOTCERT_FILE="+s.tlsRoot(org),
		"CORE_PEER_MSPCONFIGPATH="+s.admin(org), "CORE_PEER_ADDRESS="+s.endpoint(org))
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return printed{}, fmt.Errorf("%s %v: %w\n%s%s", filepath.Base(program), args, err, &stdout, &stderr)
	}
	return printed{stdout.String(), stderr.String()}, nil
}

func (s *samples) do(org int, args ...string) string {
	s.t.Helper()
	output, err := s.try(org, s.dir, s.peer, args...)
	require.NoError(s.t, err)
	return output.stdout
}

func (s *samples) orderer() []string {
	ca := filepath.Join(s.crypto, "ordererOrganizations", "example.com", "tlsca", "tlsca.example.com-cert.pem")
	return []string{"-o", s.address["ordering.orderer"], "--ordererTLSHostnameOverride", "orderer.example.com", "--tls", "--cafile", ca}
}

func (s *samples) connectionParameters(orgs ...int) (args []string) {
	for _, org := range orgs {
		args = append(args, "--peerAddresses", s.endpoint(org), "--tlsRootCertFiles", s.tlsRoot(org))
	}
	return args
}

// definition is the common part of three commands.
func (s *samples) definition() []string {
	args := []string{"--channelID", "mychannel", "--name", s.name, "--version", s.version, "--sequence", fmt.Sprint(s.sequence)}
	if s.policy != "" {
		args = append(args, "--signature-policy", s.policy)
	}
	return args
}

func together(lists ...[]string) (all []string) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func lifecycle(command string, args ...[]string) []string {
	return together([]string{"lifecycle", "chaincode", command}, together(args...))
}

// packageCC vendors and packs.
func (s *samples) packageCC() {
	s.t.Helper()
	_, err := s.try(1, s.source, "go", "mod", "vendor")
	require.NoError(s.t, err)
	s.do(1, lifecycle("package", []string{s.name + ".tar.gz", "--path", s.source, "--lang", "golang", "--label", s.name + "_" + s.version})...)
	s.packageID = s.id(s.name + ".tar.gz")
}

func (s *samples) id(archive string) string {
	s.t.Helper()
	return strings.TrimSpace(s.do(1, lifecycle("calculatepackageid", []string{archive})...))
}

// deploy is deployCC.sh from the installation on.
func (s *samples) deploy() {
	s.t.Helper()
	for _, org := range []int{1, 2} {
		if !s.installed(org) {
			began := time.Now()
			s.do(org, lifecycle("install", []string{s.name + ".tar.gz"})...)
			s.t.Logf("installed at organisation %d in %v", org, time.Since(began).Round(time.Millisecond))
		}
	}
	s.resolveSequence()
	require.True(s.t, s.installed(1))
	s.approve(1)
	s.readiness(1, `"Org1MSP": true`, `"Org2MSP": false`)
	s.readiness(2, `"Org1MSP": true`, `"Org2MSP": false`)
	s.approve(2)
	s.readiness(1, `"Org1MSP": true`, `"Org2MSP": true`)
	s.readiness(2, `"Org1MSP": true`, `"Org2MSP": true`)
	s.do(1, lifecycle("commit", s.orderer(), s.definition(), s.connectionParameters(1, 2))...)
	for _, org := range []int{1, 2} {
		want := fmt.Sprintf("Version: %s, Sequence: %d, Endorsement Plugin: escc, Validation Plugin: vscc", s.version, s.sequence)
		require.EventuallyWithT(s.t, func(c *assert.CollectT) {
			require.Contains(c, s.committed(org), want)
		}, patience, tick)
	}
}

func (s *samples) installed(org int) bool {
	s.t.Helper()
	var answer struct {
		Installed []struct {
			ID string `json:"package_id"`
		} `json:"installed_chaincodes"`
	}
	require.NoError(s.t, json.Unmarshal([]byte(s.do(org, lifecycle("queryinstalled", []string{"--output", "json"})...)), &answer))
	for _, one := range answer.Installed {
		if one.ID == s.packageID {
			return true
		}
	}
	return false
}

// resolveSequence is what the scripts do for "-ccs auto", the default.
func (s *samples) resolveSequence() {
	s.t.Helper()
	found := regexp.MustCompile(`Sequence: (\d+)`).FindStringSubmatch(s.committed(1))
	if found == nil {
		s.sequence = 1
		return
	}
	approved := s.do(1, lifecycle("queryapproved", []string{"--channelID", "mychannel", "--name", s.name})...)
	require.Contains(s.t, approved, "sequence: "+found[1]+",")
	_, err := fmt.Sscan(found[1], &s.sequence)
	require.NoError(s.t, err)
	s.sequence++
}

func (s *samples) committed(org int) string {
	output, err := s.try(org, s.dir, s.peer, lifecycle("querycommitted", []string{"--channelID", "mychannel", "--name", s.name})...)
	if err != nil {
		return err.Error()
	}
	return output.stdout
}

func (s *samples) approve(org int) {
	s.t.Helper()
	s.do(org, lifecycle("approveformyorg", s.orderer(), s.definition(), []string{"--package-id", s.packageID})...)
}

func (s *samples) readiness(org int, want ...string) {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		output, err := s.try(org, s.dir, s.peer, lifecycle("checkcommitreadiness", s.definition(), []string{"--output", "json"})...)
		require.NoError(c, err)
		for _, approval := range want {
			require.Contains(c, output.stdout, approval)
		}
	}, patience, tick)
}

// invoke is an administrator's `peer chaincode invoke`, endorsed by the peers of
// the given organisations.
func (s *samples) invoke(org int, endorsers []int, function string, args ...string) (string, error) {
	output, err := s.try(org, s.dir, s.peer, together([]string{"chaincode", "invoke"}, s.orderer(), []string{"-C", "mychannel", "-n", s.name},
		s.connectionParameters(endorsers...), []string{"-c", call(function, args), "--waitForEvent"})...)
	return output.stderr, err
}

// query is `peer chaincode query` at an organisation's own peer.
func (s *samples) query(org int, function string, args ...string) string {
	s.t.Helper()
	return s.do(org, "chaincode", "query", "-C", "mychannel", "-n", s.name, "-c", call(function, args))
}

func call(function string, args []string) string {
	raw, _ := json.Marshal(map[string]any{"Args": append([]string{function}, args...)}) // texts always encode
	return string(raw)
}
