package stub_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
)

// Token is the contract of docs/stub.md.
type Token struct{ contractapi.Contract }

func balance(ctx contractapi.TransactionContextInterface, name string) (int, error) {
	value, err := ctx.GetStub().GetState(name)
	if err != nil || value == nil {
		return 0, err
	}
	return strconv.Atoi(string(value))
}

// Transfer moves an amount, for tellers alone.
func (*Token) Transfer(ctx contractapi.TransactionContextInterface, from, to string, amount int) error {
	if err := ctx.GetClientIdentity().AssertAttributeValue("role", "teller"); err != nil {
		return err
	}
	payer, err := balance(ctx, from)
	if err != nil {
		return err
	}
	payee, err := balance(ctx, to)
	if err != nil {
		return err
	}
	if payer < amount {
		return errors.New("not enough")
	}
	if err := ctx.GetStub().PutState(from, []byte(strconv.Itoa(payer-amount))); err != nil {
		return err
	}
	return ctx.GetStub().PutState(to, []byte(strconv.Itoa(payee+amount)))
}

// TestToken is the test of docs/stub.md.
func TestToken(t *testing.T) {
	code, err := contractapi.NewChaincode(&Token{})
	require.NoError(t, err)
	ledger := stub.NewLedger("mychannel", "token", code)
	alice, err := stub.NewIdentity("Org1MSP", "alice", map[string]string{"role": "teller"})
	require.NoError(t, err)
	ledger.Seed(stub.Write{Key: "alice", Value: []byte("100")})

	pay := stub.Call{Identity: alice, Function: "Token:Transfer", Args: []string{"alice", "bob", "70"}}
	first, err := ledger.Simulate(pay)
	require.NoError(t, err)
	second, err := ledger.Simulate(pay) // at the same time
	require.NoError(t, err)
	codes := ledger.Commit(first, second) // in one block
	require.Equal(t, peer.TxValidationCode_VALID, codes[0])
	require.Equal(t, peer.TxValidationCode_MVCC_READ_CONFLICT, codes[1])
	require.Equal(t, "30", string(ledger.Get("alice")))

	_, err = ledger.Invoke(pay)
	require.ErrorContains(t, err, "not enough")
	mallory, err := stub.NewIdentity("Org1MSP", "mallory", nil)
	require.NoError(t, err)
	_, err = ledger.Invoke(stub.Call{Identity: mallory, Function: pay.Function, Args: pay.Args})
	require.ErrorContains(t, err, "role")
}
