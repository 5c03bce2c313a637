package contract_test

import (
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/stretchr/testify/require"
)

// TestCompositePrefix: package record, which knows no Fabric, joins keys as
// Fabric does.
func TestCompositePrefix(t *testing.T) {
	parts := []string{record.KeyPart([]byte{1, 2, 3}), "0000000000"}
	want, err := shim.CreateCompositeKey(record.ViolationKeys, parts)
	require.NoError(t, err)
	require.Equal(t, want, record.CompositePrefix(record.ViolationKeys, parts...))
}
