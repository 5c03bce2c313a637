// Package nodetest is what tests of party nodes need: organisations with
// certificate authorities of their own, and a ledger in memory. The ledger
// checks nothing that the chaincode checks; tests against real networks do.
package nodetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/ledger"
)

// Authority issues an organisation's certificates, as cryptogen and Fabric CA
// do: without host names or extended key usages.
type Authority struct {
	MSP         string
	Certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	issuer      *Authority // nil for a root
	revoked     []x509.RevocationListEntry
}

// NewAuthority is a root.
func NewAuthority(t testing.TB, msp string) *Authority {
	t.Helper()
	return newAuthority(t, msp, nil)
}

// Intermediate is an authority below this one.
func (a *Authority) Intermediate(t testing.TB) *Authority {
	t.Helper()
	return newAuthority(t, a.MSP, a)
}

func newAuthority(t testing.TB, msp string, issuer *Authority) *Authority {
	t.Helper()
	a := &Authority{MSP: msp, key: newKey(t), issuer: issuer}
	template := &x509.Certificate{
		SerialNumber: serial(t), Subject: pkix.Name{CommonName: "ca of " + msp, SerialNumber: serial(t).String()},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		SubjectKeyId: serial(t).Bytes(),
	}
	parent, signer := template, a.key
	if issuer != nil {
		parent, signer = issuer.Certificate, issuer.key
	}
	a.Certificate = create(t, template, parent, &a.key.PublicKey, signer)
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func serial(t testing.TB) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	require.NoError(t, err)
	return n
}

func create(t testing.TB, template, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	require.NoError(t, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return c
}

// Member is a certificate with its key, in files.
type Member struct {
	Connection  ledger.Connection // its MSP, certificate and key; nothing else is of use
	Certificate *x509.Certificate
}

// Subject is the name that Fabric's tools give a client identity.
func Subject(name string) pkix.Name {
	return pkix.Name{CommonName: name, OrganizationalUnit: []string{"client"}}
}

// Issue makes a member's certificate, valid from an hour ago to in an hour;
// alter may be nil.
func (a *Authority) Issue(t testing.TB, name string, alter func(*x509.Certificate)) *Member {
	t.Helper()
	m := &Member{Connection: ledger.Connection{
		MSPID: a.MSP, Channel: Channel, Chaincode: Chaincode,
		ClientCert: filepath.Join(t.TempDir(), "cert.pem"), ClientKey: filepath.Join(t.TempDir(), "key.pem"),
	}}
	a.Renew(t, m, name, alter)
	return m
}

// Renew puts a new certificate and key into the member's files.
func (a *Authority) Renew(t testing.TB, m *Member, name string, alter func(*x509.Certificate)) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: serial(t), Subject: Subject(name), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if alter != nil {
		alter(template)
	}
	key := newKey(t)
	m.Certificate = create(t, template, a.Certificate, &key.PublicKey, a.key)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	Write(t, m.Connection.ClientCert, "CERTIFICATE", m.Certificate.Raw)
	Write(t, m.Connection.ClientKey, "PRIVATE KEY", secret)
}

// Write puts a PEM file down at once, as tools that renew certificates should.
func Write(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

// Revoke puts a certificate on the list that Organisation answers from now on.
func (a *Authority) Revoke(c *x509.Certificate) {
	a.revoked = append(a.revoked, x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: time.Now()})
}

// List is this authority's revocation list.
func (a *Authority) List(t testing.TB) []byte {
	t.Helper()
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: serial(t), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(-time.Minute), RevokedCertificateEntries: a.revoked,
	}, a.Certificate, a.key)
	require.NoError(t, err)
	return list
}

// Organisation is what the channel's configuration says of the MSP.
func (a *Authority) Organisation(t testing.TB) ledger.MSP {
	t.Helper()
	m := ledger.MSP{ID: a.MSP}
	for c := a; c != nil; c = c.issuer {
		if c.issuer == nil {
			m.Roots = append(m.Roots, c.Certificate.Raw)
		} else {
			m.Intermediates = append(m.Intermediates, c.Certificate.Raw)
		}
		if len(c.revoked) > 0 {
			m.Revocations = append(m.Revocations, c.List(t))
		}
	}
	return m
}
