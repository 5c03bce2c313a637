package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // a tamperer's own access to a database

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
	"github.com/claimshare/claimshare/network/dataset"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/topology"
)

const hostileLabel = "repair/2026"

// TestHostileParties has each party lie to each other in every way that we
// could think of, one lie at a time, through the SDK and on a real network.
func TestHostileParties(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	t.Run("holder to proxy", a.testDeliveries)
	t.Run("holder to receiver", a.testPayloads)
	t.Run("proxy to receiver", a.testHandovers)
	t.Run("holder to system manager", a.testCandidates)
	t.Run("owner to system manager", a.testManagerParts)
	t.Run("owner to proxy", a.testProxyParts)
	t.Run("requester to proxy", a.testDemands)
	t.Run("proxy to holder", a.testOrders)
	t.Run("tamperer with the holder's database", a.testDatabase)
	t.Run("owner to issuer", a.testOutbox)
	t.Run("an amendment before the receipt", a.testAmended)
	t.Run("paper mode", a.testPaperMode)
}

// arena is a network with parties that have done some honest business.
type arena struct {
	*system
	network *launch.Network
	data    *dataset.Dataset

	insurer, rival, shop, garage *actor
	proxy                        *client.Proxy
	proxyChain                   *client.Chain
	proxyID                      record.PartyID
	tokens                       store.Store
	owner, neighbour             *wallet

	policy  record.RecordID // the owner's, at the insurer
	delta   pseudonym.Evidence
	repairs []record.RecordID // the owner's, at the shop
	foreign record.RecordID   // the neighbour's, at the shop
	elder   record.RecordID   // the owner's at the garage
}

// actor is an organisation.
type actor struct {
	keys   *client.Keys
	chain  *client.Chain
	db     store.Store
	path   string
	member *client.Member
}

type wallet struct {
	*client.Owner
	keys  *client.Keys
	party *record.Party
}

func newArena(t *testing.T) *arena {
	data, err := dataset.Load()
	require.NoError(t, err)
	network := hold(t, topology.Development())
	a := &arena{system: initialise(t, network), network: network, data: data}
	a.insurer, a.rival = a.join(t, "insurer1", record.RoleInsurer, pre.ModeScoped), a.join(t, "insurer2", record.RoleInsurer, pre.ModeScoped)
	a.shop, a.garage = a.join(t, "shop1", record.RoleRepairShop, pre.ModeScoped), a.join(t, "shop2", record.RoleRepairShop, pre.ModeScoped)
	proxy := a.join(t, "proxy", record.RoleProxy, 0)
	a.proxy, a.proxyChain, a.proxyID, a.tokens = client.NewProxy(proxy.chain, proxy.keys, proxy.db), proxy.chain, proxy.keys.ID(), proxy.db
	a.owner, a.neighbour = a.joinOwner(t, "owner", pre.ModeScoped), a.joinOwner(t, "neighbour", pre.ModeScoped)

	p, err := a.insurer.member.ProposePolicy(t.Context(), a.owner.party, "policy/2026", data.Policies[0].Policy, nil)
	require.NoError(t, err)
	sig, err := a.owner.Countersign(p, func(r io.Reader) error {
		doc, err := document.Unpack(r, document.Limits{}, nil)
		if err != nil {
			return err
		}
		policy, _ := doc.Policy()
		a.delta, err = policy.Delta()
		return err
	})
	require.NoError(t, err)
	require.NoError(t, a.insurer.member.Keep(t.Context(), p, a.owner.party, sig))
	require.NoError(t, p.Close())
	a.policy = p.Statement.ID
	a.repairs = []record.RecordID{a.repair(t, a.shop, a.owner, hostileLabel), a.repair(t, a.shop, a.owner, hostileLabel), a.repair(t, a.shop, a.owner, "repair/2025")}
	a.foreign, a.elder = a.repair(t, a.shop, a.neighbour, hostileLabel), a.repair(t, a.garage, a.owner, hostileLabel)
	for _, o := range []*actor{a.insurer, a.shop, a.garage} {
		_, err := o.member.Flush(t.Context(), record.MaxBatch)
		require.NoError(t, err)
	}
	a.settle(t)
	return a
}

// settle waits until every party sees what every other has done.
func (a *arena) settle(t *testing.T, more ...*client.Chain) {
	t.Helper()
	all := append(more, a.manager, a.proxyChain)
	for _, o := range []*actor{a.insurer, a.rival, a.shop, a.garage} {
		all = append(all, o.chain)
	}
	var last uint64
	for _, c := range all {
		last = max(last, c.Seen())
	}
	for _, c := range all {
		require.NoError(t, c.Await(t.Context(), last))
	}
}

func (a *arena) enrolIn(t *testing.T, role record.Role, identity, msp, subject string, mode pre.Mode) (*client.Keys, *record.Party) {
	t.Helper()
	pid, err := a.authority.Enrol(role, identity)
	require.NoError(t, err)
	var seed [32]byte
	_, err = rand.Read(seed[:])
	require.NoError(t, err)
	keys, err := client.DeriveKeys(seed, pid, mode)
	require.NoError(t, err)
	registration, err := keys.Apply(a.manager.Parameters(), role, msp, subject)
	require.NoError(t, err)
	party, err := a.authority.Register(t.Context(), registration)
	require.NoError(t, err)
	return keys, party
}

func (a *arena) join(t *testing.T, identity string, role record.Role, mode pre.Mode) *actor {
	t.Helper()
	l := dial(t, a.network, identity)
	certificate, err := l.Connection().Certificate()
	require.NoError(t, err)
	keys, _ := a.enrolIn(t, role, identity, l.Connection().MSPID, certificate.Subject.String(), mode)
	path := filepath.Join(t.TempDir(), identity+".sqlite")
	db, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	chain := a.manager.As(l)
	require.NoError(t, chain.Await(t.Context(), a.manager.Seen()))
	return &actor{keys: keys, chain: chain, db: db, path: path, member: client.NewMember(chain, keys, db)}
}

