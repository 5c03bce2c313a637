package stub_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
)

func TestCompositeKeys(t *testing.T) {
	f := newFixture(t, script{
		"put": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			key, err := s.CreateCompositeKey(a[0], a[1:])
			if err != nil {
				return nil, err
			}
			return nil, s.PutState(key, []byte{0})
		},
		"list": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			keys, err := keysOf(s.GetStateByPartialCompositeKey(a[0], a[1:]))
			if err != nil {
				return nil, err
			}
			var last []string
			for _, key := range strings.Fields(string(keys)) {
				_, parts, err := s.SplitCompositeKey(key)
				if err != nil {
					return nil, err
				}
				last = append(last, parts[len(parts)-1])
			}
			return []byte(strings.Join(last, " ")), nil
		},
		"page": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			it, m, err := s.GetStateByPartialCompositeKeyWithPagination(a[0], nil, 2, a[1])
			if _, err := keysOf(it, err); err != nil {
				return nil, err
			}
			return []byte(m.GetBookmark()), nil
		},
		"all": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			it, m, err := s.GetAllStatesCompositeKeyWithPagination(100, "")
			if _, err := keysOf(it, err); err != nil {
				return nil, err
			}
			return []byte(strconv.Itoa(int(m.GetFetchedRecordsCount()))), nil
		},
		"split": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			_, _, err := s.SplitCompositeKey(a[0])
			return nil, err
		},
		"range": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			return keysOf(s.GetStateByRange(a[0], ""))
		},
	})
	for _, k := range []string{"1", "2", "3"} {
		f.invoke("put", "owner", "alice", k)
	}
	f.invoke("put", "owner", "alicia", "4")
	require.Equal(t, "1 2 3", f.answer("list", "owner", "alice"))
	require.Equal(t, "1 2 3 4", f.answer("list", "owner"))
	require.Empty(t, f.answer("list", "own"))
	next := f.answer("page", "owner", "")
	require.Empty(t, f.answer("page", "owner", next))
	require.Equal(t, "4", f.answer("all"))
	require.Empty(t, f.answer("range", ""), "simple ranges leave composite keys out")
	for _, bad := range [][]string{{"put", "\x00"}, {"range", "\x00owner"}, {"list", "\xff"}, {"page", "\x00", ""}} {
		_, err := f.ledger.Evaluate(f.call(bad[0], bad[1:]...))
		require.Error(t, err, bad)
	}
	require.Panics(t, func() { f.answer("split", "x") }, "as in the shim")
}

func TestRefusedWrites(t *testing.T) {
	f := newFixture(t, script{
		"put": basics()["put"], "get": basics()["get"], "del": basics()["del"],
		"multiple": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			values, err := s.GetMultipleStates(a...)
			return []byte(fmt.Sprintf("%q", values)), err
		},
		"read then write": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			if _, _, err := s.GetStateByRangeWithPagination("", "", 1, ""); err != nil {
				return nil, err
			}
			return nil, s.PutState("k", []byte("v"))
		},
		"write then read": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			if err := s.PutState("k", []byte("v")); err != nil {
				return nil, err
			}
			_, _, err := s.GetStateByRangeWithPagination("", "", 1, "")
			return nil, err
		},
		"page 0": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			_, _, err := s.GetStateByRangeWithPagination("", "", 0, "")
			return nil, err
		},
		"bad page": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			_, _, err := s.GetStateByRangeWithPagination("\x00", "", 1, "")
			return nil, err
		},
		"closed": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			it, err := s.GetHistoryForKey("k")
			if err != nil {
				return nil, err
			}
			if err := it.Close(); err != nil {
				return nil, err
			}
			_, err = it.Next()
			return nil, err
		},
	})
	for _, bad := range [][]string{
		{"put", "", "v"}, {"put", "_k", "v"}, {"put", "k", ""}, {"get", ""}, {"del", ""},
		{"read then write"}, {"write then read"}, {"page 0"}, {"bad page"}, {"closed"}, {"multiple", ""}, {"unknown"},
	} {
		_, err := f.ledger.Invoke(f.call(bad[0], bad[1:]...))
		var refused *stub.ResponseError
		require.ErrorAs(t, err, &refused, bad)
		require.EqualValues(t, 500, refused.Status)
		require.ErrorContains(t, err, "chaincode response 500, ")
	}
	require.Empty(t, f.ledger.State())
	f.invoke("put", "k", "v")
	require.Equal(t, `["v" ""]`, f.answer("multiple", "k", "none"))
	_, err := f.ledger.Simulate(stub.Call{Function: "get"})
	require.ErrorContains(t, err, "needs an identity")
	refused, err := f.ledger.Simulate(f.call("unknown"))
	require.Error(t, err)
	require.Equal(t, peer.TxValidationCode_BAD_RESPONSE_PAYLOAD, f.ledger.Commit(refused)[0])
}

