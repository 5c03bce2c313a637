package node

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"slices"

	"github.com/claimshare/claimshare/client/ledger"
)

// expiries are the certificates that the files name, of a node that does not run
// yet or not at all: its own, that which it shows to wallets, and those behind
// its peers'. The first to expire comes first.
func expiries(config *Config, connection ledger.Connection) ([]Expiry, error) {
	own, err := connection.Certificate()
	if err != nil {
		return nil, err
	}
	all := []Expiry{{Kind: OwnCertificate, Of: connection.MSPID, File: connection.ClientCert, Subject: own.Subject.String(), NotAfter: own.NotAfter}}
	if file := config.Wallets.Certificate; file != "" {
		found, err := certificatesIn(file)
		if err != nil {
			return nil, err
		}
		all = append(all, Expiry{Kind: WalletsCertificate, Of: config.Name, File: file, Subject: found[0].Subject.String(), NotAfter: found[0].NotAfter})
	}
	all = append(all, peerRoots(connection)...)
	slices.SortStableFunc(all, func(a, b Expiry) int { return a.NotAfter.Compare(b.NotAfter) })
	return all, nil
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
