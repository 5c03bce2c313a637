package launch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/claimshare/claimshare/network/programs"
	"github.com/claimshare/claimshare/network/topology"
)

func TestChaincodePackageIsReproducible(t *testing.T) {
	first, id, err := chaincodePackage(topology.Development().Chaincode)
	require.NoError(t, err)
	time.Sleep(1100 * time.Millisecond) // archives keep whole seconds
	second, again, err := chaincodePackage(topology.Paper().Chaincode)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Equal(t, id, again)
	require.Regexp(t, `^claimshare_1:[0-9a-f]{64}$`, id)
}

func TestPortsAreDistinctFreeAndBelowTheOutgoingOnes(t *testing.T) {
	chosen, err := choosePorts(topology.Development())
	require.NoError(t, err)
	seen := map[int]bool{}
	for _, port := range chosen {
		require.False(t, seen[port])
		seen[port] = true
		require.True(t, port >= firstPort && port <= lastPort)
	}
	require.Len(t, seen, 3+5*4)
	require.NoError(t, chosen.check())

	listener, err := net.Listen("tcp", chosen.address("sm.peer0", mainPort))
	require.NoError(t, err)
	defer listener.Close()
	require.ErrorContains(t, chosen.check(), "sm.peer0 main")
}

func TestConnectionFallsBackToEndorsersFirst(t *testing.T) {
	made := topology.Development()
	chosen, err := choosePorts(made)
	require.NoError(t, err)
	l := layout{root: t.TempDir()}
	require.NoError(t, writeConnections(l, made, chosen))

	raw, err := os.ReadFile(filepath.Join(l.connections(), "shop2.json"))
	require.NoError(t, err)
	var read Connection
	require.NoError(t, json.Unmarshal(raw, &read))
	var names []string
	for _, peer := range read.Peers {
		names = append(names, peer.ServerName)
		require.True(t, filepath.IsAbs(peer.TLSRootCert))
	}
	require.Equal(t, []string{
		"peer0.foundry-lane.example", "peer0.motor-bureau.example",
		"peer0.meridian-mutual.example", "peer0.northlight-insurance.example", "peer0.kestrel-collision.example",
	}, names)
	require.Equal(t, "Shop2MSP", read.MSPID)
	require.Equal(t, []string{"SMMSP"}, read.Endorsers)

	var members map[string]any // the format others rely on
	require.NoError(t, json.Unmarshal(raw, &members))
	for _, name := range []string{"mspId", "channel", "chaincode", "endorsers", "peers", "clientCert", "clientKey"} {
		require.Contains(t, members, name)
	}
}

// Whoever has an identity's folder can verify its certificate.
func TestIdentitiesLieBesideTheirAuthority(t *testing.T) {
	made := topology.Development().Organizations[1]
	l := layout{root: t.TempDir()}
	for _, name := range []string{"ca", "tlsca"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		require.NoError(t, err)
		secret, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		require.NoError(t, writeFile(l.organization(made, name, name+"-cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
		require.NoError(t, writeFile(l.organization(made, name, "priv_sk"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	}
	require.NoError(t, issueCertificates(l, made))
	require.NotEmpty(t, made.Identities)
	for _, identity := range made.Identities {
		files := l.identity(identity.Name)
		certificate, err := readCertificate(files.cert)
		require.NoError(t, err)
		authority, err := readCertificate(filepath.Join(filepath.Dir(files.cert), "cacerts", "ca.pem"))
		require.NoError(t, err)
		require.Equal(t, "ca", authority.Subject.CommonName)
		require.NoError(t, certificate.CheckSignatureFrom(authority))
	}
}

func TestBatchUpdateChangesOnlyWhatDiffers(t *testing.T) {
	marshal := func(message proto.Message) []byte {
		raw, err := proto.Marshal(message)
		require.NoError(t, err)
		return raw
	}
	current := &common.ConfigGroup{Version: 3, Groups: map[string]*common.ConfigGroup{ordererGroup: {
		Version: 5,
		Values: map[string]*common.ConfigValue{
			batchSizeValue:    {Version: 7, ModPolicy: "Admins", Value: marshal(&orderer.BatchSize{MaxMessageCount: 20, AbsoluteMaxBytes: 99})},
			batchTimeoutValue: {Version: 9, ModPolicy: "Admins", Value: marshal(&orderer.BatchTimeout{Timeout: "1m0s"})},
		},
	}}}
	_, changed, err := batchUpdate("claims", current, topology.Paper().Ordering.Batch)
	require.NoError(t, err)
	require.False(t, changed)

	update, changed, err := batchUpdate("claims", current, topology.Batch{MaxMessages: 25, Timeout: time.Minute})
	require.NoError(t, err)
	require.True(t, changed)
	values := update.GetWriteSet().GetGroups()[ordererGroup].GetValues()
	require.Len(t, values, 1)
	require.EqualValues(t, 8, values[batchSizeValue].GetVersion())
	size := new(orderer.BatchSize)
	require.NoError(t, proto.Unmarshal(values[batchSizeValue].GetValue(), size))
	require.EqualValues(t, 25, size.GetMaxMessageCount())
	require.EqualValues(t, 99, size.GetAbsoluteMaxBytes())
	require.EqualValues(t, 5, update.GetReadSet().GetGroups()[ordererGroup].GetVersion())
}

func TestPlanKeepsSecretsOutOfEnvironments(t *testing.T) {
	made := topology.Development()
	chosen, err := choosePorts(made)
	require.NoError(t, err)
	planned, err := plan(layout{root: "/state"}, &programs.Set{Peer: "/p", Orderer: "/o", Chaincode: "/c"}, made, chosen, "id")
	require.NoError(t, err)
	require.Len(t, planned.Processes, 1+5+5)
	for _, process := range planned.Processes {
		require.Contains(t, process.Env, stateVariable+"=/state")
		for _, variable := range process.Env {
			require.NotContains(t, variable, "PRIVATE KEY")
		}
	}
}

func TestUnfinishedStartIsClearedAway(t *testing.T) {
	l := layout{root: t.TempDir()}
	made := &record{Format: recordFormat, Topology: topology.Development(), Ports: ports{}}
	require.NoError(t, made.write(l))
	require.NoError(t, writeFile(l.log("x"), []byte("x")))
	start := &starting{layout: l, topology: topology.Paper()}
	require.NoError(t, start.recall())
	require.Nil(t, start.record)
	require.NoDirExists(t, l.logs())

	made.Format = recordFormat + 1
	require.NoError(t, made.write(l))
	require.ErrorContains(t, start.recall(), "format")
}
