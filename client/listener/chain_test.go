package listener

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
)

const chaincode = "claimshare"

// A chain is a ledger in memory: blocks, and what a peer that committed them
// would have in its state database.
type chain struct {
	name   string
	blocks []ledger.Block
	state  map[string]store.WorldValue
	valid  []string // transactions that concern the chaincode
}

func newChain(name string) *chain {
	c := &chain{name: name, state: map[string]store.WorldValue{}}
	c.add(ledger.Transaction{}) // the channel's configuration
	return c
}

// add appends a block. The transactions need Code, Chaincode and Writes.
func (c *chain) add(transactions ...ledger.Transaction) ledger.Block {
	b := ledger.Block{Number: uint64(len(c.blocks))}
	sum := sha256.New()
	fmt.Fprintln(sum, c.name, b.Number)
	if b.Number > 0 {
		hash := c.blocks[b.Number-1].Hash
		b.PreviousHash = hash[:]
		sum.Write(hash[:])
	}
	for i, t := range transactions {
		id := sha256.Sum256(fmt.Append(nil, c.name, b.Number, i))
		t.TxID, t.Block, t.Index = fmt.Sprintf("%x", id), b.Number, i
		t.Time = time.Unix(1_700_000_000+int64(b.Number), 1000).UTC()
		if t.Event != nil {
			t.Event.TxID, t.Event.Block, t.Event.Index, t.Event.Time = t.TxID, t.Block, t.Index, t.Time
		}
		b.Transactions = append(b.Transactions, t)
		fmt.Fprintln(sum, t.TxID, t.Code, t.Writes)
		c.commit(t)
	}
	b.Hash = [32]byte(sum.Sum(nil))
	c.blocks = append(c.blocks, b)
	return b
}

// commit does what a peer's committer does, by its rules and not by the
// listener's.
func (c *chain) commit(t ledger.Transaction) {
	if t.Code != ledger.Valid {
		return
	}
	concerned := t.Chaincode == chaincode
	for _, w := range t.Writes {
		if w.Namespace != chaincode {
			continue
		}
		concerned = true
		delete(c.state, w.Key)
		if !w.Deleted && len(w.Value) > 0 {
			c.state[w.Key] = store.WorldValue{Key: w.Key, Value: w.Value, Block: t.Block, Index: t.Index, TxID: t.TxID}
		}
	}
	if concerned {
		c.valid = append(c.valid, t.TxID)
	}
}

// Blocks implements Source. It ends with the context.
func (c *chain) Blocks(ctx context.Context, from uint64) iter.Seq2[ledger.Block, error] {
	return func(yield func(ledger.Block, error) bool) {
		for n := from; n < uint64(len(c.blocks)); n++ {
			if !yield(c.blocks[n], nil) {
				return
			}
		}
		<-ctx.Done()
		yield(ledger.Block{}, ctx.Err())
	}
}

// Height implements Source.
func (c *chain) Height(context.Context) (uint64, error) { return uint64(len(c.blocks)), nil }

// randomChain is a chain with everything in it that a listener must get right.
func randomChain(name string, seed uint64, blocks int) *chain {
	r := rand.New(rand.NewPCG(seed, 1))
	c := newChain(name)
	for len(c.blocks) < blocks {
		var transactions []ledger.Transaction
		for range r.IntN(6) {
			transactions = append(transactions, randomTransaction(r))
		}
		c.add(transactions...)
	}
	return c
}

func randomTransaction(r *rand.Rand) ledger.Transaction {
	t := ledger.Transaction{Chaincode: chaincode, Creator: "InsurerMSP", Function: "records:SubmitRecords"}
	switch r.IntN(10) {
	case 0:
		t.Code = ledger.ErrMVCCReadConflict
	case 1:
		t.Code = ledger.ErrEndorsementPolicy
	case 2:
		t.Chaincode = "other" // which may call ours
	case 3:
		return ledger.Transaction{} // configuration
	}
	if r.IntN(2) == 0 {
		payload, _ := json.Marshal(record.Event{Version: record.EventVersion, Changes: []record.Change{{Document: "record", Change: "added"}}})
		t.Event = &ledger.Event{Chaincode: t.Chaincode, Name: record.EventName, Payload: payload}
	}
	for range r.IntN(8) {
		w := ledger.Write{Namespace: chaincode, Key: fmt.Sprint("r", r.IntN(150)), Value: binary.BigEndian.AppendUint64(nil, r.Uint64())}
		switch r.IntN(8) {
		case 0:
			w.Value, w.Deleted = nil, true
		case 1:
			w.Value = nil
		case 2:
			w.Namespace = "_lifecycle"
		case 3, 4:
			w.Key, w.Value = fmt.Sprintf("\x00ro\x00%d\x00\U0010FFFF\x00", r.IntN(100)), []byte{0}
		}
		t.Writes = append(t.Writes, w)
	}
	return t
}

func openStore(t testing.TB, path string) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newStore(t testing.TB) store.Store {
	t.Helper()
	return openStore(t, filepath.Join(t.TempDir(), "party.db"))
}

// requireState compares a store with a chain of which it has every block: keys,
// values and versions, both ways, and the transactions.
func requireState(t *testing.T, c *chain, w store.World) {
	t.Helper()
	ctx := t.Context()
	at, err := w.WorldCheckpoint(ctx)
	require.NoError(t, err)
	require.Equal(t, store.WorldCheckpoint{
		Chaincode: chaincode, Height: uint64(len(c.blocks)), Hash: c.blocks[len(c.blocks)-1].Hash}, at)
	got := map[string]store.WorldValue{}
	for v, err := range w.WorldValues(ctx, store.WorldQuery{}) {
		require.NoError(t, err)
		require.NotContains(t, got, v.Key)
		got[v.Key] = *v
	}
	require.Equal(t, c.state, got)
	var transactions []string
	for tx, err := range w.WorldTransactions(ctx, store.WorldPlace{}, 0) {
		require.NoError(t, err)
		transactions = append(transactions, tx.TxID)
	}
	require.Equal(t, c.valid, transactions)
}

// An unsteadySource is a growing ledger whose stream breaks off, always at
// another place. The listener is what has to continue.
type unsteadySource struct {
	*chain
	mu    sync.Mutex
	limit int // blocks that a stream delivers before it fails; 0: no limit
	err   error
}

func (s *unsteadySource) Blocks(ctx context.Context, from uint64) iter.Seq2[ledger.Block, error] {
	return func(yield func(ledger.Block, error) bool) {
		s.mu.Lock()
		limit, err := s.limit, s.err
		s.mu.Unlock()
		n := 0
		for b, end := range s.chain.Blocks(ctx, from) {
			if n++; limit > 0 && n > limit {
				yield(ledger.Block{}, err)
				return
			}
			if !yield(b, end) {
				return
			}
		}
	}
}