func (a *arena) joinOwner(t *testing.T, identity string, mode pre.Mode) *wallet {
	t.Helper()
	keys, party := a.enrolIn(t, record.RolePolicyholder, identity, "", "", mode)
	a.settle(t)
	return &wallet{client.NewOwner(a.insurer.chain, keys), keys, party}
}

// repair has a shop seal, the owner sign and the shop keep a record; it is not
// on the ledger yet.
func (a *arena) repair(t *testing.T, shop *actor, owner *wallet, label string) record.RecordID {
	t.Helper()
	r := a.data.Repairs[0].Record
	r.Attachments = nil
	p, err := shop.member.ProposeRepair(t.Context(), owner.party, label, r, nil)
	require.NoError(t, err)
	sig, err := owner.Countersign(p, swallow)
	require.NoError(t, err)
	require.NoError(t, shop.member.Keep(t.Context(), p, owner.party, sig))
	require.NoError(t, p.Close())
	return p.Statement.ID
}

func swallow(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// grant has the owner consent to the insurer's request, and nothing approved.
func (a *arena) grant(t *testing.T, change func(*client.Terms)) *client.Permission {
	t.Helper()
	request, err := a.insurer.member.Ask(t.Context(), record.AccessRequest{Owner: a.owner.ID(), Label: hostileLabel, Purpose: "claim"})
	require.NoError(t, err)
	a.settle(t)
	terms := client.Terms{
		Holder: a.shop.member.ID(), Label: hostileLabel, PolicyRecord: a.policy, Evidence: a.delta, Proxy: a.proxyID, MaxReleases: 1000,
		NotBefore: time.Now().Add(-time.Minute), Expiry: time.Now().Add(time.Hour),
	}
	if change != nil {
		change(&terms)
	}
	p, err := a.owner.Grant(t.Context(), request, terms)
	require.NoError(t, err)
	_, err = a.insurer.chain.CarryGrant(t.Context(), p.Statement, p.Signature)
	require.NoError(t, err)
	a.settle(t)
	return p
}

// agree is an approved consent whose key the proxy has.
func (a *arena) agree(t *testing.T) record.ConsentID {
	t.Helper()
	p := a.grant(t, nil)
	found, err := a.authority.Approve(t.Context(), p.ToManager, a.shop.member)
	require.NoError(t, err)
	require.Subset(t, found, a.repairs[:2])
	a.settle(t)
	require.NoError(t, a.proxy.Accept(t.Context(), p.ToProxy))
	return p.Statement.Consent
}

func (a *arena) demand(consent record.ConsentID, records ...record.RecordID) client.Demand {
	return client.Demand{AsOf: a.manager.Seen(), Requester: a.insurer.member.ID(), Consent: consent, Records: records}
}

func (a *arena) release(t *testing.T, consent record.ConsentID, id record.RecordID) client.Handover {
	t.Helper()
	h, err := a.proxy.Release(t.Context(), a.demand(consent, id), a.shop.member)
	require.NoError(t, err)
	require.Len(t, h, 1)
	require.NoError(t, a.insurer.chain.Await(t.Context(), h[0].AsOf))
	return h[0]
}

// unreleased makes sure that a call put no release onto the ledger.
func (a *arena) unreleased(t *testing.T, call func()) {
	t.Helper()
	before, err := a.proxyChain.ReleasesOf(t.Context(), a.owner.ID())
	require.NoError(t, err)
	call()
	after, err := a.proxyChain.ReleasesOf(t.Context(), a.owner.ID())
	require.NoError(t, err)
	require.Len(t, after, len(before), "something was released")
}

// liar is a holder that passes on what an honest one says, altered.
type liar struct {
	client.Holder
	candidates func([]client.Candidate) []client.Candidate
	deliver    func(client.Order, *client.Delivered) (*client.Delivered, error)
	send       func(client.PayloadOrder, io.Writer) (*client.Trailer, error)
}

func (l liar) Candidates(ctx context.Context, label string) ([]client.Candidate, error) {
	list, err := l.Holder.Candidates(ctx, label)
	if err != nil || l.candidates == nil {
		return list, err
	}
	return l.candidates(list), nil
}

func (l liar) Deliver(ctx context.Context, o client.Order) (*client.Delivered, error) {
	d, err := l.Holder.Deliver(ctx, o)
	if err != nil || l.deliver == nil {
		return d, err
	}
	return l.deliver(o, d)
}

func (l liar) SendPayload(ctx context.Context, o client.PayloadOrder, dst io.Writer) (*client.Trailer, error) {
	if l.send == nil {
		return l.Holder.SendPayload(ctx, o, dst)
	}
	return l.send(o, dst)
}

// swapC2 gives a capsule the C2 of another: a good point, which the digest on
// the ledger leaves out.
func swapC2(capsule, donor []byte) []byte {
	forged := bytes.Clone(capsule)
	at, from := len(forged)-168, len(donor)-168 // C2(32) C3(32) C4(72) C5(32)
	copy(forged[at:at+32], donor[from:from+32])
	return forged
}

// capsuleOf reads a capsule out of the shop's database.
func (a *arena) capsuleOf(t *testing.T, id record.RecordID) []byte {
	t.Helper()
	e, err := a.shop.db.Record(t.Context(), id)
	require.NoError(t, err)
	return e.Capsule
}

func (a *arena) testDeliveries(t *testing.T) {
	consent, id, other := a.agree(t), a.repairs[0], a.repairs[1]
	capsule, donor := a.capsuleOf(t, id), a.capsuleOf(t, other)
	resign := func(d *client.Delivered, by *client.Keys, role bls.Role) *client.Delivered {
		d.Delivery.Signature = record.Signature(by.Signing.Sign(role, d.Delivery.Statement.Hash(a.manager.Context())))
		return d
	}
	full := func(b []byte) record.Digest {
		c, err := pre.ParseCapsule(b)
		require.NoError(t, err)
		return c.FullDigest()
	}
	var old *client.Delivered
	for _, lie := range []struct {
		name string
		tell func(client.Order, *client.Delivered) *client.Delivered
		want error
	}{
		{"nothing", func(client.Order, *client.Delivered) *client.Delivered { return nil }, client.ErrDelivery},
		{"empty", func(client.Order, *client.Delivered) *client.Delivered { return &client.Delivered{} }, client.ErrDelivery},
		{"no capsule", func(_ client.Order, d *client.Delivered) *client.Delivered { d.Capsule = nil; return d }, client.ErrTampered},
		{"an endless capsule", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Capsule = append(bytes.Clone(d.Capsule), make([]byte, 1<<20)...)
			return d
		}, client.ErrTampered},
		{"another record's capsule", func(_ client.Order, d *client.Delivered) *client.Delivered { d.Capsule = donor; return d }, client.ErrTampered},
		{"another record's capsule, signed for", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Capsule, d.Delivery.Statement.Capsule = donor, full(donor)
			return resign(d, a.shop.keys, bls.RoleHolder)
		}, client.ErrTampered},
		{"another record, signed for", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Capsule, d.Delivery.Statement.Capsule, d.Delivery.Statement.Record = donor, full(donor), other
			return resign(d, a.shop.keys, bls.RoleHolder)
		}, client.ErrDelivery},
		{"C2 of another record", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Capsule = swapC2(capsule, donor)
			return d
		}, client.ErrTampered},
		{"C2 of another record, signed for", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Capsule = swapC2(capsule, donor)
			d.Delivery.Statement.Capsule = full(d.Capsule)
			return resign(d, a.shop.keys, bls.RoleHolder)
		}, client.ErrTampered},
		{"the right capsule, signed for another", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Delivery.Statement.Capsule = full(donor)
			return resign(d, a.shop.keys, bls.RoleHolder)
		}, client.ErrTampered},
		{"another digest", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Delivery.Statement.Digest[0] ^= 1
			return resign(d, a.shop.keys, bls.RoleHolder)
		}, client.ErrDelivery},
		{"another consent", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Delivery.Statement.Consent[0] ^= 1
			return resign(d, a.shop.keys, bls.RoleHolder)
		}, client.ErrDelivery},
		{"another release", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Delivery.Statement.Release[0] ^= 1
			return resign(d, a.shop.keys, bls.RoleHolder)
		}, client.ErrDelivery},
		{"another nonce", func(_ client.Order, d *client.Delivered) *client.Delivered { d.Delivery.Nonce[0] ^= 1; return d }, client.ErrDelivery},
		{"unsigned", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Delivery.Signature = record.Signature{}
			return d
		}, client.ErrSignature},
		{"signed by another", func(_ client.Order, d *client.Delivered) *client.Delivered {
			return resign(d, a.garage.keys, bls.RoleHolder)
		}, client.ErrSignature},
		{"signed in another role", func(_ client.Order, d *client.Delivered) *client.Delivered {
			return resign(d, a.shop.keys, bls.RoleIssuer)
		}, client.ErrSignature},
		{"in another holder's name", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Delivery.Statement.Holder = a.garage.member.ID()
			return resign(d, a.garage.keys, bls.RoleHolder)
		}, client.ErrDelivery},
		{"under a key version to come", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Delivery.Statement.HolderVersion = 2
			return resign(d, a.shop.keys, bls.RoleHolder)
		}, client.ErrSignature},
		{"under no key version", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Delivery.Statement.HolderVersion = 0
			return resign(d, a.shop.keys, bls.RoleHolder)
		}, client.ErrSignature},
		{"a month old", func(_ client.Order, d *client.Delivered) *client.Delivered {
			d.Delivery.Statement.Time -= 30 * 24 * 3600
			return resign(d, a.shop.keys, bls.RoleHolder)
		}, record.ErrTime},
		{"an earlier delivery", func(_ client.Order, _ *client.Delivered) *client.Delivered { return old }, client.ErrDelivery},
	} {
		t.Run(lie.name, func(t *testing.T) {
			a.unreleased(t, func() {
				h, err := a.proxy.Release(t.Context(), a.demand(consent, id), liar{Holder: a.shop.member, deliver: func(o client.Order, d *client.Delivered) (*client.Delivered, error) {
					kept := *d
					if old == nil {
						old = &kept
					}
					return lie.tell(o, d), nil
				}})
				require.ErrorIs(t, err, lie.want)
				require.Empty(t, h)
			})
		})
	}
	t.Run("the second of two", func(t *testing.T) {
		a.unreleased(t, func() {
			h, err := a.proxy.Release(t.Context(), a.demand(consent, id, other), liar{Holder: a.shop.member, deliver: func(o client.Order, d *client.Delivered) (*client.Delivered, error) {
				if o.Record == other {
					return nil, errors.New("closed today")
				}
				return d, nil
			}})
			require.ErrorContains(t, err, "closed today")
			require.Empty(t, h)
		})
	})
}

