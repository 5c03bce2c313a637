package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/mutual"
	"github.com/claimshare/claimshare/client/remote"
	serving "github.com/claimshare/claimshare/client/serve"
	"github.com/claimshare/claimshare/client/store"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
	"github.com/claimshare/claimshare/network/claims"
	"github.com/claimshare/claimshare/network/consortium"
)

// double is a program of somebody else's that has a party's certificate, keys
// and database, and says what it likes.
type double struct {
	nodev1.UnimplementedHolderServiceServer
	nodev1.UnimplementedProxyServiceServer

	node   *consortium.Node
	mutual *mutual.Node
	chain  *client.Chain
	keys   *client.Keys
	db     store.Store
	member *client.Member
	calls  *remote.Nodes // in the party's name

	mu      sync.Mutex
	deliver func(*nodev1.DeliverResponse)
	payload func(grpc.ServerStreamingServer[nodev1.SendPayloadResponse], record.ReleaseID) error
	release func(*nodev1.ReleaseResponse)
}

// addresses is a directory that does not change.
type addresses map[record.PartyID]string

func (a addresses) Address(id record.PartyID) (string, error) {
	if address, ok := a[id]; ok {
		return address, nil
	}
	return "", refusal.ErrAddress
}

// newDouble has the certificate of an identity of the network, and the keys of a
// node, if there is one.
func (s *stage) newDouble(t *testing.T, identity string, n *consortium.Node) *double {
	t.Helper()
	l := dial(t, s.network, identity)
	chain, err := client.OpenChain(t.Context(), l)
	require.NoError(t, err)
	log, timing := slog.New(slog.DiscardHandler), mutual.DefaultTiming()
	credential, err := mutual.NewCredential(l.Connection(), log, timing)
	require.NoError(t, err)
	trust, err := mutual.NewTrust(t.Context(), l, log, timing)
	require.NoError(t, err)
	d := &double{node: n, chain: chain, mutual: &mutual.Node{Credential: credential, Trust: trust, Registry: mutual.NewRegistry(chain, log, timing), Log: log}}
	where := addresses{}
	for _, n := range s.Nodes() {
		where[n.Party] = n.Parties
	}
	options := remote.DefaultOptions()
	options.Seen, options.Patience = chain.Seen, 3*time.Second
	d.calls = remote.New(d.mutual, where, options)
	t.Cleanup(d.calls.Close)
	if n == nil {
		return d
	}
	p := partyKeys(t, n)
	d.keys = &client.Keys{PID: pseudonym.PID(p.PID), Signing: p.Signing}
	if scoped, ok := p.Encryption.(*pre.ScopedSecretKey); ok {
		d.keys.Scoped = scoped
	}
	d.db = database(t, n)
	d.member = client.NewMember(chain, d.keys, d.db)
	return d
}

// replace has the double answer in place of the node, from now on until the end
// of the test.
func (s *stage) replace(t *testing.T, d *double) {
	t.Helper()
	limits := serving.DefaultLimits()
	limits.Send = 8 << 20
	server := serving.NewServer(serving.Config{
		Credentials: d.mutual.ServerCredentials(), Identify: d.mutual.Identify, Caller: serving.PartyCaller, Limits: limits, Log: slog.New(slog.DiscardHandler),
	})
	nodev1.RegisterHolderServiceServer(server, d)
	nodev1.RegisterProxyServiceServer(server, d)
	on, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(on) }()
	require.NoError(t, s.Redirect(d.node, on.Addr().String()))
	time.Sleep(1100 * time.Millisecond) // nodes look at the directory again after a second
	t.Cleanup(func() {
		require.NoError(t, s.Redirect(d.node, d.node.Parties))
		time.Sleep(1100 * time.Millisecond)
		server.Stop()
		require.NoError(t, <-ended)
	})
}

// now changes the lie.
func (d *double) now(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deliver, d.payload, d.release = nil, nil, nil
	change()
}

