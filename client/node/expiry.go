package node

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
)

// expiry is a certificate that the node works with, or of several of one kind
// the one that expires first.
type expiry struct {
	name      string // fabric, peers or wallets
	subject   string
	notBefore time.Time
	notAfter  time.Time
}

// expiries reads the certificates in the files: the node's own, those by which
// it knows its peers, and that of the listener for wallets.
func expiries(config *Config, connection ledger.Connection) ([]expiry, error) {
	own, err := connection.Certificate()
	if err != nil {
		return nil, err
	}
	all := []expiry{expiryOf("fabric", own)}
	var roots []string
	for _, p := range connection.Peers {
		roots = append(roots, p.TLSRootCert)
	}
	for _, kind := range []struct {
		name  string
		files []string
	}{{"peers", roots}, {"wallets", []string{config.Wallets.Certificate}}} {
		var first *expiry
		for _, file := range kind.files {
			if file == "" {
				continue
			}
			found, err := certificatesIn(file)
			if err != nil {
				return nil, err
			}
			for _, c := range found {
				if first == nil || c.NotAfter.Before(first.notAfter) {
					e := expiryOf(kind.name, c)
					first = &e
				}
			}
		}
		if first != nil {
			all = append(all, *first)
		}
	}
	return all, nil
}

func expiryOf(name string, c *x509.Certificate) expiry {
	return expiry{name, c.Subject.String(), c.NotBefore, c.NotAfter}
}

// certificatesIn reads a PEM file.
func certificatesIn(file string) ([]*x509.Certificate, error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return all, nil
}
