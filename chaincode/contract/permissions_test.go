package contract_test

import (
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/stretchr/testify/require"
)

// Who the permission table speaks of.
const (
	asManager   = "system manager"
	asColleague = "other member of the manager's organisation"
	asInsurer   = "insurer"
	asShop      = "repair shop"
	asProxy     = "proxy"
	asSuspended = "suspended insurer"
	asExpelled  = "expelled repair shop"
	asIdle      = "suspended proxy"
	asBanned    = "expelled proxy"
	asNamesake  = "insurer's subject under another MSP"
	asVisitor   = "stranger"
)

// permissions says for each class of callers who is refused, and how; everybody
// else is admitted. The table in docs/ledger.md is made from it.
var permissions = map[string]map[string]*record.Error{
	record.CallerAnyone: {},
	record.CallerManager: {
		asColleague: record.ErrNotSystemManager, asInsurer: record.ErrNotSystemManager, asShop: record.ErrNotSystemManager,
		asProxy: record.ErrNotSystemManager, asSuspended: record.ErrNotSystemManager, asExpelled: record.ErrNotSystemManager,
		asIdle: record.ErrNotSystemManager, asBanned: record.ErrNotSystemManager,
		asNamesake: record.ErrNotSystemManager, asVisitor: record.ErrNotSystemManager,
	},
	record.CallerReader: {
		asColleague: record.ErrUnknownCaller, asNamesake: record.ErrUnknownCaller, asVisitor: record.ErrUnknownCaller,
	},
	record.CallerMember: {
		asColleague: record.ErrUnknownCaller, asNamesake: record.ErrUnknownCaller, asVisitor: record.ErrUnknownCaller,
		asSuspended: record.ErrSuspended, asExpelled: record.ErrExpelled, asIdle: record.ErrSuspended, asBanned: record.ErrExpelled,
	},
	record.CallerIssuer: {
		asColleague: record.ErrUnknownCaller, asNamesake: record.ErrUnknownCaller, asVisitor: record.ErrUnknownCaller,
		asSuspended: record.ErrSuspended, asExpelled: record.ErrExpelled, asIdle: record.ErrSuspended, asBanned: record.ErrExpelled,
		asProxy: record.ErrForbidden,
	},
	record.CallerRequest: {
		asManager:   record.ErrUnknownCaller,
		asColleague: record.ErrUnknownCaller, asNamesake: record.ErrUnknownCaller, asVisitor: record.ErrUnknownCaller,
		asSuspended: record.ErrSuspended, asExpelled: record.ErrExpelled, asIdle: record.ErrSuspended, asBanned: record.ErrExpelled,
		asProxy: record.ErrForbidden,
	},
	record.CallerProxy: {
		asManager:   record.ErrUnknownCaller,
		asColleague: record.ErrUnknownCaller, asNamesake: record.ErrUnknownCaller, asVisitor: record.ErrUnknownCaller,
		asSuspended: record.ErrSuspended, asExpelled: record.ErrExpelled, asIdle: record.ErrSuspended, asBanned: record.ErrExpelled,
		asInsurer: record.ErrForbidden, asShop: record.ErrForbidden,
	},
}

func init() { permissions[record.CallerReceive] = permissions[record.CallerRequest] }

// TestPermissions calls every transaction as everybody.
func TestPermissions(t *testing.T) {
	a := newAlliance(t)
	callers := map[string]*stub.Identity{
		asManager: a.manager, asColleague: newIdentity(t, "SMMSP", "janitor"), asInsurer: a.insurer.identity, asShop: a.shop.identity,
		asProxy: a.proxy.identity, asSuspended: a.rival.identity, asExpelled: a.garage.identity,
		asIdle: a.relay.identity, asBanned: newIdentity(t, "SMMSP", "banned"),
		asNamesake: newIdentity(t, "NamesakeMSP", "insurer"), asVisitor: a.visitor,
	}
	banned := a.join(record.RoleProxy, callers[asBanned])
	a.mustInvoke(a.manager, record.TxSuspend, a.rival.ID.String(), "inquiry")
	a.mustInvoke(a.manager, record.TxSuspend, a.relay.PID, "inquiry")
	a.mustInvoke(a.manager, record.TxExpel, a.garage.ID.String(), "fraud")
	a.mustInvoke(a.manager, record.TxExpel, banned.ID.String(), "fraud")

	for _, tx := range record.Transactions() {
		refusedTo, listed := permissions[tx.Caller]
		require.True(t, listed, tx.Caller)
		args := make([]string, len(tx.Args))
		for i := range args {
			args[i] = "?"
		}
		for name, identity := range callers {
			if want, refused := refusedTo[name]; refused {
				a.refused(want, identity, tx.Name, args...)
				continue
			}
			_, err := a.ledger.Simulate(a.call(identity, tx.Name, args...))
			if err == nil {
				require.Equal(t, record.TxSystem, tx.Name, "%s as %s accepted nonsense", tx.Name, name)
				continue
			}
			refusal, coded := record.ParseError(err.Error())
			require.True(t, coded, err.Error())
			for _, code := range []*record.Error{record.ErrNotSystemManager, record.ErrUnknownCaller, record.ErrForbidden, record.ErrSuspended, record.ErrExpelled} {
				require.NotErrorIs(t, refusal, code, "%s as %s", tx.Name, name)
			}
		}
	}
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