// Deliver answers as the party's own program would, altered.
func (d *double) Deliver(ctx context.Context, r *nodev1.DeliverRequest) (*nodev1.DeliverResponse, error) {
	answer, err := serving.NewHolder(d.member, serving.DefaultLimits()).Deliver(ctx, r)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil && d.deliver != nil {
		d.deliver(answer)
	}
	return answer, err
}

// SendPayload sends what the lie says.
func (d *double) SendPayload(r *nodev1.SendPayloadRequest, s grpc.ServerStreamingServer[nodev1.SendPayloadResponse]) error {
	d.mu.Lock()
	lie := d.payload
	d.mu.Unlock()
	if lie == nil {
		return serving.NewHolder(d.member, serving.DefaultLimits()).SendPayload(r, s)
	}
	return lie(s, record.ReleaseID(r.Release))
}

// Release answers as the proxy's own program would, altered.
func (d *double) Release(ctx context.Context, r *nodev1.ReleaseRequest) (*nodev1.ReleaseResponse, error) {
	proxy := serving.NewProxy(client.NewProxy(d.chain, d.keys, d.db), d.chain, func(id record.PartyID) client.Holder { return d.calls.Holder(id) })
	answer, err := proxy.Release(ctx, r)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil && d.release != nil {
		d.release(answer)
	}
	return answer, err
}

// resign signs an altered delivery.
func (d *double) resign(role bls.Role, change func(*record.DeliverStatement)) func(*nodev1.DeliverResponse) {
	return func(r *nodev1.DeliverResponse) {
		s, err := record.DecodeDeliverStatement(r.Statement)
		if err != nil {
			panic(err)
		}
		change(s)
		signature := d.keys.Signing.Sign(role, s.Hash(d.chain.Context()))
		r.Statement, r.Signature = s.Encode(), signature[:]
	}
}

// trailer signs for content.
func (d *double) trailer(t *testing.T, id record.ReleaseID, content []byte) *nodev1.SendPayloadResponse {
	t.Helper()
	s := record.TrailerStatement{Release: id, Holder: d.node.Party, HolderVersion: 1, Sent: sha256.Sum256(content), Length: uint64(len(content))}
	signature := d.keys.Signing.Sign(bls.RoleHolder, s.Hash(d.chain.Context()))
	return &nodev1.SendPayloadResponse{Part: &nodev1.SendPayloadResponse_Trailer{Trailer: &nodev1.Trailer{Statement: s.Encode(), Signature: signature[:]}}}
}

// say sends content and perhaps a trailer.
func say(s grpc.ServerStreamingServer[nodev1.SendPayloadResponse], content []byte, trailer *nodev1.SendPayloadResponse) error {
	const chunk = 256 << 10
	for len(content) > 0 {
		n := min(chunk, len(content))
		if err := s.Send(&nodev1.SendPayloadResponse{Part: &nodev1.SendPayloadResponse_Chunk{Chunk: content[:n]}}); err != nil {
			return err
		}
		content = content[n:]
	}
	if trailer == nil {
		return nil
	}
	return s.Send(trailer)
}

// TestHostileNodes has programs with the parties' real certificates and keys lie
// to the others' nodes, one lie each. What the SDK refuses is tried one by one in
// TestHostileParties; here the nodes must pass every kind of refusal on.
func TestHostileNodes(t *testing.T) {
	t.Parallel()
	s := newStage(t, consortium.Options{System: "Liars", Submit: "direct"})
	s.issue(t, s.insurer, record.KindPolicy, "policy/2026")
	first, second := s.issue(t, s.shop, record.KindRepair, hostileLabel), s.issue(t, s.shop, record.KindRepair, hostileLabel)
	require.NoError(t, s.insurer.Settled(t.Context()))
	require.NoError(t, s.shop.Settled(t.Context()))
	s.caughtUp(t)
	t.Run("callers", func(t *testing.T) { s.testCallers(t, first) })
	t.Run("shop", func(t *testing.T) { s.testFalseShop(t, first, second) })
	t.Run("proxy", func(t *testing.T) { s.testFalseProxy(t, first, second) })
	t.Run("consents", func(t *testing.T) { s.testStaleConsents(t, first) })
}

