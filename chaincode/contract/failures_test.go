package contract_test

import (
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/contract"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/queryresult"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// failing is a stub of which one operation fails: the one at which the
// countdown reaches zero.
type failing struct {
	shim.ChaincodeStubInterface
	countdown *int
	panics    bool // as the shim does at what it cannot encode
}

func (f failing) fail() bool {
	*f.countdown--
	if *f.countdown == 0 && f.panics {
		_, err := proto.Marshal(&peer.GetState{Key: "\xff"})
		panic(fmt.Sprintf("failed to marshal message: %s", err))
	}
	return *f.countdown == 0
}

func (f failing) GetState(key string) ([]byte, error) {
	if f.fail() {
		return nil, shimError("disk on fire")
	}
	return f.ChaincodeStubInterface.GetState(key)
}

func (f failing) GetMultipleStates(keys ...string) ([][]byte, error) {
	if f.fail() {
		return nil, shimError("disk on fire")
	}
	return f.ChaincodeStubInterface.GetMultipleStates(keys...)
}

func (f failing) PutState(key string, value []byte) error {
	if f.fail() {
		return shimError("disk on fire")
	}
	return f.ChaincodeStubInterface.PutState(key, value)
}

func (f failing) SetEvent(name string, payload []byte) error {
	if f.fail() {
		return shimError("disk on fire")
	}
	return f.ChaincodeStubInterface.SetEvent(name, payload)
}

func (f failing) GetTransient() (map[string][]byte, error) {
	if f.fail() {
		return nil, shimError("disk on fire")
	}
	return f.ChaincodeStubInterface.GetTransient()
}

func (f failing) GetSignedProposal() (*peer.SignedProposal, error) {
	if f.fail() {
		return nil, shimError("disk on fire")
	}
	return f.ChaincodeStubInterface.GetSignedProposal()
}

func (f failing) SplitCompositeKey(key string) (string, []string, error) {
	if f.fail() {
		return "", nil, shimError("disk on fire")
	}
	return f.ChaincodeStubInterface.SplitCompositeKey(key)
}

func (f failing) GetStateByPartialCompositeKey(objectType string, attributes []string) (shim.StateQueryIteratorInterface, error) {
	if f.fail() {
		return nil, shimError("disk on fire")
	}
	it, err := f.ChaincodeStubInterface.GetStateByPartialCompositeKey(objectType, attributes)
	return failingRows{it, f}, err
}

func (f failing) GetStateByPartialCompositeKeyWithPagination(objectType string, attributes []string, size int32, bookmark string) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	if f.fail() {
		return nil, nil, shimError("disk on fire")
	}
	it, m, err := f.ChaincodeStubInterface.GetStateByPartialCompositeKeyWithPagination(objectType, attributes, size, bookmark)
	return failingRows{it, f}, m, err
}

func (f failing) GetStateByRangeWithPagination(start, end string, size int32, bookmark string) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	if f.fail() {
		return nil, nil, shimError("disk on fire")
	}
	it, m, err := f.ChaincodeStubInterface.GetStateByRangeWithPagination(start, end, size, bookmark)
	return failingRows{it, f}, m, err
}

func (f failing) GetHistoryForKey(key string) (shim.HistoryQueryIteratorInterface, error) {
	if f.fail() {
		return nil, shimError("disk on fire")
	}
	it, err := f.ChaincodeStubInterface.GetHistoryForKey(key)
	return failingHistory{it, f}, err
}

type failingRows struct {
	shim.StateQueryIteratorInterface
	f failing
}

func (r failingRows) Next() (*queryresult.KV, error) {
	if r.f.fail() {
		return nil, shimError("disk on fire")
	}
	return r.StateQueryIteratorInterface.Next()
}

func (r failingRows) Close() error {
	if r.f.fail() {
		return shimError("disk on fire")
	}
	return r.StateQueryIteratorInterface.Close()
}

type failingHistory struct {
	shim.HistoryQueryIteratorInterface
	f failing
}

func (r failingHistory) Next() (*queryresult.KeyModification, error) {
	if r.f.fail() {
		return nil, shimError("disk on fire")
	}
	return r.HistoryQueryIteratorInterface.Next()
}

func (r failingHistory) Close() error {
	if r.f.fail() {
		return shimError("disk on fire")
	}
	return r.HistoryQueryIteratorInterface.Close()
}

// breakable is the chaincode behind stubs that fail at a set operation.
type breakable struct {
	*contract.Chaincode
	at     int // zero: never
	panics bool
}

func (b *breakable) Invoke(s shim.ChaincodeStubInterface) *peer.Response {
	countdown := b.at
	return b.Chaincode.Invoke(failing{s, &countdown, b.panics})
}

