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

// identities is what opens the key files.
func (c *Config) identities() ([]age.Identity, error) {
	if c.IdentityFile != "" {
		raw, err := keyfile.ReadPrivate(c.IdentityFile)
		if err != nil {
			return nil, fmt.Errorf("%w: identityFile: %w", ErrConfig, err)
		}
		defer clear(raw)
		identities, err := age.ParseIdentities(bytes.NewReader(raw))
		if err != nil {
			// age's own text may repeat the line, which may be a secret.
			return nil, fmt.Errorf("%w: identityFile: %s is not an age identity file", ErrConfig, c.IdentityFile)
		}
		return identities, nil
	}
	passphrase, err := c.passphrase()
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	identity, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, fmt.Errorf("%w: passphraseFile %s: %w", ErrConfig, c.PassphraseFile, err)
	}
	return []age.Identity{identity}, nil
}

// recipients is whom a new key file is locked to.
func (c *Config) recipients() ([]age.Recipient, error) {
	if c.IdentityFile == "" {
		passphrase, err := c.passphrase()
		if err != nil {
			return nil, err
		}
		defer clear(passphrase)
		recipient, err := age.NewScryptRecipient(string(passphrase))
		if err != nil {
			return nil, fmt.Errorf("%w: passphraseFile: %w", ErrConfig, err)
		}
		return []age.Recipient{recipient}, nil
	}
	identities, err := c.identities()
	if err != nil {
		return nil, err
	}
	var all []age.Recipient
	for _, identity := range identities {
		if own, ok := identity.(*age.X25519Identity); ok {
			all = append(all, own.Recipient())
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: identityFile: %s has no X25519 identity to lock a new file to", ErrConfig, c.IdentityFile)
	}
	return all, nil
}

// unlock opens a key file.
func (c *Config) unlock(path string) (*keyfile.Contents, error) {
	identities, err := c.identities()
	if err != nil {
		return nil, err
	}
	contents, err := keyfile.Open(path, identities...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrConfig, path, err)
	}
	return contents, nil
}

// partyKeys reads the party's own keys.
func (c *Config) partyKeys() (*client.Keys, error) {
	if err := c.hasKeys(); err != nil {
		return nil, err
	}
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
