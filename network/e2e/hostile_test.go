package e2e

import (
	"crypto/rand"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
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
