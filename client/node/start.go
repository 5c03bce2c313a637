package node

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"github.com/claimshare/claimshare/client/keyfile"
)

// ErrNoKeys: the node has no keys yet. [SetUp] or [Enrol] makes them.
var ErrNoKeys = errors.New("the node has no keys yet")

// startable looks for what would keep a node from starting, before it listens
// anywhere or opens a key, which takes a second: what opens the keys, the file of
// the keys, and whether this node runs already. The errors are ErrConfig, with
// ErrNoKeys or ErrRunning inside.
func (c *Config) startable() error {
	unlock := c.IdentityFile
	if unlock == "" {
		unlock = c.PassphraseFile
	}
	if readableTwice(unlock) {
		if err := c.CheckUnlock(); err != nil {
			return err
		}
	}
	if err := c.hasKeys(); err != nil {
		return err
	}
	if readableTwice(c.Keys) {
		if _, err := keyfile.NeedsPassphrase(c.Keys); err != nil {
			return fmt.Errorf("%w: keys: %w", ErrConfig, err)
		}
	}
	if other, err := net.Dial("unix", c.Operator); err == nil {
		_ = other.Close() // nothing was said
		return fmt.Errorf("%w: operator: %w: its socket %s answers", ErrConfig, errRunsAlready, c.Operator)
	}
	return nil
}

var errRunsAlready = fmt.Errorf("%w already", ErrRunning)

// readableTwice is false of pipes and devices, which give what they have once.
// What is not there is for the reader to say.
func readableTwice(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular()
}

// hasKeys says whether the party's key file is there.
func (c *Config) hasKeys() error {
	if _, err := os.Stat(c.Keys); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: keys: %w: %w", ErrConfig, ErrNoKeys, err)
	}
	return nil
}

// listenError is the error of a listener that cannot be opened, where field is
// the configuration's.
func listenError(field string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: %s: another process listens there, or this node is starting already: %w", ErrConfig, field, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrConfig, field, err)
}
