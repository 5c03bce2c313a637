package remote_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/nodetest"
)

// meeting is a holder that keeps orders waiting until it is opened.
type meeting struct {
	client.Holder
	reached chan struct{}
	open    chan struct{}
}

func (m *meeting) Deliver(ctx context.Context, o client.Order) (*client.Delivered, error) {
	m.reached <- struct{}{}
	<-m.open
	return m.Holder.Deliver(ctx, o)
}

// A demand that is repeated while the first one is still at work, because the
// connection broke, uses up one release and not two.
func TestADemandRepeatedMeanwhile(t *testing.T) {
	c := newCast(t)
	c.all(t)
	rid := c.repaired(t, 1<<10)
	p := c.approved(t)
	shop := &meeting{client.NewMember(c.shop.chain, c.shop.keys, c.shop.db), make(chan struct{}, 2), make(chan struct{})}
	proxy := client.NewProxy(c.proxy.chain, c.proxy.keys, c.proxy.db)
	demand := client.Demand{Requester: c.insurer.id, Consent: p.Statement.Consent, Records: []record.RecordID{rid}}
	var group sync.WaitGroup
	var mu sync.Mutex
	seen := map[record.ReleaseID]bool{}
	for range 2 {
		group.Go(func() {
			h, err := proxy.Release(t.Context(), demand, shop)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				seen[h[0].Release] = true
			}
		})
	}
	<-shop.reached
	select {
	case <-shop.reached:
	case <-time.After(300 * time.Millisecond):
	}
	close(shop.open)
	group.Wait()
	require.Len(t, seen, 1)
	used := 0
	c.ledger.Change(func(s *nodetest.State) { used = len(s.Releases) })
	require.Equal(t, 1, used)
}