// unopened has the insurer receive, and makes sure that it neither used nor
// kept nor acknowledged anything.
func (a *arena) unopened(t *testing.T, h client.Handover, holder client.Holder, want error) {
	t.Helper()
	var plaintext int64
	receipt, err := a.insurer.member.Receive(t.Context(), h, holder, func(r io.Reader) error {
		plaintext, _ = io.Copy(io.Discard, r)
		return nil
	})
	require.Zero(t, plaintext, "plaintext was handed out")
	require.ErrorIs(t, err, want)
	require.Nil(t, receipt)
	_, err = a.insurer.db.Received(t.Context(), h.Release)
	require.ErrorIs(t, err, store.ErrNotFound)
	release, err := a.insurer.chain.Release(t.Context(), h.Release)
	if errors.Is(err, record.ErrReleaseUnknown) {
		return
	}
	require.NoError(t, err)
	require.Equal(t, record.ReleaseOpen, release.Status)
}

func (a *arena) testPayloads(t *testing.T) {
	consent := a.agree(t)
	h, other := a.release(t, consent, a.repairs[0]), a.release(t, consent, a.repairs[1])
	payload := func(t *testing.T, h client.Handover) ([]byte, *client.Trailer) {
		var b bytes.Buffer
		trailer, err := a.shop.member.SendPayload(t.Context(), client.PayloadOrder{AsOf: h.AsOf, Release: h.Release}, &b)
		require.NoError(t, err)
		return b.Bytes(), trailer
	}
	honest, trailer := payload(t, h)
	foreign, foreignTrailer := payload(t, other)
	sign := func(sent []byte) *client.Trailer {
		s := trailer.Statement
		s.Sent, s.Length = sha256.Sum256(sent), uint64(len(sent))
		return &client.Trailer{Statement: s, Signature: record.Signature(a.shop.keys.Signing.Sign(bls.RoleHolder, s.Hash(a.manager.Context())))}
	}
	flipped := bytes.Clone(honest)
	flipped[len(flipped)-1] ^= 1
	for _, lie := range []struct {
		name    string
		content []byte
		trailer *client.Trailer
		want    error
	}{
		{"a flipped bit", flipped, sign(flipped), pre.ErrPayloadAltered},
		{"too little", honest[:len(honest)-1], sign(honest[:len(honest)-1]), pre.ErrPayloadTruncated},
		{"nothing", nil, nil, pre.ErrPayloadTruncated},
		{"too much", append(bytes.Clone(honest), honest...), sign(honest), pre.ErrPayloadTrailing},
		{"another record's payload", foreign, foreignTrailer, pre.ErrPayloadMismatch},
		{"no trailer", honest, nil, client.ErrTrailer},
		{"an empty trailer", honest, &client.Trailer{}, client.ErrTrailer},
		{"the trailer of another release", honest, foreignTrailer, client.ErrTrailer},
		{"a trailer for other bytes", honest, sign(flipped), client.ErrTrailer},
		{"an unsigned trailer", honest, &client.Trailer{Statement: trailer.Statement}, client.ErrSignature},
		{"another's signature", honest, &client.Trailer{Statement: trailer.Statement, Signature: foreignTrailer.Signature}, client.ErrSignature},
	} {
		t.Run(lie.name, func(t *testing.T) {
			a.unopened(t, h, liar{Holder: a.shop.member, send: func(_ client.PayloadOrder, dst io.Writer) (*client.Trailer, error) {
				_, _ = dst.Write(lie.content)
				return lie.trailer, nil
			}}, lie.want)
		})
	}
	t.Run("the honest holder", func(t *testing.T) {
		_, err := a.insurer.member.Receive(t.Context(), h, a.shop.member, swallow)
		require.NoError(t, err)
	})
	t.Run("another member's release", func(t *testing.T) {
		_, err := a.garage.member.SendPayload(t.Context(), client.PayloadOrder{AsOf: h.AsOf, Release: h.Release}, io.Discard)
		require.ErrorIs(t, err, client.ErrNotOurs)
	})
}

