package contract_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/claimshare/claimshare/chaincode/contract"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/stretchr/testify/require"
)

const (
	channel   = "insurance"
	chaincode = "claimshare"
	label     = "repair/2026"
)

// member is a party with its secrets.
type member struct {
	id       record.PartyID
	pid      string
	role     record.Role
	identity *stub.Identity // nil for policyholders
	signing  *bls.SecretKey
	scoped   *pre.ScopedSecretKey
	paper    *pre.PaperSecretKey
	version  uint32
}

func (m *member) encryption() record.EncryptionKey {
	switch {
	case m.scoped != nil:
		return record.EncryptionKey{Mode: record.ModeScoped, Key: record.EncryptionKeyCompressed(m.scoped.PublicKey().Bytes())}
	case m.paper != nil:
		return record.EncryptionKey{Mode: record.ModePaper, Key: record.EncryptionKeyCompressed(m.paper.PublicKey().Bytes())}
	}
	return record.EncryptionKey{}
}

func (m *member) msp() string {
	if m.identity == nil {
		return ""
	}
	return m.identity.MSP()
}

func (m *member) subject() string {
	if m.identity == nil {
		return ""
	}
	return m.identity.Subject()
}

// alliance is a ledger with the chaincode and one party of each kind, and a
// second of most.
type alliance struct {
	t       testing.TB
	ledger  *stub.Ledger
	code    *contract.Chaincode
	params  *pre.Parameters
	context record.Context
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

// newLedger is a ledger before InitSystem.
func newLedger(t testing.TB) *alliance {
	t.Helper()
	managers, err := contract.ParseManagers([]byte(`{"threshold":1,"agencies":[{"msp":"SMMSP","subjects":["CN=manager,OU=client","CN=deputy,OU=client"]}]}`))
	require.NoError(t, err)
	code, err := contract.New(managers)
	require.NoError(t, err)
	master, err := pre.GenerateMasterKey()
	require.NoError(t, err)
	params, err := pre.NewParameters("test alliance", master.PublicKey())
	require.NoError(t, err)
	return &alliance{
		t: t, ledger: stub.NewLedger(channel, chaincode, code), code: code, params: params,
		context: record.Context{ParamsID: params.ID(), Channel: channel, Chaincode: chaincode},
		manager: newIdentity(t, "SMMSP", "manager"),
		visitor: newIdentity(t, "VisitorMSP", "visitor"),
	}
}

func (a *alliance) setup() record.Setup {
	return record.Setup{Parameters: a.params.Bytes(), RecordWindow: record.DefaultRecordWindow, ClockSkew: record.DefaultClockSkew}
}

// newAlliance is a ledger on which everybody is registered.
func newAlliance(t testing.TB) *alliance {
	t.Helper()
	a := newLedger(t)
	setup := a.setup()
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

func draw(t testing.TB, b []byte) {
	t.Helper()
	_, err := rand.Read(b)
	require.NoError(t, err)
}

func newPID(t testing.TB) string {
	t.Helper()
	b := make([]byte, 104)
	draw(t, b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// newMember makes a party that is not registered yet.
func (a *alliance) newMember(role record.Role, identity *stub.Identity) *member {
	a.t.Helper()
	m := &member{pid: newPID(a.t), role: role, identity: identity, version: 1}
	m.id = record.NewPartyID(m.pid)
	var err error
	m.signing, err = bls.GenerateKey()
	require.NoError(a.t, err)
	if role != record.RoleProxy && role != record.RoleAuthority {
		m.scoped, err = pre.GenerateScopedKey()
		require.NoError(a.t, err)
	}
	return m
}

func (a *alliance) encryptionProof(m *member) (proof record.PossessionProof) {
	a.t.Helper()
	var b []byte
	var err error
	switch {
	case m.scoped != nil:
		b, err = m.scoped.ProvePossession(a.params.ID(), m.pid, m.msp())
	case m.paper != nil:
		b, err = m.paper.ProvePossession(a.params.ID(), m.pid, m.msp())
	}
	require.NoError(a.t, err)
	copy(proof[:], b)
	return proof
}

func (a *alliance) registration(m *member) record.Registration {
	a.t.Helper()
	return record.Registration{
		PID: m.pid, Role: m.role, MSP: m.msp(), Subject: m.subject(),
		Encryption: m.encryption(), EncryptionProof: a.encryptionProof(m),
		Signing:      record.SigningKey(m.signing.PublicKey().Bytes()),
		SigningProof: record.Signature(m.signing.ProvePossession(a.params.ID(), m.pid, m.msp())),
	}
}

func (a *alliance) join(role record.Role, identity *stub.Identity) *member {
	a.t.Helper()
	m := a.newMember(role, identity)
	a.register(m)
	return m
}

func (a *alliance) register(m *member) {
	a.t.Helper()
	r := a.registration(m)
	a.mustInvoke(a.manager, record.TxRegister, record.EncodeText(r.Encode()))
}

func (a *alliance) now() int64 { return a.ledger.Now().Unix() }

func (a *alliance) call(id *stub.Identity, function string, args ...string) stub.Call {
	return stub.Call{Identity: id, Function: function, Args: args}
}

func (a *alliance) mustInvoke(id *stub.Identity, function string, args ...string) *stub.Transaction {
	a.t.Helper()
	tx, err := a.ledger.Invoke(a.call(id, function, args...))
	require.NoError(a.t, err, function)
	return tx
}

// refused invokes and expects a refusal that changes nothing.
func (a *alliance) refused(want *record.Error, id *stub.Identity, function string, args ...string) {
	a.t.Helper()
	a.refusedCall(want, a.call(id, function, args...))
}

func (a *alliance) refusedCall(want *record.Error, call stub.Call) {
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
func query[T any](a *alliance, id *stub.Identity, function string, args ...string) T {
	a.t.Helper()
	answer, err := a.ledger.Evaluate(a.call(id, function, args...))
	require.NoError(a.t, err, function)
	return decodeAnswer[T](a, answer)
}

func decodeAnswer[T any](a *alliance, answer []byte) (value T) {
	a.t.Helper()
	require.NoError(a.t, json.Unmarshal(answer, &value), string(answer))
	return value
}

// statement is a valid record statement of an issuer for an owner.
func (a *alliance) statement(issuer, owner *member) record.RecordStatement {
	a.t.Helper()
	s := record.RecordStatement{
		Kind: record.KindRepair, Label: label, Owner: owner.id, OwnerVersion: owner.version, Issuer: issuer.id, IssuerVersion: issuer.version,
		OwnerKey: owner.encryption(), PayloadSize: 1234, IssuedAt: a.now(),
	}
	draw(a.t, s.ID[:])
	draw(a.t, s.Digest[:])
	if issuer.role == record.RoleInsurer {
		s.Kind, s.Label = record.KindPolicy, "policy/2026"
		draw(a.t, s.Evidence[:])
	}
	if owner.paper != nil {
		s.Label = ""
	}
	return s
}

func (a *alliance) sign(s record.RecordStatement, issuer, owner *member) record.Entry {
	hash := s.Hash(a.context)
	return record.Entry{
		Statement:       s,
		OwnerSignature:  record.Signature(owner.signing.Sign(bls.RoleOwner, hash)),
		IssuerSignature: record.Signature(issuer.signing.Sign(bls.RoleIssuer, hash)),
	}
}

func (a *alliance) entry(issuer, owner *member) record.Entry {
	a.t.Helper()
	return a.sign(a.statement(issuer, owner), issuer, owner)
}

// spoil replaces a signature by another party's.
func (a *alliance) spoil(e record.Entry) record.Entry {
	e.IssuerSignature = e.OwnerSignature
	return e
}

func batchCall(id *stub.Identity, function string, batch *record.Batch) stub.Call {
	encoded := batch.Encode()
	return stub.Call{
		Identity: id, Function: function, Args: []string{record.BatchDigest(encoded).String()},
		Transient: map[string][]byte{record.TransientBatch: encoded},
	}
}

func (a *alliance) submit(issuer *member, entries ...record.Entry) record.BatchAnswer {
	a.t.Helper()
	return a.mustSubmit(batchCall(issuer.identity, record.TxSubmitRecords, &record.Batch{Entries: entries}))
}

func (a *alliance) mustSubmit(call stub.Call) record.BatchAnswer {
	a.t.Helper()
	tx, err := a.ledger.Invoke(call)
	require.NoError(a.t, err)
	return decodeAnswer[record.BatchAnswer](a, tx.Response.GetPayload())
}

func (a *alliance) refusedBatch(want *record.Error, issuer *member, entries ...record.Entry) {
	a.t.Helper()
	a.refusedCall(want, batchCall(issuer.identity, record.TxSubmitRecords, &record.Batch{Entries: entries}))
}

// carried signs the issuer's word for a batch that another carries.
func (a *alliance) carried(issuer *member, entries ...record.Entry) *record.Batch {
	batch := &record.Batch{Entries: entries}
	s := record.BatchStatement{Issuer: issuer.id, IssuerVersion: issuer.version, Entries: batch.EntriesDigest(), Time: a.now()}
	batch.Carriage = &record.Carriage{Statement: s, Signature: record.Signature(issuer.signing.Sign(bls.RoleIssuer, s.Hash(a.context)))}
	return batch
}

func (a *alliance) recorded(issuer, owner *member) record.Entry {
	a.t.Helper()
	e := a.entry(issuer, owner)
	require.Equal(a.t, 1, a.submit(issuer, e).Recorded)
	return e
}

// request is a valid request of the insurer.
func (a *alliance) request() record.AccessRequest {
	r := record.AccessRequest{Owner: a.owner.id, Holder: a.shop.id, Label: label, Records: []record.RecordID{}, Purpose: "claim", Claim: "C-2026-001"}
	draw(a.t, r.ID[:])
	return r
}

// grant is a valid consent of the owner for the insurer, for all repairs.
func (a *alliance) grant(policy record.RecordID) record.GrantStatement {
	g := record.GrantStatement{
		Owner: a.owner.id, OwnerVersion: a.owner.version, OwnerKey: a.owner.encryption(),
		Requester: a.insurer.id, RequesterVersion: a.insurer.version, RequesterKey: a.insurer.encryption(),
		Label: label, Records: []record.RecordVersion{}, PolicyRecord: policy, Purpose: "claim", Claim: "C-2026-001",
		NotBefore: a.now(), Expiry: a.now() + 3600, MaxReleases: 3, Proxies: []record.PartyID{a.proxy.id}, Threshold: 1,
	}
	draw(a.t, g.Consent[:])
	draw(a.t, g.PayloadToken[:])
	draw(a.t, g.SearchToken[:])
	return g
}

func (a *alliance) grantArgs(g record.GrantStatement, owner *member) []string {
	return []string{record.EncodeText(g.Encode()), record.Signature(owner.signing.Sign(bls.RoleOwner, g.Hash(a.context))).String()}
}

func (a *alliance) granted(g record.GrantStatement) {
	a.t.Helper()
	a.mustInvoke(a.insurer.identity, record.TxGrant, a.grantArgs(g, a.owner)...)
}

func (a *alliance) approved(g record.GrantStatement) {
	a.t.Helper()
	a.granted(g)
	a.mustInvoke(a.manager, record.TxApprove, g.Consent.String())
}

func (a *alliance) revokeArgs(consent record.ConsentID, owner *member) []string {
	s := record.RevokeStatement{Consent: consent, Owner: owner.id, OwnerVersion: owner.version, Time: a.now()}
	return []string{record.EncodeText(s.Encode()), record.Signature(owner.signing.Sign(bls.RoleOwner, s.Hash(a.context))).String()}
}

// delivery is a holder's valid delivery of a record to a proxy.
func (a *alliance) delivery(g record.GrantStatement, e record.Entry, holder, proxy *member) record.Delivery {
	var d record.Delivery
	draw(a.t, d.Nonce[:])
	d.Statement = record.DeliverStatement{
		Release: record.NewReleaseID(g.Consent, e.Statement.ID, proxy.id, d.Nonce), Consent: g.Consent, Record: e.Statement.ID,
		Digest: e.Statement.Digest, Holder: holder.id, HolderVersion: holder.version, Time: a.now(),
	}
	draw(a.t, d.Statement.Capsule[:])
	return a.signDelivery(d, holder)
}

func (a *alliance) signDelivery(d record.Delivery, holder *member) record.Delivery {
	d.Signature = record.Signature(holder.signing.Sign(bls.RoleHolder, d.Statement.Hash(a.context)))
	return d
}

func releaseArg(list ...record.Delivery) string {
	return record.EncodeText(record.Deliveries(list).Encode())
}

// claim is everything up to a release: a policy, a repair, an approved consent.
type claim struct {
	policy, repair record.Entry
	grant          record.GrantStatement
	delivery       record.Delivery
}

func (a *alliance) claim() claim {
	a.t.Helper()
	c := claim{policy: a.recorded(a.insurer, a.owner), repair: a.recorded(a.shop, a.owner)}
	c.grant = a.grant(c.policy.Statement.ID)
	a.approved(c.grant)
	c.delivery = a.delivery(c.grant, c.repair, a.shop, a.proxy)
	return c
}

func (a *alliance) released() claim {
	a.t.Helper()
	c := a.claim()
	a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(c.delivery))
	return c
}

// rotate replaces a member's keys on the ledger and in its hands.
func (a *alliance) rotateArgs(m *member) (args []string, next member) {
	a.t.Helper()
	next = *m
	next.version++
	fresh := a.newMember(m.role, m.identity)
	next.signing, next.scoped = fresh.signing, fresh.scoped
	s := record.RotateStatement{
		Party: m.id, Version: next.version, Encryption: next.encryption(), Signing: record.SigningKey(next.signing.PublicKey().Bytes()), Time: a.now(),
	}
	return a.rotationArgs(s, m, &next), next
}

func (a *alliance) rotationArgs(s record.RotateStatement, old, next *member) []string {
	a.t.Helper()
	return []string{
		record.EncodeText(s.Encode()),
		record.Signature(old.signing.Sign(bls.RoleParty, s.Hash(a.context))).String(),
		a.encryptionProof(next).String(),
		record.Signature(next.signing.ProvePossession(a.params.ID(), next.pid, next.msp())).String(),
	}
}

func (a *alliance) rotate(m *member) {
	a.t.Helper()
	args, next := a.rotateArgs(m)
	a.mustInvoke(a.manager, record.TxRotateKeys, args...)
	*m = next
}

func (a *alliance) advance(seconds int64) { a.ledger.Advance(time.Duration(seconds) * time.Second) }
