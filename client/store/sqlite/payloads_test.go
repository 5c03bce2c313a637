//go:build unix

package sqlite_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/internal/sqldb"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/client/store/storetest"
)

// putOrErase puts a record of 1 MB and erases it, and is killed at a point.
func putOrErase(path, point string) error {
	sqldb.Reached = func(here string) {
		if here == point {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	ctx := context.Background()
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	item, _ := storetest.NewItem(record.NewPartyID("o"), "l", 1_000_000)
	if err := s.Put(ctx, item); err != nil {
		return err
	}
	return s.Erase(ctx, item.Entry.RecordID, "the owner asked")
}

// files are the names of what is in the folder of payloads.
func files(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(path + ".payloads")
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		if e.Name() != "STORE" {
			names = append(names, e.Name())
		}
	}
	return names
}

// Wherever a process is killed, the next opening finds a record with its whole
// payload, or neither, or an erased one without a payload.
func TestKilledBetweenFileAndRow(t *testing.T) {
	for point, want := range map[string]struct{ before, after, records int }{
		"payload written":     {0, 0, 0},
		"payload named":       {1, 0, 0},
		"payload adopted":     {1, 1, 1},
		"payload forgotten":   {1, 0, 1},
		"payload overwritten": {1, 0, 1},
	} {
		t.Run(point, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s.db")
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "STORE_TEST_WRITER="+path, "STORE_TEST_POINT="+point)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "%s", out)
			require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), "%s", out)
			if runtime.GOOS == "linux" {
				require.Len(t, files(t, path), want.before)
			}

			s := open(t, path)
			require.Len(t, files(t, path), want.after)
			records := 0
			for e, err := range s.Find(t.Context(), store.Query{}) {
				require.NoError(t, err)
				records++
				sum := sha256.New()
				err = s.Payload(t.Context(), e.RecordID, sum)
				if want.after == 0 {
					require.ErrorIs(t, err, store.ErrErased)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, e.PayloadDigest[:], sum.Sum(nil))
			}
			require.Equal(t, want.records, records)
			storetest.RequireSealed(t, s)
		})
	}
}

// A payload that another process is putting is left alone.
func TestPayloadsUnderWayAreNotSwept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := open(t, path)
	r, w := io.Pipe()
	item, payload := storetest.NewItem(record.NewPartyID("o"), "l", 1_000_000)
	item.Payload = r
	named, opened := make(chan struct{}), make(chan struct{})
	sqldb.Reached = func(point string) {
		if point == "payload named" {
			close(named)
			<-opened
		}
	}
	t.Cleanup(func() { sqldb.Reached = nil })
	done := make(chan error)
	go func() { done <- s.Put(t.Context(), item) }()
	_, err := w.Write(payload)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	<-named
	other := open(t, path)
	require.Len(t, files(t, path), 1)
	close(opened)
	require.NoError(t, <-done)
	var b bytes.Buffer
	require.NoError(t, other.Payload(t.Context(), item.Entry.RecordID, &b))
	require.True(t, bytes.Equal(payload, b.Bytes()))
}

func TestThePayloadsFolderIsOneStoresAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := open(t, path)
	item, _ := storetest.NewItem(record.NewPartyID("o"), "l", 1_000_000)
	require.NoError(t, s.Put(t.Context(), item))
	folder := path + ".payloads"
	for _, name := range append(files(t, path), "", "STORE") {
		info, err := os.Stat(filepath.Join(folder, name))
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, name)
	}
	_, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "other.db"), store.WithPayloads(folder))
	require.ErrorIs(t, err, store.ErrOtherPayloads)
	require.Len(t, files(t, path), 1, "nothing was swept")

	require.NoError(t, os.Chmod(folder, 0o755))
	_, err = sqlite.Open(t.Context(), path)
	require.ErrorIs(t, err, store.ErrPermissions)

	photos := t.TempDir()
	require.NoError(t, os.Chmod(photos, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(photos, "holiday.jpg"), nil, 0o600))
	_, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "other.db"), store.WithPayloads(photos))
	require.ErrorIs(t, err, store.ErrOtherPayloads)
}

