package wallet

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testPID = pseudonym.PID("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmc")

func passphrase(t *testing.T, p string) Lock {
	t.Helper()
	r, err := age.NewScryptRecipient(p)
	require.NoError(t, err)
	r.SetWorkFactor(4)
	i, err := age.NewScryptIdentity(p)
	require.NoError(t, err)
	return Lock{r, i}
}

func sample() *contents {
	return &contents{
		Format: format, Created: now(), PID: testPID, Keys: []secret{{1}, {2}},
		Evidence: map[record.RecordID]secret{{7}: {8}},
		Network: network{ParamsID: record.Digest{3}, Channel: "claims", Chaincode: "claimshare", Manager: record.PartyID{4},
			Nodes: []Node{{Party: record.PartyID{4}, Role: "authority", Name: "SM", Address: "sm.example:7443", Authority: testCA}}},
	}
}

func TestFile(t *testing.T) {
	path, lock := filepath.Join(t.TempDir(), "w"), passphrase(t, "correct horse")
	f, err := createFile(path, lock, sample())
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	_, err = createFile(path, lock, sample())
	require.ErrorIs(t, err, fs.ErrExist)

	// It is held until it is closed, also after it was replaced.
	_, _, err = openFile(path, lock)
	require.ErrorIs(t, err, ErrInUse)
	changed := sample()
	changed.Next = &secret{9}
	require.NoError(t, f.save(changed))
	_, _, err = openFile(path, lock)
	require.ErrorIs(t, err, ErrInUse)
	f.close()
	require.ErrorIs(t, f.save(changed), ErrClosed)

	g, got, err := openFile(path, lock)
	require.NoError(t, err)
	defer g.close()
	require.Equal(t, changed, got)
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing is left beside it")

	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(raw, []byte("-----BEGIN AGE ENCRYPTED FILE-----")))
	require.NotContains(t, string(raw), string(testPID)[:20])
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %x", got, got, got, got.Keys), "0100000000")
}

func TestFileRefuses(t *testing.T) {
	path, lock := filepath.Join(t.TempDir(), "w"), passphrase(t, "correct horse")
	f, err := createFile(path, lock, sample())
	require.NoError(t, err)
	f.close()
	open := func() error {
		g, _, err := openFile(path, lock)
		if err == nil {
			g.close()
		}
		return err
	}
	require.NoError(t, open())
	_, _, err = openFile(path, passphrase(t, "incorrect donkey"))
	require.ErrorIs(t, err, keyfile.ErrLocked)
	require.NoError(t, open(), "a failed opening lets go of the file")
	require.NoError(t, os.Chmod(path, 0o644))
	require.ErrorIs(t, open(), keyfile.ErrPermissions)
	require.NoError(t, os.Chmod(path, 0o600))
	_, _, err = openFile(path+"x", lock)
	require.ErrorIs(t, err, fs.ErrNotExist)

	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, whole[:len(whole)/2], 0o600))
	require.ErrorIs(t, open(), keyfile.ErrMalformed)
	for name, c := range map[string]struct {
		doc  string
		want error
	}{
		"another format":  {`{"format":"claimshare-wallet/v2"}`, ErrNewer},
		"no JSON":         {`hello`, ErrNewer},
		"unknown field":   {`{"format":"claimshare-wallet/v1","colour":"red"}`, keyfile.ErrMalformed},
		"no keys":         {`{"format":"claimshare-wallet/v1","pid":"` + string(testPID) + `"}`, keyfile.ErrMalformed},
		"no pseudonym":    {`{"format":"claimshare-wallet/v1","pid":"x"}`, keyfile.ErrMalformed},
		"a short secret":  {`{"format":"claimshare-wallet/v1","keys":["00"]}`, keyfile.ErrMalformed},
		"two documents":   {`{"format":"claimshare-wallet/v1"}{}`, ErrNewer},
		"a broken record": {`{"format":"claimshare-wallet/v1","evidence":{"zz":"00"}}`, keyfile.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, keyfile.Seal(&b, []byte(c.doc), lock.Recipient))
			require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
			require.ErrorIs(t, open(), c.want)
		})
	}
}

func testSheet(seeds int) *sheet {
	s := &sheet{paramsID: record.Digest{3}, manager: record.PartyID{4}, channel: "claims", chaincode: "claimshare", pid: testPID}
	for i := range seeds {
		s.seeds = append(s.seeds, secret{byte(i + 1), 0xff})
	}
	return s
}

func TestSheet(t *testing.T) {
	manager := Node{Address: "sm.example:7443", Authority: testCA}
	for _, n := range []int{1, 2, 255} {
		want := testSheet(n)
		text, err := want.text(manager)
		require.NoError(t, err)
		got, node, err := parseSheet(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, manager, node)

		// Typed from paper: the lines alone, in any order, in small letters.
		var lines []string
		for line := range strings.SplitSeq(text, "\n") {
			if numbered.MatchString(line) {
				lines = append([]string{strings.ToLower(strings.ReplaceAll(line, "-", " "))}, lines...)
			}
		}
		got, node, err = parseSheet(strings.Join(lines, "\r\n"))
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Zero(t, node)
	}
	_, err := testSheet(0).text(manager)
	require.ErrorIs(t, err, ErrSheet)
	_, err = testSheet(256).text(manager)
	require.ErrorIs(t, err, ErrSheet)
}

