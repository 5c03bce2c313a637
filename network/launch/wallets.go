package launch

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"

	"github.com/claimshare/claimshare/network/topology"
)

// walletServer is the certificate that an identity's node shows to wallets,
// which know hosts, not organisations.
func walletServer(identity topology.Identity, o topology.Organization) *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: identity.Name + "." + o.Domain},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.ParseIP(loopback)},
	}
}

// identityServer is the key pair of that certificate.
func (l layout) identityServer(name string) keyPair {
	return keyPair{cert: l.in("identities", name, "server-cert.pem"), key: l.in("identities", name, "server-key.pem")}
}

// ServerFiles are a TLS server certificate of localhost for a node that acts as
// an identity, its key, and who issued it, as PEM files.
type ServerFiles struct{ Certificate, Key, Authority string }

// ServerFiles finds the TLS server certificate of an identity's node.
func (n *Network) ServerFiles(identity string) (ServerFiles, error) {
	for _, who := range n.Topology().Identities() {
		if who.Name == identity {
			l := layout{n.Dir()}
			pair := l.identityServer(identity)
			return ServerFiles{pair.cert, pair.key, l.tlsRoot(who.Organization)}, nil
		}
	}
	return ServerFiles{}, fmt.Errorf("the network has no identity %q", identity)
}
