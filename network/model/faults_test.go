package model

import (
	"strings"
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// fault is what is wrong with the contract's view of the ledger.
type fault struct {
	hidden string // keys that it does not see
	lost   string // keys that it does not write
	silent bool   // it sets no events
	fast   int64  // seconds by which its clock is ahead
	blind  string // ranges that it takes for empty
	undead bool   // it does not see that records are erased
}

// faultyChaincode is the contract behind such a view.
type faultyChaincode struct {
	shim.Chaincode
	fault
}

func (c faultyChaincode) Invoke(s shim.ChaincodeStubInterface) *peer.Response {
	return c.Chaincode.Invoke(faultyStub{s, c.fault})
}

type faultyStub struct {
	shim.ChaincodeStubInterface
	fault
}

func begins(key, prefix string) bool { return prefix != "" && strings.HasPrefix(key, prefix) }

func (s faultyStub) GetState(key string) ([]byte, error) {
	value, err := s.ChaincodeStubInterface.GetState(key)
	return s.seen(key, value), err
}

// seen is what the contract sees under a key.
func (s faultyStub) seen(key string, value []byte) []byte {
	if begins(key, s.hidden) {
		return nil
	}
	if rec, err := record.DecodeRecord(value); s.undead && err == nil {
		rec.Erased, rec.Erasure = 0, nil
		return rec.Encode()
	}
	return value
}

func (s faultyStub) GetMultipleStates(keys ...string) ([][]byte, error) {
	values, err := s.ChaincodeStubInterface.GetMultipleStates(keys...)
	for i := range values {
		values[i] = s.seen(keys[i], values[i])
	}
	return values, err
}

func (s faultyStub) PutState(key string, value []byte) error {
	if begins(key, s.lost) {
		return nil
	}
	return s.ChaincodeStubInterface.PutState(key, value)
}

func (s faultyStub) SetEvent(name string, payload []byte) error {
	if s.silent {
		return nil
	}
	return s.ChaincodeStubInterface.SetEvent(name, payload)
}

func (s faultyStub) GetTxTimestamp() (*timestamppb.Timestamp, error) {
	t, err := s.ChaincodeStubInterface.GetTxTimestamp()
	t.Seconds += s.fast
	return t, err
}

func (s faultyStub) GetStateByPartialCompositeKey(objectType string, attributes []string) (shim.StateQueryIteratorInterface, error) {
	if objectType == s.blind {
		attributes = append([]string{"nobody"}, attributes...)
	}
	return s.ChaincodeStubInterface.GetStateByPartialCompositeKey(objectType, attributes)
}

// TestModelCanFail: whatever the contract gets wrong, the model notices.
func TestModelCanFail(t *testing.T) {
	for name, f := range map[string]fault{
		"an index is not written":              {lost: "\x00ri\x00"},
		"the same for releases":                {lost: "\x00lc\x00"},
		"amended versions are not kept":        {lost: "v"},
		"keys of parties are not remembered":   {lost: "k"},
		"withdrawals ahead of grants are lost": {hidden: "t"},
		"faulty batches are forgotten":         {hidden: "b"},
		"paper-mode pairs are forgotten":       {hidden: "m"},
		"certificates are taken twice":         {lost: "u"},
		"releases are not counted":             {blind: "lc"},
		"violations are not counted":           {blind: "x"},
		"approvals are not counted":            {blind: "a"},
		"erasures are forgotten":               {undead: true},
		"no events":                            {silent: true},
		"the clock is a second ahead":          {fast: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrap := func(c shim.Chaincode) shim.Chaincode { return faultyChaincode{c, f} }
			for seed := uint64(1); seed <= 20; seed++ {
				if _, steps, err := play(seed, stepSeeds(seed, 200), wrap); err != nil {
					t.Logf("seed %d, step %d: %.200s", seed, steps, err)
					return
				}
			}
			require.Fail(t, "the model did not notice")
		})
	}
}
