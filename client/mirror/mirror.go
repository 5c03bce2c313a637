// Package mirror answers a node's queries from the copy of the ledger in the
// node's own database, which package listener keeps. That costs no peer and no
// signature, and is many times cheaper.
//
// # How fresh an answer is
//
// A [Channel] compares the copy's height with a peer's when it is first asked
// and then every two seconds at most; whoever waits for a block waits for the
// copy. While the copy is behind what it should show, while it is not followed,
// while no peer can be asked for its height, and for whatever the copy cannot
// answer, the peers are asked. So an answer is at most two seconds older than a
// peer's, and never older than the last block waited for.
//
// # What it does not protect
//
// Two seconds are enough for a consent to be withdrawn: who hands something out
// asks a peer last. Whoever may write the database may write another state.
package mirror

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/turn"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
)

// Copy is a copy of the ledger that is being kept: a [listener.Listener].
type Copy interface {
	// Await waits until the copy has a block. Its error is the context's.
	Await(ctx context.Context, block uint64) error
}

var _ Copy = (*listener.Listener)(nil)

const (
	// every is how often the copy's height is compared with a peer's.
	every = 2 * time.Second
	// patience is how long the copy is waited for before a peer is asked.
	patience = 500 * time.Millisecond
	// asking is how long a peer has to tell its height.
	asking = 5 * time.Second
)

// Channel is a way to the ledger on which a [client.Chain] reads in a copy what
// the copy knows; documents that were read last stay in memory. Everything else
// goes to the peers. Its methods may be called by many goroutines at once.
type Channel struct {
	client.Channel // the peers
	copy           Copy
	recent         recent
	every          time.Duration
	patience       time.Duration

	comparing turn.Turns[struct{}]
	compared  atomic.Int64  // Unix nanoseconds
	floor     atomic.Uint64 // answers show at least so many blocks
}

var _ client.Channel = (*Channel)(nil)

// New is a channel that answers from world, which kept follows the ledger into.
// Have [Channel.Changed] called for what kept applies.
func New(peers client.Channel, world store.World, kept Copy) *Channel {
	c := &Channel{Channel: peers, copy: kept, every: every, patience: patience}
	c.recent = recent{world: world, has: c.has}
	return c
}

// Document answers a query for one document, by contract:Transaction and its
// argument. It is false for what has to be asked of a peer.
func (c *Channel) Document(ctx context.Context, query, id string) (any, bool) {
	read := answers[query]
	if read == nil || !c.ready(ctx) {
		return nil, false
	}
	// What the copy does not have a peer may have, or can refuse properly.
	found, err := read(ctx, &c.recent, id)
	return found, err == nil
}

// Changed is to be called by the [listener.Handler] of the copy for every
// transaction.
func (c *Channel) Changed(change listener.Change) { c.recent.note(change.Transaction) }

// Submit implements [client.Channel]. Later answers show what was submitted.
func (c *Channel) Submit(ctx context.Context, call ledger.Call) (ledger.Result, error) {
	result, err := c.Channel.Submit(ctx, call)
	if result.Block > 0 {
		c.raise(result.Block + 1)
	}
	return result, err
}

// OpenReleases lists a proxy's releases under a consent that their receiver has
// not answered yet, in no order. It is false when the copy cannot tell.
func (c *Channel) OpenReleases(ctx context.Context, consent record.ConsentID, proxy record.PartyID) ([]record.Release, bool) {
	if !c.ready(ctx) {
		return nil, false
	}
	ids, err := c.recent.open(ctx, releases{consent, proxy})
	if err != nil {
		return nil, false
	}
	var open []record.Release
	for _, id := range ids {
		release, err := listener.Release(ctx, &c.recent, id)
		if err != nil {
			return nil, false
		}
		if release.Status != record.ReleaseOpen {
			c.recent.close(id)
			continue
		}
		open = append(open, *release)
	}
	return open, true
}

// AwaitBlock waits for the copy to have a block, half a second at most, and
// reports whether answers show it. If not, the peers are asked from now on,
// until the copy has it.
func (c *Channel) AwaitBlock(ctx context.Context, block uint64) bool {
	if c.waits(ctx, block) {
		return true
	}
	c.raise(block + 1)
	return false
}

// ready reports whether the copy is as fresh as an answer has to be.
func (c *Channel) ready(ctx context.Context) bool {
	return c.compare(ctx) && c.has(c.floor.Load()-1)
}

// compare compares the copy's height with a peer's when that is due, and reports
// whether it has been. A copy that does not reach it is not used until it does.
func (c *Channel) compare(ctx context.Context) bool {
	if !c.due() {
		return true
	}
	give, err := c.comparing.Take(ctx, struct{}{})
	if err != nil {
		return false
	}
	defer give()
	if !c.due() {
		return true
	}
	limited, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	height, err := c.Height(limited)
	if err != nil || height == 0 {
		return false
	}
	c.waits(ctx, height-1)
	c.raise(height)
	c.compared.Store(time.Now().UnixNano())
	return true
}

func (c *Channel) due() bool {
	last := c.compared.Load()
	ago := time.Since(time.Unix(0, last))
	return last == 0 || ago > c.every || ago < 0 // the clock was set back
}

// raise makes the copy unfit for answers until it has so many blocks.
func (c *Channel) raise(height uint64) {
	for {
		old := c.floor.Load()
		if height <= old || c.floor.CompareAndSwap(old, height) {
			return
		}
	}
}

// waits waits a little for the copy to have a block.
func (c *Channel) waits(ctx context.Context, block uint64) bool {
	limited, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	return c.copy.Await(limited, block) == nil
}

// has reports whether the copy has a block now.
func (c *Channel) has(block uint64) bool { return c.copy.Await(over, block) == nil }

// over is a context that has ended: who waits with it looks once.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()
