package launch

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/claimshare/claimshare/network/topology"
)

// issueCertificates makes what an organisation needs beyond cryptogen: its named
// client identities, and for each peer the certificates by which the peer and
// its chaincode service know each other.
func issueCertificates(l layout, o topology.Organization) error {
	authority, err := openAuthority(l.organization(o, "ca"))
	if err != nil {
		return err
	}
	for _, identity := range o.Identities {
		// Fabric tells clients from peers by the organisational unit.
		subject := pkix.Name{CommonName: identity.Name + "@" + o.Domain, OrganizationalUnit: []string{"client"}, Organization: []string{o.Title}}
		if err := authority.issue(l.identity(identity.Name), &x509.Certificate{Subject: subject}); err != nil {
			return err
		}
		certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.certificate.Raw})
		if err := writeFile(l.identityAuthority(identity.Name), certificate); err != nil {
			return err
		}
	}
	transport, err := openAuthority(l.organization(o, "tlsca"))
	if err != nil {
		return err
	}
	for _, identity := range o.Identities {
		if err := transport.issue(l.identityServer(identity.Name), walletServer(identity, o)); err != nil {
			return err
		}
	}
	for _, host := range o.Peers {
		peer := nodeName(o, host)
		server := &x509.Certificate{
			Subject:     pkix.Name{CommonName: "chaincode." + host + "." + o.Domain},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			DNSNames:    []string{"localhost"},
			IPAddresses: []net.IP{net.ParseIP(loopback)},
		}
		client := &x509.Certificate{
			Subject:     pkix.Name{CommonName: host + "." + o.Domain},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		if err := errors.Join(transport.issue(l.chaincodeServer(peer), server), transport.issue(l.chaincodeClient(peer), client)); err != nil {
			return err
		}
	}
	return nil
}

// authority is a certificate authority that cryptogen made.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

func openAuthority(dir string) (*authority, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*-cert.pem"))
	if err != nil || len(paths) != 1 {
		return nil, fmt.Errorf("no single certificate in %s", dir)
	}
	certificate, err := readCertificate(paths[0])
	if err != nil {
		return nil, err
	}
	der, err := readPEM(filepath.Join(dir, "priv_sk"))
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read the authority's key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("the authority's key cannot sign: %T", key)
	}
	return &authority{certificate: certificate, key: signer}, nil
}

// issue makes a certificate and key; without an end of its own it is in force
// about as long as the authority.
func (a *authority) issue(files keyPair, template *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	const serialBits = 127
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return err
	}
	template.SerialNumber = serial
	template.NotBefore = a.certificate.NotBefore
	if latest := a.certificate.NotAfter.Add(-time.Minute); template.NotAfter.IsZero() || template.NotAfter.After(latest) {
		template.NotAfter = latest
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	certificate, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("issue %s: %w", template.Subject.CommonName, err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		writeFile(files.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})),
		writeFile(files.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})),
	)
}

func readCertificate(path string) (*x509.Certificate, error) {
	der, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", path, err)
	}
	return certificate, nil
}

func readPEM(path string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s is not a PEM file", path)
	}
	return block.Bytes, nil
}
