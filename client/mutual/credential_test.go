package mutual_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/mutual"
)

// What does not fit is refused with its reason, which is said once in the log,
// and what was there stays.
func TestACredentialTakesOnlyItsSuccessor(t *testing.T) {
	shops := nodetest.NewAuthority(t, "ShopMSP")
	m := shops.Issue(t, "shop1", nil)
	var log bytes.Buffer
	c, err := mutual.NewCredential(m.Connection, slog.New(slog.NewTextHandler(&log, nil)), quick())
	require.NoError(t, err)
	another, err := c.Refresh()
	require.NoError(t, err)
	require.False(t, another)
	first := m.Certificate
	for says, renew := range map[string]func(){
		"is of CN=shop2,OU=client": func() { shops.Renew(t, m, "shop2", nil) },
		"expired on": func() {
			shops.Renew(t, m, "shop1", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
		},
		"begins on": func() {
			shops.Renew(t, m, "shop1", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(30 * time.Minute) })
		},
	} {
		renew()
		log.Reset()
		for range 3 {
			_, err = c.Refresh()
			require.ErrorContains(t, err, says)
		}
		require.Equal(t, first.Raw, c.Current().Leaf.Raw, says)
		require.Equal(t, 1, strings.Count(log.String(), "cannot be used"), says)
	}
	shops.Renew(t, m, "shop1", nil)
	another, err = c.Refresh()
	require.NoError(t, err)
	require.True(t, another)
	require.Equal(t, m.Certificate.Raw, c.Current().Leaf.Raw)
	require.Contains(t, log.String(), "certificate read again")
}

// Folders with one file each are read again too, as tools that name keys by their
// hash fill them.
func TestACredentialInFolders(t *testing.T) {
	shops := nodetest.NewAuthority(t, "ShopMSP")
	m := shops.Issue(t, "shop1", nil)
	folders := m.Connection
	folders.ClientCert, folders.ClientKey = t.TempDir(), t.TempDir()
	move := func(name string) {
		require.NoError(t, os.Rename(m.Connection.ClientCert, folders.ClientCert+"/cert.pem"))
		require.NoError(t, os.Rename(m.Connection.ClientKey, folders.ClientKey+"/"+name))
	}
	move("1_sk")
	c, err := mutual.NewCredential(folders, quiet, quick())
	require.NoError(t, err)
	require.Equal(t, m.Certificate.Raw, c.Current().Leaf.Raw)
	first := m.Certificate
	shops.Renew(t, m, "shop1", nil)
	move("2_sk")
	_, err = c.Refresh()
	require.ErrorIs(t, err, ledger.ErrConnection)
	require.ErrorContains(t, err, "has 2 files")
	require.Equal(t, first.Raw, c.Current().Leaf.Raw)
	require.NoError(t, os.Remove(folders.ClientKey+"/1_sk"))
	require.Equal(t, m.Certificate.Raw, c.Current().Leaf.Raw)
}

func TestAServersCertificateIsReadAgain(t *testing.T) {
	authority := nodetest.NewAuthority(t, "")
	m := authority.Issue(t, "wallets.example", nil)
	c, err := mutual.NewServerCertificate(m.Connection.ClientCert, m.Connection.ClientKey, quiet, quick())
	require.NoError(t, err)
	authority.Renew(t, m, "other.example", nil) // its name may change
	require.Equal(t, m.Certificate.Raw, c.Current().Leaf.Raw)
	last := m.Certificate.Raw
	require.NoError(t, os.Chmod(m.Connection.ClientKey, 0o640))
	_, err = c.Refresh()
	require.ErrorIs(t, err, keyfile.ErrPermissions)
	require.Equal(t, last, c.Current().Leaf.Raw)
	_, err = mutual.NewServerCertificate(m.Connection.ClientCert, m.Connection.ClientKey, quiet, quick())
	require.ErrorIs(t, err, keyfile.ErrPermissions)
	_, err = mutual.NewServerCertificate("nowhere.pem", m.Connection.ClientKey, quiet, quick())
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Many handshakes while the files change see one good pair or another.
func TestACredentialIsReadWhileItIsReplaced(t *testing.T) {
	shops := nodetest.NewAuthority(t, "ShopMSP")
	m := shops.Issue(t, "shop1", nil)
	c, err := mutual.NewCredential(m.Connection, quiet, quick())
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 50 {
			shops.Renew(t, m, "shop1", nil)
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		pair := c.Current()
		require.NoError(t, belongs(pair))
	}
	require.Equal(t, m.Certificate.Raw, c.Current().Leaf.Raw)
}

// belongs checks that a pair's key is its certificate's.
func belongs(pair *tls.Certificate) error {
	if key := pair.PrivateKey.(*ecdsa.PrivateKey); !key.PublicKey.Equal(pair.Leaf.PublicKey) {
		return errors.New("the key is not the certificate's")
	}
	return nil
}
