package contract_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/contract"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/stretchr/testify/require"
)

const (
	channel   = "insurance"
	chaincode = "claimshare"
	label     = "repair/2026"
)

// member is a party with its secrets and its certificate.
type member struct {
	alliance.Member
	identity *stub.Identity // nil for policyholders
}

// consortium is a ledger with the chaincode and one party of each kind, and a
// second of most.
type consortium struct {
	*alliance.Deployment
	t       testing.TB
	ledger  *stub.Ledger
	code    *contract.Chaincode
	manager *stub.Identity
	visitor *stub.Identity // registered nowhere

	insurer, rival, shop, garage, proxy, relay, owner, neighbour *member
}

func newIdentity(t testing.TB, msp, name string) *stub.Identity {
	t.Helper()
	id, err := stub.NewIdentity(msp, name, nil)
	require.NoError(t, err)
	return id
}

const oneAgency = `{"threshold":1,"agencies":[{"msp":"SMMSP","subjects":["CN=manager,OU=client","CN=deputy,OU=client"]}]}`

func newCode(t testing.TB, system string) *contract.Chaincode {
	t.Helper()
	managers, err := contract.ParseManagers([]byte(system))
	require.NoError(t, err)
	code, err := contract.New(managers)
	require.NoError(t, err)
	return code
}

// newLedger is a ledger before InitSystem.
func newLedger(t testing.TB) *consortium {
	t.Helper()
	return newLedgerOf(t, oneAgency)
}

func newLedgerOf(t testing.TB, system string) *consortium {
	t.Helper()
	code := newCode(t, system)
	params, err := alliance.NewParameters("test alliance", nil)
	require.NoError(t, err)
	return &consortium{
		Deployment: alliance.New(params, channel, chaincode, nil),
		t:          t, ledger: stub.NewLedger(channel, chaincode, code), code: code,
		manager: newIdentity(t, "SMMSP", "manager"),
		visitor: newIdentity(t, "VisitorMSP", "visitor"),
	}
}

// newAlliance is a ledger on which everybody is registered.
func newAlliance(t testing.TB) *consortium {
	t.Helper()
	return newAllianceOf(t, oneAgency)
}

func newAllianceOf(t testing.TB, system string) *consortium {
	t.Helper()
	a := newLedgerOf(t, system)
	setup := a.Setup()
	a.mustInvoke(a.manager, record.TxInitSystem, record.EncodeText(setup.Encode()))
	a.insurer = a.join(record.RoleInsurer, newIdentity(t, "InsurerMSP", "insurer"))
	a.rival = a.join(record.RoleInsurer, newIdentity(t, "RivalMSP", "rival"))
	a.shop = a.join(record.RoleRepairShop, newIdentity(t, "ShopMSP", "shop"))
	a.garage = a.join(record.RoleRepairShop, newIdentity(t, "GarageMSP", "garage"))
	a.proxy = a.join(record.RoleProxy, newIdentity(t, "SMMSP", "proxy"))
	a.relay = a.join(record.RoleProxy, newIdentity(t, "SMMSP", "relay"))
	a.owner = a.join(record.RolePolicyholder, nil)
	a.neighbour = a.join(record.RolePolicyholder, nil)
	return a
}

func (a *consortium) draw(b []byte) {
	a.t.Helper()
	require.NoError(a.t, a.Draw(b))
}

func (a *consortium) newPID() string {
	a.t.Helper()
	pid, err := a.NewPID()
	require.NoError(a.t, err)
	return pid
}

// newMember makes a party that is not registered yet.
func (a *consortium) newMember(role record.Role, identity *stub.Identity) *member {
	a.t.Helper()
	mode := record.ModeScoped
	if role == record.RoleProxy || role == record.RoleAuthority {
		mode = record.ModeNone
	}
	return a.newMemberOf(mode, role, identity)
}

func (a *consortium) newMemberOf(mode record.KeyMode, role record.Role, identity *stub.Identity) *member {
	a.t.Helper()
	var msp, subject string
	if identity != nil {
		msp, subject = identity.MSP(), identity.Subject()
	}
	m, err := a.NewMember(role, msp, subject, mode)
	require.NoError(a.t, err)
	return &member{*m, identity}
}

func (a *consortium) registration(m *member) record.Registration {
	a.t.Helper()
	r, err := a.Registration(&m.Member)
	require.NoError(a.t, err)
	return r
}

func (a *consortium) join(role record.Role, identity *stub.Identity) *member {
	a.t.Helper()
	m := a.newMember(role, identity)
	a.register(m)
	return m
}

