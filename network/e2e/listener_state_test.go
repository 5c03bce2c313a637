package e2e

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/util"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/network/launch"
)

// A versioned value is what a peer's state database has under a key.
type versioned struct {
	value string
	block uint64
	index int
}

// compare stops the network and compares the listeners' states with the state
// databases of two peers: the one that was followed and killed, and the one
// that endorsed. It also counts what the handlers counted.
func (f *following) compare(t *testing.T, check func(store.Store)) {
	t.Helper()
	status, err := f.network.Status()
	require.NoError(t, err)
	made := f.network.Topology()
	require.NoError(t, f.network.Down(context.Background()))
	states := map[string]map[string]versioned{}
	for _, p := range status.Processes {
		if p.Kind == launch.PeerProcess && (p.Name == "insurer1.peer0" || p.Name == "sm.peer0") {
			states[p.Name] = peerState(t, p.Ledger, made.Channel, made.Chaincode.Name)
		}
	}
	require.Len(t, states, 2)
	for _, path := range []string{f.process, f.inside} {
		db, err := sqlite.Open(t.Context(), path)
		require.NoError(t, err)
		at, err := db.WorldCheckpoint(t.Context())
		require.NoError(t, err)
		require.Equal(t, f.end.Load(), at.Height)
		local, transactions := localState(t, db)
		require.Greater(t, len(local), 20)
		for name, state := range states {
			require.Equal(t, state, local, name)
		}
		counted, err := db.Value(t.Context(), "count")
		require.NoError(t, err)
		require.Equal(t, strconv.Itoa(transactions), string(counted), "the handler saw each transaction once")
		check(db)
		require.NoError(t, db.Close())
		t.Logf("%d keys of %d transactions are those of both peers", len(local), transactions)
	}
}

// localState is a listener's state and how many transactions it has seen.
func localState(t *testing.T, db store.World) (map[string]versioned, int) {
	t.Helper()
	state := map[string]versioned{}
	for v, err := range db.WorldValues(t.Context(), store.WorldQuery{}) {
		require.NoError(t, err)
		state[v.Key] = versioned{string(v.Value), v.Block, v.Index}
		transaction, err := db.WorldTransaction(t.Context(), v.TxID)
		require.NoError(t, err)
		require.Equal(t, v.Block, transaction.Block)
	}
	transactions := 0
	for _, err := range db.WorldTransactions(t.Context(), store.WorldPlace{}, 0) {
		require.NoError(t, err)
		transactions++
	}
	return state, transactions
}

// peerState reads the state database of a peer that does not run. A key is
// channel, 0, 'd', namespace, 0, key; a value is a protobuf message of version
// (1), value (2) and metadata (3).
func peerState(t *testing.T, dir, channel, chaincode string) map[string]versioned {
	t.Helper()
	db, err := leveldb.OpenFile(filepath.Join(dir, "ledgersData", "stateLeveldb"), &opt.Options{ReadOnly: true, ErrorIfMissing: true})
	require.NoError(t, err)
	defer db.Close()
	state := map[string]versioned{}
	prefix := channel + "\x00d" + chaincode + "\x00"
	rows := db.NewIterator(util.BytesPrefix([]byte(prefix)), nil)
	defer rows.Release()
	for rows.Next() {
		var v versioned
		for rest := rows.Value(); len(rest) > 0; {
			number, kind, n := protowire.ConsumeTag(rest)
			require.Positive(t, n)
			require.Equal(t, protowire.BytesType, kind)
			field, m := protowire.ConsumeBytes(rest[n:])
			require.Positive(t, m)
			rest = rest[n+m:]
			switch number {
			case 1:
				var index uint64
				v.block, field = height(t, field)
				index, field = height(t, field)
				require.Empty(t, field)
				v.index = int(index)
			case 2:
				v.value = string(field)
			}
		}
		state[strings.TrimPrefix(string(rows.Key()), prefix)] = v
	}
	require.NoError(t, rows.Error())
	return state
}

// height reads one of the two numbers of a version: a length, and so many bytes
// without leading zeros.
func height(t *testing.T, text []byte) (uint64, []byte) {
	t.Helper()
	size, n := protowire.ConsumeVarint(text)
	require.Positive(t, n)
	require.LessOrEqual(t, int(size), len(text)-n)
	var number [8]byte
	copy(number[8-size:], text[n:n+int(size)])
	return binary.BigEndian.Uint64(number[:]), text[n+int(size):]
}
