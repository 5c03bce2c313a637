package remote_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/remote"
	"github.com/claimshare/claimshare/client/wire/trace"
)

// approved leads a claim to where the insurer may ask for records.
func (c *cast) approved(t *testing.T) *client.Permission {
	t.Helper()
	p := c.granted(t)
	proxy := client.NewProxy(c.proxy.chain, c.proxy.keys, c.proxy.db)
	require.NoError(t, proxy.Accept(t.Context(), p.ToProxy))
	authority, err := client.NewAuthority(c.sm.chain, c.ledger.Master)
	require.NoError(t, err)
	found, err := authority.Approve(t.Context(), p.ToManager, c.calls(t, c.sm, options()).Holder(c.shop.id))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return p
}

// The claim of docs/architecture.md, between five parties that speak TLS.
func TestClaim(t *testing.T) {
	c := newCast(t)
	c.all(t)
	rid := c.repaired(t, 1<<20)
	p := c.approved(t)
	nodes := c.calls(t, c.insurer, options())
	demand := client.Demand{AsOf: c.insurer.chain.Seen(), Consent: p.Statement.Consent, Records: []record.RecordID{rid}}
	ctx := trace.With(t.Context(), "claim-90211")
	handovers, err := nodes.Proxy(c.proxy.id).Release(ctx, demand)
	require.NoError(t, err)
	require.Len(t, handovers, 1)
	again, err := nodes.Proxy(c.proxy.id).Release(ctx, demand)
	require.NoError(t, err)
	require.Equal(t, handovers[0].Release, again[0].Release, "an open release is answered again")

	insurer := client.NewMember(c.insurer.chain, c.insurer.keys, c.insurer.db)
	receipt, err := insurer.Receive(ctx, handovers[0], nodes.Holder(c.shop.id), func(r io.Reader) error {
		_, err := document.Unpack(r, document.Limits{}, func(_ document.Attachment, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
		return err
	})
	require.NoError(t, err)
	require.Equal(t, record.ReleaseAcknowledged, receipt.Release.Status)
	for _, x := range []*actor{c.proxy, c.shop} {
		require.Contains(t, x.log.String(), "request=claim-90211", "the claim can be followed")
		require.NotContains(t, x.log.String(), "Specimen")
	}
}

// Each service answers those that it concerns, and nobody else.
func TestWhoIsAnswered(t *testing.T) {
	c := newCast(t)
	c.all(t)
	rid := c.repaired(t, 1<<10)
	p := c.approved(t)
	demand := client.Demand{Consent: p.Statement.Consent, Records: []record.RecordID{rid}}
	handovers, err := c.calls(t, c.insurer, options()).Proxy(c.proxy.id).Release(t.Context(), demand)
	require.NoError(t, err)
	nonce := record.Nonce{1}
	order := client.Order{Consent: p.Statement.Consent, Record: rid, Proxy: c.proxy.id, Nonce: nonce, Release: record.NewReleaseID(p.Statement.Consent, rid, c.proxy.id, nonce)}
	stolen := order
	stolen.Release = record.NewReleaseID(p.Statement.Consent, rid, c.rival.id, nonce)

	asks := map[string]func(*remote.Nodes) error{
		"candidates": func(n *remote.Nodes) error { _, err := n.Holder(c.shop.id).Candidates(t.Context(), label); return err },
		"deliver":    func(n *remote.Nodes) error { _, err := n.Holder(c.shop.id).Deliver(t.Context(), order); return err },
		"payload": func(n *remote.Nodes) error {
			_, err := n.Holder(c.shop.id).SendPayload(t.Context(), client.PayloadOrder{Release: handovers[0].Release}, io.Discard)
			return err
		},
		"release": func(n *remote.Nodes) error {
			lie := demand
			lie.Requester = c.insurer.id // does not travel
			_, err := n.Proxy(c.proxy.id).Release(t.Context(), lie)
			return err
		},
	}
	allowed := map[string]*actor{"candidates": c.sm, "deliver": c.proxy, "payload": c.insurer, "release": c.insurer}
	wants := map[string][]error{
		"candidates": {record.ErrForbidden}, "deliver": {record.ErrForbidden}, "payload": {record.ErrNotReceiver},
		"release": {record.ErrForbidden, client.ErrRequester},
	}
	for name, ask := range asks {
		for _, x := range []*actor{c.sm, c.proxy, c.shop, c.insurer, c.rival} {
			err := ask(c.calls(t, x, options()))
			if x == allowed[name] {
				require.NoError(t, err, name)
				continue
			}
			fits := false
			for _, want := range wants[name] {
				fits = fits || isErr(err, want)
			}
			require.True(t, fits, "%s for %s: %v", name, x.cert.Certificate.Subject, err)
		}
	}
	_, err = c.calls(t, c.proxy, options()).Holder(c.shop.id).Deliver(t.Context(), stolen)
	require.ErrorIs(t, err, client.ErrDelivery, "an order of another proxy")

	entry := record.Batch{Entries: []record.Entry{c.ledgerEntry(t, rid)}}
	_, _, err = c.calls(t, c.insurer, options()).Authority(c.sm.id).Carry(t.Context(), entry)
	require.ErrorIs(t, err, record.ErrCarrier, "a batch without a carriage")
	entry.Carriage = &record.Carriage{Statement: record.BatchStatement{Issuer: c.shop.id, IssuerVersion: 1, Entries: entry.EntriesDigest(), Time: 1}, Signature: record.Signature{1}}
	_, _, err = c.calls(t, c.insurer, options()).Authority(c.sm.id).Carry(t.Context(), entry)
	require.ErrorIs(t, err, client.ErrNotOurs, "another issuer's batch")
}

// A payload crosses a network that cuts every connection, byte by byte the same.
func TestPayloadOverCutConnections(t *testing.T) {
	c := newCast(t)
	c.all(t)
	rid := c.repaired(t, 3<<20)
	p := c.approved(t)
	relay := &relay{target: c.addresses[c.shop.id], most: 700 << 10}
	c.addresses[c.shop.id] = relay.listen(t)
	nodes := c.calls(t, c.insurer, options())
	handovers, err := nodes.Proxy(c.proxy.id).Release(t.Context(), client.Demand{Consent: p.Statement.Consent, Records: []record.RecordID{rid}})
	require.NoError(t, err)
	before := relay.connections()
	var whole bytes.Buffer
	trailer, err := nodes.Holder(c.shop.id).SendPayload(t.Context(), client.PayloadOrder{Release: handovers[0].Release}, &whole)
	require.NoError(t, err)
	require.Greater(t, relay.connections()-before, 3)
	require.Equal(t, trailer.Statement.Length, uint64(whole.Len()))
	var kept bytes.Buffer
	require.NoError(t, c.shop.db.Payload(t.Context(), rid, &kept))
	require.Equal(t, kept.Bytes(), whole.Bytes())

	insurer := client.NewMember(c.insurer.chain, c.insurer.keys, c.insurer.db)
	_, err = insurer.Receive(t.Context(), handovers[0], nodes.Holder(c.shop.id), func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
	require.NoError(t, err)

	var rest bytes.Buffer
	_, err = nodes.Holder(c.shop.id).SendPayload(t.Context(), client.PayloadOrder{Release: handovers[0].Release, Offset: 1 << 20}, &rest)
	require.NoError(t, err)
	require.Equal(t, kept.Bytes()[1<<20:], rest.Bytes())
	_, err = nodes.Holder(c.shop.id).SendPayload(t.Context(), client.PayloadOrder{Release: handovers[0].Release, Offset: 1 << 30}, &rest)
	require.ErrorIs(t, err, client.ErrDelivery, "beyond its end")
}

// relay cuts each connection after so many bytes towards the caller.
type relay struct {
	target string
	most   int64

	mu    sync.Mutex
	count int
	open  []net.Conn
}

func (r *relay) connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

func (r *relay) listen(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { r.carry(near) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		r.mu.Lock()
		for _, c := range r.open {
			c.Close()
		}
		r.mu.Unlock()
		all.Wait()
	})
	return listener.Addr().String()
}

func (r *relay) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", r.target)
	if err != nil {
		return
	}
	defer far.Close()
	r.mu.Lock()
	r.count++
	r.open = append(r.open, near, far)
	r.mu.Unlock()
	done := make(chan struct{})
	go func() { _, _ = io.Copy(far, near); close(done) }()
	_, _ = io.CopyN(near, far, r.most)
	near.Close()
	far.Close()
	<-done
}

// A suspended party is refused although it was connected already.
func TestSuspendedMeanwhile(t *testing.T) {
	c := newCast(t)
	c.all(t)
	rid := c.repaired(t, 1<<10)
	p := c.approved(t)
	nodes := c.calls(t, c.insurer, options())
	demand := client.Demand{Consent: p.Statement.Consent, Records: []record.RecordID{rid}}
	_, err := nodes.Proxy(c.proxy.id).Release(t.Context(), demand)
	require.NoError(t, err)
	c.setStatus(c.insurer.id, record.StatusSuspended)
	_, err = nodes.Proxy(c.proxy.id).Release(t.Context(), demand)
	require.ErrorIs(t, err, record.ErrSuspended)
	c.setStatus(c.insurer.id, record.StatusActive)
	_, err = nodes.Proxy(c.proxy.id).Release(t.Context(), demand)
	require.NoError(t, err)
}