func TestSheetMistakes(t *testing.T) {
	text, err := testSheet(1).text(Node{Address: "x:1", Authority: testCA})
	require.NoError(t, err)
	lines := strings.Split(text, "\n")
	var at []int
	for i, line := range lines {
		if numbered.MatchString(line) {
			at = append(at, i)
		}
	}
	refused := func(change func(lines []string), says string) {
		t.Helper()
		copied := append([]string{}, lines...)
		change(copied)
		_, _, err := parseSheet(strings.Join(copied, "\n"))
		require.ErrorIs(t, err, ErrSheet)
		require.ErrorContains(t, err, says)
	}
	refused(func(l []string) { l[at[2]] = strings.Replace(l[at[2]], "-", "-0", 1) }, "line 3")
	refused(func(l []string) { l[at[4]] = "" }, "line 5 is missing")
	refused(func(l []string) { l[at[len(at)-1]] = "" }, "missing")
	refused(func(l []string) { l[at[0]] = strings.Replace(l[at[0]], " 1 ", " 2 ", 1) }, "line 2")
	refused(func(l []string) {
		stranger := testSheet(1)
		stranger.seeds[0][0] ^= 1
		text, err := stranger.text(Node{Address: "x:1", Authority: testCA})
		require.NoError(t, err)
		theirs, mixed := strings.Split(text, "\n"), false
		for _, i := range at {
			if !mixed && theirs[i] != l[i] {
				l[i], mixed = theirs[i], true
			}
		}
		require.True(t, mixed)
	}, "different backups")
	_, _, err = parseSheet("")
	require.ErrorIs(t, err, ErrSheet)
	_, _, err = parseSheet("a letter to my aunt")
	require.ErrorIs(t, err, ErrSheet)
}

// Backups that were printed years ago still open.
func TestOldSheet(t *testing.T) {
	raw, err := os.ReadFile("testdata/sheet-v1.txt")
	require.NoError(t, err)
	got, node, err := parseSheet(string(raw))
	require.NoError(t, err)
	require.Equal(t, testSheet(2), got)
	require.Equal(t, Node{Address: "sm.example:7443", Authority: testCA}, node)
}

func FuzzSheet(f *testing.F) {
	text, err := testSheet(1).text(Node{Address: "x:1", Authority: testCA})
	require.NoError(f, err)
	f.Add(text)
	f.Fuzz(func(t *testing.T, text string) {
		s, _, err := parseSheet(text)
		if err != nil {
			return
		}
		again, err := s.text(Node{})
		require.NoError(t, err)
		parsed, _, err := parseSheet(again)
		require.NoError(t, err)
		require.Equal(t, s, parsed)
	})
}

func TestBackupAndRestore(t *testing.T) {
	dir, lock := t.TempDir(), passphrase(t, "correct horse")
	f, err := createFile(filepath.Join(dir, "w"), lock, sample())
	require.NoError(t, err)
	w, err := newWallet(f, sample())
	require.NoError(t, err)
	defer w.Close()
	text, err := w.Backup()
	require.NoError(t, err)
	restored, err := Restore(filepath.Join(dir, "again"), passphrase(t, "another one"), text, "", nil)
	require.NoError(t, err)
	defer restored.Close()
	require.Equal(t, w.ID(), restored.ID())
	require.Equal(t, w.c.Keys, restored.c.Keys)
	require.Equal(t, w.c.Network.ParamsID, restored.c.Network.ParamsID)
	require.Equal(t, "sm.example:7443", restored.Nodes()[0].Address)
	require.Equal(t, w.conns.keys.Signing.Bytes(), restored.conns.keys.Signing.Bytes())
	_, err = Restore(filepath.Join(dir, "again"), lock, text, "", nil)
	require.ErrorIs(t, err, fs.ErrExist)
	paper := text[:strings.Index(text, "To restore")]
	_, err = Restore(filepath.Join(dir, "third"), lock, paper, "", nil)
	require.ErrorIs(t, err, ErrDirectory)
	_, err = Restore(filepath.Join(dir, "third"), lock, paper, "sm.example:1", []byte("no certificate"))
	require.ErrorIs(t, err, ErrDirectory)
	third, err := Restore(filepath.Join(dir, "third"), lock, paper, "sm.example:1", []byte(testCA))
	require.NoError(t, err)
	require.NoError(t, third.Close())
}

func TestPlain(t *testing.T) {
	require.Equal(t, "?[2J red?", Plain("\x1b[2J red\u202e"))
	require.Equal(t, "Köln, Straße", Plain("Köln, Straße"))
}