func (a *arena) testHandovers(t *testing.T) {
	consent := a.agree(t)
	h, other, foreign := a.release(t, consent, a.repairs[0]), a.release(t, consent, a.repairs[1]), a.release(t, a.agree(t), a.repairs[0])
	altered := func(change func(*client.Handover)) client.Handover {
		lie := h
		lie.Reencrypted = bytes.Clone(h.Reencrypted)
		change(&lie)
		return lie
	}
	for _, lie := range []struct {
		name string
		h    client.Handover
		want error
	}{
		{"no release", altered(func(h *client.Handover) { h.Release = record.ReleaseID{1} }), record.ErrReleaseUnknown},
		{"another release's delivery", altered(func(h *client.Handover) { h.Delivery = other.Delivery }), client.ErrStatement},
		{"the delivery's signature replaced", altered(func(h *client.Handover) { h.Delivery.Signature = other.Delivery.Signature }), client.ErrStatement},
		{"nothing re-encrypted", altered(func(h *client.Handover) { h.Reencrypted = nil }), pre.ErrMalformed},
		{"the capsule as it was", altered(func(h *client.Handover) { h.Reencrypted = a.capsuleOf(t, a.repairs[0]) }), pre.ErrMalformed},
		{"another record", altered(func(h *client.Handover) { h.Reencrypted = other.Reencrypted }), client.ErrTampered},
		{"C2 of another record", altered(func(h *client.Handover) { h.Reencrypted = swapC2(h.Reencrypted, other.Reencrypted) }), client.ErrTampered},
		{"under another consent", altered(func(h *client.Handover) { h.Reencrypted = foreign.Reencrypted }), pre.ErrToken},
		{"A of another record", altered(func(h *client.Handover) { copy(h.Reencrypted[38:38+384], other.Reencrypted[38:]) }), pre.ErrReencryption},
		{"A not in the group", altered(func(h *client.Handover) { clear(h.Reencrypted[38 : 38+384]) }), pre.ErrMalformed},
	} {
		t.Run(lie.name, func(t *testing.T) { a.unopened(t, lie.h, a.shop.member, lie.want) })
	}
	t.Run("to another receiver", func(t *testing.T) {
		_, err := a.rival.member.Receive(t.Context(), h, a.shop.member, swallow)
		require.ErrorIs(t, err, client.ErrNotOurs)
	})
	t.Run("the truth, twice", func(t *testing.T) {
		for range 2 {
			receipt, err := a.insurer.member.Receive(t.Context(), h, a.shop.member, swallow)
			require.NoError(t, err)
			require.Equal(t, record.ReleaseAcknowledged, receipt.Release.Status)
		}
	})
}

