package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

const (
	// crashVariable tells TestCrashChild that it is the process to be killed, and
	// where its instructions are.
	crashVariable = "CLAIMSHARE_CRASH_CHILD"
	// crashHold tells it to wait for that instead of ending.
	crashHold = "CLAIMSHARE_CRASH_HOLD"
)

// crashMember is one member whose records the child submits.
type crashMember struct {
	Connection string   `json:"connection"` // file
	Store      string   `json:"store"`      // file
	Seed       [32]byte `json:"seed"`
	PID        string   `json:"pid"`
	Size       int      `json:"size"` // records in a transaction
}

// TestCrashChild is the process that TestCrash kills: the SDK as a member runs
// it, with a durable journal. It recovers what an earlier one has left, submits
// what is pending, and says a line for every record that its store has marked as
// recorded.
func TestCrashChild(t *testing.T) {
	path := os.Getenv(crashVariable)
	if path == "" {
		t.Skip("a process of TestCrash")
	}
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var members []crashMember
	require.NoError(t, json.Unmarshal(raw, &members))
	var out sync.Mutex
	say := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Printf(format+"\n", args...) // one write to a pipe each: whole lines or none
	}
	say("process %d", os.Getpid())
	var working errgroup.Group
	for _, m := range members {
		working.Go(func() error { return m.work(t.Context(), say) })
	}
	require.NoError(t, working.Wait())
	if os.Getenv(crashHold) != "" {
		time.Sleep(time.Hour) // the kill comes sooner
	}
	say("finished")
}

func (m crashMember) work(ctx context.Context, say func(string, ...any)) error {
	db, err := sqlite.Open(ctx, m.Store)
	if err != nil {
		return err
	}
	defer db.Close()
	connection, err := ledger.LoadConnection(m.Connection)
	if err != nil {
		return err
	}
	l, err := ledger.Dial(connection, ledger.WithJournal(db.Journal()))
	if err != nil {
		return err
	}
	defer l.Close()
	recovered, err := l.Recover(ctx)
	if err != nil {
		return err
	}
	for _, r := range recovered {
		say("recovered %s", r.Entry.TxID)
		if r.Err != nil {
			return r.Err
		}
	}
	chain, err := client.OpenChain(ctx, l)
	if err != nil {
		return err
	}
	keys, err := client.DeriveKeys(m.Seed, pseudonym.PID(m.PID), pre.ModeScoped)
	if err != nil {
		return err
	}
	_, err = client.NewMember(chain, keys, telling{db, say}).Flush(ctx, m.Size)
	return err
}

// telling is a store that acknowledges what it has been told is recorded, once
// it has that on disk.
type telling struct {
	store.Store
	say func(string, ...any)
}

func (s telling) MarkRecorded(ctx context.Context, txID string, block uint64, ids ...record.RecordID) error {
	if err := s.Store.MarkRecorded(ctx, txID, block, ids...); err != nil {
		return err
	}
	for _, id := range ids {
		s.say("recorded %s %s", id, txID)
	}
	return nil
}
