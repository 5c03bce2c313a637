package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/pgserver"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/network/claims"
	"github.com/claimshare/claimshare/network/consortium"
)

// smallDisk mounts a file system of a size ("8m") over an empty folder until the
// test ends. It takes root, or sudo without a password.
func smallDisk(t *testing.T, dir, size string) {
	t.Helper()
	options := "mode=0711,size=" + size + ",uid=" + strconv.Itoa(os.Getuid()) + ",gid=" + strconv.Itoa(os.Getgid())
	unmount := func() error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
	err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NODEV|syscall.MS_NOSUID, options)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		unmount = func() error { return exec.Command("sudo", "-n", "umount", "--lazy", dir).Run() }
		err = exec.Command("sudo", "-n", "mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).Run()
	}
	require.NoError(t, err, "this test fills a disk and mounts a small one for that: run it as root, or let it use sudo")
	t.Cleanup(func() { require.NoError(t, unmount()) })
}

// fill takes all the room that a file system has. Remove the file to give it back.
func fill(t *testing.T, dir string) (file string) {
	t.Helper()
	file = filepath.Join(dir, "filler")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err = f.Write(make([]byte, size)); err != nil { // a part of it may have been written
			require.ErrorIs(t, err, syscall.ENOSPC)
			size /= 2
		}
	}
	return file
}

// TestDiskFull fills the disks on which two nodes have their databases and
// payload files, in the middle of a claim: the holder's when a record waits for
// its owner and another one is issued, the receiver's when a record arrives. The
// nodes go on running, refuse what they cannot keep, and say why: to the caller,
// in their status and in their logs. When there is room again, everything that
// was accepted is there, and the claim comes to its end.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	const size = "24m"
	data := map[string]string{"shop1": t.TempDir(), "insurer2": t.TempDir()}
	for _, dir := range data {
		smallDisk(t, dir, size)
	}
	s := newStage(t, consortium.Options{System: "Full disks", Submit: node.SubmitDirect, Data: data})
	s.issue(t, s.insurer, record.KindPolicy, "policy/2026")
	doc, photos := withLargePhoto(t)

	ctx, shop, owner := t.Context(), s.shop, s.person
	before, err := s.PID(shop.Node)
	require.NoError(t, err)
	repair, err := shop.Issue(ctx, owner.Wallet.ID(), record.KindRepair, hostileLabel, doc, photos)
	require.NoError(t, err)
	filler := fill(t, data["shop1"])

	_, err = shop.Issue(ctx, owner.Wallet.ID(), record.KindRepair, hostileLabel, doc, photos)
	requireSaysFull(t, err)
	s.requireDiskUnready(t, shop.Node)
	_, signErr := owner.Sign(ctx, repair, "") // its answer says so, if a page of the database was needed
	t.Logf("countersigned on a full disk: %v", signErr)
	pid, err := s.PID(shop.Node)
	require.NoError(t, err)
	require.Equal(t, before, pid, "the node ended because its disk was full")

	require.NoError(t, os.Remove(filler))
	s.requireReady(t, shop.Node)
	if signErr != nil {
		_, err = owner.Sign(ctx, repair, "")
		require.NoError(t, err)
	}
	require.NoError(t, shop.Settled(ctx))
	requireLogSaysFull(t, shop.Node)

	consent := s.agree(t, 1)
	filler = fill(t, data["insurer2"])
	got, err := s.rival.Fetch(ctx, consent, repair)
	for _, f := range got {
		err = errors.Join(err, f.Err)
	}
	t.Logf("fetched onto a full disk: %v", err)
	requireSaysFull(t, err)
	s.requireDiskUnready(t, s.rival.Node)
	require.NoError(t, os.Remove(filler))
	s.requireReady(t, s.rival.Node)
	requireLogSaysFull(t, s.rival.Node)

	fetched := s.fetchOne(t, consent, repair) // one release was agreed to: it is the same again
	require.NoError(t, fetched.Err)
	plaintext, err := s.rival.Read(ctx, fetched.Release)
	require.NoError(t, err)
	require.Greater(t, len(plaintext), largePhoto)
	s.requireKept(t, shop, repair)
}

// largePhoto is the size of a photo that is kept in a file and not in the
// database.
const largePhoto = 2 << 20

// withLargePhoto is a repair, as a clerk writes it, with an attachment that no
// compression makes smaller, and the folder with that.
func withLargePhoto(t *testing.T) (doc []byte, folder string) {
	t.Helper()
	parsed, folder := withPhotos(t)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	more := make([]byte, largePhoto)
	_, err = rand.Read(more)
	require.NoError(t, err)
	name := filepath.Join(folder, entries[0].Name())
	photo, err := os.ReadFile(name)
	require.NoError(t, err)
	photo = append(photo, more...)
	require.NoError(t, os.WriteFile(name, photo, 0o600))
	repair, is := parsed.Repair()
	require.True(t, is)
	for i := range repair.Attachments {
		if a := &repair.Attachments[i]; a.Name == entries[0].Name() {
			sum := sha256.Sum256(photo)
			a.Size, a.SHA256 = int64(len(photo)), hex.EncodeToString(sum[:])
		}
	}
	doc, err = json.Marshal(repair)
	require.NoError(t, err)
	return doc, folder
}

