package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/topology"
)

// What package client/ledger promises, on a network that keeps its promises
// only mostly.
func TestLedger(t *testing.T) {
	t.Parallel()
	network := hold(t, topology.Development().WithTestChaincode())
	t.Run("submit and read", func(t *testing.T) { testSubmit(t, network) })
	t.Run("refusals", func(t *testing.T) { testRefusals(t, network) })
	t.Run("blocks", func(t *testing.T) { testBlocks(t, network) })
	t.Run("no such channel", func(t *testing.T) { testNoSuchChannel(t, network) })
	t.Run("killed processes", func(t *testing.T) { testFaults(t, network) })
}

func put(key, value string) ledger.Call {
	return ledger.Call{Transaction: "Put", Args: []string{key, value}}
}

func testSubmit(t *testing.T, network *launch.Network) {
	l := dial(t, network, "insurer1")
	call := put("k", "v")
	call.Transient = map[string][]byte{"x": []byte("for the endorsers only")}
	result, err := l.Submit(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, 1, result.Endorsements)
	require.Equal(t, 1, result.Broadcasts)
	value, err := l.Evaluate(t.Context(), "", "Get", "k")
	require.NoError(t, err)
	require.Equal(t, "v", string(value))

	transaction, err := l.Transaction(t.Context(), result.TxID)
	require.NoError(t, err)
	require.Equal(t, ledger.Valid, transaction.Code)
	require.Equal(t, result.Block, transaction.Block)
	require.Equal(t, []string{"SMMSP"}, transaction.Endorsers)
	require.Equal(t, "Insurer1MSP", transaction.Creator)
	require.Equal(t, []ledger.Write{{Namespace: "claimshare", Key: "k", Value: []byte("v")}}, transaction.Writes)
	require.WithinDuration(t, time.Now(), transaction.Time, time.Minute)
	_, err = l.Transaction(t.Context(), strings.Repeat("ab", 32))
	require.ErrorIs(t, err, ledger.ErrUnknownTransaction)
}

func testRefusals(t *testing.T, network *launch.Network) {
	l := dial(t, network, "insurer1")
	var refusal *ledger.ChaincodeError
	_, err := l.Evaluate(t.Context(), "", "Get", "nothing")
	require.ErrorAs(t, err, &refusal)
	require.Contains(t, refusal.Message, `no value under "nothing"`)
	_, err = l.Submit(t.Context(), ledger.Call{Transaction: "Nope"})
	require.ErrorAs(t, err, &refusal)
	require.Contains(t, refusal.Message, "unknown function")

	alone := put("k", "forged")
	alone.Endorsers = []string{"Insurer1MSP"}
	result, err := l.Submit(t.Context(), alone)
	require.ErrorIs(t, err, ledger.ErrEndorsementPolicy)
	require.NotEmpty(t, result.TxID)
	value, err := l.Evaluate(t.Context(), "", "Get", "k")
	require.NoError(t, err)
	require.Equal(t, "v", string(value))
}

func testBlocks(t *testing.T, network *launch.Network) {
	l := dial(t, network, "shop1")
	result, err := l.Submit(t.Context(), put("last", "v"))
	require.NoError(t, err)
	var before ledger.Block
	for block, err := range l.Blocks(t.Context(), 0) {
		require.NoError(t, err)
		if block.Number > 0 {
			require.Equal(t, before.Number+1, block.Number)
			require.Equal(t, before.Hash[:], block.PreviousHash)
		}
		if before = block; block.Number == result.Block {
			break
		}
	}
	_, found := before.Transaction(result.TxID)
	require.True(t, found)
	whole, err := l.BlockOf(t.Context(), result.TxID)
	require.NoError(t, err)
	require.Equal(t, before, whole)
}

// A channel that a peer does not know may be one that it has yet to join: the
// SDK asks again until its time is over, and then says what it was told.
func testNoSuchChannel(t *testing.T, network *launch.Network) {
	l := dial(t, network, "insurer1", func(c *ledger.Connection) { c.Channel = "nowhere" })
	for _, ask := range []func(ctx context.Context) error{
		func(ctx context.Context) error { _, err := l.Evaluate(ctx, "", "Get", "k"); return err },
		func(ctx context.Context) error { _, err := l.Height(ctx); return err },
		func(ctx context.Context) error { _, err := l.Submit(ctx, put("k", "v")); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := ask(ctx)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "the last answer was")
	}
}

