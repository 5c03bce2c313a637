package bls

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// The answer is that of single verifications, whatever the number of cores and
// however the items fall into groups.
func TestBatchAgreesWithSingleVerificationOnAnyNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, shape := range []struct{ items, signers int }{{1, 1}, {2, 2}, {9, 1}, {12, 12}, {23, 9}} {
		items := batchOf(t, shape.items, shape.signers)
		for _, wrong := range [][]int{nil, {0}, {shape.items - 1}, {0, shape.items / 2}} {
			attacked := append([]Item(nil), items...)
			for _, k := range wrong {
				attacked[k].Hash[0] ^= 1
			}
			var want []int
			for k, it := range attacked {
				if Verify(it.Key, it.Role, it.Hash, it.Signature) != nil {
					want = append(want, k)
				}
			}
			for _, cores := range []int{1, 2, 5} {
				runtime.GOMAXPROCS(cores)
				got, err := VerifyBatch(paramsID, attacked, len(items))
				require.NoError(t, err)
				require.Equal(t, want, got, fmt.Sprintf("%+v, %d cores", shape, cores))
			}
		}
	}
}
