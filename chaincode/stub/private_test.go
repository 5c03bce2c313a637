package stub_test

import (
	"crypto/sha256"
	"testing"

	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
)

// secrets is a chaincode with a collection.
func secrets() script {
	return script{
		"put": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			return nil, s.PutPrivateData(a[0], a[1], []byte(a[2]))
		},
		"get": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			values, err := s.GetMultiplePrivateData(a[0], a[1:]...)
			if err != nil {
				return nil, err
			}
			return values[0], nil
		},
		"hash": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			return s.GetPrivateDataHash(a[0], a[1])
		},
		"del": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			return nil, s.DelPrivateData(a[0], a[1])
		},
		"purge": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			return nil, s.PurgePrivateData(a[0], a[1])
		},
		"move": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			v, err := s.GetPrivateData(a[0], a[1])
			if err != nil {
				return nil, err
			}
			return nil, s.PutPrivateData(a[0], a[2], v)
		},
		"list": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			return keysOf(s.GetPrivateDataByRange(a[0], a[1], a[2]))
		},
		"listAndPut": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			if _, err := s.GetPrivateDataByRange(a[0], "", ""); err != nil {
				return nil, err
			}
			return nil, s.PutState("k", []byte("v"))
		},
		"putAndList": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			if err := s.PutPrivateData(a[0], "k", []byte("v")); err != nil {
				return nil, err
			}
			return keysOf(s.GetPrivateDataByRange(a[0], "", ""))
		},
		"composite": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			key, err := s.CreateCompositeKey("o", a[1:])
			if err != nil {
				return nil, err
			}
			return nil, s.PutPrivateData(a[0], key, []byte("v"))
		},
		"byPrefix": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			return keysOf(s.GetPrivateDataByPartialCompositeKey(a[0], "o", a[1:]))
		},
	}
}

func TestPrivateData(t *testing.T) {
	f := newFixture(t, secrets())
	f.invoke("put", "club", "b", "two")
	f.invoke("put", "club", "a", "one")
	f.invoke("put", "others", "a", "else")
	require.Equal(t, "one", f.answer("get", "club", "a", "b"))
	require.Equal(t, "else", f.answer("get", "others", "a"))
	require.Empty(t, f.answer("get", "nobody", "a"))
	sum := sha256.Sum256([]byte("one"))
	require.Equal(t, string(sum[:]), f.answer("hash", "club", "a"))
	require.Empty(t, f.answer("hash", "club", "z"))
	require.Equal(t, "a b", f.answer("list", "club", "", ""))
	require.Equal(t, "a", f.answer("list", "club", "a", "b"))
	require.Empty(t, f.ledger.State(), "private data is not in the public state")
	require.Equal(t, []stub.Write{
		{Collection: "club", Key: "a", Value: []byte("one")}, {Collection: "club", Key: "b", Value: []byte("two")},
	}, f.ledger.Private("club"))
	f.invoke("del", "club", "a")
	f.invoke("purge", "others", "a")
	require.Equal(t, "b", f.answer("list", "club", "", ""))
	require.Empty(t, f.ledger.Private("others"))
	f.invoke("composite", "club", "x", "1")
	require.Equal(t, "\x00o\x00x\x001\x00", f.answer("byPrefix", "club", "x"))
}

func TestPrivateDataRefusals(t *testing.T) {
	f := newFixture(t, secrets())
	for says, call := range map[string]stub.Call{
		"collection is empty":      f.call("put", "", "k", "v"),
		"the collection is empty":  f.call("list", "", "", ""),
		"stub: the collection":     f.call("byPrefix", ""),
		"collection":               f.call("del", "", "k"),
		"the key is empty":         f.call("get", "club", ""),
		"value of \"k\" is empty":  f.call("put", "club", "k", ""),
		"by range cannot write":    f.call("listAndPut", "club"),
		"has written cannot query": f.call("putAndList", "club"),
		"composite key":            f.call("list", "club", "\x00", ""),
	} {
		_, err := f.ledger.Invoke(call)
		require.ErrorContains(t, err, says)
	}
}

// TestPrivateConflict: private keys conflict like public ones, each in its own
// collection.
func TestPrivateConflict(t *testing.T) {
	f := newFixture(t, secrets())
	f.invoke("put", "club", "a", "one")
	write, elsewhere, late := f.simulate("put", "club", "a", "two"), f.simulate("put", "others", "a", "x"), f.simulate("move", "club", "a", "b")
	hashed := f.simulate("hash", "club", "a")
	require.Equal(t, []peer.TxValidationCode{
		peer.TxValidationCode_VALID, peer.TxValidationCode_VALID, peer.TxValidationCode_MVCC_READ_CONFLICT, peer.TxValidationCode_MVCC_READ_CONFLICT,
	}, f.ledger.Commit(elsewhere, write, late, hashed))
}
