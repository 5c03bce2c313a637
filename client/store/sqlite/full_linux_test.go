package sqlite_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/client/store/storetest"
)

// smallDisk is a folder on a file system of 8 MiB of its own.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := unix.Mount("small", dir, "tmpfs", 0, "size=8m,mode=0700")
	if errors.Is(err, unix.EPERM) && unix.Geteuid() != 0 {
		t.Skip("only root may mount a small file system to fill")
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// fill takes the room that is left, but for some bytes, and answers the file
// that has it.
func fill(t *testing.T, dir string, leave int64) string {
	t.Helper()
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &st))
	path := filepath.Join(dir, "ballast")
	size := int64(st.Bavail)*st.Bsize - leave
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte{1}, int(max(size, 0))), 0o600))
	return path
}

// A full disk is an error with a name; what was there stays, nothing is half
// there, and with room it goes on.
func TestDiskFull(t *testing.T) {
	for name, leave := range map[string]int64{"nothing left": 0, "little left": 40 << 10, "some left": 600 << 10} {
		for kind, size := range map[string]int{"small": 20_000, "large": 1_500_000} {
			t.Run(kind+" "+name, func(t *testing.T) { fullDisk(t, size, leave) })
		}
	}
}

func fullDisk(t *testing.T, size int, leave int64) {
	ctx, dir := t.Context(), smallDisk(t)
	path := filepath.Join(dir, "s.db")
	s := open(t, path)
	put := func() (record.RecordID, error) {
		item, _ := storetest.NewItem(record.NewPartyID("o"), "l", size)
		return item.Entry.RecordID, s.Put(ctx, item)
	}
	kept, err := put()
	require.NoError(t, err)
	ballast := fill(t, dir, leave)
	var failed record.RecordID
	for range 1000 {
		if failed, err = put(); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, store.ErrFull)
	require.ErrorContains(t, err, "make room")
	_, err = s.Record(ctx, failed)
	require.ErrorIs(t, err, store.ErrNotFound)

	check := func(s store.Store) {
		t.Helper()
		for e, err := range s.Find(ctx, store.Query{}) {
			require.NoError(t, err)
			sum := sha256.New()
			require.NoError(t, s.Payload(ctx, e.RecordID, sum))
			require.Equal(t, e.PayloadDigest[:], sum.Sum(nil))
		}
		_, err := s.Record(ctx, kept)
		require.NoError(t, err)
	}
	check(s)
	if size > 256<<10 {
		large := 0
		for _, err := range s.Find(ctx, store.Query{}) {
			require.NoError(t, err)
			large++
		}
		require.Len(t, files(t, path), large, "no part of a payload is left")
	}
	// Not even opening anew needs more room than there is, or it says so.
	if again, err := sqlite.Open(ctx, path); err == nil {
		check(again)
		require.NoError(t, again.Close())
	} else {
		require.ErrorIs(t, err, store.ErrFull)
	}

	require.NoError(t, os.Remove(ballast))
	_, err = put()
	require.NoError(t, err, "there is room again")
	require.NoError(t, s.Erase(ctx, kept, "the owner asked"))
	storetest.RequireSealed(t, s)
	require.NoError(t, s.Close())
	s = open(t, path)
	storetest.RequireSealed(t, s)
	require.ErrorIs(t, s.Payload(ctx, kept, io.Discard), store.ErrErased)
}

// A snapshot that does not fit is not restored, and one that cannot be written
// says so.
func TestDiskFullRestoring(t *testing.T) {
	ctx := t.Context()
	from := open(t, filepath.Join(t.TempDir(), "s.db"))
	for range 3 {
		for _, size := range []int{2_000_000, 200_000} {
			item, _ := storetest.NewItem(record.NewPartyID("o"), "l", size)
			require.NoError(t, from.Put(ctx, item))
		}
	}
	var snapshot bytes.Buffer
	_, err := from.Dump(ctx, &snapshot)
	require.NoError(t, err)
	dir := smallDisk(t)
	path := filepath.Join(dir, "s.db")
	to := open(t, path)
	ballast := fill(t, dir, 4<<20)
	_, err = to.Restore(ctx, bytes.NewReader(snapshot.Bytes()))
	require.ErrorIs(t, err, store.ErrFull)
	require.Empty(t, storetest.Content(t, to))
	require.Empty(t, files(t, path))
	require.NoError(t, os.Remove(ballast))
	require.NoError(t, from.Erase(ctx, largest(t, from), "to make it smaller"))
	snapshot.Reset()
	_, err = from.Dump(ctx, &snapshot)
	require.NoError(t, err)
	_, err = to.Restore(ctx, &snapshot)
	require.NoError(t, err)
	storetest.RequireSame(t, from, to)
}

// largest is the record with the largest payload.
func largest(t *testing.T, s store.Store) (id record.RecordID) {
	t.Helper()
	size := int64(-1)
	for e, err := range s.Find(t.Context(), store.Query{}) {
		require.NoError(t, err)
		if e.PayloadSize > size {
			id, size = e.RecordID, e.PayloadSize
		}
	}
	return id
}
