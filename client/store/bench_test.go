//go:build linux

package store_test

import (
	"bytes"
	"io"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/pgserver"
	"github.com/claimshare/claimshare/client/store/postgres"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/client/store/storetest"
	"github.com/claimshare/claimshare/crypto/pre"
)

// What a store must do here, on SQLite with two cores: 5,000 puts a second in
// batches, 10,000 gets a second, records of 2 KiB, rows sealed under a key.
const (
	batch      = 100
	recordSize = 2048
)

// engines runs a benchmark on both engines, each with a store of its own.
func engines(b *testing.B, f func(b *testing.B, s store.Store)) {
	key := store.WithSealKey(make([]byte, 32))
	b.Run("sqlite", func(b *testing.B) {
		s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "s.db"), key)
		require.NoError(b, err)
		defer s.Close()
		f(b, s)
	})
	b.Run("postgres", func(b *testing.B) {
		server := pgserver.Run(b, pgserver.Config{})
		url, err := server.NewDatabase(b.Context())
		require.NoError(b, err)
		s, err := postgres.Open(b.Context(), url, key, store.WithPayloads(filepath.Join(b.TempDir(), "payloads")))
		require.NoError(b, err)
		defer s.Close()
		f(b, s)
	})
}

// items are n new records.
func items(n int) []store.Item {
	all := make([]store.Item, n)
	for i := range all {
		all[i], _ = storetest.NewItem(record.NewPartyID("o"), "repair/2026", recordSize)
	}
	return all
}

func BenchmarkPut(b *testing.B) {
	engines(b, func(b *testing.B, s store.Store) {
		var spent, busy time.Duration
		n := 0
		for b.Loop() {
			b.StopTimer() // making random records is not the store's work
			all := items(batch)
			b.StartTimer()
			start, before := time.Now(), processor()
			require.NoError(b, s.Put(b.Context(), all...))
			spent, busy = spent+time.Since(start), busy+processor()-before
			n += batch
		}
		b.ReportMetric(float64(n)/spent.Seconds(), "records/s")
		b.ReportMetric(float64(busy.Microseconds())/float64(n), "µs-processor/record")
	})
}

// processor is the time that this process has spent on the processor: on a
// machine that others use, it says more than the clock. A PostgreSQL server is
// another process.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A get is the entry and its payload; many ask at the same time.
func BenchmarkGet(b *testing.B) {
	engines(b, func(b *testing.B, s store.Store) {
		var ids []record.RecordID
		for range 50 {
			all := items(batch)
			require.NoError(b, s.Put(b.Context(), all...))
			for i := range all {
				ids = append(ids, all[i].Entry.RecordID)
			}
		}
		var next atomic.Int64
		b.SetParallelism(4)
		b.ResetTimer()
		before := processor()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				id := ids[int(next.Add(7919))%len(ids)]
				_, err := s.Record(b.Context(), id)
				if err == nil {
					err = s.Payload(b.Context(), id, io.Discard)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		b.ReportMetric(float64((processor()-before).Microseconds())/float64(b.N), "µs-processor/record")
	})
}

// BenchmarkSearch is the system manager's search over 100,000 stored capsules
// (5,000 with -short), beside the search over as many that are in memory and
// decoded: at most 1.2 times as long. Of each thousand, ten are the owner's.
func BenchmarkSearch(b *testing.B) {
	engines(b, func(b *testing.B, s store.Store) {
		n, part := 100_000, 1000
		if testing.Short() {
			n = 5000
		}
		trapdoor, encoded, decoded := sealed(b, part, 10)
		for range n / part {
			all := items(part)
			for i := range all {
				all[i].Entry.Capsule = encoded[i]
			}
			require.NoError(b, s.Put(b.Context(), all...))
		}
		var reading, testing, alone, busy, busyAlone time.Duration
		for b.Loop() {
			var after record.RecordID
			found := 0
			for range n / part { // a part of each by turns, so that both see the same machine
				start, before := time.Now(), processor()
				var stored [][]byte
				for c, err := range s.Capsules(b.Context(), store.Query{Label: "repair/2026", After: after, Limit: part}) {
					require.NoError(b, err)
					stored, after = append(stored, c.Capsule), c.RecordID
				}
				read := time.Now()
				found += len(trapdoor.SearchEncoded(stored))
				end, between := time.Now(), processor()
				trapdoor.Search(decoded)
				reading, testing, alone = reading+read.Sub(start), testing+end.Sub(read), alone+time.Since(end)
				busy, busyAlone = busy+between-before, busyAlone+processor()-between
			}
			require.Equal(b, n/part*10, found)
		}
		per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(b.N*n) }
		b.ReportMetric(per(reading), "µs-reading/capsule")
		b.ReportMetric(per(testing), "µs-testing/capsule")
		b.ReportMetric(per(alone), "µs-in-memory/capsule")
		b.ReportMetric(float64(reading+testing)/float64(alone), "times-in-memory")
		b.ReportMetric(float64(busy)/float64(busyAlone), "times-in-memory-processor")
	})
}

// sealed are n capsules, of which the trapdoor finds some, encoded and decoded.
func sealed(b *testing.B, n, hits int) (*pre.Trapdoor, [][]byte, []*pre.Capsule) {
	b.Helper()
	master, err := pre.GenerateMasterKey()
	require.NoError(b, err)
	params, err := pre.NewParameters("bench", master.PublicKey())
	require.NoError(b, err)
	var keys [2]*pre.ScopedSecretKey
	for i := range keys {
		keys[i], err = pre.DeriveScopedKey([32]byte{byte(i)}, "pid")
		require.NoError(b, err)
	}
	token, err := keys[0].DelegateSearch(params, "repair/2026", [32]byte{1})
	require.NoError(b, err)
	trapdoor, err := master.OpenTrapdoor(params, token, token.Commitment(params))
	require.NoError(b, err)
	var encoded [][]byte
	var decoded []*pre.Capsule
	for i := range n {
		key := keys[1]
		if i < hits {
			key = keys[0]
		}
		info := pre.RecordInfo{RecordID: [16]byte{byte(i), byte(i >> 8)}, Kind: 2, OwnerPID: "owner-pid", IssuerPID: "issuer-pid"}
		c, err := params.Seal(key.PublicKey(), "repair/2026", info, io.Discard, bytes.NewReader(nil))
		require.NoError(b, err)
		encoded, decoded = append(encoded, c.Bytes()), append(decoded, c)
	}
	return trapdoor, encoded, decoded
}
