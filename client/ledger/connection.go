package ledger

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/identity"
)

// ErrConnection is the error of a connection description that cannot work
// whatever the network does. Its text names the file and says what to do.
var ErrConnection = errors.New("connection description")

// A Connection says which channel and chaincode to use, through which peers,
// and as whom.
type Connection struct {
	// MSPID names the organisation of the client's certificate.
	MSPID string `json:"mspId"`
	// Channel is the Fabric channel.
	Channel string `json:"channel"`
	// Chaincode is the name under which the chaincode was committed.
	Chaincode string `json:"chaincode"`
	// Endorsers lists the organisations that endorse every transaction. When
	// it is empty the gateway chooses, which fails for transactions with
	// transient data if the peer's own organisation does not endorse.
	Endorsers []string `json:"endorsers,omitempty"`
	// Quorum is how many of Endorsers endorse one transaction, when the
	// chaincode's policy is satisfied with so many: those that answer are
	// asked. 0 means all of them.
	Quorum int `json:"quorum,omitempty"`
	// Peers are tried in this order.
	Peers []Peer `json:"peers"`
	// ClientCert and ClientKey are PEM files, or folders with one as their only
	// file. In a file that LoadConnection reads they may be relative to that file.
	ClientCert string `json:"clientCert"`
	ClientKey  string `json:"clientKey"`
}

// A Peer is one gateway.
type Peer struct {
	// Endpoint is host:port.
	Endpoint string `json:"endpoint"`
	// TLSRootCert is a PEM file with the authority that issued the peer's TLS
	// certificate.
	TLSRootCert string `json:"tlsRootCert"`
	// ServerName is the name to expect in that certificate; empty means the
	// host of Endpoint.
	ServerName string `json:"serverName,omitempty"`
}

// LoadConnection reads a connection description. It refuses unknown fields and
// anything after the document. What changes do to it comes before it is checked;
// with changes and no path they describe all of it. The errors are ErrConnection.
func LoadConnection(path string, changes ...func(*Connection) error) (Connection, error) {
	var c Connection
	if path != "" || len(changes) == 0 {
		var err error
		if c, err = readConnection(path); err != nil {
			return Connection{}, err
		}
	}
	for _, change := range changes {
		if err := change(&c); err != nil {
			return Connection{}, fmt.Errorf("%w: %w", ErrConnection, err)
		}
	}
	if err := c.validate(); err != nil {
		return Connection{}, fmt.Errorf("%w %s: %w", ErrConnection, path, err)
	}
	return c, nil
}

// readConnection reads a file, and makes the names of files in it absolute.
func readConnection(path string) (Connection, error) {
	var c Connection
	text, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("%w: %w; write one, or name another file", ErrConnection, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return Connection{}, fmt.Errorf("%w %s: %w; correct the file", ErrConnection, path, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Connection{}, fmt.Errorf("%w %s: there is text after the JSON object; remove it", ErrConnection, path)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return Connection{}, fmt.Errorf("%w %s: %w", ErrConnection, path, err)
	}
	c.ClientCert = within(dir, c.ClientCert)
	c.ClientKey = within(dir, c.ClientKey)
	for i := range c.Peers {
		c.Peers[i].TLSRootCert = within(dir, c.Peers[i].TLSRootCert)
	}
	return c, nil
}

// ClientFiles are the files of certificate and key as they are now: ClientCert
// and ClientKey, or the only files in these folders. The errors are
// ErrConnection.
func (c Connection) ClientFiles() (certificate, key string, err error) {
	if certificate, err = only(c.ClientCert); err != nil {
		return "", "", fmt.Errorf("%w: client certificate: %w; check \"clientCert\"", ErrConnection, err)
	}
	if key, err = only(c.ClientKey); err != nil {
		return "", "", fmt.Errorf("%w: client key: %w; check \"clientKey\"", ErrConnection, err)
	}
	return certificate, key, nil
}

// only is a file, or the one file in a folder.
func only(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return "", err
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			files = append(files, e.Name())
		}
	}
	if len(files) != 1 {
		return "", fmt.Errorf("folder %s has %d files; leave one in it, or name the file", path, len(files))
	}
	return filepath.Join(path, files[0]), nil
}

