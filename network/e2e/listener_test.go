package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/supervise"
	"github.com/claimshare/claimshare/network/topology"
)

// TestListener follows a ledger on which there is traffic, while the peer that
// is followed is killed and while the listeners are: one is a process, killed
// at random moments, which may go over to another peer; one is restarted inside
// this process and has no other peer. In the end both must have exactly what
// two peers have in their state databases: keys, values and versions.
func TestListener(t *testing.T) {
	t.Run("contract", func(t *testing.T) {
		t.Parallel()
		network := hold(t, topology.Development())
		f := followers(t, network) // before there is anything to read
		r := register(t, network)
		f.disturb(t, r.traffic)
		check := r.check(t, r.manager)
		f.compare(t, check)
	})
	t.Run("deletions", func(t *testing.T) {
		t.Parallel()
		f := followers(t, hold(t, topology.Development().WithTestChaincode()))
		f.disturb(t, overwrite)
		f.compare(t, func(store.Store) {})
	})
}

// following is a network and the two listeners that follow it.
type following struct {
	network  *launch.Network
	random   *rand.Rand
	process  string // store of the process that is killed
	inside   string // store of the listener in this process
	restarts [2]int
	end      atomic.Uint64 // height at which the listeners may rest; 0 while there is traffic
	working  errgroup.Group
}

// followers starts them. They go on until the state has reached f.end.
func followers(t *testing.T, network *launch.Network) *following {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("CLAIMSHARE_SEED"); given != "" {
		var err error
		seed, err = strconv.ParseUint(given, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("CLAIMSHARE_SEED=%d", seed)
	dir := t.TempDir()
	f := &following{
		network: network, random: rand.New(rand.NewPCG(seed, 0)),
		process: filepath.Join(dir, "process.sqlite"), inside: filepath.Join(dir, "inside.sqlite"),
	}
	alone := dial(t, network, "insurer1", func(c *ledger.Connection) { c.Peers = c.Peers[:1] })
	lives := [2]*rand.Rand{rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))}
	f.working.Go(func() error {
		return f.lives(t.Context(), f.process, lives[0], &f.restarts[0], func(ctx context.Context) error { return f.runProcess(ctx) })
	})
	f.working.Go(func() error {
		return f.lives(t.Context(), f.inside, lives[1], &f.restarts[1], func(ctx context.Context) error {
			return followInto(ctx, f.inside, alone)
		})
	})
	return f
}

