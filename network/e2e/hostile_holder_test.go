package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

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
