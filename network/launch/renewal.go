package launch

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"
)

// RenewIdentity issues an identity another certificate, for the same subject and
// with a new key, and puts both into its files. It is in force until the given
// time, or as long as its authority when that is zero.
func (n *Network) RenewIdentity(identity string, until time.Time) (*x509.Certificate, error) {
	for _, who := range n.Topology().Identities() {
		if who.Name != identity {
			continue
		}
		l := layout{n.Dir()}
		authority, err := openAuthority(l.organization(who.Organization, "ca"))
		if err != nil {
			return nil, err
		}
		return authority.renew(l.identity(identity), until)
	}
	return nil, fmt.Errorf("the network has no identity %q", identity)
}

// renew replaces files by such of the same subject, each at once.
func (a *authority) renew(files keyPair, until time.Time) (*x509.Certificate, error) {
	before, err := readCertificate(files.cert)
	if err != nil {
		return nil, err
	}
	next := keyPair{cert: files.cert + ".new", key: files.key + ".new"}
	if err := a.issue(next, &x509.Certificate{RawSubject: before.RawSubject, Subject: before.Subject, NotAfter: until}); err != nil {
		return nil, err
	}
	if err := errors.Join(os.Rename(next.key, files.key), os.Rename(next.cert, files.cert)); err != nil {
		return nil, err
	}
	return readCertificate(files.cert)
}
