package mutual

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/ledger"
)

// Credential is a certificate and its key in files. It reads the files again
// when they have changed, so that a certificate is renewed without a restart.
type Credential struct {
	files  func() (certificate, key string, err error)
	load   func() (*tls.Certificate, error)
	bound  bool // to the first certificate's subject
	log    *slog.Logger
	timing Timing

	mu        sync.Mutex
	pair      *tls.Certificate
	seen      [2]stamp
	looked    time.Time
	complaint string // what was said last about files that cannot be used
}

// stamp is by what a changed file is known.
type stamp struct {
	name     string
	modified time.Time
	size     int64
	mode     fs.FileMode
}

// NewCredential is a node's own certificate and key, which the connection names.
// Those that are read later have to be of the same subject, since the ledger
// binds the party to it. The errors are [ledger.ErrConnection].
func NewCredential(c ledger.Connection, log *slog.Logger, t Timing) (*Credential, error) {
	return (&Credential{files: c.ClientFiles, load: c.KeyPair, bound: true, log: log, timing: t}).first()
}

// NewServerCertificate is an ordinary TLS server's certificate and key, in PEM
// files; nobody but its owner may be able to read the key.
func NewServerCertificate(certificate, key string, log *slog.Logger, t Timing) (*Credential, error) {
	files := func() (string, string, error) { return certificate, key, nil }
	load := func() (*tls.Certificate, error) {
		if err := keyfile.CheckPrivate(key); err != nil {
			return nil, err
		}
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("%s with %s: %w", certificate, key, err)
		}
		return &pair, nil
	}
	return (&Credential{files: files, load: load, log: log, timing: t}).first()
}

func (c *Credential) first() (*Credential, error) {
	seen, err := c.stamps()
	if err != nil {
		return nil, err
	}
	if c.pair, err = c.load(); err != nil {
		return nil, err
	}
	c.seen, c.looked = seen, time.Now()
	return c, nil
}

func (c *Credential) stamps() (s [2]stamp, err error) {
	certificate, key, err := c.files()
	if err != nil {
		return s, err
	}
	for i, name := range []string{certificate, key} {
		info, err := os.Stat(name)
		if err != nil {
			return s, err
		}
		s[i] = stamp{name, info.ModTime(), info.Size(), info.Mode()}
	}
	return s, nil
}

// Current is the pair in the files. While they cannot be used, for instance
// because one is new and the other still old, the last good pair stays.
func (c *Credential) Current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < c.timing.Reload {
		return c.pair
	}
	_, _ = c.look(false) // it says in the log what it found
	return c.pair
}

// Refresh reads the files now, whether they seem to have changed or not. It
// reports whether the certificate is another; after an error the pair from
// before stays.
func (c *Credential) Refresh() (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.look(true)
}

func (c *Credential) look(always bool) (bool, error) {
	c.looked = time.Now()
	seen, err := c.stamps()
	if err == nil && seen == c.seen && !always {
		return false, nil
	}
	var pair *tls.Certificate
	if err == nil {
		pair, err = c.load()
	}
	if err == nil {
		err = c.successor(pair)
	}
	if err != nil {
		if text := err.Error(); text != c.complaint {
			c.complaint = text
			c.log.Warn("the certificate in the files cannot be used; the one before stays", "error", err)
		}
		return false, err
	}
	another := !bytes.Equal(pair.Leaf.Raw, c.pair.Leaf.Raw)
	c.pair, c.seen, c.complaint = pair, seen, ""
	if another {
		c.log.Info("certificate read again", "subject", pair.Leaf.Subject.String(), "expires", pair.Leaf.NotAfter)
	}
	return another, nil
}

// successor says why a pair cannot take the place of the one in use.
func (c *Credential) successor(next *tls.Certificate) error {
	now, leaf, was := time.Now(), next.Leaf, c.pair.Leaf
	switch {
	case bytes.Equal(leaf.Raw, was.Raw):
		return nil
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate of %s in the files expired on %s", leaf.Subject, leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate of %s in the files begins on %s; compare the clocks", leaf.Subject, leaf.NotBefore.UTC().Format(time.RFC3339))
	case c.bound && leaf.Subject.String() != was.Subject.String():
		return fmt.Errorf("%w: the certificate in the files is of %s, the one before of %s; have one of the same subject issued", ledger.ErrConnection, leaf.Subject, was.Subject)
	}
	return nil
}
