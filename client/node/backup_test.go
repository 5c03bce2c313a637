package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// keyed is the configuration of a node with keys of its own and nothing else.
func keyed(t *testing.T, name string) *Config {
	t.Helper()
	dir := t.TempDir()
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	c := &Config{
		Name: name, Keys: filepath.Join(dir, "party.key"), IdentityFile: filepath.Join(dir, "identity.txt"),
		Store: filepath.Join(dir, "party.sqlite"), Operator: filepath.Join(dir, "o.sock"),
	}
	require.NoError(t, os.WriteFile(c.IdentityFile, []byte(identity.String()+"\n"), 0o600))
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails
	keys, err := client.DeriveKeys(seed, pseudonym.PID("a pseudo-identity of "+name), pre.ModeScoped)
	require.NoError(t, err)
	party := &keyfile.Party{PID: string(keys.PID), Signing: keys.Signing, Encryption: keys.Scoped}
	require.NoError(t, keyfile.Create(c.Keys, &keyfile.Contents{Created: time.Now(), Party: party}, identity.Recipient()))
	return c
}

// elsewhere is the same node with an empty database.
func (c *Config) elsewhere(t *testing.T) *Config {
	t.Helper()
	other := *c
	other.Store = filepath.Join(t.TempDir(), "party.sqlite")
	return &other
}

// put puts a record with a large payload into a node's database.
func put(t *testing.T, c *Config) (id record.RecordID, payload []byte) {
	t.Helper()
	db, err := c.OpenStore(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	payload = make([]byte, 500_000)
	_, _ = rand.Read(payload) // never fails
	_, _ = rand.Read(id[:])
	require.NoError(t, db.Put(t.Context(), store.Item{Payload: bytes.NewReader(payload), Entry: store.Entry{
		RecordID: id, Kind: record.KindRepair, Label: "repair/2026", PayloadSize: int64(len(payload)), PayloadDigest: sha256.Sum256(payload),
	}}))
	return id, payload
}

func TestBackup(t *testing.T) {
	c := keyed(t, "shop")
	id, payload := put(t, c)
	path := filepath.Join(t.TempDir(), "backup.age")
	made, err := Backup(t.Context(), c, path)
	require.NoError(t, err)
	require.EqualValues(t, 1, made.Payloads)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "repair/2026")
	_, err = Backup(t.Context(), c, path)
	require.ErrorIs(t, err, os.ErrExist)

	other := c.elsewhere(t)
	back, err := Restore(t.Context(), other, bytes.NewReader(raw))
	require.NoError(t, err)
	require.Equal(t, made, back)
	db, err := other.OpenStore(t.Context())
	require.NoError(t, err)
	var got bytes.Buffer
	require.NoError(t, db.Payload(t.Context(), id, &got))
	require.True(t, bytes.Equal(payload, got.Bytes()))
	require.NoError(t, db.Close())
	_, err = Restore(t.Context(), other, bytes.NewReader(raw))
	require.ErrorIs(t, err, store.ErrNotEmpty)
}