// What was erased is in none of the files any more.
func TestErasedRecordsAreGoneFromTheDisk(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "s.db")
	s := open(t, path)
	marker := bytes.Repeat([]byte("payload-of-somebody "), 5)
	var ids []record.RecordID
	for _, size := range []int{100, 20_000, 500_000} {
		content := bytes.Repeat(marker, size/100)
		item, _ := storetest.NewItem(record.NewPartyID("o"), "l", 0)
		item.Entry.Capsule = []byte("capsule-of-somebody")
		item.Entry.PayloadSize, item.Entry.PayloadDigest = int64(len(content)), sha256.Sum256(content)
		item.Payload = bytes.NewReader(content)
		require.NoError(t, s.Put(ctx, item))
		ids = append(ids, item.Entry.RecordID)
	}
	old, err := os.Open(filepath.Join(path+".payloads", files(t, path)[0]))
	require.NoError(t, err)
	defer old.Close()
	require.NotZero(t, onDisk(t, path, "of-somebody"))
	for _, id := range ids {
		require.NoError(t, s.Erase(ctx, id, "the owner asked"))
	}
	require.Zero(t, onDisk(t, path, "of-somebody"))
	content, err := io.ReadAll(old)
	require.NoError(t, err)
	require.Len(t, content, 500_000)
	require.False(t, bytes.Contains(content, []byte("of-somebody")), "the file itself was overwritten")
}

// onDisk counts the files beside path that contain a text.
func onDisk(t *testing.T, path, text string) (n int) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(filepath.Dir(path), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if bytes.Contains(content, []byte(text)) {
			n++
		}
		return err
	}))
	return n
}

// A payload of 1 GiB takes some hundred kilobytes of memory, in and out.
func TestLargePayloadsStream(t *testing.T) {
	size := int64(64 << 20)
	if os.Getenv("CLAIMSHARE_SOAK") != "" {
		size = 1 << 30
	}
	source := func() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), size) }
	sum := sha256.New()
	_, err := io.Copy(sum, source())
	require.NoError(t, err)
	s := open(t, filepath.Join(t.TempDir(), "s.db"))
	item, _ := storetest.NewItem(record.NewPartyID("o"), "l", 0)
	item.Entry.PayloadSize, item.Entry.PayloadDigest = size, record.Digest(sum.Sum(nil))
	item.Payload = source()

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, s.Put(t.Context(), item))
	sum.Reset()
	require.NoError(t, s.Payload(t.Context(), item.Entry.RecordID, sum))
	require.Equal(t, item.Entry.PayloadDigest[:], sum.Sum(nil))
	snapshot, err := s.Dump(t.Context(), io.Discard)
	require.NoError(t, err)
	require.EqualValues(t, size, snapshot.Bytes)
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	require.Less(t, allocated, uint64(8<<20), "allocated for %d bytes of payload", size)
	t.Logf("%d bytes of payload, %d bytes of memory", size, allocated)
}

// Payloads that a former release has cut into chunks can be read and erased,
// and go into snapshots.
func TestChunkedPayloads(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "s.db")
	s := open(t, path)
	item, payload := storetest.NewItem(record.NewPartyID("o"), "l", 700_000)
	require.NoError(t, s.Put(ctx, item))
	id := item.Entry.RecordID
	require.NoError(t, s.Close())
	db := raw(t, path)
	name := files(t, path)[0]
	require.NoError(t, os.Remove(filepath.Join(path+".payloads", name)))
	_, err := db.Exec(`DELETE FROM payload_file`)
	require.NoError(t, err)
	_, err = db.Exec(`DELETE FROM row_seal WHERE table_name = 'payload_file'`)
	require.NoError(t, err)
	for seq := 0; seq*262144 < len(payload); seq++ {
		chunk := payload[seq*262144 : min(len(payload), (seq+1)*262144)]
		_, err = db.Exec(`INSERT INTO payload_chunk SELECT payload_id, $1, $2 FROM record`, seq, chunk)
		require.NoError(t, err)
	}

	s = open(t, path)
	var b, snapshot bytes.Buffer
	require.NoError(t, s.Payload(ctx, id, &b))
	require.True(t, bytes.Equal(payload, b.Bytes()))
	_, err = s.Dump(ctx, &snapshot)
	require.NoError(t, err)
	restored := open(t, filepath.Join(t.TempDir(), "s.db"))
	_, err = restored.Restore(ctx, &snapshot)
	require.NoError(t, err)
	storetest.RequireSame(t, s, restored)
	require.NoError(t, s.Erase(ctx, id, "the owner asked"))
	require.ErrorIs(t, s.Payload(ctx, id, &b), store.ErrErased)
	var chunks int
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM payload_chunk`).Scan(&chunks))
	require.Zero(t, chunks)
}