// granted makes sure that nothing was approved.
func (a *arena) granted(t *testing.T, id record.ConsentID) {
	t.Helper()
	consent, err := a.manager.Consent(t.Context(), id)
	require.NoError(t, err)
	require.NotEqual(t, record.ConsentApproved, consent.Status)
}

func (a *arena) testCandidates(t *testing.T) {
	p := a.grant(t, nil)
	pending := a.repair(t, a.shop, a.owner, hostileLabel)
	var sealed bytes.Buffer
	key, err := pre.ParseScopedPublicKey(a.owner.party.Current().Encryption.Key[:])
	require.NoError(t, err)
	forged, err := a.manager.Parameters().Seal(key, hostileLabel, pre.RecordInfo{}, &sealed, bytes.NewReader([]byte("made up")))
	require.NoError(t, err)
	genuine := a.capsuleOf(t, a.repairs[0])
	for _, lie := range []struct {
		name string
		list []client.Candidate
	}{
		{"nothing", nil},
		{"empty", []client.Candidate{{}}},
		{"a capsule of its own making", []client.Candidate{{Record: record.RecordID{1}, Capsule: forged.Bytes()}}},
		{"that under a record's name", []client.Candidate{{Record: a.repairs[0], Capsule: forged.Bytes()}}},
		{"a record under another's name", []client.Candidate{{Record: a.repairs[1], Capsule: genuine}, {Record: a.foreign, Capsule: genuine}, {Record: a.policy, Capsule: genuine}}},
		{"another owner's", []client.Candidate{{Record: a.foreign, Capsule: a.capsuleOf(t, a.foreign)}}},
		{"another label", []client.Candidate{{Record: a.repairs[2], Capsule: a.capsuleOf(t, a.repairs[2])}}},
		{"what is not on the ledger yet", []client.Candidate{{Record: pending, Capsule: a.capsuleOf(t, pending)}}},
		{"C2 of another record", []client.Candidate{{Record: a.repairs[0], Capsule: swapC2(genuine, a.capsuleOf(t, a.repairs[1]))}}},
	} {
		t.Run(lie.name, func(t *testing.T) {
			found, err := a.authority.Approve(t.Context(), p.ToManager, liar{Holder: a.shop.member, candidates: func([]client.Candidate) []client.Candidate { return lie.list }})
			require.ErrorIs(t, err, client.ErrNothingFound)
			require.Empty(t, found)
			a.granted(t, p.Statement.Consent)
		})
	}
	t.Run("another holder's records as its own", func(t *testing.T) {
		anybody := a.grant(t, func(terms *client.Terms) { terms.Holder = record.PartyID{} })
		e, err := a.garage.db.Record(t.Context(), a.elder)
		require.NoError(t, err)
		_, err = a.authority.Approve(t.Context(), anybody.ToManager, liar{Holder: a.shop.member, candidates: func([]client.Candidate) []client.Candidate {
			return []client.Candidate{{Record: a.elder, Capsule: e.Capsule}}
		}})
		require.ErrorIs(t, err, client.ErrNothingFound)
		a.granted(t, anybody.Statement.Consent)
	})
	t.Run("a record again and again", func(t *testing.T) {
		found, err := a.authority.Approve(t.Context(), p.ToManager, liar{Holder: a.shop.member, candidates: func([]client.Candidate) []client.Candidate {
			return slices.Repeat([]client.Candidate{{Record: a.repairs[0], Capsule: genuine}}, 50)
		}})
		require.NoError(t, err)
		require.Equal(t, a.repairs[:1], found)
	})
	_, err = a.shop.member.Flush(t.Context(), 10)
	require.NoError(t, err)
	a.settle(t)
}

func (a *arena) testManagerParts(t *testing.T) {
	p, other := a.grant(t, nil), a.grant(t, nil)
	wrongDelta, err := pseudonym.NewEvidence()
	require.NoError(t, err)
	for _, lie := range []struct {
		name string
		tell func(*client.ManagerPart)
		want error
	}{
		{"no token", func(m *client.ManagerPart) { m.Search = nil }, pre.ErrToken},
		{"the token for the proxy", func(m *client.ManagerPart) { m.Search = p.ToProxy.Token }, pre.ErrToken},
		{"the token of another consent", func(m *client.ManagerPart) { m.Search = other.ToManager.Search }, pre.ErrToken},
		{"no δ", func(m *client.ManagerPart) { m.Evidence = pseudonym.Evidence{} }, client.ErrEvidence},
		{"another δ", func(m *client.ManagerPart) { m.Evidence = wrongDelta }, client.ErrEvidence},
		{"no consent", func(m *client.ManagerPart) { m.Consent = record.ConsentID{1} }, record.ErrConsentUnknown},
	} {
		t.Run(lie.name, func(t *testing.T) {
			part := p.ToManager
			lie.tell(&part)
			_, err := a.authority.Approve(t.Context(), part, a.shop.member)
			require.ErrorIs(t, err, lie.want)
			a.granted(t, p.Statement.Consent)
		})
	}
	t.Run("another holder", func(t *testing.T) {
		_, err := a.authority.Approve(t.Context(), p.ToManager, a.garage.member)
		require.ErrorIs(t, err, client.ErrNotOurs)
		a.granted(t, p.Statement.Consent)
	})
	t.Run("a consent withdrawn", func(t *testing.T) {
		a.revoke(t, p.Statement.Consent)
		asked := false
		_, err := a.authority.Approve(t.Context(), p.ToManager, liar{Holder: a.shop.member, candidates: func(c []client.Candidate) []client.Candidate { asked = true; return c }})
		require.ErrorIs(t, err, record.ErrConsentRevoked)
		require.False(t, asked, "the holder was searched under a withdrawn consent")
		a.granted(t, p.Statement.Consent)
	})
}