// testCallers has others ask in the place of those who may.
func (s *stage) testCallers(t *testing.T, id record.RecordID) {
	ctx := t.Context()
	consent := s.agree(t, 5)
	other := s.newDouble(t, "insurer1", s.insurer.Node)
	demand := client.Demand{AsOf: other.chain.Seen(), Requester: s.rival.Node.Party, Consent: consent, Records: []record.RecordID{id}}
	_, err := other.calls.Proxy(s.Proxy().Party).Release(ctx, demand)
	require.ErrorIs(t, err, client.ErrRequester, "the certificate says who asks, not the message")
	_, err = other.calls.Holder(s.shop.Node.Party).Deliver(ctx, client.Order{Release: record.ReleaseID{1}, Consent: consent, Record: id, Proxy: s.Proxy().Party, Nonce: [32]byte{1}})
	require.ErrorIs(t, err, record.ErrForbidden, "an insurer is no proxy")
	_, err = other.calls.Holder(s.shop.Node.Party).Candidates(ctx, hostileLabel)
	require.ErrorIs(t, err, record.ErrForbidden, "an insurer is no system manager")
	unreleased(t, s, consent)

	got := s.fetchOne(t, consent, id)
	require.NoError(t, got.Err)
	var stolen bytes.Buffer
	_, err = other.calls.Holder(s.shop.Node.Party).SendPayload(ctx, client.PayloadOrder{AsOf: other.chain.Seen(), Release: got.Release}, &stolen)
	require.ErrorIs(t, err, record.ErrNotReceiver)
	require.Zero(t, stolen.Len())

	stranger := s.newDouble(t, "insurer1-paper", nil)
	_, err = stranger.calls.Proxy(s.Proxy().Party).Release(ctx, demand)
	require.ErrorIs(t, err, record.ErrUnknownCaller, "a certificate that the ledger binds to nobody")
}

func unreleased(t *testing.T, s *stage, consent record.ConsentID) {
	t.Helper()
	s.caughtUp(t)
	under, err := s.manager.ReleasesUnder(t.Context(), consent)
	require.NoError(t, err)
	require.Empty(t, under)
}

