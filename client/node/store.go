package node

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/postgres"
	"github.com/claimshare/claimshare/client/store/sqlite"
)

// sealInfo says what the key is for that seals the store's rows.
const sealInfo = "claimshare/store-seal/v1"

// OpenStore opens the party's database, beside a running node too: an SQLite
// file, or a PostgreSQL database when the configuration has a postgres:// URL.
// The keys file gives the key of the rows' seals; unlocking one that has a
// passphrase takes a second.
func (c *Config) OpenStore(ctx context.Context) (store.Store, error) {
	keys, err := c.partyKeys()
	if err != nil {
		return nil, err
	}
	return openStore(ctx, c, keys)
}

func openStore(ctx context.Context, c *Config, keys *client.Keys) (store.Store, error) {
	key, err := sealKey(keys)
	if err != nil {
		return nil, err
	}
	options := []store.Option{store.WithSealKey(key)}
	if c.Payloads != "" {
		options = append(options, store.WithPayloads(c.Payloads))
	}
	if c.PostgreSQL() {
		return postgres.Open(ctx, c.Store, options...)
	}
	if err := os.MkdirAll(filepath.Dir(c.Store), 0o700); err != nil {
		return nil, fmt.Errorf("%w: store: %w", ErrConfig, err)
	}
	return sqlite.Open(ctx, c.Store, options...)
}

// sealKey is the key of the seals in the store. The signing key gives it and
// cannot be found from it.
func sealKey(keys *client.Keys) ([]byte, error) {
	secret := keys.Signing.Bytes()
	defer clear(secret)
	return hkdf.Key(sha256.New, secret, nil, sealInfo, sha256.Size)
}