// lives runs a listener again and again, each time for a while, until its store
// has everything.
func (f *following) lives(ctx context.Context, path string, random *rand.Rand, restarts *int, run func(context.Context) error) error {
	for ; ; *restarts++ {
		life := 300*time.Millisecond + time.Duration(random.Int64N(int64(3*time.Second)))
		alive, cancel := context.WithTimeout(ctx, life)
		err := run(alive)
		ended := alive.Err()
		cancel()
		if ended == nil {
			return fmt.Errorf("the listener ended by itself: %w", err)
		}
		if end := f.end.Load(); end > 0 {
			if height, err := heightOf(ctx, path); err != nil || height >= end {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// heightOf opens a store for a moment.
func heightOf(ctx context.Context, path string) (uint64, error) {
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return 0, err
	}
	at, err := db.WorldCheckpoint(ctx)
	return at.Height, errors.Join(err, db.Close())
}

// followInto follows the ledger into a store. Its handler counts transactions.
func followInto(ctx context.Context, path string, l *ledger.Ledger) error {
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	defer db.Close()
	count := func(ctx context.Context, tx store.WorldTx, _ listener.Change) error {
		text, err := tx.Value(ctx, "count")
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		n, _ := strconv.Atoi(string(text)) // nothing yet is 0
		return tx.SetValue(ctx, "count", []byte(strconv.Itoa(n+1)))
	}
	return listener.New(db, l.Connection().Chaincode, listener.WithHandler(count)).Follow(ctx, l)
}

// listenerVariable tells TestListenerProcess that it is the process to be
// killed, and where its instructions are.
const listenerVariable = "CLAIMSHARE_LISTENER_PROCESS"

type listenerInstructions struct{ Connection, Store string }

// runProcess runs the listener as a process and kills it, as kill -9 does, when
// ctx ends.
func (f *following) runProcess(ctx context.Context) error {
	text, err := json.Marshal(listenerInstructions{f.network.ConnectionFile("insurer1"), f.process})
	if err != nil {
		return err
	}
	var said bytes.Buffer
	command := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestListenerProcess$", "-test.count=1")
	command.Env = append(os.Environ(), listenerVariable+"="+string(text))
	command.Stdout, command.Stderr = &said, &said
	return fmt.Errorf("%w:\n%s", supervise.Run(command), &said)
}

// TestListenerProcess is the process that TestListener kills.
func TestListenerProcess(t *testing.T) {
	text := os.Getenv(listenerVariable)
	if text == "" {
		t.Skip("a process of TestListener")
	}
	var instructions listenerInstructions
	require.NoError(t, json.Unmarshal([]byte(text), &instructions))
	connection, err := ledger.LoadConnection(instructions.Connection)
	require.NoError(t, err)
	l, err := ledger.Dial(connection)
	require.NoError(t, err)
	defer l.Close()
	require.NoError(t, followInto(t.Context(), instructions.Store, l))
}

// disturb runs the traffic and kills the peer that is followed. The traffic
// gets a number that grows, and must change it into transactions.
func (f *following) disturb(t *testing.T, traffic func(ctx context.Context, l *ledger.Ledger, n int64) error) {
	t.Helper()
	const submitters = 12
	l := dial(t, f.network, "insurer1")
	var stop atomic.Bool
	var n atomic.Int64
	var submitting errgroup.Group
	for range submitters {
		submitting.Go(func() error {
			for !stop.Load() {
				if err := traffic(t.Context(), l, n.Add(1)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for range soak(2, 15) {
		kill(t, f.network, "insurer1.peer0")
		time.Sleep(time.Duration(f.random.Int64N(int64(time.Second))))
	}
	stop.Store(true)
	require.NoError(t, submitting.Wait())
	height, err := l.Height(t.Context())
	require.NoError(t, err)
	f.rest(t, height)
	t.Logf("%d pieces of work, %d blocks, the listeners were restarted %v times", n.Load(), height, f.restarts)
	require.Greater(t, min(f.restarts[0], f.restarts[1]), 1)
}

// rest waits until every peer and both listeners have come to a height.
func (f *following) rest(t *testing.T, height uint64) {
	t.Helper()
	for i := range dial(t, f.network, "insurer1").Connection().Peers {
		one := dial(t, f.network, "insurer1", func(c *ledger.Connection) { c.Peers = c.Peers[i : i+1] })
		require.Eventually(t, func() bool {
			at, err := one.Height(t.Context())
			return err == nil && at >= height
		}, time.Minute, 50*time.Millisecond)
	}
	f.end.Store(height)
	require.NoError(t, f.working.Wait())
}

// overwrite sets keys of few, again and again, and every third time deletes one:
// a peer takes an empty value so.
func overwrite(ctx context.Context, l *ledger.Ledger, n int64) error {
	call := put(fmt.Sprint("key ", rand.N(60)), fmt.Sprint("value ", n))
	if n%3 == 0 {
		call.Args[1] = ""
	}
	invalid := n%10 == 0
	if invalid {
		call.Endorsers = []string{"Insurer1MSP"}
	}
	_, err := l.Submit(ctx, call)
	if invalid && errors.Is(err, ledger.ErrEndorsementPolicy) {
		return nil
	}
	return err
}

// registry is a set-up contract, with an insurer and policyholders.
type registry struct {
	*system
	t       *testing.T
	insurer newcomer
	owners  []newcomer
}

func register(t *testing.T, network *launch.Network) *registry {
	t.Helper()
	s := initialise(t, network)
	r := &registry{system: s, t: t, insurer: s.insurer(t, network, "insurer1"), owners: s.owners(t, 3)}
	for _, n := range append([]newcomer{r.insurer}, r.owners...) {
		_, err := s.register(t.Context(), n)
		require.NoError(t, err)
	}
	require.NoError(t, s.manager.As(dial(t, network, "insurer1")).Await(t.Context(), s.manager.Seen()))
	return r
}

// traffic submits batches of policies. Some are endorsed by too few, and twice
// one has a wrong signature, which is a violation; now and then a party joins.
func (r *registry) traffic(ctx context.Context, l *ledger.Ledger, n int64) error {
	chain := r.manager.As(l)
	var batch record.Batch
	for range 1 + n%4 {
		batch.Entries = append(batch.Entries, r.signedPolicy(r.t, r.insurer, r.owners[n%3]).Entries...)
	}
	if n == 20 || n == 60 {
		batch.Entries[0].OwnerSignature = batch.Entries[0].IssuerSignature
	}
	if n%40 == 0 {
		joins := r.enrol(r.t, record.RolePolicyholder, fmt.Sprint("joins ", n), "", "")
		if _, err := r.register(ctx, joins); err != nil {
			return err
		}
	}
	if n%10 == 1 {
		return endorsedByTooFew(ctx, l, batch)
	}
	_, _, err := chain.SubmitBatch(ctx, batch)
	return err
}

// endorsedByTooFew submits a batch that only the insurer's peer has endorsed.
func endorsedByTooFew(ctx context.Context, l *ledger.Ledger, batch record.Batch) error {
	encoded := batch.Encode()
	contract, transaction, _ := strings.Cut(record.TxSubmitRecords, ":")
	_, err := l.Submit(ctx, ledger.Call{
		Contract: contract, Transaction: transaction, Endorsers: []string{l.Connection().MSPID},
		Args:      []string{record.BatchDigest(encoded).String()},
		Transient: map[string][]byte{record.TransientBatch: encoded},
	})
	if errors.Is(err, ledger.ErrEndorsementPolicy) {
		return nil
	}
	return fmt.Errorf("the endorsement of the insurer's peer was enough: %w", err)
}

// check reads through the listener's types what the contract answers about.
func (r *registry) check(t *testing.T, chain *client.Chain) func(store.Store) {
	t.Helper()
	ctx := t.Context()
	parties, err := chain.Parties(ctx)
	require.NoError(t, err)
	records, err := chain.RecordsBy(ctx, r.insurer.keys.ID())
	require.NoError(t, err)
	violations, err := chain.Violations(ctx, r.insurer.keys.ID())
	require.NoError(t, err)
	require.Len(t, violations, 2)
	return func(db store.Store) {
		for _, want := range parties {
			got, err := listener.Party(ctx, db, want.ID)
			require.NoError(t, err)
			want.RawSigning = got.RawSigning // which queries leave out
			require.Equal(t, want, *got)
		}
		for _, want := range records {
			got, err := listener.Record(ctx, db, want.ID)
			require.NoError(t, err)
			require.Equal(t, want, *got)
		}
		require.Len(t, collected(t, listener.Parties(ctx, db)), len(parties))
		require.Len(t, collected(t, listener.Records(ctx, db)), len(records))
		require.ElementsMatch(t, violations, collected(t, listener.Violations(ctx, db, r.insurer.keys.ID())))
		system, err := listener.System(ctx, db)
		require.NoError(t, err)
		require.Equal(t, chain.Context(), system.Context())
		t.Logf("%d parties, %d records, %d violations read with their types", len(parties), len(records), len(violations))
	}
}

func collected[T any](t *testing.T, list iter.Seq2[*T, error]) []T {
	t.Helper()
	var all []T
	for v, err := range list {
		require.NoError(t, err)
		all = append(all, *v)
	}
	return all
}
