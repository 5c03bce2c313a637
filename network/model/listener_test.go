package model

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/stretchr/testify/require"
)

// TestListener replays the blocks of random sequences with the SDK's listener:
// the state in its database is the ledger's, key by key. On the way blocks come
// in lots, some of them twice, and the listener begins anew.
func TestListener(t *testing.T) {
	first, sequences := firstSeed(t), uint64(2)
	if os.Getenv("CLAIMSHARE_SOAK") == "1" {
		sequences = 10
	}
	for seed := first; seed < first+sequences; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r, _, err := play(seed, stepSeeds(seed, 150), nil)
			require.NoError(t, err)
			requireReplay(t, r)
		})
	}
}

func requireReplay(t *testing.T, r *run) {
	t.Helper()
	world, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "party.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, world.Close()) }()
	blocks := chain(r.ledger.Blocks())
	l := listener.New(world, chaincode)
	for at := 0; at < len(blocks); {
		end := min(at+1+r.IntN(20), len(blocks))
		if r.chance(20) {
			l = listener.New(world, chaincode)
		}
		require.NoError(t, l.Apply(t.Context(), blocks[max(0, at-r.IntN(3)):end]...))
		at = end
	}
	state := r.ledger.State()
	n := 0
	for v, err := range world.WorldValues(t.Context(), store.WorldQuery{}) {
		require.NoError(t, err)
		require.Less(t, n, len(state))
		require.Equal(t, state[n].Key, v.Key)
		require.Equal(t, state[n].Value, v.Value, v.Key)
		n++
	}
	require.Len(t, state, n)
	t.Logf("%d blocks, %d keys", len(blocks), n)
}

// chain is the in-memory ledger's blocks as a peer would have delivered them,
// behind one that sets the channel up.
func chain(blocks []stub.Block) []ledger.Block {
	list := []ledger.Block{{Number: 0, Hash: sha256.Sum256(nil), Transactions: []ledger.Transaction{{Code: ledger.Valid}}}}
	for _, b := range blocks {
		previous := list[len(list)-1].Hash
		next := ledger.Block{Number: b.Number, PreviousHash: previous[:], Hash: sha256.Sum256(previous[:])}
		for i, tx := range b.Transactions {
			t := ledger.Transaction{
				TxID: tx.ID, Block: b.Number, Index: i, Code: ledger.ValidationCode(tx.Code), Time: tx.Time, Chaincode: chaincode,
			}
			for _, w := range tx.Writes {
				t.Writes = append(t.Writes, ledger.Write{Namespace: chaincode, Key: w.Key, Value: w.Value, Deleted: w.Delete})
			}
			next.Transactions = append(next.Transactions, t)
		}
		list = append(list, next)
	}
	return list
}
