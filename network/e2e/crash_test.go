package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/network/supervise"
	"github.com/claimshare/claimshare/network/topology"
)

// TestCrash kills the SDK's process again and again while it submits records,
// and starts it anew. In the end every record must be on the ledger once, those
// that the process had acknowledged with certainty as all others, and the
// members' databases must agree with the ledger. A process that is killed
// between the two has a record in its database that it never spoke of: at most
// one transaction's records of each member a kill.
//
// The everyday dose is 2 kills during 1,000 records, the long one 20 during
// 10,000. Most records go in batches, some in transactions of their own.
func TestCrash(t *testing.T) {
	t.Parallel()
	records, kills := soak(1000, 10_000), soak(2, 20)
	singles := records / 25
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("CLAIMSHARE_SEED"); given != "" {
		var err error
		seed, err = strconv.ParseUint(given, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("CLAIMSHARE_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	made := topology.Development()
	made.Ordering.Batch.Timeout = 50 * time.Millisecond // many small blocks
	c := newCrash(t, made)
	shop := c.prepare(t, "shop1", record.RoleRepairShop, records-singles, 25)
	insurer := c.prepare(t, "insurer1", record.RoleInsurer, singles, 1)

	instructions := filepath.Join(t.TempDir(), "child.json")
	raw, err := json.Marshal([]crashMember{shop.crashMember, insurer.crashMember})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(instructions, raw, 0o600))

	// Each kill comes some time after a number of acknowledgements, which may
	// have been reached before the process starts.
	moments := make([]int, kills)
	for i := range moments {
		moments[i] = random.IntN(records * 8 / 10)
	}
	slices.Sort(moments)
	told := &acknowledged{records: map[record.RecordID]string{}}
	began := time.Now()
	killed := 0
	for {
		moment, kill := 0, killed < kills
		if kill {
			moment = moments[killed]
		}
		const longest = 700 * time.Millisecond // longer than a transaction takes, and a start
		finished := told.run(t, instructions, moment, kill, time.Duration(random.Int64N(int64(longest))))
		if finished {
			break
		}
		killed++
	}
	t.Logf("%d kills -9, %d records acknowledged in %v, %d transactions recovered from the journals",
		killed, len(told.records), time.Since(began).Round(time.Second), told.recovered)
	require.Equal(t, kills, killed, "kills")
	require.LessOrEqual(t, records-len(told.records), kills*(shop.Size+insurer.Size), "records that no process spoke of")
	c.check(t, told, shop, insurer)
}

// acknowledged is what the processes have said, killed or not.
type acknowledged struct {
	records   map[record.RecordID]string // by record, the transaction that the store has noted
	recovered int                        // transactions found in the journals
}

// run starts a process and kills it some time after it, and those before it,
// have told of so many records. A process that is to be killed waits for it when
// it has nothing left to do. It reports whether the process came to its end
// instead.
func (a *acknowledged) run(t *testing.T, instructions string, records int, kill bool, after time.Duration) bool {
	t.Helper()
	out, in := io.Pipe()
	command := exec.Command(os.Args[0], "-test.run=^TestCrashChild$", "-test.count=1")
	command.Env = append(os.Environ(), crashVariable+"="+instructions)
	if kill {
		command.Env = append(command.Env, crashHold+"=yes")
	}
	command.Stdout, command.Stderr = in, in
	go func() { _ = in.CloseWithError(supervise.Run(command)) }()

	var finished bool
	var child int
	var timer *time.Timer
	var other []string
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		words := strings.Fields(scanner.Text())
		switch {
		case len(words) == 2 && words[0] == "process":
			var err error
			child, err = strconv.Atoi(words[1])
			require.NoError(t, err)
		case len(words) == 3 && words[0] == "recorded":
			a.note(t, words[1], words[2])
		case len(words) == 2 && words[0] == "recovered":
			a.recovered++
		case len(words) == 1 && words[0] == "finished":
			finished = true
		default:
			other = append(other, scanner.Text())
		}
		if kill && timer == nil && child != 0 && len(a.records) >= records {
			timer = time.AfterFunc(after, func() { _ = syscall.Kill(child, syscall.SIGKILL) })
		}
	}
	if timer != nil {
		timer.Stop()
	} else if !finished {
		t.Fatalf("the process ended by itself:\n%s", strings.Join(other, "\n"))
	}
	return finished
}

func (a *acknowledged) note(t *testing.T, id, txID string) {
	t.Helper()
	parsed, err := record.ParseRecordID(id)
	require.NoError(t, err)
	a.records[parsed] = txID
}