func (a *consortium) register(m *member) {
	a.t.Helper()
	r := a.registration(m)
	a.mustInvoke(a.manager, record.TxRegister, record.EncodeText(r.Encode()))
}

func (a *consortium) now() int64 { return a.ledger.Now().Unix() }

func (a *consortium) advance(seconds int64) { a.ledger.Advance(time.Duration(seconds) * time.Second) }

func (a *consortium) call(id *stub.Identity, function string, args ...string) stub.Call {
	return stub.Call{Identity: id, Function: function, Args: args}
}

func (a *consortium) mustInvoke(id *stub.Identity, function string, args ...string) *stub.Transaction {
	a.t.Helper()
	tx, err := a.ledger.Invoke(a.call(id, function, args...))
	require.NoError(a.t, err, function)
	return tx
}

// refused invokes and expects a refusal that changes nothing.
func (a *consortium) refused(want *record.Error, id *stub.Identity, function string, args ...string) {
	a.t.Helper()
	a.refusedCall(want, a.call(id, function, args...))
}

func (a *consortium) refusedCall(want *record.Error, call stub.Call) {
	a.t.Helper()
	_, err := a.ledger.Invoke(call)
	require.Error(a.t, err, "%s should answer %s", call.Function, want.Code)
	refusal, coded := record.ParseError(err.Error())
	require.True(a.t, coded, err.Error())
	require.Equal(a.t, want.Code, refusal.Code, err.Error())
	require.True(a.t, errors.Is(refusal, want))
	provoked(call.Function, want.Code)
}

// query evaluates and decodes the answer.
func query[T any](a *consortium, id *stub.Identity, function string, args ...string) T {
	a.t.Helper()
	answer, err := a.ledger.Evaluate(a.call(id, function, args...))
	require.NoError(a.t, err, function)
	return decodeAnswer[T](a, answer)
}

func decodeAnswer[T any](a *consortium, answer []byte) (value T) {
	a.t.Helper()
	require.NoError(a.t, json.Unmarshal(answer, &value), string(answer))
	return value
}

// statement is a valid record statement of an issuer for an owner.
func (a *consortium) statement(issuer, owner *member) record.RecordStatement {
	a.t.Helper()
	under := label
	if issuer.Role == record.RoleInsurer {
		under = "policy/2026"
	}
	s, err := a.Statement(&issuer.Member, &owner.Member, under, a.now())
	require.NoError(a.t, err)
	return s
}

func (a *consortium) sign(s record.RecordStatement, issuer, owner *member) record.Entry {
	return a.SignEntry(s, &issuer.Member, &owner.Member)
}

func (a *consortium) entry(issuer, owner *member) record.Entry {
	a.t.Helper()
	return a.sign(a.statement(issuer, owner), issuer, owner)
}

func (a *consortium) amended(s record.RecordStatement) record.RecordStatement {
	a.t.Helper()
	s, err := a.Amended(s)
	require.NoError(a.t, err)
	return s
}

func batchCall(id *stub.Identity, function string, batch *record.Batch) stub.Call {
	args, transient := alliance.BatchArgs(batch)
	return stub.Call{Identity: id, Function: function, Args: args, Transient: transient}
}

func (a *consortium) submit(issuer *member, entries ...record.Entry) record.BatchAnswer {
	a.t.Helper()
	return a.mustSubmit(batchCall(issuer.identity, record.TxSubmitRecords, &record.Batch{Entries: entries}))
}

func (a *consortium) mustSubmit(call stub.Call) record.BatchAnswer {
	a.t.Helper()
	tx, err := a.ledger.Invoke(call)
	require.NoError(a.t, err)
	return decodeAnswer[record.BatchAnswer](a, tx.Response.GetPayload())
}

func (a *consortium) refusedBatch(want *record.Error, issuer *member, entries ...record.Entry) {
	a.t.Helper()
	a.refusedCall(want, batchCall(issuer.identity, record.TxSubmitRecords, &record.Batch{Entries: entries}))
}

// carried signs the issuer's word for a batch that another carries.
func (a *consortium) carried(issuer *member, entries ...record.Entry) *record.Batch {
	return a.Carried(&issuer.Member, a.now(), entries...)
}

func (a *consortium) recorded(issuer, owner *member) record.Entry {
	a.t.Helper()
	e := a.entry(issuer, owner)
	require.Equal(a.t, 1, a.submit(issuer, e).Recorded)
	return e
}

func (a *consortium) eraseArgs(e record.Entry, issuer *member) []string {
	return a.EraseArgs(e.Statement.ID, &issuer.Member, a.now())
}

