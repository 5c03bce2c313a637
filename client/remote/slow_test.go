package remote_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/form"
	"github.com/claimshare/claimshare/client/internal/pace"
	"github.com/claimshare/claimshare/client/serve"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// A caller that asks for a payload and does not read it, or reads it by the
// drop, is hung up on: it holds neither a stream nor memory.
func TestSlowReaders(t *testing.T) {
	c := newCast(t)
	c.all(t)
	rid := c.repaired(t, 8<<20)
	p := c.approved(t)
	handovers, err := c.calls(t, c.insurer, options()).Proxy(c.proxy.id).Release(t.Context(), client.Demand{Consent: p.Statement.Consent, Records: []record.RecordID{rid}})
	require.NoError(t, err)

	strict := limits()
	strict.Concurrent = 1
	strict.Slow = pace.Limits{Idle: 300 * time.Millisecond, Grace: 600 * time.Millisecond, Rate: 4 << 20}
	shop := client.NewMember(c.shop.chain, c.shop.keys, c.shop.db)
	c.serve(t, c.shop, strict, func(r grpc.ServiceRegistrar) { nodev1.RegisterHolderServiceServer(r, serve.NewHolder(shop, strict)) })
	conn, err := grpc.NewClient("passthrough:///"+c.addresses[c.shop.id],
		grpc.WithTransportCredentials(c.insurer.node.ClientCredentials(c.shop.id, nil)), grpc.WithInitialWindowSize(64<<10), grpc.WithInitialConnWindowSize(64<<10))
	require.NoError(t, err)
	defer conn.Close()
	request := form.SendPayloadRequest(client.PayloadOrder{Release: handovers[0].Release})
	for name, pause := range map[string]time.Duration{"not at all": time.Hour, "by the drop": 100 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			before := strings.Count(c.shop.log.String(), refusal.ErrSlow.Error())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stream, err := nodev1.NewHolderServiceClient(conn).SendPayload(ctx, request)
			require.NoError(t, err)
			_, err = stream.Recv()
			require.NoError(t, err)
			reading := time.Now()
			require.Eventually(t, func() bool {
				if time.Since(reading) > pause {
					reading = time.Now()
					_, _ = stream.Recv()
				}
				return strings.Count(c.shop.log.String(), refusal.ErrSlow.Error()) > before
			}, 10*time.Second, 5*time.Millisecond)
		})
	}
	var all full
	all.left = 16 << 20
	_, err = c.calls(t, c.insurer, options()).Holder(c.shop.id).SendPayload(t.Context(), client.PayloadOrder{Release: handovers[0].Release}, &all)
	require.NoError(t, err, "the one place is free again for who reads")
}

// What is not well-formed is refused before anything is looked up.
func TestMalformedRequests(t *testing.T) {
	c := newCast(t)
	c.all(t)
	dial := func(x, to *actor) *grpc.ClientConn {
		conn, err := grpc.NewClient("passthrough:///"+c.addresses[to.id], grpc.WithTransportCredentials(x.node.ClientCredentials(to.id, nil)))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, conn.Close()) })
		return conn
	}
	b16, b32 := []byte(strings.Repeat("a", 16)), []byte(strings.Repeat("a", 32))
	holder := nodev1.NewHolderServiceClient(dial(c.proxy, c.shop))
	for name, r := range map[string]*nodev1.DeliverRequest{
		"nothing":         {},
		"a short release": {Release: b16, Consent: b32, Record: b16, Nonce: b32},
		"a long record":   {Release: b32, Consent: b32, Record: b32, Nonce: b32},
		"a zero consent":  {Release: b32, Consent: make([]byte, 32), Record: b16, Nonce: b32},
		"no nonce":        {Release: b32, Consent: b32, Record: b16},
	} {
		_, err := holder.Deliver(t.Context(), r)
		require.ErrorIs(t, refusal.FromStatus(err), record.ErrMalformed, name)
	}
	for name, r := range map[string]*nodev1.SendPayloadRequest{
		"nothing":         {},
		"beyond any size": {Release: b32, Offset: record.MaxPayloadSize + 1},
		"a long release":  {Release: append(b32, 1)},
	} {
		stream, err := holder.SendPayload(t.Context(), r)
		require.NoError(t, err)
		_, err = stream.Recv()
		require.ErrorIs(t, refusal.FromStatus(err), record.ErrMalformed, name)
	}
	proxy := nodev1.NewProxyServiceClient(dial(c.insurer, c.proxy))
	for name, r := range map[string]*nodev1.ReleaseRequest{
		"no record":        {Consent: b32},
		"too many records": {Consent: b32, Records: slicesOf(b16, record.MaxDeliveries+1)},
		"a short record":   {Consent: b32, Records: [][]byte{b16[1:]}},
		"no consent":       {Records: [][]byte{b16}},
	} {
		_, err := proxy.Release(t.Context(), r)
		require.ErrorIs(t, refusal.FromStatus(err), record.ErrMalformed, name)
	}
	authority := nodev1.NewAuthorityServiceClient(dial(c.shop, c.sm))
	for _, b := range [][]byte{nil, {1}, b32} {
		_, err := authority.SubmitBatch(t.Context(), &nodev1.SubmitBatchRequest{Batch: b})
		require.ErrorIs(t, refusal.FromStatus(err), record.ErrMalformed)
	}
}

func slicesOf(b []byte, n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = b
	}
	return all
}

// The largest batch that the ledger takes fits into a message.
func TestLargestBatchFits(t *testing.T) {
	b := record.Batch{Carriage: &record.Carriage{}}
	for range record.MaxBatch {
		b.Entries = append(b.Entries, record.Entry{Statement: record.RecordStatement{Label: strings.Repeat("a", 64)}})
	}
	require.Less(t, len(b.Encode()), serve.DefaultLimits().Receive-1<<10)
}
