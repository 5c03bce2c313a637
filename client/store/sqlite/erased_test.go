//go:build unix

package sqlite_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/storetest"
)

// meanwhile is a destination that has something done after the first part.
type meanwhile struct {
	bytes.Buffer
	do func()
}

// Write implements io.Writer.
func (w *meanwhile) Write(b []byte) (int, error) {
	n, err := w.Buffer.Write(b)
	if do := w.do; do != nil {
		w.do = nil
		do()
	}
	return n, err
}

// Who reads a payload while it is erased, and overwritten, is not told that the zeros
// are its end: a holder would sign for them.
func TestErasedWhileItIsRead(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "s.db"))
	item, payload := storetest.NewItem(record.NewPartyID("o"), "l", 1_000_000)
	require.NoError(t, s.Put(t.Context(), item))
	w := &meanwhile{do: func() { require.NoError(t, s.Erase(t.Context(), item.Entry.RecordID, "the owner asked")) }}
	require.ErrorIs(t, s.Payload(t.Context(), item.Entry.RecordID, w), store.ErrErased)
	require.False(t, bytes.Equal(payload, w.Bytes()), "the payload was overwritten while it was read")
}

// A link in the folder of payloads is not followed, whatever its name: what it leads to
// is neither overwritten nor read.
func TestLinksInTheFolderOfPayloads(t *testing.T) {
	dir := t.TempDir()
	path, precious := filepath.Join(dir, "s.db"), filepath.Join(dir, "precious")
	content := bytes.Repeat([]byte("precious"), 125_000)
	require.NoError(t, os.WriteFile(precious, content, 0o600))
	s := open(t, path)
	item, _ := storetest.NewItem(record.NewPartyID("o"), "l", len(content))
	require.NoError(t, s.Put(t.Context(), item))
	name := files(t, path)[0]
	linked := filepath.Join(path+".payloads", hex.EncodeToString(make([]byte, 16)))
	require.NoError(t, os.Symlink(precious, linked))
	require.NoError(t, s.Close())

	s = open(t, path) // sweeps
	strange, err := s.(interface{ StrangePayloadFiles() ([]string, error) }).StrangePayloadFiles()
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Base(linked)}, strange)

	payload := filepath.Join(path+".payloads", name)
	require.NoError(t, os.Remove(payload))
	require.NoError(t, os.Symlink(precious, payload))
	var got bytes.Buffer
	require.Error(t, s.Payload(t.Context(), item.Entry.RecordID, &got))
	require.Empty(t, got.Bytes())
	require.NoError(t, s.Erase(t.Context(), item.Entry.RecordID, "the owner asked"))
	require.NoFileExists(t, payload)
	kept, err := os.ReadFile(precious)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, kept))
}

// When a reader keeps what was erased in the log, erasing says so, and to erase again
// finishes it.
func TestErasedBesideAReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := open(t, path)
	item, payload := storetest.NewItem(record.NewPartyID("o"), "l", 20_000)
	require.NoError(t, s.Put(t.Context(), item))
	logged := func() bool {
		raw, err := os.ReadFile(path + "-wal")
		require.NoError(t, err)
		return bytes.Contains(raw, payload[:3000])
	}
	reading, end := make(chan struct{}), make(chan struct{})
	read := make(chan error, 1)
	go func() {
		read <- s.(store.Inspector).Inspect(context.Background(), func(in store.Inspection) error {
			_, err := in.Rows(context.Background(), "record")
			close(reading)
			<-end
			return err
		})
	}()
	<-reading
	require.ErrorContains(t, s.Erase(t.Context(), item.Entry.RecordID, "the owner asked"), "erase it again")
	require.True(t, logged())
	close(end)
	require.NoError(t, <-read)
	require.NoError(t, s.Erase(t.Context(), item.Entry.RecordID, "the owner asked"))
	require.False(t, logged())
}
