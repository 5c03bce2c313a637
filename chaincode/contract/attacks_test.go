package contract_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
)

// passing is other chaincode of the channel that hands every call on, in the
// name of whoever called it.
type passing struct{ to string }

func (passing) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

func (p passing) Invoke(s shim.ChaincodeStubInterface) *peer.Response {
	return s.InvokeChaincode(p.to, s.GetArgs(), "")
}

// TestThroughOtherChaincode: a manager who calls some other chaincode does not
// thereby approve here what that chaincode likes. It may still ask.
func TestThroughOtherChaincode(t *testing.T) {
	a := newAgencies(t, 2)
	p := a.proposal(record.ActionExpel, a.shop)
	a.propose(a.manager, p)
	c := a.claim()
	waiting := a.grant(c.policy.Statement.ID)
	a.granted(waiting)

	// The same state, behind the other chaincode.
	outer := stub.NewLedger(channel, "lottery", passing{chaincode})
	outer.SetTime(a.ledger.Now())
	outer.Deploy(chaincode, a.code)
	var state []stub.Write
	for _, w := range a.ledger.State() {
		w.Chaincode = chaincode
		state = append(state, w)
	}
	outer.Seed(state...)
	called := func(id *stub.Identity, function string, args ...string) error {
		_, err := outer.Simulate(a.call(id, function, args...))
		return err
	}
	for function, args := range map[string][]string{
		record.TxApproveDecision: {p.ID.String()},
		record.TxApprove:         {waiting.Consent.String()},
		record.TxSuspend:         {a.shop.ID.String(), "reason"},
		record.TxRegister:        {"00"},
	} {
		err := called(a.second, function, args...)
		require.ErrorContains(t, err, string(record.ErrIndirect.Code), function)
		require.ErrorContains(t, err, "lottery")
		provoked(function, record.ErrIndirect.Code)
	}
	require.NoError(t, called(a.second, record.TxDecision, p.ID.String()))
	require.NoError(t, called(a.visitor, record.TxSystem))
}

// TestSetupBounds: set-up cannot give the rules values that no decision could.
func TestSetupBounds(t *testing.T) {
	a := newLedger(t)
	for _, spoil := range []func(s *record.Setup){
		func(s *record.Setup) { s.RecordWindow = 0 },
		func(s *record.Setup) { s.ClockSkew = 0 },
		func(s *record.Setup) { s.RecordWindow = record.MaxRecordWindow + 1 },
		func(s *record.Setup) { s.ClockSkew = record.MaxClockSkew + 1 },
	} {
		setup := a.Setup()
		spoil(&setup)
		a.refused(record.ErrMalformed, a.manager, record.TxInitSystem, record.EncodeText(setup.Encode()))
	}
}

// TestManagersParty: what happens to the party of a manager, or is decided about
// it, neither takes nor gives its part as a manager. system.json alone does.
func TestManagersParty(t *testing.T) {
	a := newAgencies(t, 2)
	party := a.join(record.RoleAuthority, a.second)
	p := a.proposal(record.ActionExpel, party)
	a.propose(a.manager, p)
	a.approve(a.second, p) // its own expulsion
	require.Equal(t, record.StatusExpelled, a.status(party))
	q := a.proposal(record.ActionExpel, a.shop)
	a.propose(a.second, q)
	require.Equal(t, record.StatusExpelled, a.status(party))
	a.approve(a.third, q)
	require.Equal(t, record.StatusExpelled, a.status(a.shop))
}

// TestRulesLockNobodyOut: the shortest limits stop submissions, not the decision
// that undoes them, and no key rotation signed in time.
func TestRulesLockNobodyOut(t *testing.T) {
	a := newAgencies(t, 2)
	change := func(window, skew uint32) {
		p := a.proposal(record.ActionRules, nil)
		p.Rules = record.Rules{RecordWindow: window, ClockSkew: skew}
		a.propose(a.manager, p)
		a.approve(a.third, p)
	}
	change(1, 1)
	e := a.entry(a.shop, a.owner)
	a.advance(2)
	a.refusedBatch(record.ErrTime, a.shop, e)
	a.rotate(a.owner)
	change(record.DefaultRecordWindow, record.DefaultClockSkew)
	a.recorded(a.shop, a.owner)
}

