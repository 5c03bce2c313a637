package remote_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/remote"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

func TestDirectoryFile(t *testing.T) {
	id, other := nodetest.Stranger(), nodetest.Stranger()
	path := filepath.Join(t.TempDir(), "directory.json")
	write := func(text string) {
		require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
	write(`{"` + id.String() + `": "shop.example:7443"}`)
	f, err := remote.OpenFile(path, quiet)
	require.NoError(t, err)
	address, err := f.Address(id)
	require.NoError(t, err)
	require.Equal(t, "shop.example:7443", address)
	_, err = f.Address(other)
	require.ErrorIs(t, err, refusal.ErrAddress)

	write(`{"` + other.String() + `": "[::1]:7443"}`)
	require.Eventually(t, func() bool { address, _ = f.Address(other); return address == "[::1]:7443" }, 5*time.Second, 50*time.Millisecond)
	_, err = f.Address(id)
	require.ErrorIs(t, err, refusal.ErrAddress)
	write(`{`)
	time.Sleep(1100 * time.Millisecond)
	address, err = f.Address(other)
	require.NoError(t, err, "a directory that cannot be read does not replace one that can")
	require.Equal(t, "[::1]:7443", address)
}

func TestDirectoryRefuses(t *testing.T) {
	id := nodetest.Stranger().String()
	for name, text := range map[string]string{
		"nothing":       ``,
		"a list":        `[]`,
		"no party":      `{"": "a:1"}`,
		"half a party":  `{"` + id[:10] + `": "a:1"}`,
		"no port":       `{"` + id + `": "a"}`,
		"no host":       `{"` + id + `": ":1"}`,
		"an empty port": `{"` + id + `": "a:"}`,
		"a number":      `{"` + id + `": 1}`,
		"two documents": `{} {}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "directory.json")
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			_, err := remote.OpenFile(path, quiet)
			require.Error(t, err)
		})
	}
	_, err := remote.OpenFile(filepath.Join(t.TempDir(), "none.json"), quiet)
	require.ErrorIs(t, err, os.ErrNotExist)
}
