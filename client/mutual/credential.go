package mutual

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
)

// Credential is a node's own certificate and key. It reads the files again when
// they have changed, so that a certificate is renewed without a restart.
type Credential struct {
	connection ledger.Connection
	log        *slog.Logger
	timing     Timing

	mu     sync.Mutex
	pair   *tls.Certificate
	seen   [2]stamp
	looked time.Time
}

// stamp is by what a changed file is known.
type stamp struct {
	modified time.Time
	size     int64
	mode     fs.FileMode
}

// NewCredential reads the connection's certificate and key. The errors are
// [ledger.ErrConnection].
func NewCredential(c ledger.Connection, log *slog.Logger, t Timing) (*Credential, error) {
	cred := &Credential{connection: c, log: log, timing: t}
	seen, err := cred.stamps()
	if err != nil {
		return nil, err
	}
	if cred.pair, err = c.KeyPair(); err != nil {
		return nil, err
	}
	cred.seen, cred.looked = seen, time.Now()
	return cred, nil
}

func (c *Credential) stamps() (s [2]stamp, err error) {
	for i, name := range []string{c.connection.ClientCert, c.connection.ClientKey} {
		info, err := os.Stat(name)
		if err != nil {
			return s, fmt.Errorf("%w: %w", ledger.ErrConnection, err)
		}
		s[i] = stamp{info.ModTime(), info.Size(), info.Mode()}
	}
	return s, nil
}

// current is the pair in the files. While they cannot be used, for instance
// because one is new and the other still old, the last good pair stays.
func (c *Credential) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < c.timing.Reload {
		return c.pair
	}
	c.looked = time.Now()
	seen, err := c.stamps()
	if err == nil && seen == c.seen {
		return c.pair
	}
	pair, loadErr := c.connection.KeyPair()
	if err != nil || loadErr != nil {
		if err == nil {
			err = loadErr
		}
		c.log.Warn("the certificate in the files cannot be used; the one before stays", "error", err)
		return c.pair
	}
	c.pair, c.seen = pair, seen
	c.log.Info("certificate read again", "subject", pair.Leaf.Subject.String(), "expires", pair.Leaf.NotAfter)
	return pair
}
