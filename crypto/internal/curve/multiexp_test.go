package curve

import (
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/stretchr/testify/require"
)

// edgeCoefficients are where the digits of a non-adjacent form carry.
func edgeCoefficients(t *testing.T) []*big.Int {
	var out []*big.Int
	for _, n := range []int64{0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 255} {
		out = append(out, big.NewInt(n))
	}
	top := new(big.Int).Lsh(big.NewInt(1), shortBits)
	for _, n := range []int64{1, 2, 7, 8, 9, 15, 16, 17} {
		out = append(out, new(big.Int).Sub(top, big.NewInt(n)))
		half := new(big.Int).Lsh(big.NewInt(n), 64)
		out = append(out, half, new(big.Int).Sub(half, big.NewInt(1)))
	}
	for range 20 {
		n, err := RandomShort()
		require.NoError(t, err)
		out = append(out, n)
	}
	return out
}

func TestNonAdjacentForms(t *testing.T) {
	for _, n := range edgeCoefficients(t) {
		digits := newNAF(n)
		sum, gap := new(big.Int), nafWidth
		for i := len(digits) - 1; i >= 0; i-- {
			sum.Lsh(sum, 1)
			sum.Add(sum, big.NewInt(int64(digits[i])))
			gap++
			if digits[i] != 0 {
				require.True(t, digits[i]%2 != 0 && -8 < digits[i] && digits[i] < 8, "digit %d", digits[i])
				require.GreaterOrEqual(t, gap, nafWidth)
				gap = 0
			}
		}
		require.Zero(t, n.Cmp(sum), "%v is not %v", sum, n)
	}
}

func TestMultiExpEqualsSeparatePowers(t *testing.T) {
	coefficients := edgeCoefficients(t)
	points := make([]bn254.G1Affine, len(coefficients))
	for k := range points {
		points[k] = HashToG1([]byte{byte(k)}, "multiexp-test")
	}
	points[3] = bn254.G1Affine{} // the identity
	points[5] = points[4]        // twice the same, and its inverse
	points[6].Neg(&points[4])
	for _, n := range []int{0, 1, 2, 3, 7, len(points)} {
		var want bn254.G1Jac
		for k := range n {
			var term bn254.G1Jac
			want.AddAssign(term.ScalarMultiplication(term.FromAffine(&points[k]), coefficients[k]))
		}
		got := MultiExp(points[:n], coefficients[:n])
		require.True(t, got.Equal(&want), "%d points", n)
	}
	for k := range points {
		var want bn254.G1Jac
		want.ScalarMultiplication(new(bn254.G1Jac).FromAffine(&points[k]), coefficients[k])
		got := MultiExp(points[k:k+1], coefficients[k:k+1])
		require.True(t, got.Equal(&want), "%v", coefficients[k])
	}
}

func TestProductsOnAllCores(t *testing.T) {
	var p []bn254.G1Affine
	var q []bn254.G2Affine
	for k := range 13 {
		point := HashToG1([]byte{byte(k)}, "product-test")
		var minus bn254.G1Affine
		p = append(p, point, *minus.Neg(&point))
		other := HashToG2([]byte{byte(k)}, "product-test")
		q = append(q, other, other)
		require.True(t, LargeProductIsOne(p, q))
		require.True(t, ProductIsOne(p, q))
		require.False(t, LargeProductIsOne(p[1:], q[1:]))
		require.True(t, ProductEquals(p[1:], q[1:], &p[1], NewFixedG2(q[0])))
		require.False(t, ProductEquals(p[1:], q[1:], &p[0], NewFixedG2(q[0])))
	}
	require.False(t, LargeProductIsOne(p, q[1:]))
	require.False(t, ProductIsOne(nil, nil))
	require.False(t, ProductEquals(p, q[1:], &p[0], NewFixedG2(q[0])))
}