// TestEveryFailure lets every single ledger operation of every transaction fail
// once: the transaction must fail with it, never go on with half of its data.
func TestEveryFailure(t *testing.T) { everyFailure(t, false) }

// TestEveryPanic lets each of them panic, as the shim does: the chaincode's
// process has to live on.
func TestEveryPanic(t *testing.T) { everyFailure(t, true) }

func everyFailure(t *testing.T, panics bool) {
	log.SetOutput(io.Discard) // the stacks of the panics
	defer log.SetOutput(os.Stderr)
	covered := map[string]bool{}
	one, several := newAlliance(t), newAgencies(t, 2)
	one.failAt(one.validCalls(), panics, covered)
	several.failAt(several.decisionCalls(), panics, covered)
	for _, tx := range record.Transactions() {
		require.True(t, covered[tx.Name] || tx.Name == record.TxInitSystem, tx.Name)
	}
}

// failAt simulates each call again and again, each time with the next of its
// operations failing, until all have failed once.
func (a *consortium) failAt(calls []stub.Call, panics bool, covered map[string]bool) {
	a.t.Helper()
	code := &breakable{Chaincode: a.code, panics: panics}
	for _, call := range calls {
		covered[call.Function] = true
		code.at = 0
		for {
			code.at++
			require.Less(a.t, code.at, 400, call.Function)
			_, err := a.ledger.SimulateWith(code, call)
			if err == nil {
				break
			}
			refusal, coded := record.ParseError(err.Error())
			require.True(a.t, coded, err.Error())
			require.ErrorIs(a.t, refusal, record.ErrInternal, "%s, operation %d: %v", call.Function, code.at, err)
			require.Equal(a.t, panics, strings.Contains(err.Error(), "panicked"), err.Error())
		}
		require.Greater(a.t, code.at, 1, call.Function)
	}
}

// decisionCalls is a call of every transaction about decisions.
func (a *agencies) decisionCalls() []stub.Call {
	expel, rules, reinstate := a.proposal(record.ActionExpel, a.shop), a.proposal(record.ActionRules, nil), a.proposal(record.ActionReinstate, a.rival)
	a.mustInvoke(a.manager, record.TxSuspend, a.rival.ID.String(), "inquiry")
	for _, p := range []record.Proposal{expel, rules, reinstate} {
		a.propose(a.manager, p)
	}
	insurer := a.insurer.identity
	return []stub.Call{
		a.call(a.second, record.TxPropose, proposalArg(a.proposal(record.ActionExpel, a.shop))), a.call(a.manager, record.TxPropose, proposalArg(expel)),
		a.call(a.second, record.TxApproveDecision, expel.ID.String()), a.call(a.second, record.TxApproveDecision, rules.ID.String()),
		a.call(a.third, record.TxApproveDecision, reinstate.ID.String()), a.call(a.deputy, record.TxApproveDecision, expel.ID.String()),
		a.call(insurer, record.TxDecision, rules.ID.String()), a.call(insurer, record.TxDecisions, "5", ""),
	}
}