// TestProposalReplayed: a proposal whose decision was taken does nothing when it
// is sent again, by its agency or another, also after its effect was undone.
func TestProposalReplayed(t *testing.T) {
	a := newAgencies(t, 2)
	expel, back := a.proposal(record.ActionExpel, a.shop), a.proposal(record.ActionReinstate, a.shop)
	a.propose(a.manager, expel)
	a.approve(a.second, expel)
	a.propose(a.manager, back)
	a.approve(a.second, back)
	require.Empty(t, a.mustInvoke(a.deputy, record.TxPropose, proposalArg(expel)).Writes)
	require.Empty(t, a.mustInvoke(a.second, record.TxApproveDecision, expel.ID.String()).Writes)
	a.refused(record.ErrDecisionExists, a.third, record.TxPropose, proposalArg(expel))
	a.refused(record.ErrDecisionOver, a.third, record.TxApproveDecision, expel.ID.String())
	require.Equal(t, record.StatusActive, a.status(a.shop))
}

// TestExpiryEdge: the last second at which a decision can still be taken, and a
// release still be announced.
func TestExpiryEdge(t *testing.T) {
	a := newAgencies(t, 3)
	p := a.proposal(record.ActionExpel, a.rival)
	a.propose(a.manager, p)
	a.advance(p.Expiry - a.now() - 1)
	a.approve(a.second, p)
	a.advance(1)
	a.refused(record.ErrDecisionOver, a.third, record.TxApproveDecision, p.ID.String())
	require.Empty(t, a.mustInvoke(a.second, record.TxApproveDecision, p.ID.String()).Writes)

	c := a.claim()
	again := a.delivery(c.grant, c.repair, a.shop, a.proxy)
	a.advance(c.grant.Expiry - a.now() - 1)
	a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(c.delivery))
	a.advance(1)
	a.refused(record.ErrConsentExpired, a.proxy.identity, record.TxRelease, releaseArg(again))
}

// TestDecisionsAboutOneParty: of two decisions about one party that take effect
// in one block, the second does not, and is not recorded.
func TestDecisionsAboutOneParty(t *testing.T) {
	a := newAgencies(t, 2)
	one, other := a.proposal(record.ActionExpel, a.shop), a.proposal(record.ActionExpel, a.shop)
	a.propose(a.manager, one)
	a.propose(a.second, other)
	simulate := func(id *stub.Identity, p record.Proposal) *stub.Transaction {
		tx, err := a.ledger.Simulate(a.call(id, record.TxApproveDecision, p.ID.String()))
		require.NoError(t, err)
		return tx
	}
	codes := a.ledger.Commit(simulate(a.third, one), simulate(a.third, other))
	require.Equal(t, []peer.TxValidationCode{peer.TxValidationCode_VALID, peer.TxValidationCode_MVCC_READ_CONFLICT}, codes)
	require.Equal(t, record.DecisionOpen, a.decision(other).Status)
	a.refused(record.ErrPartyStatus, a.third, record.TxApproveDecision, other.ID.String())
}