// TestNotUTF8: the shim panics when it cannot encode a key, and cannot answer
// with a message or an event that it cannot encode.
func TestNotUTF8(t *testing.T) {
	f := newFixture(t, script{
		"put": basics()["put"], "get": basics()["get"], "del": basics()["del"], "list": basics()["list"],
		"page": basics()["page"], "history": basics()["history"],
		"event": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) { return nil, s.SetEvent(a[0], nil) },
		"fail":  func(_ shim.ChaincodeStubInterface, a []string) ([]byte, error) { return nil, errors.New(a[0]) },
	})
	for _, bad := range [][]string{
		{"put", "\xff", "v"}, {"get", "\xff"}, {"del", "\xff"}, {"list", "\xff", ""}, {"list", "", "\xff"},
		{"page", "", "", "\xff"}, {"page", "\xff", "", ""}, {"history", "\xff"},
	} {
		require.Panics(t, func() { _, _ = f.ledger.Evaluate(f.call(bad[0], bad[1:]...)) }, bad)
	}
	for _, function := range []string{"event", "fail"} {
		_, err := f.ledger.Simulate(f.call(function, "\xff"))
		require.ErrorContains(t, err, "failed to marshal response")
	}
	f.invoke("put", "k", "v")
}

func TestInvokeConflict(t *testing.T) {
	f := newFixture(t, basics())
	var racing *stub.Ledger
	first := true
	racing = stub.NewLedger("ch", "cc", script{
		"put": basics()["put"],
		"raced": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			v, err := s.GetState("k")
			if err == nil && first {
				first = false
				_, err = racing.Invoke(f.call("put", "k", "sooner"))
			}
			return v, err
		},
	})
	_, err := racing.Invoke(f.call("raced"))
	var invalid *stub.CommitError
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, peer.TxValidationCode_MVCC_READ_CONFLICT, invalid.Code)
	require.ErrorContains(t, err, "MVCC_READ_CONFLICT")
}

func TestUnsupported(t *testing.T) {
	f := newFixture(t, script{"f": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		var errs []error
		note := func(err error) { errs = append(errs, err) }
		_, err := s.GetQueryResult("{}")
		note(err)
		_, _, err = s.GetQueryResultWithPagination("{}", 1, "")
		note(err)
		_, err = s.GetPrivateDataQueryResult("c", "{}")
		note(err)
		_, err = s.GetPrivateDataValidationParameter("c", "k")
		note(err)
		_, err = s.GetStateValidationParameter("k")
		note(err)
		note(s.SetStateValidationParameter("k", nil))
		note(s.SetPrivateDataValidationParameter("c", "k", nil))
		for i, err := range errs {
			if !errors.Is(err, stub.ErrUnsupported) {
				return nil, fmt.Errorf("call %d: %w", i, err)
			}
		}
		s.StartWriteBatch()
		if err := s.FinishWriteBatch(); err != nil {
			return nil, err
		}
		return []byte(s.InvokeChaincode("other", nil, "elsewhere").GetMessage()), nil
	}})
	require.Contains(t, f.answer("f"), stub.ErrUnsupported.Error())
}