// traffic is what a number of submitters have been told.
type traffic struct {
	mu       sync.Mutex
	accepted map[string]ledger.Result // by key; every key is written once
	longest  time.Duration
	again    int // submissions that did not go through at the first attempt
}

func (k *traffic) submit(ctx context.Context, l *ledger.Ledger, key string) error {
	began := time.Now()
	result, err := l.Submit(ctx, put(key, key))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.accepted[key] = result
	k.longest = max(k.longest, time.Since(began))
	if result.Endorsements > 1 || result.Broadcasts > 1 {
		k.again++
	}
	return err
}

// Each process that a submission depends on is killed while submissions go on.
// All of them must succeed, each once, and whoever follows the blocks must see
// exactly that.
func testFaults(t *testing.T, network *launch.Network) {
	const submitters = 16
	l, follower := dial(t, network, "insurer1"), dial(t, network, "insurer1")
	height, err := follower.Height(t.Context())
	require.NoError(t, err)
	var committed map[string][]string
	var following errgroup.Group
	following.Go(func() (err error) {
		committed, err = follow(t.Context(), follower, height, "end")
		return err
	})

	k := &traffic{accepted: map[string]ledger.Result{}}
	var stop atomic.Bool
	var submitting errgroup.Group
	for i := range submitters {
		submitting.Go(func() error {
			for j := 0; !stop.Load(); j++ {
				if err := k.submit(t.Context(), l, fmt.Sprintf("fault-%d-%d", i, j)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for range soak(1, 12) {
		for _, name := range []string{"sm.peer0.chaincode", "ordering.orderer0", "sm.peer0", "insurer1.peer0"} {
			kill(t, network, name)
		}
	}
	stop.Store(true)
	require.NoError(t, submitting.Wait())
	_, err = l.Submit(t.Context(), put("end", "of the test"))
	require.NoError(t, err)
	require.NoError(t, following.Wait())
	delete(committed, "end")
	t.Logf("%d submissions, %d of them needed another attempt, the longest took %v", len(k.accepted), k.again, k.longest.Round(time.Millisecond))
	require.Positive(t, k.again, "the faults disturbed nobody")
	require.Len(t, committed, len(k.accepted))
	for key, result := range k.accepted {
		require.Equal(t, []string{result.TxID}, committed[key], key)
	}
}

// kill kills a process, waits until the supervisor has started it again, and
// gives it a little time to be of use.
func kill(t *testing.T, network *launch.Network, name string) {
	t.Helper()
	const pause = 3 * time.Second
	before := process(t, network, name)
	require.NoError(t, syscall.Kill(before.PID, syscall.SIGKILL))
	require.Eventually(t, func() bool {
		now := process(t, network, name)
		return now.PID != 0 && now.PID != before.PID
	}, 15*time.Second, 50*time.Millisecond, "%s does not come back", name)
	time.Sleep(pause)
}

func process(t *testing.T, network *launch.Network, name string) launch.Process {
	t.Helper()
	status, err := network.Status()
	require.NoError(t, err)
	for _, one := range status.Processes {
		if one.Name == name {
			return one
		}
	}
	t.Fatalf("no process %s", name)
	return launch.Process{}
}

// follow tells which valid transactions wrote which key, from a block on until
// one that writes the last key.
func follow(ctx context.Context, l *ledger.Ledger, from uint64, last string) (map[string][]string, error) {
	writes := map[string][]string{}
	for block, err := range l.Blocks(ctx, from) {
		if err != nil {
			return nil, err
		}
		for _, transaction := range block.Transactions {
			if transaction.Code != ledger.Valid {
				continue
			}
			for _, w := range transaction.Writes {
				writes[w.Key] = append(writes[w.Key], transaction.TxID)
			}
		}
		if len(writes[last]) > 0 {
			break
		}
	}
	return writes, nil
}