// requireSaysFull looks for words that tell a person what to do.
func requireSaysFull(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	require.Regexp(t, `(?i)full|no space|room`, err.Error())
}

func (s *stage) requireDiskUnready(t *testing.T, n *consortium.Node) {
	t.Helper()
	s.awaitStatus(t, n, func(a *nodev1.StatusResponse) bool {
		for _, c := range a.Checks {
			if c.Name == "disk" && !c.Passed {
				t.Logf("%s says: %s", n.Identity, c.Reason)
				return !a.Ready
			}
		}
		return false
	})
}

func (s *stage) requireReady(t *testing.T, n *consortium.Node) {
	t.Helper()
	s.awaitStatus(t, n, func(a *nodev1.StatusResponse) bool { return a.Ready })
}

// awaitStatus waits until a node says enough of itself.
func (s *stage) awaitStatus(t *testing.T, n *consortium.Node, enough func(*nodev1.StatusResponse) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), persistence)
	defer cancel()
	for {
		a, err := n.Ask.Status(ctx, &nodev1.StatusRequest{})
		if err == nil && enough(a) {
			return
		}
		require.NoError(t, ctx.Err(), "%s does not come to say it: %v, error %v", n.Identity, a, err)
		time.Sleep(glance)
	}
}

func requireLogSaysFull(t *testing.T, n *consortium.Node) {
	t.Helper()
	raw, err := os.ReadFile(n.Log)
	require.NoError(t, err)
	said := 0
	for line := range bytes.Lines(raw) {
		low := strings.ToLower(string(line))
		if strings.Contains(low, "full") || strings.Contains(low, "no space") {
			said++
		}
	}
	require.NotZero(t, said, "the log of %s does not mention its full disk", n.Identity)
}

// requireKept is what the holder has in the end: the one record, on the ledger
// once, and no file of one that it refused.
func (s *stage) requireKept(t *testing.T, shop claims.Clerk, id record.RecordID) {
	t.Helper()
	s.caughtUp(t)
	told := readBlocks(t, dial(t, s.network, "authority"))
	require.Len(t, told.records[id], 1)
	db := database(t, shop.Node)
	kept, err := db.Record(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, store.Recorded, kept.State)
	n := 0
	for _, err := range db.Find(t.Context(), store.Query{}) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 1, n)
	for p, err := range db.ProposalsFor(t.Context(), record.PartyID{}) {
		require.NoError(t, err)
		require.Fail(t, "a proposal that was refused is there", "%s", p.RecordID)
	}
	files, err := filepath.Glob(filepath.Join(shop.Node.Payloads, "[0-9a-f]*"))
	require.NoError(t, err)
	require.Len(t, files, 1, "payload files: %v", files)
}

// TestDiskFullPostgreSQL fills the disk of the database server. A node cannot see
// that coming, and does not end because of it: what the server has no room for is
// refused, with a reason, and nothing is lost.
func TestDiskFullPostgreSQL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o711)) //nolint:gosec // the server is another user, and goes through
	smallDisk(t, dir, "256m")
	server := pgserver.Run(t, pgserver.Config{Dir: dir, Settings: map[string]string{"max_connections": "200", "max_wal_size": "64MB", "min_wal_size": "32MB"}})
	s := newStage(t, consortium.Options{System: "Full server", Submit: node.SubmitDirect, Database: server.NewDatabase})
	s.issue(t, s.insurer, record.KindPolicy, "policy/2026")
	parsed, photos := withPhotos(t)
	ctx, shop, owner := t.Context(), s.shop, s.person
	before, err := s.PID(shop.Node)
	require.NoError(t, err)
	repair, err := shop.Issue(ctx, owner.Wallet.ID(), record.KindRepair, hostileLabel, parsed.JSON(), photos)
	require.NoError(t, err)

	filler := fill(t, dir)
	accepted := 1
	for err == nil { // pages that are there already take some
		require.Less(t, accepted, 1000)
		if _, err = shop.Issue(ctx, owner.Wallet.ID(), record.KindRepair, hostileLabel, parsed.JSON(), photos); err == nil {
			accepted++
		}
	}
	t.Logf("after %d records: %v", accepted, err)
	requireSaysFull(t, err)
	require.NoError(t, os.Remove(filler))
	s.requireReady(t, shop.Node)
	pid, err := s.PID(shop.Node)
	require.NoError(t, err)
	require.Equal(t, before, pid, "the node ended because its database had no room")
	requireLogSaysFull(t, shop.Node)

	waiting, err := owner.Wallet.Proposals(ctx)
	require.NoError(t, err)
	require.Len(t, waiting, accepted)
	_, err = owner.Sign(ctx, repair, "")
	require.NoError(t, err)
	require.NoError(t, shop.Settled(ctx))
	fetched := s.fetchOne(t, s.agree(t, 1), repair)
	require.NoError(t, fetched.Err)
	plaintext, err := s.rival.Read(ctx, fetched.Release)
	require.NoError(t, err)
	require.NotEmpty(t, plaintext)
}