// testFalseShop lies to the proxy and then to the receiver.
func (s *stage) testFalseShop(t *testing.T, id, other record.RecordID) {
	ctx := t.Context()
	consent := s.agree(t, 5)
	d := s.newDouble(t, "shop1", s.shop.Node)
	s.replace(t, d)
	donor, err := d.db.Record(ctx, other)
	require.NoError(t, err)
	foreign, err := pre.ParseCapsule(donor.Capsule)
	require.NoError(t, err)
	for _, lie := range []struct {
		name string
		tell func(*nodev1.DeliverResponse)
		want error
	}{
		{"another capsule", func(r *nodev1.DeliverResponse) { r.Capsule = donor.Capsule }, client.ErrTampered},
		{"another capsule, signed for", func(r *nodev1.DeliverResponse) {
			r.Capsule = donor.Capsule
			d.resign(bls.RoleHolder, func(s *record.DeliverStatement) { s.Capsule = foreign.FullDigest() })(r)
		}, client.ErrTampered},
		{"another consent", d.resign(bls.RoleHolder, func(s *record.DeliverStatement) { s.Consent[0] ^= 1 }), client.ErrDelivery},
		{"the signature of another role", d.resign(bls.RoleIssuer, func(*record.DeliverStatement) {}), client.ErrSignature},
		{"a capsule of a megabyte", func(r *nodev1.DeliverResponse) { r.Capsule = make([]byte, 1<<20) }, client.ErrTampered},
	} {
		t.Run(lie.name, func(t *testing.T) {
			d.now(func() { d.deliver = lie.tell })
			_, err := s.rival.Fetch(ctx, consent, id)
			require.ErrorContains(t, err, lie.want.Error())
			unreleased(t, s, consent)
		})
	}

	var honest bytes.Buffer
	require.NoError(t, d.db.Payload(ctx, id, &honest))
	flipped := bytes.Clone(honest.Bytes())
	flipped[len(flipped)/2] ^= 1
	for _, lie := range []struct {
		name string
		tell func(grpc.ServerStreamingServer[nodev1.SendPayloadResponse], record.ReleaseID) error
		want error
	}{
		{"no trailer", func(s grpc.ServerStreamingServer[nodev1.SendPayloadResponse], _ record.ReleaseID) error {
			return say(s, honest.Bytes(), nil)
		}, client.ErrTrailer},
		{"a trailer for other bytes", func(s grpc.ServerStreamingServer[nodev1.SendPayloadResponse], r record.ReleaseID) error {
			return say(s, honest.Bytes(), d.trailer(t, r, flipped))
		}, client.ErrTrailer},
		{"the trailer of another release", func(s grpc.ServerStreamingServer[nodev1.SendPayloadResponse], _ record.ReleaseID) error {
			return say(s, honest.Bytes(), d.trailer(t, record.ReleaseID{1}, honest.Bytes()))
		}, client.ErrTrailer},
		{"a forged trailer", func(s grpc.ServerStreamingServer[nodev1.SendPayloadResponse], r record.ReleaseID) error {
			forged := d.trailer(t, r, honest.Bytes())
			copy(forged.GetTrailer().Signature, d.trailer(t, r, flipped).GetTrailer().Signature)
			return say(s, honest.Bytes(), forged)
		}, client.ErrSignature},
		{"an endless stream", func(s grpc.ServerStreamingServer[nodev1.SendPayloadResponse], _ record.ReleaseID) error {
			for first := honest.Bytes(); ; first = make([]byte, 1<<20) {
				if err := say(s, first, nil); err != nil {
					return err
				}
			}
		}, pre.ErrPayloadTrailing},
		{"another payload, signed for", func(s grpc.ServerStreamingServer[nodev1.SendPayloadResponse], r record.ReleaseID) error {
			return say(s, flipped, d.trailer(t, r, flipped))
		}, pre.ErrPayloadAltered},
	} {
		t.Run(lie.name, func(t *testing.T) {
			d.now(func() { d.payload = lie.tell })
			got := s.fetchOne(t, consent, id)
			require.ErrorContains(t, got.Err, lie.want.Error())
			s.unread(t, got)
		})
	}
	s.slow(t, d, consent, id)

	// Only the last lie is one that the ledger can judge.
	under, err := s.manager.ReleasesUnder(ctx, consent)
	require.NoError(t, err)
	require.Len(t, under, 1, "a demand repeated is answered with the same release")
	require.NoError(t, s.rival.Dispute(ctx, under[0].Statement.Release, record.GroundPayload, "not what was recorded"))
	s.caughtUp(t)
	require.NoError(t, claims.Clerk{Node: s.Authority()}.Resolve(ctx, under[0].Statement.Release, record.OutcomeUpheld, "the trailer proves it"))
	s.caughtUp(t)
	violations, err := s.manager.Violations(ctx, s.shop.Node.Party)
	require.NoError(t, err)
	require.Len(t, violations, 1)
}

// slow is a shop that stops in the middle, which its receiver bears for a minute.
func (s *stage) slow(t *testing.T, d *double, consent record.ConsentID, id record.RecordID) {
	if os.Getenv("CLAIMSHARE_SOAK") == "" {
		return
	}
	t.Run("a slow peer", func(t *testing.T) {
		d.now(func() {
			d.payload = func(s grpc.ServerStreamingServer[nodev1.SendPayloadResponse], _ record.ReleaseID) error {
				err := say(s, make([]byte, 1), nil)
				<-s.Context().Done()
				return err
			}
		})
		began := time.Now()
		got := s.fetchOne(t, consent, id)
		require.ErrorContains(t, got.Err, refusal.ErrSlow.Error())
		t.Logf("given up after %v", time.Since(began).Round(time.Second))
		s.unread(t, got)
	})
}

// unread makes sure that nothing came of a fetch.
func (s *stage) unread(t *testing.T, got claims.Fetched) {
	t.Helper()
	_, err := s.rival.Read(t.Context(), got.Release)
	require.ErrorContains(t, err, store.ErrNotFound.Error())
	s.caughtUp(t)
	release, err := s.manager.Release(t.Context(), got.Release)
	require.NoError(t, err)
	require.Equal(t, record.ReleaseOpen, release.Status)
}

