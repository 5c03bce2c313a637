package node

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

const (
	oneParty     = "1f0c5a7e9b3d4c2a8e6f7d5b4a392817"
	anotherParty = "2f0c5a7e9b3d4c2a8e6f7d5b4a392817"
)

func TestDirectoryFiles(t *testing.T) {
	for name, one := range map[string]struct{ text, want string }{
		"empty":          {"", ""},
		"one":            {"nodes:\n- {party: " + oneParty + ", role: insurer, name: North, parties: \"north:7051\"}\n", ""},
		"two":            {"nodes:\n- {party: " + oneParty + ", name: North, parties: \"north:7051\"}\n- {party: " + anotherParty + ", name: South, parties: \"north:7051\"}\n", ""},
		"a party twice":  {"nodes:\n- {party: " + oneParty + ", name: North, parties: \"north:7051\"}\n- {party: " + oneParty + ", name: South, parties: \"south:7051\"}\n", "listed twice"},
		"no port":        {"nodes:\n- {party: " + oneParty + ", name: North, parties: north}\n", "parties"},
		"no party":       {"nodes:\n- {party: north, name: North, parties: \"north:7051\"}\n", "North"},
		"unknown fields": {"nodes:\n- {party: " + oneParty + ", where: \"north:7051\"}\n", "where"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "directory.yaml")
			require.NoError(t, os.WriteFile(path, []byte(one.text), 0o600))
			_, err := openDirectory(path, slog.New(slog.DiscardHandler))
			if one.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrConfig)
			require.ErrorContains(t, err, one.want)
		})
	}
}

// A directory that becomes unusable leaves the one before in use.
func TestADirectoryThatBecomesUnusable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.yaml")
	write := func(text string) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	north, err := record.ParsePartyID(oneParty)
	require.NoError(t, err)
	south, err := record.ParsePartyID(anotherParty)
	require.NoError(t, err)
	line := func(party, address string) string {
		return "- {party: " + party + ", name: N, parties: \"" + address + "\"}\n"
	}
	write("nodes:\n" + line(oneParty, "north:1"))
	d, err := openDirectory(path, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	look := func(id record.PartyID) (string, error) {
		d.looked = time.Time{} // long ago
		return d.Address(id)
	}
	_, err = look(south)
	require.ErrorIs(t, err, refusal.ErrAddress)

	write("nodes:\n" + line(oneParty, "north:2") + line(oneParty, "north:3"))
	address, err := look(north)
	require.NoError(t, err)
	require.Equal(t, "north:1", address)

	write("nodes:\n" + line(oneParty, "north:4444") + line(anotherParty, "south:1"))
	address, err = look(north)
	require.NoError(t, err)
	require.Equal(t, "north:4444", address)
	address, err = look(south)
	require.NoError(t, err)
	require.Equal(t, "south:1", address)
}