func (a *arena) revoke(t *testing.T, id record.ConsentID) {
	t.Helper()
	s, sig, err := a.owner.Revoke(t.Context(), id)
	require.NoError(t, err)
	_, err = a.manager.CarryRevocation(t.Context(), s, sig)
	require.NoError(t, err)
	a.settle(t)
}

func (a *arena) testProxyParts(t *testing.T) {
	p, other := a.grant(t, nil), a.grant(t, nil)
	for _, lie := range []struct {
		name string
		tell func(*client.ProxyPart)
		want error
	}{
		{"no token", func(m *client.ProxyPart) { m.Token = nil }, pre.ErrToken},
		{"the token for the system manager", func(m *client.ProxyPart) { m.Token = p.ToManager.Search }, pre.ErrToken},
		{"the token of another consent", func(m *client.ProxyPart) { m.Token = other.ToProxy.Token }, pre.ErrToken},
		{"no consent", func(m *client.ProxyPart) { m.Consent = record.ConsentID{1} }, record.ErrConsentUnknown},
	} {
		t.Run(lie.name, func(t *testing.T) {
			part := p.ToProxy
			lie.tell(&part)
			require.ErrorIs(t, a.proxy.Accept(t.Context(), part), lie.want)
			_, err := a.tokens.Token(t.Context(), part.Consent)
			require.ErrorIs(t, err, store.ErrNotFound)
		})
	}
	t.Run("half a re-key exchange", func(t *testing.T) {
		require.Error(t, a.proxy.AcceptRekey(t.Context(), p.Statement.Consent, nil, nil))
	})
	t.Run("a key that arrives after the withdrawal", func(t *testing.T) {
		a.revoke(t, p.Statement.Consent)
		require.ErrorIs(t, a.proxy.Accept(t.Context(), p.ToProxy), record.ErrConsentRevoked)
		_, err := a.tokens.Token(t.Context(), p.Statement.Consent)
		require.ErrorIs(t, err, store.ErrDestroyed)
	})
}

func (a *arena) testDemands(t *testing.T) {
	consent := a.agree(t)
	for _, lie := range []struct {
		name   string
		demand client.Demand
		want   error
	}{
		{"another's consent", client.Demand{Requester: a.rival.member.ID(), Consent: consent, Records: a.repairs[:1]}, client.ErrRequester},
		{"nobody's", client.Demand{Consent: consent, Records: a.repairs[:1]}, client.ErrRequester},
		{"no records", a.demand(consent), record.ErrMalformed},
		{"too many records", a.demand(consent, slices.Repeat(a.repairs[:1], record.MaxDeliveries+1)...), record.ErrMalformed},
		{"another owner's record", a.demand(consent, a.foreign), record.ErrConsentScope},
		{"another label", a.demand(consent, a.repairs[len(a.repairs)-1]), record.ErrConsentScope},
		{"another holder's record", a.demand(consent, a.elder), record.ErrConsentScope},
		{"the owner's policy", a.demand(consent, a.policy), record.ErrConsentScope},
		{"no such record", a.demand(consent, record.RecordID{1}), record.ErrRecordUnknown},
		{"one good and one bad", a.demand(consent, a.repairs[0], a.foreign), record.ErrConsentScope},
	} {
		t.Run(lie.name, func(t *testing.T) {
			a.unreleased(t, func() {
				orders := 0
				h, err := a.proxy.Release(t.Context(), lie.demand, liar{Holder: a.shop.member, deliver: func(_ client.Order, d *client.Delivered) (*client.Delivered, error) {
					orders++
					return d, nil
				}})
				require.ErrorIs(t, err, lie.want)
				require.Empty(t, h)
				require.LessOrEqual(t, orders, 1)
			})
		})
	}
}

func (a *arena) testOrders(t *testing.T) {
	consent := a.agree(t)
	order := func(change func(*client.Order)) client.Order {
		o := client.Order{AsOf: a.manager.Seen(), Consent: consent, Record: a.repairs[0], Proxy: a.proxyID, Nonce: record.Nonce{1}}
		change(&o)
		o.Release = record.NewReleaseID(o.Consent, o.Record, o.Proxy, o.Nonce)
		return o
	}
	inconsistent := order(func(*client.Order) {})
	inconsistent.Nonce[0] ^= 2
	for _, lie := range []struct {
		name  string
		order client.Order
		want  error
	}{
		{"a release id from elsewhere", inconsistent, client.ErrDelivery},
		{"a proxy that the consent does not name", order(func(o *client.Order) { o.Proxy = a.rival.member.ID() }), record.ErrConsentProxy},
		{"no consent", order(func(o *client.Order) { o.Consent = record.ConsentID{1} }), record.ErrConsentUnknown},
		{"another owner's record", order(func(o *client.Order) { o.Record = a.foreign }), record.ErrConsentScope},
		{"another label", order(func(o *client.Order) { o.Record = a.repairs[len(a.repairs)-1] }), record.ErrConsentScope},
		{"another holder's record", order(func(o *client.Order) { o.Record = a.elder }), client.ErrNotOurs},
		{"no such record", order(func(o *client.Order) { o.Record = record.RecordID{1} }), record.ErrRecordUnknown},
	} {
		t.Run(lie.name, func(t *testing.T) {
			d, err := a.shop.member.Deliver(t.Context(), lie.order)
			require.ErrorIs(t, err, lie.want)
			require.Nil(t, d)
		})
	}
}

