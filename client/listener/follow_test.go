package listener

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// start follows a source until the test is over, or until stop, which answers
// how Follow ended.
func start(t *testing.T, l *Listener, source Source) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Follow(ctx, source) }()
	var err error
	stop = func() error {
		cancel()
		select {
		case err = <-ended:
			close(ended)
		case <-time.After(30 * time.Second):
			t.Error("Follow does not end")
		}
		return err
	}
	t.Cleanup(func() { cancel() })
	return stop
}

func TestFollow(t *testing.T) {
	c, s := randomChain("a", 11, 500), newStore(t)
	l := New(s, chaincode)
	stop := start(t, l, c)
	require.NoError(t, l.Await(t.Context(), uint64(len(c.blocks)-1)))
	require.ErrorIs(t, stop(), context.Canceled)
	requireState(t, c, s)

	// It is up to date already.
	again := New(s, chaincode)
	stop = start(t, again, c)
	require.NoError(t, again.Await(t.Context(), uint64(len(c.blocks)-1)))
	require.ErrorIs(t, stop(), context.Canceled)
	requireState(t, c, s)
}

// Blocks that come one by one are applied one by one, without waiting for more.
func TestFollowLive(t *testing.T) {
	c, s := randomChain("a", 12, 60), newStore(t)
	l := New(s, chaincode)
	live := make(liveSource)
	stop := start(t, l, live)
	for _, b := range c.blocks {
		live <- b
		require.NoError(t, l.Await(t.Context(), b.Number))
		at, err := l.Checkpoint(t.Context())
		require.NoError(t, err)
		require.Equal(t, b.Number+1, at.Height)
	}
	require.ErrorIs(t, stop(), context.Canceled)
	requireState(t, c, s)
}

// A liveSource delivers what is put into it.
type liveSource chan ledger.Block

func (s liveSource) Height(context.Context) (uint64, error) { return 0, errors.New("not known") }

func (s liveSource) Blocks(ctx context.Context, _ uint64) iter.Seq2[ledger.Block, error] {
	return func(yield func(ledger.Block, error) bool) {
		for {
			select {
			case b := <-s:
				if !yield(b, nil) {
					return
				}
			case <-ctx.Done():
				yield(ledger.Block{}, ctx.Err())
				return
			}
		}
	}
}

// Follow ends with what ends the stream, after it has applied what came before;
// calling it again continues.
func TestFollowAgain(t *testing.T) {
	c := randomChain("a", 13, 300)
	path := filepath.Join(t.TempDir(), "party.db")
	broken := errors.New("the peer is gone")
	source := &unsteadySource{chain: c, err: broken}
	for limit := 1; ; limit += 7 {
		source.limit = limit
		s := openStore(t, path)
		l := New(s, chaincode)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if l.Await(ctx, uint64(len(c.blocks)-1)) == nil {
				cancel()
			}
		}()
		before, err := l.Checkpoint(ctx)
		require.NoError(t, err)
		err = l.Follow(ctx, source)
		cancel()
		after, cerr := l.Checkpoint(t.Context())
		require.NoError(t, cerr)
		require.NoError(t, s.Close())
		if errors.Is(err, context.Canceled) {
			break
		}
		require.ErrorIs(t, err, broken)
		// The first of them is one that it has already, except at the start.
		require.Equal(t, before.Height+uint64(limit)-min(before.Height, 1), after.Height)
	}
	requireState(t, c, openStore(t, path))
}

func TestFollowAnotherLedger(t *testing.T) {
	c, s := randomChain("a", 14, 50), newStore(t)
	require.NoError(t, New(s, chaincode).Apply(t.Context(), c.blocks...))
	for name, other := range map[string]*chain{
		"longer":  randomChain("b", 14, 80),
		"shorter": randomChain("b", 14, 3), // one could wait for it for ever
		"a fork":  fork(c, 30),
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		require.ErrorIs(t, New(s, chaincode).Follow(ctx, other), ErrOtherLedger, name)
		cancel()
	}
	requireState(t, c, s)
}

// fork is a chain that differs from block n on.
func fork(c *chain, n int) *chain {
	f := &chain{name: "fork", blocks: append([]ledger.Block{}, c.blocks[:n]...), state: map[string]store.WorldValue{}}
	for len(f.blocks) < len(c.blocks)+5 {
		f.add()
	}
	return f
}

// The network was made anew while it was being followed, and is still shorter:
// the stream just says nothing any more.
func TestFollowNoticesAReplacedLedger(t *testing.T) {
	c, s := randomChain("a", 15, 10), newStore(t)
	source := &replaced{before: c, after: randomChain("b", 15, 3), when: make(chan struct{})}
	l := New(s, chaincode, withIdle(20*time.Millisecond))
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	go func() { ended <- l.Follow(ctx, source) }()
	require.NoError(t, l.Await(t.Context(), 9))
	select {
	case err := <-ended:
		t.Fatal("silence alone is no reason to stop: ", err)
	case <-time.After(200 * time.Millisecond):
	}
	close(source.when)
	require.ErrorIs(t, <-ended, ErrOtherLedger)
	requireState(t, c, s)
}

type replaced struct {
	before, after *chain
	when          chan struct{}
}

func (r *replaced) Height(context.Context) (uint64, error) { return 0, nil }

func (r *replaced) Blocks(ctx context.Context, from uint64) iter.Seq2[ledger.Block, error] {
	select {
	case <-r.when:
		return r.after.Blocks(ctx, from)
	default:
		return r.before.Blocks(ctx, from)
	}
}

// A source that ends without an error breaks its promise and is not trusted to
// be at its end.
func TestFollowASourceWithoutEnd(t *testing.T) {
	c, s := randomChain("a", 16, 5), newStore(t)
	require.ErrorIs(t, New(s, chaincode).Follow(t.Context(), ended{c}), errNoEnd)
	requireState(t, c, s)
}

type ended struct{ *chain }

func (e ended) Blocks(_ context.Context, from uint64) iter.Seq2[ledger.Block, error] {
	return func(yield func(ledger.Block, error) bool) {
		for _, b := range e.blocks[from:] {
			if !yield(b, nil) {
				return
			}
		}
	}
}

func TestLag(t *testing.T) {
	c, s := randomChain("a", 17, 9), newStore(t)
	l := New(s, chaincode)
	require.NoError(t, l.Apply(t.Context(), c.blocks[:4]...))
	lag, err := l.Lag(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, Lag{Local: 4, Peer: 9}, lag)
	require.Equal(t, uint64(5), lag.Behind())
	require.Zero(t, Lag{Local: 9, Peer: 4}.Behind(), "a peer that is behind")
	_, err = l.Lag(t.Context(), make(liveSource))
	require.ErrorContains(t, err, "not known")
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, New(newStore(t), chaincode).Await(ctx, 3), context.DeadlineExceeded)
}
