package ledger

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// relative is the connection of the network as a file beside its certificates.
func (n *network) relative() Connection {
	c := n.connection
	c.ClientCert, c.ClientKey = "client.pem", "client.key"
	c.Peers = []Peer{c.Peers[0]}
	c.Peers[0].TLSRootCert = "root.pem"
	return c
}

func (n *network) write(t *testing.T, c Connection) string {
	t.Helper()
	text, err := json.Marshal(c)
	require.NoError(t, err)
	path := n.file("connection.json")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

func TestLoadConnection(t *testing.T) {
	n := newNetwork(t, 1)
	c, err := LoadConnection(n.write(t, n.relative()))
	require.NoError(t, err)
	require.Equal(t, n.connection, c)
	l, err := Dial(c)
	require.NoError(t, err)
	defer l.Close()
	_, err = l.Evaluate(t.Context(), "records", "Record", "1")
	require.NoError(t, err)
}

func TestConnectionsThatCannotWork(t *testing.T) {
	n := newNetwork(t, 1)
	other := newNetwork(t, 1)
	for name, c := range map[string]struct {
		change func(*Connection)
		says   []string
	}{
		"no MSP":            {func(c *Connection) { c.MSPID = "" }, []string{"connection.json", `"mspId" is missing`}},
		"no channel":        {func(c *Connection) { c.Channel = "" }, []string{`"channel" is missing`}},
		"no peers":          {func(c *Connection) { c.Peers = nil }, []string{"name at least one peer"}},
		"no port":           {func(c *Connection) { c.Peers[0].Endpoint = "localhost" }, []string{"not host:port"}},
		"empty endorser":    {func(c *Connection) { c.Endorsers = []string{""} }, []string{"endorsers[0]"}},
		"no TLS root":       {func(c *Connection) { c.Peers[0].TLSRootCert = "" }, []string{"tlsRootCert"}},
		"absent TLS root":   {func(c *Connection) { c.Peers[0].TLSRootCert = "nowhere.pem" }, []string{"nowhere.pem", "tlsRootCert"}},
		"TLS root is a key": {func(c *Connection) { c.Peers[0].TLSRootCert = "client.key" }, []string{"client.key has no PEM certificate"}},
		"absent key":        {func(c *Connection) { c.ClientKey = "nowhere.key" }, []string{"nowhere.key", "clientKey"}},
		"key is cert":       {func(c *Connection) { c.ClientKey = "client.pem" }, []string{"client.pem is not an unencrypted PEM private key"}},
		"cert is key":       {func(c *Connection) { c.ClientCert = "client.key" }, []string{"client.key", "a PEM certificate is wanted"}},
		"another's key":     {func(c *Connection) { c.ClientKey = other.file("client.key") }, []string{"does not belong to"}},
	} {
		t.Run(name, func(t *testing.T) {
			description := n.relative()
			c.change(&description)
			loaded, err := LoadConnection(n.write(t, description))
			if err == nil {
				_, err = Dial(loaded)
			}
			require.ErrorIs(t, err, ErrConnection)
			for _, text := range c.says {
				require.ErrorContains(t, err, text)
			}
		})
	}
}

func TestConnectionIsReadStrictly(t *testing.T) {
	n := newNetwork(t, 1)
	path := n.write(t, n.relative())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, document := range map[string]string{
		"unknown field": `{"mspid2":1}`,
		"more text":     string(text) + "{}",
		"not JSON":      "mspId: x",
		"empty":         "",
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, []byte(document), 0o600))
			_, err := LoadConnection(path)
			require.ErrorIs(t, err, ErrConnection)
			require.ErrorContains(t, err, path)
		})
	}
	_, err = LoadConnection(filepath.Join(n.dir, "absent.json"))
	require.ErrorIs(t, err, ErrConnection)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestKeyReadableByOthers(t *testing.T) {
	n := newNetwork(t, 1)
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o660} {
		require.NoError(t, os.Chmod(n.connection.ClientKey, mode))
		_, err := Dial(n.connection)
		require.ErrorIs(t, err, ErrConnection)
		require.ErrorContains(t, err, "chmod 600 "+n.connection.ClientKey)
	}
	require.NoError(t, os.Chmod(n.connection.ClientKey, 0o400))
	l, err := Dial(n.connection)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestWrongTLSAuthority(t *testing.T) {
	n := newNetwork(t, 1)
	n.connection.Peers[0].TLSRootCert = newNetwork(t, 1).file("root.pem")
	impatient := quick
	impatient.patience = quick.commit
	_, err := n.dial(t, withTiming(impatient)).Evaluate(t.Context(), "records", "Record", "1")
	require.ErrorContains(t, err, x509.UnknownAuthorityError{}.Error())
}