// TestRestoreRefuses: what is no whole backup of this party's leaves the database
// empty.
func TestRestoreRefuses(t *testing.T) {
	c := keyed(t, "shop")
	put(t, c)
	path := filepath.Join(t.TempDir(), "backup.age")
	_, err := Backup(t.Context(), c, path)
	require.NoError(t, err)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	stranger := keyed(t, "garage")
	altered := bytes.Clone(raw)
	altered[len(raw)/2] ^= 1
	own, err := c.identities()
	require.NoError(t, err)
	recipients, err := c.recipients()
	require.NoError(t, err)
	var empty bytes.Buffer
	locked, err := age.Encrypt(&empty, recipients...)
	require.NoError(t, err)
	require.NoError(t, locked.Close())

	for name, one := range map[string]struct {
		config     *Config
		raw        []byte
		identities []age.Identity
	}{
		"cut off":                   {c, raw[:len(raw)-100], nil},
		"cut off early":             {c, raw[:len(raw)/3], nil},
		"nothing":                   {c, nil, nil},
		"something else":            {c, []byte("not a backup"), nil},
		"encrypted, and no backup":  {c, empty.Bytes(), nil},
		"altered":                   {c, altered, nil},
		"another party's":           {stranger, raw, own},
		"cannot be opened with it":  {stranger, raw, nil},
		"another's, under its keys": {stranger, raw[:len(raw)-1], own},
	} {
		t.Run(name, func(t *testing.T) {
			into := one.config.elsewhere(t)
			_, err := Restore(t.Context(), into, bytes.NewReader(one.raw), one.identities...)
			require.ErrorIs(t, err, ErrBackup)
			db, err := into.OpenStore(t.Context())
			require.NoError(t, err)
			defer func() { require.NoError(t, db.Close()) }()
			counts, err := db.Counts(t.Context())
			require.NoError(t, err)
			require.Zero(t, counts)
		})
	}
	t.Run("the node runs", func(t *testing.T) {
		into := c.elsewhere(t)
		on, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", into.Operator)
		require.NoError(t, err)
		defer on.Close()
		_, err = Restore(t.Context(), into, bytes.NewReader(raw))
		require.ErrorIs(t, err, ErrRunning)
	})
}

// TestBackupForAnother: a backup can be locked to somebody who has no keys of the
// party's.
func TestBackupForAnother(t *testing.T) {
	c := keyed(t, "shop")
	put(t, c)
	keeper, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "backup.age")
	_, err = Backup(t.Context(), c, path, keeper.Recipient())
	require.NoError(t, err)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = Restore(t.Context(), c.elsewhere(t), bytes.NewReader(raw))
	require.ErrorIs(t, err, ErrBackup)
	_, err = Restore(t.Context(), c.elsewhere(t), bytes.NewReader(raw), keeper)
	require.NoError(t, err)
}

// TestForgedBackup: that a backup opens does not say who made it, since everybody can
// lock a file to a recipient. One that others made is not restored.
func TestForgedBackup(t *testing.T) {
	c, mallory := keyed(t, "authority"), keyed(t, "mallory")
	keys, err := c.partyKeys()
	require.NoError(t, err)
	recipients, err := c.recipients()
	require.NoError(t, err)
	own, err := mallory.partyKeys()
	require.NoError(t, err)
	db, err := mallory.OpenStore(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	invitation := record.Digest{7}
	require.NoError(t, db.PutInvitation(t.Context(), store.Invitation{Code: invitation, Role: record.RoleInsurer, PID: "mallory", Expires: time.Now().Add(time.Hour)}))
	forge := func(proof func([]byte) []byte) []byte {
		var content, forged bytes.Buffer
		content.WriteString(backupHeader + keys.ID().String() + "\n")
		_, err := db.Dump(t.Context(), &content)
		require.NoError(t, err)
		locked, err := age.Encrypt(&forged, recipients...)
		require.NoError(t, err)
		_, err = locked.Write(append(content.Bytes(), proof(content.Bytes())...))
		require.NoError(t, err)
		require.NoError(t, locked.Close())
		return forged.Bytes()
	}
	signed := func(b []byte) []byte {
		proof, err := newProof(own)
		require.NoError(t, err)
		_, _ = proof.Write(b)
		return proof.Sum(nil)
	}
	for name, raw := range map[string][]byte{
		"without a proof":   forge(func([]byte) []byte { return nil }),
		"zeros":             forge(func([]byte) []byte { return make([]byte, 32) }),
		"under other keys":  forge(signed),
		"something follows": forge(func(b []byte) []byte { return append(signed(b), 1) }),
	} {
		into := c.elsewhere(t)
		_, err := Restore(t.Context(), into, bytes.NewReader(raw))
		require.ErrorIs(t, err, ErrBackup, name)
		got, err := into.OpenStore(t.Context())
		require.NoError(t, err)
		_, err = got.Invitation(t.Context(), invitation)
		require.ErrorIs(t, err, store.ErrNotFound, name)
		require.NoError(t, got.Close())
	}
	// What was made with former keys can be believed, when somebody says so.
	_, err = RestoreUnproven(t.Context(), c.elsewhere(t), bytes.NewReader(forge(signed)))
	require.NoError(t, err)
}