// testFalseProxy hands the receiver something else than it re-encrypted.
func (s *stage) testFalseProxy(t *testing.T, id, other record.RecordID) {
	consent, twin := s.agree(t, 5), s.agree(t, 5)
	d := s.newDouble(t, "proxy", s.Proxy())
	s.replace(t, d)
	var kept []byte
	d.now(func() { d.release = func(r *nodev1.ReleaseResponse) { kept = r.Handovers[0].Reencrypted } })
	require.NoError(t, s.fetchOne(t, twin, id).Err)
	for _, lie := range []struct {
		name string
		tell func(*nodev1.Handover)
		want error
	}{
		{"re-encrypted under another consent", func(h *nodev1.Handover) { h.Reencrypted = kept }, pre.ErrToken},
		{"nothing re-encrypted", func(h *nodev1.Handover) { h.Reencrypted = h.Reencrypted[:40] }, pre.ErrMalformed},
		{"a signature of its own", func(h *nodev1.Handover) {
			signature := d.keys.Signing.Sign(bls.RoleHolder, record.Digest{1})
			h.Signature = signature[:]
		}, client.ErrStatement},
	} {
		t.Run(lie.name, func(t *testing.T) {
			d.now(func() { d.release = func(r *nodev1.ReleaseResponse) { lie.tell(r.Handovers[0]) } })
			got := s.fetchOne(t, consent, id)
			require.ErrorContains(t, got.Err, lie.want.Error())
			s.unread(t, got)
		})
	}
	t.Run("a release that nobody committed", func(t *testing.T) {
		d.now(func() {
			d.release = func(r *nodev1.ReleaseResponse) {
				s, err := record.DecodeDeliverStatement(r.Handovers[0].Statement)
				if err != nil {
					panic(err)
				}
				s.Release[0] ^= 1
				r.Handovers[0].Release, r.Handovers[0].Statement = s.Release[:], s.Encode()
			}
		})
		got := s.fetchOne(t, consent, id)
		require.ErrorIs(t, got.Err, record.ErrReleaseUnknown)
	})
	t.Run("the truth", func(t *testing.T) {
		d.now(func() {})
		require.NoError(t, s.fetchOne(t, consent, id).Err)
		require.NoError(t, s.fetchOne(t, consent, other).Err)
	})
}

// testStaleConsents uses consents that have ended, and replays one.
func (s *stage) testStaleConsents(t *testing.T, id record.RecordID) {
	ctx := t.Context()
	brief := until(5)
	brief.Until = time.Now().Add(8 * time.Second)
	consent, err := s.person.Grant(ctx, s.ask(t), brief, nil)
	require.NoError(t, err)
	time.Sleep(time.Until(brief.Until) + time.Second)
	_, err = s.rival.Fetch(ctx, consent, id)
	require.ErrorIs(t, err, record.ErrConsentExpired)
	_, err = database(t, s.Proxy()).Token(ctx, consent)
	require.ErrorIs(t, err, store.ErrDestroyed)

	revoked := s.agree(t, 5)
	require.NoError(t, s.person.Wallet.Revoke(ctx, revoked))
	s.caughtUp(t)
	listed, err := s.manager.Consent(ctx, revoked)
	require.NoError(t, err)
	hostile := s.newDouble(t, "insurer2", s.rival.Node)
	require.NoError(t, hostile.chain.Await(ctx, s.manager.Seen()))
	_, _ = hostile.chain.CarryGrant(ctx, *listed.Statement(), listed.OwnerSignature) // what it answers changes nothing
	s.caughtUp(t)
	listed, err = s.manager.Consent(ctx, revoked)
	require.NoError(t, err)
	require.Equal(t, record.ConsentRevoked, listed.Status)
	_, err = s.rival.Fetch(ctx, revoked, id)
	require.ErrorIs(t, err, record.ErrConsentRevoked)
}
