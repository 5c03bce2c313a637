package launch

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/claimshare/claimshare/network/programs"
	"github.com/claimshare/claimshare/network/supervise"
	"github.com/claimshare/claimshare/network/topology"
)

// stateVariable marks every process of a network with its state directory.
const stateVariable = "CLAIMSHARE_STATE"

// logFormat is Fabric's own without its colours.
const logFormat = "%{time:2006-01-02 15:04:05.000 MST} %{id:04x} %{level:.4s} [%{module}] %{shortfunc} -> %{message}"

// What the external builders read.
const (
	builderVariable   = "CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG"
	goBuilderVariable = "CLAIMSHARE_GO_BUILDER_CONFIG"
)

// plan lists the processes of the network. The secrets in their environments
// are paths of files.
func plan(l layout, set *programs.Set, t topology.Topology, p ports, packageID string) (supervise.Plan, error) {
	var made supervise.Plan
	add := func(name, program string, environment map[string]string, args ...string) {
		variables := []string{
			stateVariable + "=" + l.root, "TMPDIR=" + l.temporary(), "HOME=" + l.root, "PATH=" + os.Getenv("PATH"),
		}
		if program != set.Chaincode {
			variables = append(variables, "FABRIC_LOGGING_SPEC=warning", "FABRIC_LOGGING_FORMAT="+logFormat)
		}
		for key, value := range environment {
			variables = append(variables, key+"="+value)
		}
		made.Processes = append(made.Processes, supervise.Process{
			Name: name, Path: program, Args: args, Env: variables, Dir: l.root, Log: l.log(name),
		})
	}
	for _, o := range t.WithOrderers() {
		for _, host := range o.Orderers {
			add(nodeName(o, host), set.Orderer, ordererEnvironment(l, o, host, p))
		}
	}
	for _, o := range t.WithPeers() {
		for _, host := range o.Peers {
			environment, err := peerEnvironment(l, set, o, host, p)
			if err != nil {
				return supervise.Plan{}, err
			}
			add(nodeName(o, host), set.Peer, environment, "node", "start")
		}
	}
	for _, o := range t.WithPeers() {
		for _, host := range o.Peers {
			peer := nodeName(o, host)
			server := l.chaincodeServer(peer)
			add(chaincodeName(peer), set.Chaincode, map[string]string{
				"CHAINCODE_ID":             packageID,
				"CHAINCODE_SERVER_ADDRESS": p.address(peer, chaincodePort),
				"CHAINCODE_TLS_KEY":        server.key,
				"CHAINCODE_TLS_CERT":       server.cert,
				"CHAINCODE_CLIENT_CA_CERT": l.tlsRoot(o),
				"CLAIMSHARE_SYSTEM_FILE":   l.system(),
			})
		}
	}
	return made, nil
}

func ordererEnvironment(l layout, o topology.Organization, host string, p ports) map[string]string {
	name := nodeName(o, host)
	tls := func(file string) string { return l.orderer(o, host, "tls", file) }
	ledger := l.node(name)
	return map[string]string{
		"FABRIC_CFG_PATH":                           l.config(),
		"ORDERER_GENERAL_LISTENADDRESS":             loopback,
		"ORDERER_GENERAL_LISTENPORT":                fmt.Sprint(p.of(name, mainPort)),
		"ORDERER_GENERAL_LOCALMSPID":                o.MSPID,
		"ORDERER_GENERAL_LOCALMSPDIR":               l.orderer(o, host, "msp"),
		"ORDERER_GENERAL_TLS_ENABLED":               "true",
		"ORDERER_GENERAL_TLS_PRIVATEKEY":            tls("server.key"),
		"ORDERER_GENERAL_TLS_CERTIFICATE":           tls("server.crt"),
		"ORDERER_GENERAL_TLS_ROOTCAS":               list(tls("ca.crt")),
		"ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE": tls("server.crt"),
		"ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY":  tls("server.key"),
		"ORDERER_GENERAL_CLUSTER_ROOTCAS":           list(tls("ca.crt")),
		"ORDERER_GENERAL_BOOTSTRAPMETHOD":           "none",
		"ORDERER_CHANNELPARTICIPATION_ENABLED":      "true",
		"ORDERER_FILELEDGER_LOCATION":               filepath.Join(ledger, "ledger"),
		"ORDERER_CONSENSUS_WALDIR":                  filepath.Join(ledger, "wal"),
		"ORDERER_CONSENSUS_SNAPDIR":                 filepath.Join(ledger, "snapshots"),
		"ORDERER_ADMIN_LISTENADDRESS":               p.address(name, adminPort),
		"ORDERER_ADMIN_TLS_ENABLED":                 "true",
		"ORDERER_ADMIN_TLS_CERTIFICATE":             tls("server.crt"),
		"ORDERER_ADMIN_TLS_PRIVATEKEY":              tls("server.key"),
		"ORDERER_ADMIN_TLS_ROOTCAS":                 list(tls("ca.crt")),
		"ORDERER_ADMIN_TLS_CLIENTROOTCAS":           list(l.tlsRoot(o)),
		"ORDERER_ADMIN_TLS_CLIENTAUTHREQUIRED":      "true",
		"ORDERER_OPERATIONS_LISTENADDRESS":          p.address(name, operationsPort),
		"ORDERER_METRICS_PROVIDER":                  "prometheus",
	}
}