// erase has an issuer say that it has destroyed a record.
func (a *consortium) erase(e record.Entry, issuer *member) record.Record {
	a.t.Helper()
	tx := a.mustInvoke(issuer.identity, record.TxErase, a.eraseArgs(e, issuer)...)
	return decodeAnswer[record.Record](a, tx.Response.GetPayload())
}

// request is a valid request of the insurer.
func (a *consortium) request() record.AccessRequest {
	a.t.Helper()
	r, err := a.Request(&a.owner.Member, label)
	require.NoError(a.t, err)
	r.Holder = a.shop.ID
	return r
}

// grant is a valid consent of the owner for the insurer, for all repairs.
func (a *consortium) grant(policy record.RecordID) record.GrantStatement {
	a.t.Helper()
	return a.grantOf(a.owner, a.insurer, policy)
}

func (a *consortium) grantOf(owner, requester *member, policy record.RecordID) record.GrantStatement {
	a.t.Helper()
	g, err := a.Grant(&owner.Member, &requester.Member, label, a.now(), &a.proxy.Member)
	require.NoError(a.t, err)
	g.PolicyRecord, g.MaxReleases = policy, 3
	return g
}

func (a *consortium) grantArgs(g record.GrantStatement, owner *member) []string {
	return a.GrantArgs(g, &owner.Member)
}

func (a *consortium) granted(g record.GrantStatement) {
	a.t.Helper()
	a.mustInvoke(a.insurer.identity, record.TxGrant, a.grantArgs(g, a.owner)...)
}

func (a *consortium) approved(g record.GrantStatement) {
	a.t.Helper()
	a.granted(g)
	a.mustInvoke(a.manager, record.TxApprove, g.Consent.String())
}

func (a *consortium) revokeArgs(consent record.ConsentID, owner *member) []string {
	return a.RevokeArgs(consent, &owner.Member, a.now())
}

// delivery is a holder's valid delivery of a record to a proxy.
func (a *consortium) delivery(g record.GrantStatement, e record.Entry, holder, proxy *member) record.Delivery {
	a.t.Helper()
	version := record.RecordVersion{ID: e.Statement.ID, Digest: e.Statement.Digest}
	d, err := a.Delivery(g.Consent, version, &holder.Member, &proxy.Member, a.now())
	require.NoError(a.t, err)
	return d
}

func (a *consortium) signDelivery(d record.Delivery, holder *member) record.Delivery {
	return a.SignDelivery(d, &holder.Member)
}

func releaseArg(list ...record.Delivery) string { return alliance.ReleaseArgs(list...)[0] }

// claim is everything up to a release: a policy, a repair, an approved consent.
type claim struct {
	policy, repair record.Entry
	grant          record.GrantStatement
	delivery       record.Delivery
}

func (a *consortium) claim() claim {
	a.t.Helper()
	c := claim{policy: a.recorded(a.insurer, a.owner), repair: a.recorded(a.shop, a.owner)}
	c.grant = a.grant(c.policy.Statement.ID)
	a.approved(c.grant)
	c.delivery = a.delivery(c.grant, c.repair, a.shop, a.proxy)
	return c
}

func (a *consortium) released() claim {
	a.t.Helper()
	c := a.claim()
	a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(c.delivery))
	return c
}

// trailerArgs is a holder's signed trailer for a release.
func (a *consortium) trailerArgs(c claim, holder *member, spoil func(s *record.TrailerStatement)) []string {
	a.t.Helper()
	s, err := a.Trailer(c.delivery.Statement.Release, &holder.Member)
	require.NoError(a.t, err)
	if spoil != nil {
		spoil(&s)
	}
	return a.TrailerArgs(s, &holder.Member)
}

// rotateArgs is a valid rotation of a member's keys, and the member with the
// next ones.
func (a *consortium) rotateArgs(m *member) (args []string, next member) {
	a.t.Helper()
	renewed, err := a.Renewed(&m.Member)
	require.NoError(a.t, err)
	next = member{*renewed, m.identity}
	return a.rotationArgs(alliance.Rotation(renewed, a.now()), m, &next), next
}

func (a *consortium) rotationArgs(s record.RotateStatement, old, next *member) []string {
	a.t.Helper()
	args, err := a.RotateArgs(s, &old.Member, &next.Member)
	require.NoError(a.t, err)
	return args
}

// rotate replaces a member's keys on the ledger and in its hands.
func (a *consortium) rotate(m *member) {
	a.t.Helper()
	args, next := a.rotateArgs(m)
	a.mustInvoke(a.manager, record.TxRotateKeys, args...)
	*m = next
}

// signedBy is a member's signature, as an argument.
func (a *consortium) signedBy(m *member, role bls.Role, s record.Statement) string {
	return a.Sign(&m.Member, role, s).String()
}