// TestFraming: a carrier cannot make of what an issuer has signed a fault that
// the issuer did not commit, nor make one fault two.
func TestFraming(t *testing.T) {
	a := newAlliance(t)
	good, bad := a.entry(a.shop, a.owner), alliance.Spoiled(a.entry(a.shop, a.owner))
	batch := a.carried(a.shop, good, bad)
	credit := func() int { return query[record.Standing](a, a.manager, record.TxStanding, a.shop.PID).Credit }
	carry := func(function string, b *record.Batch) stub.Call { return batchCall(a.manager, function, b) }

	// Entries spoiled, swapped, left out or put in: the carriage is for others.
	for _, entries := range [][]record.Entry{{alliance.Spoiled(good), bad}, {bad, good}, {bad}, {good, bad, bad}} {
		a.refusedCall(record.ErrMalformed, carry(record.TxSubmitRecords, &record.Batch{Entries: entries, Carriage: batch.Carriage}))
	}
	require.Equal(t, 100, credit())
	_, err := a.ledger.Invoke(carry(record.TxSubmitRecords, batch))
	require.NoError(t, err)
	require.Equal(t, 75, credit())
	for range 3 {
		_, err := a.ledger.Invoke(carry(record.TxSubmitRecords, batch))
		require.NoError(t, err)
	}
	// The issuer's own copy, and the same entries under a carriage of a later time.
	a.submit(a.shop, good, bad)
	a.advance(5)
	_, err = a.ledger.Invoke(carry(record.TxSubmitRecords, a.carried(a.shop, good, bad)))
	require.NoError(t, err)
	// As amendments they are refused before anybody looks at signatures.
	a.refusedCall(record.ErrRecordUnknown, carry(record.TxAmend, batch))
	// After a rotation the old carriage is worth nothing.
	a.rotate(a.shop)
	a.refusedCall(record.ErrStaleKeyVersion, carry(record.TxSubmitRecords, batch))
	require.Equal(t, 75, credit())
}

// TestForeignBookmarks: a bookmark of another list, or one made by hand, opens
// no other list.
func TestForeignBookmarks(t *testing.T) {
	a := newAlliance(t)
	for range 2 {
		a.recorded(a.shop, a.owner)
		a.recorded(a.shop, a.neighbour)
	}
	of := func(m *member) string {
		return query[record.Page[record.Record]](a, a.manager, record.TxRecordsByOwner, m.PID, "1", "").Bookmark
	}
	mine, theirs := of(a.owner), of(a.neighbour)
	require.NotEmpty(t, mine)
	a.refused(record.ErrPage, a.manager, record.TxRecordsByOwner, a.owner.PID, "1", theirs)
	a.refused(record.ErrPage, a.manager, record.TxRecordsByIssuer, a.shop.PID, "1", mine)
	a.refused(record.ErrPage, a.manager, record.TxParties, "1", mine)
	a.refused(record.ErrPage, a.manager, record.TxDecisions, "1", mine)
	key, err := base64.RawURLEncoding.DecodeString(mine)
	require.NoError(t, err)
	prefix := string(key)[:strings.LastIndex(strings.TrimSuffix(string(key), "\x00"), "\x00")+1]
	for _, spoiled := range []string{"\x00", prefix[:len(prefix)-1], prefix[:len(prefix)-1] + "~", "system", "p"} {
		a.refused(record.ErrPage, a.manager, record.TxRecordsByOwner, a.owner.PID, "1", base64.RawURLEncoding.EncodeToString([]byte(spoiled)))
	}
	// Past the end of its list, within its prefix: no rows, and none of another's.
	end := base64.RawURLEncoding.EncodeToString([]byte(prefix + "\U0010ffff\x00"))
	require.Empty(t, query[record.Page[record.Record]](a, a.manager, record.TxRecordsByOwner, a.owner.PID, "5", end).Items)
}

