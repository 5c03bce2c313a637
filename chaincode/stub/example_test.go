package stub_test

import (
	"fmt"

	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
)

// Counter is a contract with a hot key.
type Counter struct{ contractapi.Contract }

// Add adds one.
func (*Counter) Add(ctx contractapi.TransactionContextInterface, name string) error {
	value, err := ctx.GetStub().GetState(name)
	if err != nil {
		return err
	}
	return ctx.GetStub().PutState(name, append(value, '|'))
}

// Two clients call the contract on the same block: on a network only one of
// the two transactions would be valid.
func Example() {
	chaincode, err := contractapi.NewChaincode(&Counter{})
	if err != nil {
		panic(err)
	}
	ledger := stub.NewLedger("mychannel", "counter", chaincode)
	alice, err := stub.NewIdentity("Org1MSP", "alice", nil)
	if err != nil {
		panic(err)
	}
	call := stub.Call{Identity: alice, Function: "Counter:Add", Args: []string{"visits"}}

	one, err := ledger.Simulate(call)
	if err != nil {
		panic(err)
	}
	two, err := ledger.Simulate(call)
	if err != nil {
		panic(err)
	}
	fmt.Println(ledger.Commit(one, two))
	fmt.Printf("%s\n", ledger.Get("visits"))
	// Output:
	// [VALID MVCC_READ_CONFLICT]
	// |
}
