package contract_test

import (
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/stretchr/testify/require"
)

// Who the permission table speaks of, in its order.
const (
	asManager          = "system manager"
	asSecond           = "system manager of another agency"
	asColleague        = "other member of the manager's organisation"
	asInsurer          = "insurer"
	asShop             = "repair shop"
	asProxy            = "proxy"
	asSuspendedInsurer = "suspended insurer"
	asSuspendedShop    = "suspended repair shop"
	asSuspendedProxy   = "suspended proxy"
	asExpelledInsurer  = "expelled insurer"
	asExpelledShop     = "expelled repair shop"
	asExpelledProxy    = "expelled proxy"
	asNamesake         = "insurer's subject under another MSP"
	asVisitor          = "stranger"
)

var everybody = []string{
	asManager, asSecond, asColleague, asInsurer, asShop, asProxy, asSuspendedInsurer, asSuspendedShop, asSuspendedProxy,
	asExpelledInsurer, asExpelledShop, asExpelledProxy, asNamesake, asVisitor,
}

// refusedTo are those whom a class of transactions refuses, and how.
type refusedTo map[string]*record.Error

// and adds to a list of refusals.
func (r refusedTo) and(want *record.Error, names ...string) refusedTo {
	all := refusedTo{}
	for name, refusal := range r {
		all[name] = refusal
	}
	for _, name := range names {
		all[name] = want
	}
	return all
}

var (
	// Nobody knows these, so they may do only what anyone may.
	unknown = refusedTo{}.and(record.ErrUnknownCaller, asColleague, asNamesake, asVisitor)
	// Those who are known but may not act.
	inactive = unknown.and(record.ErrSuspended, asSuspendedInsurer, asSuspendedShop, asSuspendedProxy).
			and(record.ErrExpelled, asExpelledInsurer, asExpelledShop, asExpelledProxy)
	noManager  = refusedTo{}.and(record.ErrNotSystemManager, everybody[2:]...)
	needsParty = inactive.and(record.ErrUnknownCaller, asManager, asSecond)
)

// permission is a class of transactions, of a deployment with as many agencies
// as it says: who is refused, and how. Everybody else is admitted.
type permission struct {
	class     string
	threshold int
	refused   refusedTo
}

// permissions is what TestPermissions enforces. The table in docs/ledger.md is
// made from it.
var permissions = []permission{
	{record.CallerAnyone, 2, refusedTo{}},
	{record.CallerManager, 2, noManager},
	{record.CallerAlone, 1, noManager},
	{record.CallerAlone, 2, noManager.and(record.ErrDecisionNeeded, asManager, asSecond)},
	{record.CallerReader, 2, unknown},
	{record.CallerMember, 2, inactive},
	{record.CallerIssuer, 2, inactive.and(record.ErrForbidden, asProxy)},
	{record.CallerErase, 2, unknown.and(record.ErrUnknownCaller, asManager, asSecond).
		and(record.ErrForbidden, asProxy, asSuspendedProxy, asExpelledProxy)},
	{record.CallerRequest, 2, needsParty.and(record.ErrForbidden, asProxy)},
	{record.CallerReceive, 2, needsParty.and(record.ErrForbidden, asProxy)},
	{record.CallerProxy, 2, needsParty.and(record.ErrForbidden, asInsurer, asShop)},
}

// TestPermissions runs every transaction as everybody, each with arguments with
// which it succeeds for whom it admits: their own batch, release and so on, or
// another's for those who can have none. So a refusal is for who calls, and an
// admission is a success.
func TestPermissions(t *testing.T) {
	worlds := map[int]*world{1: newWorld(t, 1), 2: newWorld(t, 2)}
	covered := map[string]bool{}
	for _, p := range permissions {
		w := worlds[p.threshold]
		for _, tx := range record.Transactions() {
			if tx.Caller != p.class {
				continue
			}
			covered[tx.Name] = true
			for _, name := range everybody {
				w.expect(p.refused[name], w.call(tx.Name, name), tx.Name+" as "+name)
			}
		}
	}
	for _, tx := range record.Transactions() {
		require.True(t, covered[tx.Name], tx.Name)
	}
}

// expect simulates a call and expects success or exactly this refusal.
func (w *world) expect(want *record.Error, call stub.Call, what string) {
	w.t.Helper()
	ledger := w.ledger
	if call.Function == record.TxInitSystem {
		ledger = w.empty.ledger
	}
	_, err := ledger.Simulate(call)
	if want == nil {
		require.NoError(w.t, err, what)
		return
	}
	require.Error(w.t, err, what)
	refusal, coded := record.ParseError(err.Error())
	require.True(w.t, coded, err.Error())
	require.Equal(w.t, want.Code, refusal.Code, what)
	provoked(call.Function, want.Code)
}

// TestBeforeInitialisation: nothing works on an empty ledger, and only a
// manager can set it up, once.
func TestBeforeInitialisation(t *testing.T) {
	a := newLedger(t)
	for _, tx := range record.Transactions() {
		if tx.Name != record.TxInitSystem {
			a.refused(record.ErrNotInitialised, a.manager, tx.Name, make([]string, len(tx.Args))...)
		}
	}
	setup := a.Setup()
	arg := record.EncodeText(setup.Encode())
	a.refused(record.ErrNotSystemManager, a.visitor, record.TxInitSystem, arg)
	a.refused(record.ErrMalformed, a.manager, record.TxInitSystem, "00")
	wrong := setup
	wrong.Parameters = []byte("nonsense")
	a.refused(record.ErrMalformed, a.manager, record.TxInitSystem, record.EncodeText(wrong.Encode()))
	a.mustInvoke(a.manager, record.TxInitSystem, arg)
	a.refused(record.ErrAlreadyInitialised, a.manager, record.TxInitSystem, arg)

	system := query[record.System](a, a.visitor, record.TxSystem)
	require.Equal(t, a.Context, system.Context())
	require.Equal(t, record.Digest(a.Params.ID()), system.ParamsID)
	require.Equal(t, a.Params.MasterPublicKey(), system.MasterKey[:])
	require.EqualValues(t, 4, system.ExpelAt)
	require.EqualValues(t, 25, system.Penalty)
	require.False(t, system.Managers.IsZero())
}

// TestRenewedCertificate: a party stays itself under a new certificate with the
// same subject.
func TestRenewedCertificate(t *testing.T) {
	a := newAlliance(t)
	renewed := newIdentity(t, "InsurerMSP", "insurer")
	e := a.entry(a.insurer, a.owner)
	require.Equal(t, 1, a.mustSubmit(batchCall(renewed, record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{e}})).Recorded)
}
