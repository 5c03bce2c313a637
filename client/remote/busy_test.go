package remote_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// A node that has reached a limit waits and goes on; one that stays there gives
// up in time.
func TestBusyIsWaitedFor(t *testing.T) {
	c := newCast(t)
	strict := limits()
	strict.Rate, strict.Burst = 20, 1
	called := 0
	l := &liar{}
	answers(l, &called)
	c.serve(t, c.shop, strict, l.register)
	nodes := c.calls(t, c.insurer, options())
	for range 5 {
		require.ErrorIs(t, deliver(t, nodes, c.shop.id), reached)
	}
	require.Equal(t, 5, called)
	strict.Rate = 0.001
	c.serve(t, c.shop, strict, l.register)
	require.ErrorIs(t, deliver(t, nodes, c.shop.id), reached)
	require.ErrorIs(t, deliver(t, nodes, c.shop.id), refusal.ErrBusy)
}

// More calls than may be in hand wait for their turn here, not there.
func TestCallsWaitForTheirTurn(t *testing.T) {
	o := options()
	o.Concurrent = 3
	l, c, nodes := lying(t, o)
	var now, most atomic.Int32
	l.deliver = func(context.Context) (*nodev1.DeliverResponse, error) {
		most.Store(max(most.Load(), now.Add(1)))
		time.Sleep(20 * time.Millisecond)
		now.Add(-1)
		return nil, reached
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := deliver(t, nodes, c.shop.id); !isErr(err, reached) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, most.Load(), int32(3))

	hold := make(chan struct{})
	l.now(func() {
		l.deliver = func(context.Context) (*nodev1.DeliverResponse, error) { <-hold; return nil, reached }
	})
	for range 3 {
		all.Go(func() { _ = deliver(t, nodes, c.shop.id) })
	}
	time.Sleep(100 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := nodes.Holder(c.shop.id).Deliver(ctx, client.Order{})
	require.ErrorIs(t, err, context.DeadlineExceeded, "whose turn does not come")
	_, err = nodes.Holder(c.shop.id).SendPayload(ctx, client.PayloadOrder{}, &full{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(hold)
	all.Wait()
}

// Who names blocks that never come keeps the peer no busier than two honest
// callers, and nobody else waiting.
func TestBlocksThatNeverCome(t *testing.T) {
	c := newCast(t)
	c.all(t)
	var all sync.WaitGroup
	nodes := c.calls(t, c.proxy, options())
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	order := client.Order{AsOf: 1 << 60, Release: record.ReleaseID{1}, Consent: record.ConsentID{1}, Record: record.RecordID{1}, Nonce: record.Nonce{1}}
	for range 30 {
		all.Go(func() {
			if _, err := nodes.Holder(c.shop.id).Deliver(ctx, order); !isErr(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	o := options()
	height, err := c.insurer.chain.Ledger().Height(t.Context())
	require.NoError(t, err)
	o.Seen = func() uint64 { return height - 1 }
	_, err = c.calls(t, c.sm, o).Holder(c.shop.id).Candidates(t.Context(), label)
	require.NoError(t, err)
	all.Wait()
	require.Less(t, c.ledger.Asked("Height"), 60)
}

// A payload costs the receiving side no memory to speak of, however large.
func TestPayloadInLittleMemory(t *testing.T) {
	const size = 128 << 20
	l, c, nodes := lying(t, options())
	part := make([]byte, 256<<10)
	l.payload = func(_ *nodev1.SendPayloadRequest, s grpc.ServerStreamingServer[nodev1.SendPayloadResponse]) error {
		for range size / len(part) {
			if err := s.Send(chunk(part...)); err != nil {
				return err
			}
		}
		return s.Send(trailer(nil))
	}
	gauge := &gauge{}
	_, err := nodes.Holder(c.shop.id).SendPayload(t.Context(), client.PayloadOrder{Release: record.ReleaseID{1}}, gauge)
	require.NoError(t, err)
	require.Equal(t, size, gauge.bytes)
	t.Logf("%d MiB at %.0f MiB/s, both sides in %d MiB of heap", size>>20, float64(size>>20)/gauge.took.Seconds(), gauge.heap>>20)
	require.Less(t, gauge.heap, uint64(100<<20))
}

// gauge counts, and looks at the heap now and then.
type gauge struct {
	bytes int
	heap  uint64
	began time.Time
	took  time.Duration
}

func (g *gauge) Write(b []byte) (int, error) {
	if g.bytes == 0 {
		g.began = time.Now()
	}
	before := g.bytes >> 24
	if g.bytes += len(b); g.bytes>>24 > before {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		g.heap = max(g.heap, m.HeapAlloc)
	}
	g.took = time.Since(g.began)
	return len(b), nil
}
