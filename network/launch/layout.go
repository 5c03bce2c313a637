package launch

import (
	"path/filepath"

	"github.com/claimshare/claimshare/network/topology"
)

// layout knows where everything of one network is, below its state directory.
type layout struct{ root string }

func (l layout) in(parts ...string) string {
	return filepath.Join(append([]string{l.root}, parts...)...)
}

func (l layout) record() string      { return l.in("network.json") }
func (l layout) upLock() string      { return l.in("up.lock") }
func (l layout) supervisor() string  { return l.in("supervisor") }
func (l layout) temporary() string   { return l.in("tmp") }
func (l layout) logs() string        { return l.in("logs") }
func (l layout) connections() string { return l.in("connections") }
func (l layout) crypto() string      { return l.in("crypto") }
func (l layout) config() string      { return l.in("config") }
func (l layout) genesis() string     { return l.in("config", "genesis.block") }
func (l layout) pack() string        { return l.in("chaincode", "package.tar.gz") }
func (l layout) system() string      { return l.in("chaincode", "system.json") }

func (l layout) log(process string) string { return filepath.Join(l.logs(), process+".log") }

// node is where a peer or an orderer keeps its ledger.
func (l layout) node(process string) string { return l.in("nodes", process) }

// organization is where cryptogen puts what belongs to an organisation.
func (l layout) organization(o topology.Organization, parts ...string) string {
	kind := "peerOrganizations"
	if len(o.Orderers) > 0 {
		kind = "ordererOrganizations"
	}
	return filepath.Join(append([]string{l.crypto(), kind, o.Domain}, parts...)...)
}

func (l layout) tlsRoot(o topology.Organization) string {
	return l.organization(o, "tlsca", "tlsca."+o.Domain+"-cert.pem")
}

func (l layout) peer(o topology.Organization, host string, parts ...string) string {
	return l.organization(o, append([]string{"peers", host + "." + o.Domain}, parts...)...)
}

func (l layout) orderer(o topology.Organization, host string, parts ...string) string {
	return l.organization(o, append([]string{"orderers", host + "." + o.Domain}, parts...)...)
}

func (l layout) admin(o topology.Organization, parts ...string) string {
	return l.organization(o, append([]string{"users", "Admin@" + o.Domain}, parts...)...)
}

// identity is where the launcher puts a named client identity.
func (l layout) identity(name string) keyPair {
	return keyPair{cert: l.in("identities", name, "cert.pem"), key: l.in("identities", name, "key.pem")}
}

// identityAuthority is the certificate of who issued a named identity.
func (l layout) identityAuthority(name string) string {
	return l.in("identities", name, "cacerts", "ca.pem")
}

// chaincodeServer and chaincodeClient authenticate a peer and its chaincode
// service to each other.
func (l layout) chaincodeServer(peer string) keyPair {
	return keyPair{cert: l.in("chaincode", peer, "server-cert.pem"), key: l.in("chaincode", peer, "server-key.pem")}
}

func (l layout) chaincodeClient(peer string) keyPair {
	return keyPair{cert: l.in("chaincode", peer, "client-cert.pem"), key: l.in("chaincode", peer, "client-key.pem")}
}

// keyPair is the two files of a certificate.
type keyPair struct{ cert, key string }

// Process names read from the general to the particular, so that they sort by
// organisation.
func nodeName(o topology.Organization, host string) string { return o.Name + "." + host }
func chaincodeName(peer string) string                     { return peer + ".chaincode" }
