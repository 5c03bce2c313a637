package stub_test

import (
	"errors"
	"testing"

	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
)

// caller passes every call on to the chaincode named first.
func caller() script {
	return script{
		"call": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			var args [][]byte
			for _, arg := range a[1:] {
				args = append(args, []byte(arg))
			}
			if err := s.SetEvent("mine", nil); err != nil {
				return nil, err
			}
			if err := s.PutState("k", []byte("caller's")); err != nil {
				return nil, err
			}
			response := s.InvokeChaincode(a[0], args, s.GetChannelID())
			if response.GetStatus() >= shim.ERRORTHRESHOLD {
				return nil, errors.New(response.GetMessage())
			}
			return response.GetPayload(), nil
		},
		"hello": func(shim.ChaincodeStubInterface, []string) ([]byte, error) { return []byte("from myself"), nil },
	}
}

// TestInvokeChaincode: one transaction, two chaincodes, each with its own state.
func TestInvokeChaincode(t *testing.T) {
	f := newFixture(t, caller())
	other := basics()
	other["announce"] = func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		return nil, s.SetEvent("theirs", nil)
	}
	f.ledger.Deploy("other", other)
	f.invoke("call", "other", "put", "k", "other's")
	require.Equal(t, []stub.Write{{Key: "k", Value: []byte("caller's")}}, f.ledger.State())
	require.Equal(t, []stub.Write{{Chaincode: "other", Key: "k", Value: []byte("other's")}}, f.ledger.StateOf("other"))
	require.Equal(t, "other's", f.answer("call", "other", "get", "k"))
	require.Equal(t, "k", f.answer("call", "other", "list", "", ""))
	require.Equal(t, "other's false 1767225600", f.answer("call", "other", "history", "k"))
	require.Equal(t, "from myself", f.answer("call", "cc", "hello"))
	require.Equal(t, "mine", f.simulate("call", "other", "announce").Event.GetEventName(), "the event of the called is lost")

	_, err := f.ledger.Invoke(f.call("call", "nobody", "get", "k"))
	require.ErrorContains(t, err, "there is no chaincode")
	_, err = f.ledger.Invoke(f.call("call", "other"))
	require.ErrorContains(t, err, "unknown function")
}

// TestInvokeConflicts: what the called chaincode reads counts, under its own keys.
func TestInvokeConflicts(t *testing.T) {
	f := newFixture(t, caller())
	f.ledger.Deploy("other", basics())
	one, two := f.simulate("call", "other", "add", "n"), f.simulate("call", "other", "add", "n")
	require.Equal(t, []peer.TxValidationCode{peer.TxValidationCode_VALID, peer.TxValidationCode_MVCC_READ_CONFLICT}, f.ledger.Commit(one, two))
	counting, adding := f.simulate("call", "other", "count", "", ""), f.simulate("call", "other", "put", "m", "1")
	require.Equal(t, []peer.TxValidationCode{peer.TxValidationCode_VALID, peer.TxValidationCode_PHANTOM_READ_CONFLICT}, f.ledger.Commit(adding, counting))
}

// TestSeed begins in the middle.
func TestSeed(t *testing.T) {
	f := newFixture(t, basics())
	f.ledger.Seed(stub.Write{Key: "n", Value: []byte("41")}, stub.Write{Collection: "club", Key: "k", Value: []byte("v")})
	f.invoke("add", "n")
	require.Equal(t, "42", f.answer("get", "n"))
	require.Len(t, f.ledger.Private("club"), 1)
	require.Len(t, f.ledger.Blocks(), 2)
}