// TestOneAgencyAndAReceiver: disputes are one agency's word, as docs/ledger.md
// says. What they led to is taken back by several.
func TestOneAgencyAndAReceiver(t *testing.T) {
	a := newAgencies(t, 2)
	c := a.claim()
	c.grant = a.grant(c.policy.Statement.ID)
	c.grant.MaxReleases = record.ExpelAt
	a.approved(c.grant)
	for range record.ExpelAt {
		d := a.delivery(c.grant, c.repair, a.shop, a.proxy)
		id := d.Statement.Release.String()
		a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(d))
		a.mustInvoke(a.insurer.identity, record.TxDispute, id, "capsule", "altered", "", "")
		a.mustInvoke(a.third, record.TxResolve, id, "upheld", "trust me")
		a.refused(record.ErrReleaseStatus, a.third, record.TxResolve, id, "upheld", "once more")
	}
	require.Equal(t, record.StatusExpelled, a.status(a.shop))
	a.refused(record.ErrDecisionNeeded, a.manager, record.TxReinstate, a.shop.ID.String(), "they were good")
	p := a.proposal(record.ActionReinstate, a.shop)
	a.propose(a.manager, p)
	a.approve(a.second, p)
	standing := query[record.Standing](a.consortium, a.manager, record.TxStanding, a.shop.PID)
	require.Equal(t, record.StatusActive, standing.Status)
	require.Equal(t, record.ExpelAt, standing.Violations)
}

// TestTrailerOfAnotherTime: a trailer counts under the key of the delivery or a
// later one, never under a key that was rotated before the delivery was signed.
func TestTrailerOfAnotherTime(t *testing.T) {
	a := newAlliance(t)
	stolen := *a.shop
	a.rotate(a.shop)
	c := a.released()
	id := c.delivery.Statement.Release.String()
	forged := a.trailerArgs(c, &stolen, nil)
	a.refused(record.ErrStaleKeyVersion, a.insurer.identity, record.TxDispute, id, "payload", "forged", forged[0], forged[1])
	forged = a.trailerArgs(c, &stolen, func(s *record.TrailerStatement) { s.HolderVersion = a.shop.Version })
	a.refused(record.ErrSignature, a.insurer.identity, record.TxDispute, id, "payload", "forged", forged[0], forged[1])
	a.mustInvoke(a.insurer.identity, record.TxAcknowledge, id)
}

// TestConsentRaces: within one block no release slips past its number, and none
// past the withdrawal that stands before it.
func TestConsentRaces(t *testing.T) {
	a := newAlliance(t)
	c := a.claim()
	c.grant = a.grant(c.policy.Statement.ID)
	c.grant.MaxReleases = 1
	a.approved(c.grant)
	release := func() *stub.Transaction {
		tx, err := a.ledger.Simulate(a.call(a.proxy.identity, record.TxRelease, releaseArg(a.delivery(c.grant, c.repair, a.shop, a.proxy))))
		require.NoError(t, err)
		return tx
	}
	codes := a.ledger.Commit(release(), release())
	require.Equal(t, []peer.TxValidationCode{peer.TxValidationCode_VALID, peer.TxValidationCode_PHANTOM_READ_CONFLICT}, codes)
	a.refused(record.ErrConsentExhausted, a.proxy.identity, record.TxRelease, releaseArg(a.delivery(c.grant, c.repair, a.shop, a.proxy)))
	// Two at once count as two.
	c.grant = a.grant(c.policy.Statement.ID)
	c.grant.MaxReleases = 1
	a.approved(c.grant)
	a.refused(record.ErrConsentExhausted, a.proxy.identity, record.TxRelease,
		releaseArg(a.delivery(c.grant, c.repair, a.shop, a.proxy), a.delivery(c.grant, c.repair, a.shop, a.proxy)))
	// Announced before the withdrawal, it stands; after, it does not.
	before, after := release(), release()
	revoking, err := a.ledger.Simulate(a.call(a.shop.identity, record.TxRevoke, a.revokeArgs(c.grant.Consent, a.owner)...))
	require.NoError(t, err)
	codes = a.ledger.Commit(before, revoking, after)
	require.Equal(t, peer.TxValidationCode_VALID, codes[0])
	require.Equal(t, peer.TxValidationCode_VALID, codes[1])
	require.NotEqual(t, peer.TxValidationCode_VALID, codes[2])
	a.refused(record.ErrConsentRevoked, a.manager, record.TxApprove, c.grant.Consent.String())
}

