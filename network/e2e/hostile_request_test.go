package e2e

import (
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

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