func peerEnvironment(l layout, set *programs.Set, o topology.Organization, host string, p ports) (map[string]string, error) {
	name := nodeName(o, host)
	tls := func(file string) string { return l.peer(o, host, "tls", file) }
	ledger := l.node(name)
	address := p.address(name, mainPort)
	bootstrap := p.address(nodeName(o, o.Peers[0]), mainPort)
	client := l.chaincodeClient(name)
	connection, err := json.Marshal(map[string]string{
		"address":          p.address(name, chaincodePort),
		"peername":         host + o.Name, // what packages for fabric-samples' test-network ask for
		"root_cert_file":   l.tlsRoot(o),
		"client_key_file":  client.key,
		"client_cert_file": client.cert,
	})
	if err != nil {
		return nil, fmt.Errorf("describe the chaincode service of %s: %w", name, err)
	}
	builders, goConfig, err := chaincodeBuilders(set)
	if err != nil {
		return nil, fmt.Errorf("describe the chaincode builders of %s: %w", name, err)
	}
	return map[string]string{
		"FABRIC_CFG_PATH":                   l.config(),
		"CORE_PEER_ID":                      name,
		"CORE_PEER_ADDRESS":                 address,
		"CORE_PEER_LISTENADDRESS":           address,
		"CORE_PEER_CHAINCODEADDRESS":        p.address(name, shimPort),
		"CORE_PEER_CHAINCODELISTENADDRESS":  p.address(name, shimPort),
		"CORE_PEER_LOCALMSPID":              o.MSPID,
		"CORE_PEER_MSPCONFIGPATH":           l.peer(o, host, "msp"),
		"CORE_PEER_FILESYSTEMPATH":          ledger,
		"CORE_LEDGER_SNAPSHOTS_ROOTDIR":     filepath.Join(ledger, "snapshots"),
		"CORE_PEER_TLS_ENABLED":             "true",
		"CORE_PEER_TLS_CERT_FILE":           tls("server.crt"),
		"CORE_PEER_TLS_KEY_FILE":            tls("server.key"),
		"CORE_PEER_TLS_ROOTCERT_FILE":       tls("ca.crt"),
		"CORE_PEER_GOSSIP_BOOTSTRAP":        bootstrap,
		"CORE_PEER_GOSSIP_ENDPOINT":         address,
		"CORE_PEER_GOSSIP_EXTERNALENDPOINT": address,
		// Fabric's own intervals make a new network wait half a minute.
		"CORE_PEER_GOSSIP_RECONNECTINTERVAL":        "1s",
		"CORE_PEER_GOSSIP_ALIVETIMEINTERVAL":        "1s",
		"CORE_PEER_GOSSIP_PUBLISHSTATEINFOINTERVAL": "500ms",
		"CORE_PEER_GOSSIP_REQUESTSTATEINFOINTERVAL": "500ms",
		// After an orderer's restart look for it every second, not ever more rarely.
		"CORE_PEER_DELIVERYCLIENT_RECONNECTBACKOFFTHRESHOLD": "1s",
		"CORE_VM_ENDPOINT":                "", // no Docker
		"CORE_CHAINCODE_EXTERNALBUILDERS": builders,
		builderVariable:                   string(connection),
		goBuilderVariable:                 goConfig,
		"CORE_OPERATIONS_LISTENADDRESS":   p.address(name, operationsPort),
		"CORE_METRICS_PROVIDER":           "prometheus",
	}, nil
}

// chaincodeBuilders lists a peer's external builders, and what the one for Go
// has to know, if there is one.
func chaincodeBuilders(set *programs.Set) (builders, goConfig string, err error) {
	described := []object{{
		"name": "ccaas_builder", "path": set.Builder, "propagateEnvironment": []string{builderVariable},
	}}
	if set.Go != nil {
		described = append(described, object{
			"name": "golang_builder", "path": set.Go.Dir, "propagateEnvironment": []string{goBuilderVariable},
		})
		config, err := json.Marshal(map[string]string{"go": set.Go.Go, "cache": set.Go.Cache})
		if err != nil {
			return "", "", err
		}
		goConfig = string(config)
	}
	raw, err := json.Marshal(described) // JSON is YAML, which is what Fabric reads here
	return string(raw), goConfig, err
}

func list(items ...string) string { return "[" + strings.Join(items, ",") + "]" }
