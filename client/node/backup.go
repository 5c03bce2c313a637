package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"strings"

	"filippo.io/age"

	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/atomicfile"
	"github.com/claimshare/claimshare/client/store"
)

// Errors of backups.
var (
	// ErrBackup: it is no backup, it is damaged or cut off, or it cannot be opened
	// with what was given.
	ErrBackup = errors.New("backup")
	// ErrRunning: a node is at work with this configuration.
	ErrRunning = errors.New("the node runs")
)

// backupHeader begins every backup, inside the encryption; the party follows.
const backupHeader = "claimshare backup 1 of party "

// Backup writes a snapshot of the party's database, payloads and all, to a new
// file, beside a running node too. The file is locked to the recipients, or to
// what opens the party's keys when there are none. It does not hold the keys:
// keep copies of those files apart.
//
// It returns what is in it; [ErrConfig], fs.ErrExist, the database's errors.
func Backup(ctx context.Context, config *Config, path string, recipients ...age.Recipient) (*store.Snapshot, error) {
	keys, err := config.partyKeys()
	if err != nil {
		return nil, err
	}
	if len(recipients) == 0 {
		if recipients, err = config.recipients(); err != nil {
			return nil, err
		}
	}
	db, err := openStore(ctx, config, keys)
	if err != nil {
		return nil, err
	}
	file, err := atomicfile.Create(path, 0o600)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	defer file.Close()
	snapshot, err := backUp(ctx, db, keys, file, recipients)
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	return snapshot, file.Commit()
}

func backUp(ctx context.Context, db store.Portable, keys *client.Keys, to io.Writer, recipients []age.Recipient) (*store.Snapshot, error) {
	out := bufio.NewWriterSize(to, 1<<20)
	locked, err := age.Encrypt(out, recipients...)
	if err != nil {
		return nil, fmt.Errorf("%w: lock it: %w", ErrBackup, err)
	}
	proof, err := newProof(keys)
	if err != nil {
		return nil, err
	}
	content := io.MultiWriter(locked, proof)
	if _, err := io.WriteString(content, backupHeader+keys.ID().String()+"\n"); err != nil {
		return nil, err
	}
	snapshot, err := db.Dump(ctx, content)
	if err != nil {
		return nil, err
	}
	if _, err := locked.Write(proof.Sum(nil)); err != nil {
		return nil, err
	}
	return &snapshot, errors.Join(locked.Close(), out.Flush())
}

// Restore fills the empty database of the configuration from a backup of the same
// party's, of whichever engine; the identities open it, or what opens the party's
// keys when there are none. The node must not run. Afterwards it goes on where the
// backup was made: the listener from its checkpoint, and what the backup shows as
// pending is submitted again.
//
// A backup that was not made with the party's present keys is refused: to lock a file to
// somebody takes nothing but a public recipient, so that it opens says nothing of who
// made it.
//
// It returns [ErrBackup], [ErrRunning], [ErrConfig], store.ErrNotEmpty.
func Restore(ctx context.Context, config *Config, from io.Reader, identities ...age.Identity) (*store.Snapshot, error) {
	return restore(ctx, config, from, newProof, identities)
}

// RestoreUnproven is [Restore] of a backup that was made with former keys of the
// party's. Whoever made it is believed: use it for a file that was never out of your
// hands, and audit the database before the node starts.
func RestoreUnproven(ctx context.Context, config *Config, from io.Reader, identities ...age.Identity) (*store.Snapshot, error) {
	return restore(ctx, config, from, func(*client.Keys) (hash.Hash, error) { return nil, nil }, identities)
}

func restore(ctx context.Context, config *Config, from io.Reader, proof func(*client.Keys) (hash.Hash, error), identities []age.Identity) (*store.Snapshot, error) {
	keys, err := config.partyKeys()
	if err != nil {
		return nil, err
	}
	if len(identities) == 0 {
		if identities, err = config.identities(); err != nil {
			return nil, err
		}
	}
	if other, err := net.Dial("unix", config.Operator); err == nil {
		return nil, errors.Join(ErrRunning, other.Close())
	}
	proven, err := proof(keys)
	if err != nil {
		return nil, err
	}
	opened, err := openBackup(from, keys, proven, identities)
	if err != nil {
		return nil, err
	}
	db, err := openStore(ctx, config, keys)
	if err != nil {
		return nil, err
	}
	snapshot, err := db.Restore(ctx, opened)
	if errors.Is(err, store.ErrSnapshot) {
		err = fmt.Errorf("%w: %w", ErrBackup, err)
	}
	return &snapshot, errors.Join(err, db.Close())
}

// sound reads a backup and says so when that is damaged.
type sound struct{ io.Reader }

// Read implements io.Reader.
func (s sound) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", ErrBackup, err)
	}
	return n, err
}

func openBackup(from io.Reader, keys *client.Keys, proof hash.Hash, identities []age.Identity) (io.Reader, error) {
	opened, err := age.Decrypt(bufio.NewReaderSize(from, 1<<20), identities...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBackup, err)
	}
	in := bufio.NewReaderSize(sound{opened}, 2*proofWindow)
	line, err := in.ReadString('\n')
	party, is := strings.CutPrefix(strings.TrimSuffix(line, "\n"), backupHeader)
	switch {
	case errors.Is(err, ErrBackup):
		return nil, err
	case err != nil || !is:
		return nil, fmt.Errorf("%w: this is no backup of a node, or one of a later release", ErrBackup)
	case party != keys.ID().String():
		return nil, fmt.Errorf("%w: it is of party %s, the keys are those of %s", ErrBackup, party, keys.ID())
	}
	if proof != nil {
		_, _ = io.WriteString(proof, line) // a hash never fails
	}
	return &proven{in, proof}, nil
}