func within(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func (c Connection) validate() error {
	for _, field := range []struct{ name, value string }{
		{"mspId", c.MSPID},
		{"channel", c.Channel},
		{"chaincode", c.Chaincode},
		{"clientCert", c.ClientCert},
		{"clientKey", c.ClientKey},
	} {
		if field.value == "" {
			return fmt.Errorf("%q is missing; add it", field.name)
		}
	}
	if len(c.Peers) == 0 {
		return errors.New(`"peers" is empty; name at least one peer`)
	}
	for i, p := range c.Peers {
		if _, _, err := net.SplitHostPort(p.Endpoint); err != nil {
			return fmt.Errorf("peers[%d]: endpoint %q is not host:port; correct it", i, p.Endpoint)
		}
		if p.TLSRootCert == "" {
			return fmt.Errorf("peers[%d]: \"tlsRootCert\" is missing; name the PEM file of the authority that issued the peer's TLS certificate", i)
		}
	}
	for i, e := range c.Endorsers {
		if e == "" {
			return fmt.Errorf("endorsers[%d] is empty; write an MSP ID or remove it", i)
		}
	}
	if c.Quorum < 0 || c.Quorum > len(c.Endorsers) {
		return fmt.Errorf("\"quorum\" is %d of %d endorsers; write how many of them the endorsement policy asks for, or remove it", c.Quorum, len(c.Endorsers))
	}
	return nil
}

// Certificate reads the client's certificate. It does not ask whether the
// certificate is still valid: Dial does.
func (c Connection) Certificate() (*x509.Certificate, error) {
	path, err := only(c.ClientCert)
	if err != nil {
		return nil, fmt.Errorf("%w: client certificate: %w; check \"clientCert\"", ErrConnection, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: client certificate: %w; check \"clientCert\"", ErrConnection, err)
	}
	certificate, err := identity.CertificateFromPEM(text)
	if err != nil {
		return nil, fmt.Errorf("%w: client certificate %s: %w; a PEM certificate is wanted", ErrConnection, c.ClientCert, err)
	}
	return certificate, nil
}

// A signer is whom transactions are of.
type signer struct {
	id          identity.Identity
	sign        identity.Sign
	certificate *x509.Certificate
}

// signer reads certificate and key and checks that they belong together.
func (c Connection) signer() (signer, error) {
	certificate, err := c.Certificate()
	if err != nil {
		return signer{}, err
	}
	if now := time.Now(); now.After(certificate.NotAfter) {
		return signer{}, fmt.Errorf("%w: client certificate %s expired on %s; have it renewed by the authority of %s, or set this machine's clock",
			ErrConnection, c.ClientCert, certificate.NotAfter.UTC().Format(time.RFC3339), c.MSPID)
	}
	text, err := readPrivate(c.ClientKey)
	if err != nil {
		return signer{}, err
	}
	key, err := identity.PrivateKeyFromPEM(text)
	if err != nil {
		// The parser's own text is left out: this file is a secret.
		return signer{}, fmt.Errorf("%w: client key %s is not an unencrypted PEM private key; name the right file", ErrConnection, c.ClientKey)
	}
	ours, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return signer{}, fmt.Errorf("%w: client key %s is a %T, an ECDSA key is wanted", ErrConnection, c.ClientKey, key)
	}
	if !ours.PublicKey.Equal(certificate.PublicKey) {
		return signer{}, fmt.Errorf("%w: client key %s does not belong to certificate %s; name the pair that was issued together",
			ErrConnection, c.ClientKey, c.ClientCert)
	}
	id, err := identity.NewX509Identity(c.MSPID, certificate)
	if err != nil {
		return signer{}, fmt.Errorf("%w: client certificate %s: %w", ErrConnection, c.ClientCert, err)
	}
	sign, err := identity.NewPrivateKeySign(ours)
	if err != nil {
		return signer{}, fmt.Errorf("%w: client key %s: %w", ErrConnection, c.ClientKey, err)
	}
	return signer{id, sign, certificate}, nil
}

// readPrivate reads a file that nobody but its owner may read. It asks the open
// file, so that the file cannot be exchanged between question and reading.
func readPrivate(path string) ([]byte, error) {
	path, err := only(path)
	if err != nil {
		return nil, fmt.Errorf("%w: client key: %w; check \"clientKey\"", ErrConnection, err)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: client key: %w; check \"clientKey\"", ErrConnection, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: client key: %w", ErrConnection, err)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%w: client key %s can be read by others (mode %04o); run: chmod 600 %s",
			ErrConnection, path, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(file, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%w: client key: %w", ErrConnection, err)
	}
	return text, nil
}

func (p Peer) roots() (*x509.CertPool, error) {
	text, err := os.ReadFile(p.TLSRootCert)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: peer %s: %w; copy the TLS authority's certificate there, or correct \"tlsRootCert\"", ErrConnection, p.Endpoint, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: peer %s: %w", ErrConnection, p.Endpoint, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%w: peer %s: %s has no PEM certificate; name the TLS authority's certificate", ErrConnection, p.Endpoint, p.TLSRootCert)
	}
	return pool, nil
}
