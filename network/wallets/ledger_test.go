package wallets

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/contract"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

const (
	channel   = "claims"
	chaincode = "claimshare"
)

// view is the in-memory ledger as one Fabric identity's client sees it.
type view struct {
	ledger *stub.Ledger
	as     *stub.Identity
}

var _ client.Channel = (*view)(nil)

func (v *view) call(contract, transaction string, args []string) stub.Call {
	return stub.Call{Identity: v.as, Function: contract + ":" + transaction, Args: args, Time: time.Now()}
}

func typed(err error) error {
	var refused *stub.ResponseError
	if errors.As(err, &refused) {
		if coded, ok := record.ParseError(refused.Message); ok {
			return coded
		}
	}
	return err
}

func (v *view) Evaluate(_ context.Context, contract, transaction string, args ...string) ([]byte, error) {
	answer, err := v.ledger.Evaluate(v.call(contract, transaction, args))
	return answer, typed(err)
}

func (v *view) Submit(_ context.Context, c ledger.Call) (ledger.Result, error) {
	call := v.call(c.Contract, c.Transaction, c.Args)
	call.Transient = c.Transient
	for {
		tx, err := v.ledger.Invoke(call)
		var conflict *stub.CommitError
		if errors.As(err, &conflict) && (conflict.Code == peer.TxValidationCode_MVCC_READ_CONFLICT || conflict.Code == peer.TxValidationCode_PHANTOM_READ_CONFLICT) {
			continue
		}
		if err != nil {
			return ledger.Result{}, typed(err)
		}
		return ledger.Result{TxID: tx.ID, Block: uint64(len(v.ledger.Blocks()) - 1), Time: tx.Time, Payload: tx.Response.GetPayload()}, nil
	}
}

func (v *view) Height(context.Context) (uint64, error) { return uint64(len(v.ledger.Blocks())), nil }

func (v *view) Connection() ledger.Connection {
	return ledger.Connection{Channel: channel, Chaincode: chaincode}
}

// newLedger is a ledger with the chaincode, and its system manager's identity.
func newLedger(t *testing.T) (*stub.Ledger, *stub.Identity) {
	t.Helper()
	manager := newIdentity(t, "SMMSP", "manager")
	managers, err := contract.ParseManagers([]byte(`{"threshold":1,"agencies":[{"msp":"SMMSP","subjects":["` +
		strings.ReplaceAll(manager.Subject(), `"`, `\"`) + `"]}]}`))
	require.NoError(t, err)
	code, err := contract.New(managers)
	require.NoError(t, err)
	l := stub.NewLedger(channel, chaincode, code)
	l.Repeat(1, 0) // that it is deterministic, the contract's tests show
	return l, manager
}

func newIdentity(t *testing.T, msp, name string) *stub.Identity {
	t.Helper()
	id, err := stub.NewIdentity(msp, name, nil)
	require.NoError(t, err)
	return id
}
