//go:build linux

package postgres_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/pgserver"
	"github.com/claimshare/claimshare/client/store/storetest"
)

// writers write until the server has been killed often enough, each thing again
// until it is there, as a node would.
type writers struct {
	db      store.Store
	stop    atomic.Bool
	broken  atomic.Int64 // calls that failed because the server was gone
	unclear atomic.Int64 // of these, those that had happened all the same
	mu      sync.Mutex
	put     map[record.RecordID]record.Digest // what was acknowledged
	height  uint64
}

// repeat calls until the answer is something else than that the server is gone.
func (w *writers) repeat(call func() error) error {
	for again := false; ; again = true {
		err := call()
		if again && (errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrMoved)) {
			w.unclear.Add(1)
			return nil
		}
		if !errors.Is(err, store.ErrUnavailable) {
			return err
		}
		w.broken.Add(1)
		time.Sleep(20 * time.Millisecond)
	}
}

func (w *writers) records(ctx context.Context, n int) error {
	for i := 0; !w.stop.Load(); i++ {
		size := 2048
		if i%5 == n%5 {
			size = 400_000
		}
		item, payload := storetest.NewItem(record.NewPartyID("o"), "l", size)
		id := item.Entry.RecordID
		err := w.repeat(func() error {
			item.Payload = bytes.NewReader(payload)
			return w.db.Put(ctx, item)
		})
		if err == nil {
			err = w.repeat(func() error {
				return w.db.MarkSubmitted(ctx, store.Submission{Reference: id.String(), Records: []record.RecordID{id}})
			})
		}
		if err == nil {
			err = w.repeat(func() error { return w.db.MarkRecorded(ctx, id.String(), uint64(i), id) })
		}
		if err != nil {
			return err
		}
		w.mu.Lock()
		w.put[id] = item.Entry.PayloadDigest
		w.mu.Unlock()
	}
	return nil
}

// blocks advances the world state by blocks of one transaction, which counts.
func (w *writers) blocks(ctx context.Context) error {
	at := store.WorldCheckpoint{Chaincode: "cc"}
	for number := uint64(0); !w.stop.Load(); number++ {
		hash := sha256.Sum256(fmt.Append(nil, number))
		block := ledger.Block{Number: number, Hash: hash, Transactions: []ledger.Transaction{{
			TxID: fmt.Sprint("tx", number), Block: number, Chaincode: "cc", Time: time.Now(),
			Writes: []ledger.Write{{Key: "last", Value: fmt.Append(nil, number)}, {Key: fmt.Sprint("key", number), Value: []byte("v")}},
		}}}
		err := w.repeat(func() error {
			return w.db.AdvanceWorld(ctx, at, []ledger.Block{block}, func(ctx context.Context, tx store.WorldTx, _ ledger.Transaction) error {
				before, err := tx.Value(ctx, "count")
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					return err
				}
				return tx.SetValue(ctx, "count", append(before, 1))
			})
		})
		if err != nil {
			return fmt.Errorf("block %d: %w", number, err)
		}
		at.Height, at.Hash = number+1, hash
		w.height = number + 1
	}
	return nil
}

// Killing the server in the middle of writes loses nothing that was
// acknowledged, and does nothing twice.
func TestServerKilledWhileWriting(t *testing.T) {
	ctx := t.Context()
	s := pgserver.Run(t, pgserver.Config{})
	url, err := s.NewDatabase(ctx)
	require.NoError(t, err)
	where := place{url, filepath.Join(t.TempDir(), "payloads")}
	w := &writers{db: where.open(t), put: map[record.RecordID]record.Digest{}}
	var all sync.WaitGroup
	errs := make(chan error, 4)
	for n := range 3 {
		all.Go(func() { errs <- w.records(ctx, n) })
	}
	all.Go(func() { errs <- w.blocks(ctx) })
	const kills = 8
	for range kills {
		time.Sleep(700 * time.Millisecond)
		require.NoError(t, s.Kill9())
		time.Sleep(100 * time.Millisecond)
		require.NoError(t, s.Restart(ctx))
	}
	time.Sleep(time.Second)
	w.stop.Store(true)
	all.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.NoError(t, w.db.Close())
	w.check(t, where)
	t.Logf("%d kills: %d records, %d blocks; %d calls failed, %d of them after a commit", kills, len(w.put), w.height, w.broken.Load(), w.unclear.Load())
}

func (w *writers) check(t *testing.T, where place) {
	t.Helper()
	ctx, db := t.Context(), where.open(t)
	found := 0
	for e, err := range db.Find(ctx, store.Query{}) {
		require.NoError(t, err)
		sum := sha256.New()
		require.NoError(t, db.Payload(ctx, e.RecordID, sum))
		require.Equal(t, e.PayloadDigest[:], sum.Sum(nil))
		if digest, mine := w.put[e.RecordID]; mine {
			found++
			require.Equal(t, digest, e.PayloadDigest)
			require.Equal(t, store.Recorded, e.State)
		}
	}
	require.Equal(t, len(w.put), found)
	require.NotZero(t, w.broken.Load())

	at, err := db.WorldCheckpoint(ctx)
	require.NoError(t, err)
	require.Equal(t, w.height, at.Height)
	count, err := db.Value(ctx, "count")
	require.NoError(t, err)
	require.Len(t, count, int(w.height), "every transaction counted once")
	keys := 0
	for _, err := range db.WorldValues(ctx, store.WorldQuery{Prefix: "key"}) {
		require.NoError(t, err)
		keys++
	}
	require.Equal(t, int(w.height), keys)
	storetest.RequireSealed(t, db)
	rows := 0
	for e, err := range db.Find(ctx, store.Query{}) {
		require.NoError(t, err)
		if e.PayloadSize > 256<<10 {
			rows++
		}
	}
	files, err := os.ReadDir(where.payloads)
	require.NoError(t, err)
	require.Len(t, files, rows+1, "no orphans; the one is the owner's")
}
