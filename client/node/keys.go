package node

import (
	"bytes"
	"fmt"

	"filippo.io/age"

	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// passphrase is the first line of the passphrase file. Clear it after use.
func (c *Config) passphrase() ([]byte, error) {
	raw, err := keyfile.ReadPrivate(c.PassphraseFile)
	if err != nil {
		return nil, fmt.Errorf("%w: passphraseFile: %w", ErrConfig, err)
	}
	defer clear(raw)
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	return bytes.Clone(bytes.TrimRight(line, "\r")), nil
}

// unlock opens a key file with the passphrase of the configuration.
func (c *Config) unlock(path string) (*keyfile.Contents, error) {
	passphrase, err := c.passphrase()
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	identity, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, fmt.Errorf("%w: passphraseFile %s: %w", ErrConfig, c.PassphraseFile, err)
	}
	contents, err := keyfile.Open(path, identity)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrConfig, path, err)
	}
	return contents, nil
}

// partyKeys reads the party's own keys.
func (c *Config) partyKeys() (*client.Keys, error) {
	contents, err := c.unlock(c.Keys)
	if err != nil {
		return nil, err
	}
	p := contents.Party
	if p == nil || p.PID == "" {
		return nil, fmt.Errorf("%w: %s holds no party's keys with a pseudo-identity: enrol this node first", ErrConfig, c.Keys)
	}
	keys := &client.Keys{PID: pseudonym.PID(p.PID), Signing: p.Signing}
	switch k := p.Encryption.(type) {
	case nil:
	case *pre.ScopedSecretKey:
		keys.Scoped = k
	default:
		return nil, fmt.Errorf("%w: %s holds a key of paper mode: nodes need scoped keys", ErrConfig, c.Keys)
	}
	return keys, nil
}

// masterKey reads the system manager's master key.
func (c *Config) masterKey() (*pre.MasterKey, error) {
	contents, err := c.unlock(c.Master)
	if err != nil {
		return nil, err
	}
	if contents.System == nil {
		return nil, fmt.Errorf("%w: %s holds no master key", ErrConfig, c.Master)
	}
	return contents.System.Master, nil
}