// alter writes to the shop's database behind its back and puts it right
// afterwards.
func (a *arena) alter(t *testing.T, column string, id record.RecordID, change func([]byte) []byte) {
	t.Helper()
	db, err := sql.Open("sqlite", a.shop.path)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	var was []byte
	require.NoError(t, db.QueryRow(`SELECT `+column+` FROM record WHERE record_id = ?`, id[:]).Scan(&was))
	set := func(to []byte) {
		_, err := db.Exec(`UPDATE record SET `+column+` = ? WHERE record_id = ?`, to, id[:])
		require.NoError(t, err)
	}
	t.Cleanup(func() { set(was) })
	set(change(bytes.Clone(was)))
}

func (a *arena) testDatabase(t *testing.T) {
	consent, id, other := a.agree(t), a.repairs[0], a.repairs[1]
	order := client.Order{AsOf: a.manager.Seen(), Consent: consent, Record: id, Proxy: a.proxyID, Nonce: record.Nonce{1}}
	order.Release = record.NewReleaseID(order.Consent, order.Record, order.Proxy, order.Nonce)
	donor, err := a.shop.db.Record(t.Context(), other)
	require.NoError(t, err)
	for _, lie := range []struct {
		name    string
		columns map[string]func([]byte) []byte
	}{
		{"C2 of another record", map[string]func([]byte) []byte{"capsule": func(b []byte) []byte { return swapC2(b, donor.Capsule) }}},
		{"a bit of C5", map[string]func([]byte) []byte{"capsule": func(b []byte) []byte { b[len(b)-1] ^= 1; return b }}},
		{"another record's capsule and statement", map[string]func([]byte) []byte{
			"capsule":   func([]byte) []byte { return donor.Capsule },
			"statement": func([]byte) []byte { return donor.Statement },
		}},
		{"no capsule", map[string]func([]byte) []byte{"capsule": func([]byte) []byte { return []byte{} }}},
	} {
		t.Run(lie.name, func(t *testing.T) {
			for column, change := range lie.columns {
				a.alter(t, column, id, change)
			}
			d, err := a.shop.member.Deliver(t.Context(), order)
			require.ErrorIs(t, err, client.ErrTampered)
			require.Nil(t, d, "the holder signed for a forged capsule")
		})
	}
	d, err := a.shop.member.Deliver(t.Context(), order)
	require.NoError(t, err)
	require.Equal(t, a.capsuleOf(t, id), d.Capsule)
}

// testOutbox has owners and a tamperer spoil single records of a batch.
func (a *arena) testOutbox(t *testing.T) {
	suspended, honest := a.joinOwner(t, "suspended later", pre.ModeScoped), a.joinOwner(t, "honest", pre.ModeScoped)
	var good []record.RecordID
	for i := range 12 {
		if i == 4 {
			good = append(good, a.repair(t, a.shop, suspended, hostileLabel))
		}
		good = append(good, a.repair(t, a.shop, honest, hostileLabel))
	}
	bad, swapped, unsigned, unissued := good[4], good[7], good[9], good[10]
	spoiled := []record.RecordID{bad, swapped, unsigned, unissued}
	good = slices.DeleteFunc(slices.Clone(good), func(id record.RecordID) bool { return slices.Contains(spoiled, id) })
	donor, err := a.shop.db.Record(t.Context(), good[0])
	require.NoError(t, err)
	a.alter(t, "statement", swapped, func([]byte) []byte { return donor.Statement })
	a.alter(t, "owner_signature", unsigned, func([]byte) []byte { return donor.OwnerSignature[:] })
	a.alter(t, "issuer_signature", unissued, func([]byte) []byte { return donor.IssuerSignature[:] })
	_, err = a.manager.Ledger().Submit(t.Context(), ledger.Call{Contract: "registry", Transaction: "Suspend", Args: []string{suspended.ID().String(), "test"}})
	require.NoError(t, err)

	submitted, err := a.shop.member.Flush(t.Context(), record.MaxBatch+1)
	require.ErrorIs(t, err, record.ErrSuspended)
	require.ErrorIs(t, err, client.ErrStatement)
	require.ErrorIs(t, err, client.ErrSignature)
	for _, id := range spoiled {
		require.ErrorContains(t, err, id.String())
	}
	recorded := 0
	for _, s := range submitted {
		require.Empty(t, s.Answer.Exceptions)
		recorded += s.Answer.Recorded
	}
	require.Equal(t, len(good), recorded)
	for _, id := range good {
		_, err := a.shop.chain.Record(t.Context(), id)
		require.NoError(t, err)
	}
	for _, id := range spoiled {
		_, err := a.shop.chain.Record(t.Context(), id)
		require.ErrorIs(t, err, record.ErrRecordUnknown)
		e, err := a.shop.db.Record(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, store.Refused, e.State)
		require.NotEmpty(t, e.Reason)
	}
	submitted, err = a.shop.member.Flush(t.Context(), record.MaxBatch)
	require.NoError(t, err, "what was refused is not tried again by itself")
	require.Empty(t, submitted)
	late := a.repair(t, a.shop, honest, hostileLabel)
	restarted := client.NewMember(a.shop.chain, a.shop.keys, a.shop.db)
	_, err = restarted.Flush(t.Context(), record.MaxBatch)
	require.NoError(t, err, "what was kept before a restart is verified anew")
	_, err = a.shop.chain.Record(t.Context(), late)
	require.NoError(t, err)
	standing, err := a.shop.chain.Standing(t.Context(), a.shop.member.ID())
	require.NoError(t, err)
	require.Equal(t, 100, standing.Credit)

	t.Run("the issuer itself", func(t *testing.T) {
		id := a.repair(t, a.garage, honest, hostileLabel)
		decide := func(what string) {
			_, err := a.manager.Ledger().Submit(t.Context(), ledger.Call{Contract: "registry", Transaction: what, Args: []string{a.garage.member.ID().String(), "test"}})
			require.NoError(t, err)
		}
		decide("Suspend")
		_, err := a.garage.member.Flush(t.Context(), 10)
		require.ErrorIs(t, err, record.ErrSuspended)
		e, err := a.garage.db.Record(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, store.Pending, e.State, "its records are as good as before")
		decide("Reinstate")
		_, err = a.garage.member.Flush(t.Context(), 10)
		require.NoError(t, err)
	})
}

