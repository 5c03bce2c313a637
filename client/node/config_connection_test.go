package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/ledger"
)

const connectionFile = `{"mspId": "ShopMSP", "channel": "claims", "chaincode": "claimshare", "endorsers": ["SMMSP"],
 "peers": [{"endpoint": "one:7051", "tlsRootCert": "tls.pem", "serverName": "peer0"}, {"endpoint": "two:7051", "tlsRootCert": "tls.pem"}],
 "clientCert": "cert.pem", "clientKey": "key.pem"}`

func fabric(t *testing.T, config string, environment ...string) (ledger.Connection, *Config, error) {
	t.Helper()
	dir, path := configFile(t, config)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "connections"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "connections", "northern.json"), []byte(connectionFile), 0o600))
	c, err := Sources{File: path, Environment: environment}.Load()
	require.NoError(t, err)
	connection, err := c.Fabric()
	return connection, c, err
}

// The variables have the names and meanings of fabric-samples, and stand before
// the file.
func TestConnectionVariablesStandBeforeTheFile(t *testing.T) {
	connection, c, err := fabric(t, whole, "CHANNEL_NAME=mychannel", "MSP_ID=", "PEER_HOST_ALIAS=peer0.org1.example.com", "TLS_CERT_PATH=/ca.crt", "CERT_PATH=/cert.pem")
	require.NoError(t, err)
	dir := filepath.Dir(c.Connection)
	require.Equal(t, ledger.Connection{
		MSPID: "ShopMSP", Channel: "mychannel", Chaincode: "claimshare", Endorsers: []string{"SMMSP"},
		Peers:      []ledger.Peer{{Endpoint: "one:7051", TLSRootCert: "/ca.crt", ServerName: "peer0.org1.example.com"}, {Endpoint: "two:7051", TLSRootCert: dir + "/tls.pem"}},
		ClientCert: "/cert.pem", ClientKey: dir + "/key.pem",
	}, connection)
	require.Equal(t, Origin{Source: FromEnvironment, Name: "CHANNEL_NAME"}, c.ConnectionOrigin("channel"))
	require.Equal(t, Origin{Source: FromFile, Name: c.Connection}, c.ConnectionOrigin("mspId"))

	connection, _, err = fabric(t, whole, "PEER_ENDPOINT=dns:///localhost:7051")
	require.NoError(t, err)
	require.Equal(t, []ledger.Peer{{Endpoint: "localhost:7051", TLSRootCert: dir2(connection) + "/tls.pem", ServerName: "peer0"}}, connection.Peers)
}

func dir2(c ledger.Connection) string { return filepath.Dir(c.ClientKey) }

const withoutConnection = `name: northern
role: insurer
store: northern.db
keys: northern.key
passphraseFile: passphrase
directory: directory.yaml
parties: {address: "0.0.0.0:7051"}
operator: northern.sock
`

// The environment alone describes a connection, with the folders that the
// test network of fabric-samples makes.
func TestAConnectionFromTheEnvironmentAlone(t *testing.T) {
	authority := nodetest.NewAuthority(t, "Org1MSP")
	member := authority.Issue(t, "User1", nil)
	root := filepath.Join(t.TempDir(), "org1.example.com")
	msp := filepath.Join(root, "users", "User1@org1.example.com", "msp")
	for _, dir := range []string{"signcerts", "keystore"} {
		require.NoError(t, os.MkdirAll(filepath.Join(msp, dir), 0o700))
	}
	link := func(from, to string) {
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to, text, 0o600))
	}
	link(member.Connection.ClientCert, filepath.Join(msp, "signcerts", "cert.pem"))
	link(member.Connection.ClientKey, filepath.Join(msp, "keystore", "0123_sk"))
	environment := []string{"CHANNEL_NAME=mychannel", "CHAINCODE_NAME=claimshare", "MSP_ID=Org1MSP", "CRYPTO_PATH=" + root, "PEER_ENDPOINT=localhost:7051", "PEER_HOST_ALIAS=peer0.org1.example.com"}
	connection, _, err := fabric(t, withoutConnection, environment...)
	require.NoError(t, err)
	require.Equal(t, ledger.Connection{
		MSPID: "Org1MSP", Channel: "mychannel", Chaincode: "claimshare",
		Peers:      []ledger.Peer{{Endpoint: "localhost:7051", TLSRootCert: root + "/peers/peer0.org1.example.com/tls/ca.crt", ServerName: "peer0.org1.example.com"}},
		ClientCert: msp + "/signcerts", ClientKey: msp + "/keystore",
	}, connection)
	pair, err := connection.KeyPair()
	require.NoError(t, err)
	require.Equal(t, member.Certificate.Raw, pair.Leaf.Raw)

	link(member.Connection.ClientKey, filepath.Join(msp, "keystore", "4567_sk"))
	_, err = connection.KeyPair()
	require.ErrorContains(t, err, "has 2 files; leave one in it, or name the file")

	connection, _, err = fabric(t, withoutConnection, append(environment, "CLAIMSHARE_ENDORSERS=Org1MSP, Org2MSP", "CLAIMSHARE_QUORUM=1")...)
	require.NoError(t, err)
	require.Equal(t, []string{"Org1MSP", "Org2MSP"}, connection.Endorsers)
	require.Equal(t, 1, connection.Quorum)
	_, _, err = fabric(t, withoutConnection, append(environment, "CLAIMSHARE_QUORUM=many")...)
	require.ErrorContains(t, err, "$CLAIMSHARE_QUORUM: a number is wanted")

	// What is closer to the thing is stronger.
	connection, _, err = fabric(t, withoutConnection, append(environment, "TLS_CERT_PATH=/tls.pem", "KEY_DIRECTORY_PATH=/keys", "CERT_DIRECTORY_PATH=/certs", "CERT_PATH=/cert.pem")...)
	require.NoError(t, err)
	require.Equal(t, []string{"/tls.pem", "/keys", "/cert.pem"}, []string{connection.Peers[0].TLSRootCert, connection.ClientKey, connection.ClientCert})
}

func TestAConnectionThatIsNotThereIsSaid(t *testing.T) {
	_, path := configFile(t, withoutConnection)
	_, err := Sources{File: path}.Load()
	require.ErrorIs(t, err, ErrConfig)
	require.ErrorContains(t, err, "connection is missing")
	_, _, err = fabric(t, withoutConnection, "CHANNEL_NAME=mychannel", "MSP_ID=Org1MSP")
	require.ErrorIs(t, err, ledger.ErrConnection)
	require.ErrorContains(t, err, "from the environment: CHANNEL_NAME, MSP_ID")
	require.ErrorContains(t, err, "chaincode")
	_, _, err = fabric(t, withoutConnection, "CRYPTO_PATH=/nowhere")
	require.ErrorContains(t, err, "$CRYPTO_PATH")
}