// TestRemovedSubject: an approval is the agency's, also after an upgrade that
// removes the certificate subject that gave it; and no other one gives it again.
func TestRemovedSubject(t *testing.T) {
	a := newAgencies(t, 3)
	p := a.proposal(record.ActionExpel, a.shop)
	a.propose(a.deputy, p)
	a.approve(a.second, p)
	upgraded := newCode(t, strings.Replace(systemOf(3, "SMMSP", "BMSP", "CMSP"), `,"CN=deputy,OU=client"`, "", 1))
	run := func(id *stub.Identity) (*stub.Transaction, error) {
		return a.ledger.SimulateWith(upgraded, a.call(id, record.TxApproveDecision, p.ID.String()))
	}
	_, err := run(a.deputy)
	require.ErrorContains(t, err, string(record.ErrNotSystemManager.Code))
	again, err := run(a.manager)
	require.NoError(t, err)
	require.Empty(t, again.Writes)
	last, err := run(a.third)
	require.NoError(t, err)
	d := decodeAnswer[record.Decision](a.consortium, last.Response.GetPayload())
	require.Equal(t, record.DecisionEnacted, d.Status)
	require.ElementsMatch(t, []string{"SMMSP", "BMSP", "CMSP"}, voices(d))
}

// TestOddSignatures: whatever bytes stand for a signature, the entry is left out,
// the others are recorded, and the batch costs one violation.
func TestOddSignatures(t *testing.T) {
	a := newAlliance(t)
	odd := map[string]record.Signature{"zero": {}, "ones": record.Signature(bytes.Repeat([]byte{0xff}, record.SignatureSize)), "infinity": {0x40}}
	entries := []record.Entry{a.entry(a.shop, a.owner)}
	for _, signature := range odd {
		owners, issuers := a.entry(a.shop, a.owner), a.entry(a.shop, a.owner)
		owners.OwnerSignature, issuers.IssuerSignature = signature, signature
		entries = append(entries, owners, issuers)
	}
	// Two that swap their signatures: the sum over the batch stays the same.
	one, other := a.entry(a.shop, a.owner), a.entry(a.shop, a.owner)
	one.OwnerSignature, other.OwnerSignature = other.OwnerSignature, one.OwnerSignature
	answer := a.submit(a.shop, append(entries, one, other)...)
	require.Equal(t, 1, answer.Recorded)
	require.Len(t, answer.Exceptions, 8)
	for _, e := range answer.Exceptions {
		require.Equal(t, record.VerdictSignature, e.Verdict)
		require.True(t, e.Owner != e.Issuer)
	}
	require.Equal(t, 75, *answer.Credit)
}

// TestEvasion: an issuer that submits bad batches side by side, or expects the
// fourth to be dropped, gains nothing: what is recorded has been paid for.
func TestEvasion(t *testing.T) {
	a := newAlliance(t)
	simulate := func() *stub.Transaction {
		call := batchCall(a.shop.identity, record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{
			a.entry(a.shop, a.owner), alliance.Spoiled(a.entry(a.shop, a.owner)),
		}})
		tx, err := a.ledger.Simulate(call)
		require.NoError(t, err)
		return tx
	}
	recorded := func() int {
		return len(query[record.Page[record.Record]](a, a.manager, record.TxRecordsByIssuer, a.shop.PID, "100", "").Items)
	}
	for paid := 1; paid <= record.ExpelAt; paid++ {
		codes := a.ledger.Commit(simulate(), simulate(), simulate())
		require.Equal(t, peer.TxValidationCode_VALID, codes[0])
		require.NotContains(t, codes[1:], peer.TxValidationCode_VALID)
		require.Equal(t, paid, recorded())
		require.Equal(t, record.Credit(paid), query[record.Standing](a, a.manager, record.TxStanding, a.shop.PID).Credit)
	}
	require.Equal(t, record.StatusExpelled, a.status(a.shop))
	a.refusedBatch(record.ErrExpelled, a.shop, a.entry(a.shop, a.owner))
}