// testAmended: an honest holder is no tamperer because its record has got a new
// version since.
func (a *arena) testAmended(t *testing.T) {
	id := a.repair(t, a.shop, a.owner, hostileLabel)
	_, err := a.shop.member.Flush(t.Context(), 1)
	require.NoError(t, err)
	p := a.grant(t, nil)
	_, err = a.authority.Approve(t.Context(), p.ToManager, a.shop.member)
	require.NoError(t, err)
	require.NoError(t, a.proxy.Accept(t.Context(), p.ToProxy))
	h := a.release(t, p.Statement.Consent, id)

	listed, err := a.shop.chain.Record(t.Context(), id)
	require.NoError(t, err)
	s := *listed.Statement()
	s.Previous, s.IssuedAt = s.Digest, time.Now().Unix()
	s.Digest[0] ^= 1
	hash := s.Hash(a.manager.Context())
	batch := record.Batch{Entries: []record.Entry{{
		Statement:       s,
		OwnerSignature:  record.Signature(a.owner.keys.Signing.Sign(bls.RoleOwner, hash)),
		IssuerSignature: record.Signature(a.shop.keys.Signing.Sign(bls.RoleIssuer, hash)),
	}}}
	encoded := batch.Encode()
	digest := sha256.Sum256(encoded)
	result, err := a.shop.chain.Ledger().Submit(t.Context(), ledger.Call{
		Contract: "records", Transaction: "Amend", Args: []string{hex.EncodeToString(digest[:])}, Transient: map[string][]byte{record.TransientBatch: encoded},
	})
	require.NoError(t, err)
	require.NoError(t, a.insurer.chain.Await(t.Context(), result.Block))

	receipt, err := a.insurer.member.Receive(t.Context(), h, a.shop.member, swallow)
	require.NoError(t, err)
	require.Equal(t, listed.Digest, receipt.Record.Digest)
}

func (a *arena) testPaperMode(t *testing.T) {
	insurer, owner := a.join(t, "insurer1-paper", record.RoleInsurer, pre.ModePaper), a.joinOwner(t, "paper", pre.ModePaper)
	a.settle(t, insurer.chain)
	id, other := a.repair(t, a.shop, owner, ""), a.repair(t, a.shop, owner, "")
	_, err := a.shop.member.Flush(t.Context(), 10)
	require.NoError(t, err)
	a.settle(t, insurer.chain)
	request, err := insurer.member.Ask(t.Context(), record.AccessRequest{Owner: owner.ID(), Purpose: "claim"})
	require.NoError(t, err)
	p, err := owner.Grant(t.Context(), request, client.Terms{
		Holder: a.shop.member.ID(), Proxy: a.proxyID, MaxReleases: 10, NotBefore: time.Now().Add(-time.Minute), Expiry: time.Now().Add(time.Hour),
	})
	require.NoError(t, err)
	_, err = insurer.chain.CarryGrant(t.Context(), p.Statement, p.Signature)
	require.NoError(t, err)
	a.settle(t, insurer.chain)
	_, err = a.authority.Approve(t.Context(), p.ToManager, a.shop.member)
	require.NoError(t, err)
	a.settle(t, insurer.chain)

	consent := p.Statement.Consent
	blinding, challenge, err := owner.StartRekey()
	require.NoError(t, err)
	response, err := insurer.member.AnswerRekey(challenge)
	require.NoError(t, err)
	stale, _, err := owner.StartRekey()
	require.NoError(t, err)
	_, err = insurer.member.AnswerRekey(nil)
	require.ErrorIs(t, err, pre.ErrRekey)
	_, err = a.insurer.member.AnswerRekey(challenge)
	require.ErrorIs(t, err, client.ErrMode)
	require.ErrorIs(t, a.proxy.AcceptRekey(t.Context(), consent, nil, response), pre.ErrRekey)
	require.ErrorIs(t, a.proxy.AcceptRekey(t.Context(), consent, blinding, nil), pre.ErrRekey)
	require.ErrorIs(t, a.proxy.AcceptRekey(t.Context(), consent, stale, response), pre.ErrRekey)
	require.ErrorIs(t, a.proxy.Accept(t.Context(), client.ProxyPart{Consent: consent}), pre.ErrToken)
	require.NoError(t, a.proxy.AcceptRekey(t.Context(), consent, blinding, response))

	handovers, err := a.proxy.Release(t.Context(), client.Demand{Requester: insurer.member.ID(), Consent: consent, Records: []record.RecordID{id, other}}, a.shop.member)
	require.NoError(t, err)
	h := handovers[0]
	for _, lie := range []struct {
		name        string
		reencrypted []byte
		want        error
	}{
		{"nothing", nil, pre.ErrMalformed},
		{"the capsule as it was", a.capsuleOf(t, id), pre.ErrWrongKey},
		{"C2 of another record", swapC2(h.Reencrypted, handovers[1].Reencrypted), pre.ErrWrongKey},
		{"another record", handovers[1].Reencrypted, client.ErrTampered},
	} {
		t.Run(lie.name, func(t *testing.T) {
			forged := h
			forged.Reencrypted = lie.reencrypted
			_, err := insurer.member.Receive(t.Context(), forged, a.shop.member, func(io.Reader) error { return nil })
			require.ErrorIs(t, err, lie.want)
			release, err := insurer.chain.Release(t.Context(), h.Release)
			require.NoError(t, err)
			require.Equal(t, record.ReleaseOpen, release.Status)
		})
	}
	_, err = insurer.member.Receive(t.Context(), h, a.shop.member, swallow)
	require.NoError(t, err)
}
