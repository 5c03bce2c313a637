package command

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store/sqlite"
)

// authority issues certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func newAuthority(t *testing.T, name string) authority {
	a := authority{t: t, key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	require.NoError(t, err)
	a.cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	return a
}

func (a authority) issue(name string, from, to time.Duration) tls.Certificate {
	key := newKey(a.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(a.t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func writePEM(t *testing.T, path, kind string, der []byte) string {
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

// clinic is an MSP folder, a connection description and a place for peers.
type clinic struct {
	t         *testing.T
	dir       string
	org, tls  authority
	described ledger.Connection
}

func newClinic(t *testing.T) *clinic {
	c := &clinic{t: t, dir: t.TempDir(), org: newAuthority(t, "ca.shop"), tls: newAuthority(t, "tlsca.shop")}
	writePEM(t, filepath.Join(c.dir, "msp/cacerts/ca.pem"), "CERTIFICATE", c.org.cert.Raw)
	c.described = ledger.Connection{MSPID: "ShopMSP", Channel: "claims", Chaincode: "claimshare"}
	c.client(c.org.issue("user", -time.Minute, 900*time.Hour))
	return c
}

// client makes this the client's certificate and key.
func (c *clinic) client(pair tls.Certificate) {
	c.described.ClientCert = writePEM(c.t, filepath.Join(c.dir, "msp/signcerts/cert.pem"), "CERTIFICATE", pair.Certificate[0])
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(c.t, err)
	c.described.ClientKey = writePEM(c.t, filepath.Join(c.dir, "msp/keystore/key.pem"), "PRIVATE KEY", der)
}

// peer makes the peers of the description this one.
func (c *clinic) peer(endpoint, name string, root authority) {
	file := writePEM(c.t, filepath.Join(c.dir, "tlsca.pem"), "CERTIFICATE", root.cert.Raw)
	c.described.Peers = []ledger.Peer{{Endpoint: endpoint, ServerName: name, TLSRootCert: file}}
}

// serve starts something that accepts connections and does the handshake.
func (c *clinic) serve(config *tls.Config) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(c.t, err)
	c.t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if config == nil {
					_, _ = io.WriteString(conn, "220 mail.example ready\r\n")
					return
				}
				server := tls.Server(conn, config)
				if server.Handshake() == nil {
					_, _ = io.Copy(io.Discard, server)
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// examine writes the description and lets doctor look at it.
func (c *clinic) examine() *diagnosis {
	text, err := json.Marshal(c.described)
	require.NoError(c.t, err)
	path := filepath.Join(c.dir, "connection.json")
	require.NoError(c.t, os.WriteFile(path, text, 0o600))
	p := patient{connection: path, timeout: time.Second, now: time.Now()}
	return p.examine(context.Background())
}

func require1(t *testing.T, d *diagnosis, check string, s status, contains ...string) {
	t.Helper()
	for _, f := range d.Findings {
		if f.Check == check && f.Status == s {
			for _, text := range contains {
				require.Contains(t, f.Detail+" "+f.Advice, text)
			}
			return
		}
	}
	require.Failf(t, "no such finding", "%s %s in %+v", s, check, d.Findings)
}

func TestDoctorOnPeers(t *testing.T) {
	c := newClinic(t)
	server := c.tls.issue("peer0.shop", -time.Hour, 900*time.Hour)
	h2 := &tls.Config{Certificates: []tls.Certificate{server}, NextProtos: []string{"h2"}}

	// It listens and speaks TLS; behind it is no gateway.
	endpoint := c.serve(h2)
	c.peer(endpoint, "peer0.shop", c.tls)
	d := c.examine()
	require1(t, d, "connection", fine)
	require1(t, d, "certificate", fine)
	require1(t, d, "issuer", fine, "ca.shop")
	require1(t, d, "client key", fine)
	require1(t, d, "peer", fine, "TLS 1.3 as peer0.shop")
	require1(t, d, "gateway", problem, `has joined channel "claims"`)
	c.described.Peers = append(c.described.Peers, ledger.Peer{Endpoint: "127.0.0.1:1", TLSRootCert: c.described.Peers[0].TLSRootCert})
	d = c.examine()
	require.Equal(t, 2, d.Problems)
	require.Equal(t, "127.0.0.1:1", d.Findings[len(d.Findings)-1].Subject, "in the order of the file")

	c.peer(endpoint, "peer0.shop", c.org)
	require1(t, c.examine(), "peer", problem, "did not issue this peer's TLS certificate", "ca.shop")
	require1(t, c.examine(), "gateway", skipped)

	c.peer(endpoint, "", c.tls)
	require1(t, c.examine(), "peer", problem, `set "serverName" to one of: peer0.shop`)

	c.peer(c.serve(nil), "peer0.shop", c.tls)
	require1(t, c.examine(), "peer", problem, "does not speak TLS")

	http1 := h2.Clone()
	http1.NextProtos = []string{"http/1.1"}
	c.peer(c.serve(http1), "peer0.shop", c.tls)
	d = c.examine()
	require.False(t, d.Healthy)

	plain := h2.Clone()
	plain.NextProtos = nil
	c.peer(c.serve(plain), "peer0.shop", c.tls)
	require1(t, c.examine(), "peer", problem, "not HTTP/2")

	expired := &tls.Config{Certificates: []tls.Certificate{c.tls.issue("peer0.shop", -2*time.Hour, -time.Hour)}, NextProtos: []string{"h2"}}
	c.peer(c.serve(expired), "peer0.shop", c.tls)
	require1(t, c.examine(), "peer", problem, "has expired")

	ending := &tls.Config{Certificates: []tls.Certificate{c.tls.issue("peer0.shop", -2*time.Hour, 24*time.Hour)}, NextProtos: []string{"h2"}}
	c.peer(c.serve(ending), "peer0.shop", c.tls)
	require1(t, c.examine(), "peer", warning, "expires on")

	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	c.peer(closed.Addr().String(), "peer0.shop", c.tls)
	require1(t, c.examine(), "peer", problem, "nothing listens there")

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	c.peer(silent.Addr().String(), "peer0.shop", c.tls)
	require1(t, c.examine(), "peer", problem, "no answer")

	c.described.Peers[0].TLSRootCert = c.described.ClientKey
	require1(t, c.examine(), "peer", problem, "no certificate in PEM form")
	c.described.Peers[0].TLSRootCert = "nowhere.pem"
	require1(t, c.examine(), "peer", problem, `"tlsRootCert"`)
}

func TestDoctorOnTheClientsCertificate(t *testing.T) {
	c := newClinic(t)
	c.peer("127.0.0.1:1", "peer0.shop", c.tls)

	c.client(c.org.issue("user", -time.Hour, -time.Minute))
	d := c.examine()
	require1(t, d, "certificate", problem, "it expired on")
	require1(t, d, "issuer", fine)

	c.client(c.org.issue("user", time.Hour, 2*time.Hour))
	require1(t, c.examine(), "certificate", problem, "not valid before", "clock")

	c.client(c.org.issue("user", -time.Hour, 49*time.Hour))
	require1(t, c.examine(), "certificate", warning, "expires in 2 days")

	c.client(c.tls.issue("user", -time.Hour, 900*time.Hour))
	require1(t, c.examine(), "issuer", problem, "did not issue this certificate")

	pair := c.org.issue("user", -time.Hour, 900*time.Hour)
	pair.PrivateKey = newKey(t)
	c.client(pair)
	require1(t, c.examine(), "client key", problem, "does not belong to certificate")

	require.NoError(t, os.Chmod(c.described.ClientKey, 0o644))
	require1(t, c.examine(), "client key", problem, "chmod 600")

	require.NoError(t, os.RemoveAll(filepath.Join(c.dir, "msp/cacerts")))
	require1(t, c.examine(), "issuer", skipped)
	writePEM(t, filepath.Join(c.dir, "msp/signcerts/cacerts/ca.pem"), "CERTIFICATE", c.org.cert.Raw)
	require1(t, c.examine(), "issuer", fine, "ca.shop")
}

func TestDoctorOnALedgerThatIsNotSetUp(t *testing.T) {
	c := ledger.Connection{Chaincode: "claimshare", Peers: []ledger.Peer{{Endpoint: "one"}, {Endpoint: "two"}, {Endpoint: "three"}}}
	examined := func(answers ...ledgerAnswer) *diagnosis {
		d := &diagnosis{Healthy: true}
		examineSetUp(d, c, answers)
		return d
	}
	require.Empty(t, examined(setUp, noAnswer, setUp).Findings)
	d := examined(notSetUp, noAnswer, notSetUp)
	require.Len(t, d.Findings, 1)
	require1(t, d, "chaincode", warning, "not set up yet", "claimshare node setup")
	d = examined(setUp, setUp, notSetUp)
	require.Len(t, d.Findings, 1)
	require.Equal(t, "three", d.Findings[0].Subject)
	require1(t, d, "chaincode", problem, "behind")
}

func TestDoctorOnTheClock(t *testing.T) {
	d := new(diagnosis)
	examineClock(d, time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC))
	require1(t, d, "clock", problem, "has passed", "NTP")
}

func TestDoctorOnAStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	defer s.Close()
	d := (&patient{store: path, now: time.Now()}).examine(t.Context())
	require1(t, d, "store", fine, "schema version ", ", 0 records")
	require.True(t, d.Healthy)
	require.NoError(t, os.Chmod(path, 0o604))
	require1(t, (&patient{store: path, now: time.Now()}).examine(t.Context()), "store", problem, "chmod 600")
}
