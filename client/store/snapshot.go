package store

import (
	"context"
	"errors"
	"io"
	"time"
)

// Errors of snapshots.
var (
	// ErrSnapshot: it is no snapshot of a store, or it is damaged or cut off.
	ErrSnapshot = errors.New("not a complete snapshot of a store")
	// ErrNotEmpty: a snapshot is restored into an empty store alone.
	ErrNotEmpty = errors.New("the store is not empty")
)

// Snapshot says what is in a snapshot of a store.
type Snapshot struct {
	Created  time.Time
	World    WorldCheckpoint
	Rows     map[string]uint64 // by table
	Payloads uint64            // payloads above 256 KiB, which are files
	Bytes    uint64            // of these
	// Lost counts payloads whose file was missing, though nobody had erased
	// them. An audit names the records.
	Lost   uint64
	Digest [32]byte // SHA-256 of the snapshot up to there
}

// Portable is a store that can be copied as a whole, into one of another engine
// too.
type Portable interface {
	// Dump writes a snapshot of everything: the rows as of one moment, while
	// others write, and then the payloads that are files. Of these, what is
	// erased meanwhile is not in the snapshot, and its row says that it was
	// erased. The snapshot is not encrypted. It ends with its own SHA-256, which
	// finds damage, not forgery. On SQLite nothing that was deleted can be
	// scrubbed from the log while rows are written: let w be fast.
	Dump(ctx context.Context, w io.Writer) (Snapshot, error)
	// Restore fills this empty store with a snapshot, all or nothing. Rows get
	// seals under this store's key; those whose seals did not fit when the
	// snapshot was made get none that fits. It answers ErrNotEmpty, ErrSnapshot,
	// or ErrNewer when a later release wrote the snapshot.
	Restore(ctx context.Context, r io.Reader) (Snapshot, error)
}
