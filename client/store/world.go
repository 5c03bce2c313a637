package store

import (
	"context"
	"errors"
	"iter"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
)

// ErrMoved: the world state is not where the caller believed it to be. Another
// process advanced or forgot it.
var ErrMoved = errors.New("the world state has been moved by another process")

// WorldCheckpoint says how far a world state has come. It changes in the same
// database transaction as the state.
type WorldCheckpoint struct {
	Chaincode string   // whose namespace it is
	Height    uint64   // how many blocks are in it: the number of the next one
	Hash      [32]byte // of the last of them; zero at height 0
}

// WorldValue is one key of the world state.
type WorldValue struct {
	Key   string // any bytes: the keys of indexes begin with a zero
	Value []byte
	Block uint64 // the place of the transaction that wrote it: its version
	Index int
	TxID  string
}

// WorldQuery selects keys of the world state; a zero field selects all. Answers
// come in the order of the keys' bytes.
type WorldQuery struct {
	Prefix string
	After  string // only keys greater than this one
	Limit  int
}

// WorldPlace is the place of a transaction.
type WorldPlace struct {
	Block uint64
	Index int
}

// World holds the world state of one chaincode's namespace, as package listener
// rebuilds it, with the transactions that made it. The world state is exact as
// of its checkpoint; it is not checked against anything.
type World interface {
	// WorldCheckpoint answers how far the state has come: the zero value
	// before the first block.
	WorldCheckpoint(ctx context.Context) (WorldCheckpoint, error)
	// WorldBlockHash answers the hash of a block that is in the state, or
	// ErrNotFound.
	WorldBlockHash(ctx context.Context, number uint64) ([32]byte, error)
	// AdvanceWorld applies the writes of blocks that follow upon the
	// checkpoint from, and moves the checkpoint, all or nothing. The blocks
	// hold only transactions that count, and of their writes only those that
	// do. After each transaction's writes it calls use, whose error undoes
	// everything; use may be nil. It answers ErrMoved when the state is not at
	// from.
	AdvanceWorld(ctx context.Context, from WorldCheckpoint, blocks []ledger.Block, use UseTransaction) error
	// WorldValue answers one key, or ErrNotFound.
	WorldValue(ctx context.Context, key string) (*WorldValue, error)
	// WorldValues goes through the keys that q selects, as of one moment.
	WorldValues(ctx context.Context, q WorldQuery) iter.Seq2[*WorldValue, error]
	// WorldTransactions goes through up to limit transactions (0 means all)
	// from a place on, that place included, in order. Their writes and
	// endorsers are not kept.
	WorldTransactions(ctx context.Context, from WorldPlace, limit int) iter.Seq2[*ledger.Transaction, error]
	// WorldTransaction finds one by its id, or answers ErrNotFound.
	WorldTransaction(ctx context.Context, txID string) (*ledger.Transaction, error)
	// ForgetWorld empties the world state, to begin again with block 0.
	ForgetWorld(ctx context.Context) error
}

// UseTransaction does something with a transaction whose writes have just been
// applied. What it does through tx happens together with them, exactly once.
// It must not use the Store: the database is busy with this transaction, and
// an SQLite store would wait for itself.
//
// It may be called again for the same transaction, when the database undid
// everything because of another writer: what it does elsewhere than through tx
// must bear that.
type UseTransaction func(ctx context.Context, tx WorldTx, t ledger.Transaction) error

// WorldTx is the part of a Store that can be used while the world state
// advances.
type WorldTx interface {
	// WorldValue answers a key as it is just after this transaction.
	WorldValue(ctx context.Context, key string) (*WorldValue, error)
	// Value is Values.Value.
	Value(ctx context.Context, name string) ([]byte, error)
	// SetValue is Values.SetValue.
	SetValue(ctx context.Context, name string, value []byte) error
	// MarkRecorded is Outbox.MarkRecorded.
	MarkRecorded(ctx context.Context, txID string, block uint64, ids ...record.RecordID) error
	// MarkRefused is Outbox.MarkRefused.
	MarkRefused(ctx context.Context, txID, reason string, ids ...record.RecordID) error
}