// validCalls is a call of every transaction that succeeds on the present state.
func (a *consortium) validCalls() []stub.Call {
	c, open := a.claim(), a.released()
	disputed := a.released()
	a.mustInvoke(a.insurer.identity, record.TxDispute, disputed.delivery.Statement.Release.String(), "capsule", "altered", "", "")
	request := a.request()
	request.Records = []record.RecordID{c.repair.Statement.ID}
	requestArg := record.EncodeText(request.Encode())
	a.mustInvoke(a.insurer.identity, record.TxRequestAccess, requestArg)
	fresh := a.request()
	fresh.Records = request.Records
	old := a.recorded(a.shop, a.owner)
	amendment := a.sign(a.amended(old.Statement), a.shop, a.owner)
	amend := batchCall(a.shop.identity, record.TxAmend, &record.Batch{Entries: []record.Entry{amendment}})
	a.mustSubmit(amend)
	again := a.sign(a.amended(amendment.Statement), a.shop, a.owner)
	gone := a.recorded(a.shop, a.owner)
	a.erase(gone, a.shop)
	for i := 0; i < 3; i++ { // the next violation expels
		a.submit(a.shop, alliance.Spoiled(a.entry(a.shop, a.owner)))
	}
	a.mustInvoke(a.manager, record.TxSuspend, a.relay.ID.String(), "inquiry")
	grant, pending := a.grant(c.policy.Statement.ID), a.grant(c.policy.Statement.ID)
	grant.Request, grant.Holder = request.ID, a.shop.ID
	grant.Records = []record.RecordVersion{{ID: old.Statement.ID, Digest: old.Statement.Digest}}
	a.granted(pending)
	paperOwner, paperInsurer := a.newMemberOf(record.ModePaper, record.RolePolicyholder, nil), a.newMemberOf(record.ModePaper, record.RoleInsurer, newIdentity(a.t, "InsurerMSP", "paper desk"))
	a.register(paperOwner)
	a.register(paperInsurer)
	paper := a.grantOf(paperOwner, paperInsurer, record.RecordID{})
	newcomer := a.registration(a.newMember(record.RoleInsurer, newIdentity(a.t, "NewMSP", "new")))
	rotation, _ := a.rotateArgs(a.neighbour)
	trailer := a.trailerArgs(open, a.shop, nil)
	owner, shop := a.owner.ID.String(), a.shop.PID
	releaseID := open.delivery.Statement.Release.String()
	insurer, manager := a.insurer.identity, a.manager
	calls := []stub.Call{
		a.call(insurer, record.TxSystem),
		a.call(manager, record.TxRegister, record.EncodeText(newcomer.Encode())),
		a.call(manager, record.TxRotateKeys, rotation...),
		a.call(manager, record.TxSuspend, shop, "reason"), a.call(manager, record.TxExpel, shop, "reason"),
		a.call(manager, record.TxReinstate, a.relay.PID, "reason"),
		batchCall(a.shop.identity, record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{a.entry(a.shop, a.owner), alliance.Spoiled(a.entry(a.shop, a.neighbour))}}),
		batchCall(a.manager, record.TxSubmitRecords, a.carried(a.shop, a.entry(a.shop, a.owner), old)),
		batchCall(a.shop.identity, record.TxAmend, &record.Batch{Entries: []record.Entry{again}}), amend,
		a.call(a.shop.identity, record.TxErase, a.eraseArgs(old, a.shop)...), a.call(a.shop.identity, record.TxErase, a.eraseArgs(gone, a.shop)...),
		a.call(insurer, record.TxRequestAccess, record.EncodeText(fresh.Encode())), a.call(insurer, record.TxRequestAccess, requestArg),
		a.call(insurer, record.TxGrant, a.grantArgs(grant, a.owner)...), a.call(insurer, record.TxGrant, a.grantArgs(pending, a.owner)...),
		a.call(insurer, record.TxGrant, a.grantArgs(paper, paperOwner)...),
		a.call(manager, record.TxApprove, pending.Consent.String()), a.call(manager, record.TxApprove, c.grant.Consent.String()),
		a.call(insurer, record.TxRevoke, a.revokeArgs(c.grant.Consent, a.owner)...),
		a.call(a.proxy.identity, record.TxRelease, releaseArg(c.delivery, a.delivery(c.grant, c.repair, a.shop, a.proxy))),
		a.call(a.proxy.identity, record.TxRelease, releaseArg(open.delivery)),
		a.call(insurer, record.TxAcknowledge, releaseID), a.call(insurer, record.TxDispute, releaseID, "payload", "altered", trailer[0], trailer[1]),
		a.call(manager, record.TxResolve, disputed.delivery.Statement.Release.String(), "upheld", "compared"),
		a.call(insurer, record.TxParty, shop), a.call(insurer, record.TxParties, "2", ""), a.call(insurer, record.TxPartyHistory, shop, "5", ""),
		a.call(insurer, record.TxRecord, old.Statement.ID.String()),
		a.call(insurer, record.TxRecordVersion, old.Statement.ID.String(), old.Statement.Digest.String()),
		a.call(insurer, record.TxRecordHistory, old.Statement.ID.String(), "5", ""),
		a.call(insurer, record.TxRecordHistory, old.Statement.ID.String(), "5", old.Statement.Digest.String()),
		a.call(insurer, record.TxRequest, request.ID.String()), a.call(insurer, record.TxConsent, c.grant.Consent.String()),
		a.call(insurer, record.TxReleaseByID, releaseID), a.call(insurer, record.TxReleasesByConsent, open.grant.Consent.String(), "5", ""),
		a.call(insurer, record.TxStanding, shop), a.call(insurer, record.TxStandings, "100", ""), a.call(insurer, record.TxViolations, shop, "5", ""),
	}
	for tx, party := range map[string]string{
		record.TxRecordsByOwner: owner, record.TxRecordsByIssuer: shop, record.TxRequestsByOwner: owner, record.TxRequestsByRequester: a.insurer.PID,
		record.TxConsentsByOwner: owner, record.TxConsentsByRequester: a.insurer.PID, record.TxReleasesByOwner: owner, record.TxReleasesByReceiver: a.insurer.PID,
	} {
		calls = append(calls, a.call(insurer, tx, party, "2", ""))
	}
	return calls
}
