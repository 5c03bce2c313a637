package node

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/claimshare/claimshare/client/ledger"
)

// A Variable describes a part of the connection to Fabric. It has the name that
// the gateway applications of fabric-samples use, and its meaning there; what
// they have no name for begins with CLAIMSHARE_.
type Variable struct {
	Name string
	// Field is what it stands for in the connection's file.
	Field string
	Help  string
}

// ConnectionVariables lists the variables that stand before the connection's
// file.
func ConnectionVariables() []Variable { return slices.Clone(connectionVariables) }

const (
	fieldEndpoint   = "peers[0].endpoint"
	fieldRoot       = "peers[0].tlsRootCert"
	fieldServerName = "peers[0].serverName"
)

// connectionVariables are applied in this order: what comes later is stronger.
var connectionVariables = []Variable{
	{"CHANNEL_NAME", "channel", "the channel"},
	{"CHAINCODE_NAME", "chaincode", "the name under which the chaincode was committed"},
	{"MSP_ID", "mspId", "the organisation of the client's certificate"},
	{"CRYPTO_PATH", "clientCert, clientKey, " + fieldRoot, "an organisation's folder as cryptogen and the scripts of fabric-samples make it, named after its domain: users/User1@DOMAIN/msp/signcerts, users/User1@DOMAIN/msp/keystore and peers/peer0.DOMAIN/tls/ca.crt in it"},
	{"CERT_DIRECTORY_PATH", "clientCert", "a folder with the client's certificate as its only file"},
	{"CERT_PATH", "clientCert", "the client's certificate; stronger than CERT_DIRECTORY_PATH"},
	{"KEY_DIRECTORY_PATH", "clientKey", "a folder with the client's key as its only file"},
	{"PEER_ENDPOINT", fieldEndpoint, "host:port of the one peer to use: further peers of the file do not count"},
	{"PEER_HOST_ALIAS", fieldServerName, "the name to expect in the first peer's TLS certificate"},
	{"TLS_CERT_PATH", fieldRoot, "the authority that issued the first peer's TLS certificate"},
	{"CLAIMSHARE_ENDORSERS", "endorsers", "the MSP IDs of the organisations that endorse, with commas between; needed by who submits records itself, unless its own peer endorses"},
	{"CLAIMSHARE_QUORUM", "quorum", "how many of them endorse one transaction, when not all do"},
}

// connectionVariables takes the variables that describe the connection; those
// that are empty count as not set.
func (s Sources) connectionVariables() map[string]string {
	set := map[string]string{}
	for _, line := range s.Environment {
		name, value, _ := strings.Cut(line, "=")
		if value != "" && isConnectionVariable(name) {
			set[name] = value
		}
	}
	return set
}

func isConnectionVariable(name string) bool {
	return slices.ContainsFunc(connectionVariables, func(v Variable) bool { return v.Name == name })
}

// connectionSource is not empty when something describes the connection.
func (c *Config) connectionSource() string {
	if c.Connection == "" && len(c.environment) > 0 {
		return "environment"
	}
	return c.Connection
}

// Fabric is how the node reaches Fabric, and as whom: the connection's file, and
// before it the variables of [ConnectionVariables] that were set when the
// configuration was read. The errors are [ledger.ErrConnection].
func (c *Config) Fabric() (ledger.Connection, error) {
	connection, err := ledger.LoadConnection(c.Connection, c.overlay)
	if err != nil && c.Connection == "" {
		return connection, fmt.Errorf("%w (from the environment: %s)", err, c.connectionNames())
	}
	return connection, err
}

// connectionNames are the variables that describe the connection and are set.
func (c *Config) connectionNames() string {
	return strings.Join(slices.Sorted(maps.Keys(c.environment)), ", ")
}

// overlay puts the variables over a connection.
func (c *Config) overlay(to *ledger.Connection) error {
	for _, v := range connectionVariables {
		value, set := c.environment[v.Name]
		if !set {
			continue
		}
		if strings.HasSuffix(v.Name, "_PATH") {
			absolute, err := filepath.Abs(value)
			if err != nil {
				return fmt.Errorf("$%s: %w", v.Name, err)
			}
			value = absolute
		}
		if err := v.apply(value, to); err != nil {
			return fmt.Errorf("$%s: %w", v.Name, err)
		}
	}
	return nil
}

func (v Variable) apply(value string, to *ledger.Connection) error {
	if strings.HasPrefix(v.Name, "PEER_") || v.Name == "TLS_CERT_PATH" || v.Name == "CRYPTO_PATH" {
		// The caller's list may be shared.
		if to.Peers = slices.Clone(to.Peers); len(to.Peers) == 0 {
			to.Peers = make([]ledger.Peer, 1)
		}
	}
	switch v.Name {
	case "CHANNEL_NAME":
		to.Channel = value
	case "CHAINCODE_NAME":
		to.Chaincode = value
	case "MSP_ID":
		to.MSPID = value
	case "CRYPTO_PATH":
		return organisation(value, to)
	case "CERT_DIRECTORY_PATH", "CERT_PATH":
		to.ClientCert = value
	case "KEY_DIRECTORY_PATH":
		to.ClientKey = value
	case "PEER_ENDPOINT":
		to.Peers = to.Peers[:1]
		to.Peers[0].Endpoint = strings.TrimPrefix(value, "dns:///") // gRPC's form, which the samples in Go use
	case "CLAIMSHARE_ENDORSERS":
		to.Endorsers = nil
		for msp := range strings.SplitSeq(value, ",") {
			to.Endorsers = append(to.Endorsers, strings.TrimSpace(msp))
		}
	case "CLAIMSHARE_QUORUM":
		quorum, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("a number is wanted, not %q", value)
		}
		to.Quorum = quorum
	case "PEER_HOST_ALIAS":
		to.Peers[0].ServerName = value
	case "TLS_CERT_PATH":
		to.Peers[0].TLSRootCert = value
	}
	return nil
}

// organisation takes the files from an organisation's folder.
func organisation(dir string, to *ledger.Connection) error {
	if info, err := os.Stat(dir); err != nil {
		return err
	} else if !info.IsDir() {
		return &fs.PathError{Op: "open", Path: dir, Err: errors.New("it is no folder")}
	}
	domain := filepath.Base(dir)
	msp := filepath.Join(dir, "users", "User1@"+domain, "msp")
	to.ClientCert, to.ClientKey = filepath.Join(msp, "signcerts"), filepath.Join(msp, "keystore")
	to.Peers[0].TLSRootCert = filepath.Join(dir, "peers", "peer0."+domain, "tls", "ca.crt")
	return nil
}

// ConnectionOrigin is where a field of the connection comes from.
func (c *Config) ConnectionOrigin(field string) Origin {
	for _, v := range slices.Backward(connectionVariables) {
		if _, set := c.environment[v.Name]; set && slices.Contains(strings.Split(v.Field, ", "), field) {
			return Origin{Source: FromEnvironment, Name: v.Name}
		}
	}
	if c.Connection == "" {
		return Origin{Source: FromDefault}
	}
	return Origin{Source: FromFile, Name: c.Connection}
}
