package curve

import (
	"bytes"
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fp"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
)

// Checks that no other test would miss; see package pre's.

func outsideG2(t *testing.T) bn254.G2Affine {
	for i := byte(1); i < 50; i++ {
		b := make([]byte, G2Size)
		b[0], b[63] = 0x80, i
		var p bn254.G2Affine
		if bn254.NewDecoder(bytes.NewReader(b), bn254.NoSubgroupChecks()).Decode(&p) == nil && !p.IsInSubGroup() {
			return p
		}
	}
	t.Fatal("found no point of the twist outside the subgroup")
	return bn254.G2Affine{}
}

func TestElementsInMemory(t *testing.T) {
	_, _, g1, g2 := bn254.Generators()
	require.True(t, ValidG1(&g1))
	require.True(t, ValidG2(&g2))
	off1, off2, twist := g1, g2, outsideG2(t)
	off1.Y.Double(&off1.Y)
	off2.Y.Double(&off2.Y)
	require.False(t, ValidG1(&bn254.G1Affine{}))
	require.False(t, ValidG1(&off1))
	require.False(t, ValidG2(&bn254.G2Affine{}))
	require.False(t, ValidG2(&off2))
	require.False(t, ValidG2(&twist))

	z := Pair(&g1, &g2)
	require.True(t, ValidGT(&z))
	var one, random bn254.GT
	one.SetOne()
	random.MustSetRandom()
	for _, bad := range []*bn254.GT{{}, &one, &random} {
		require.False(t, ValidGT(bad))
	}
}

// plusP is the coordinate at the offset of b, not reduced.
func plusP(b []byte, at int) []byte {
	b = bytes.Clone(b)
	x := new(big.Int).SetBytes(b[at : at+32])
	x.Add(x, fp.Modulus()).FillBytes(b[at : at+32])
	return b
}

func TestCoordinatesThatAreNotReduced(t *testing.T) {
	_, _, g1, g2 := bn254.Generators()
	raw, z := g2.RawBytes(), Pair(&g1, &g2)
	for at := 0; at < G2RawSize; at += 32 {
		_, err := G2Raw(plusP(raw[:], at))
		require.ErrorIs(t, err, ErrMalformed)
	}
	gt := z.Bytes()
	for at := 0; at < GTSize; at += 32 {
		_, err := GT(plusP(gt[:], at))
		require.ErrorIs(t, err, ErrMalformed)
	}
	// x + p fits beneath the flags of the second coordinate of G2, and x = 1 + p
	// in 254 bits beneath those of G1.
	b2 := g2.Bytes()
	_, err := G2(plusP(b2[:], 32))
	require.ErrorIs(t, err, ErrMalformed)
	b1 := new(big.Int).Add(fp.Modulus(), big.NewInt(1)).FillBytes(make([]byte, G1Size))
	b1[0] |= 0x80
	_, err = G1(b1)
	require.ErrorIs(t, err, ErrMalformed)
}

func TestLengthsAreExact(t *testing.T) {
	_, _, g1, g2 := bn254.Generators()
	b1, b2, raw, z := g1.Bytes(), g2.Bytes(), g2.RawBytes(), Pair(&g1, &g2)
	gt := z.Bytes()
	one := fr.One()
	s := one.Bytes()
	for _, e := range []struct {
		b      []byte
		decode func([]byte) error
	}{
		{b1[:], func(b []byte) error { _, err := G1(b); return err }},
		{b2[:], func(b []byte) error { _, err := G2(b); return err }},
		{raw[:], func(b []byte) error { _, err := G2Raw(b); return err }},
		{gt[:], func(b []byte) error { _, err := GT(b); return err }},
		{s[:], func(b []byte) error { _, err := Scalar(b); return err }},
	} {
		require.NoError(t, e.decode(e.b))
		// Clones, so that nothing readable lies behind the end.
		for _, n := range []int{0, 1, len(e.b) / 2, len(e.b) - 1} {
			require.ErrorIs(t, e.decode(bytes.Clone(e.b[:n])), ErrMalformed)
		}
		require.ErrorIs(t, e.decode(append(bytes.Clone(e.b), 0)), ErrMalformed)
		require.ErrorIs(t, e.decode(append([]byte{0}, e.b...)), ErrMalformed)
	}
}

func TestZeroIsDrawnAgain(t *testing.T) {
	draw := make([]byte, 96) // zero, then seven
	draw[95] = 7
	s, err := RandomScalar(bytes.NewReader(draw))
	require.NoError(t, err)
	require.Equal(t, int64(7), Int(&s).Int64())
	multiple := new(big.Int).Lsh(fr.Modulus(), 64).FillBytes(make([]byte, 48)) // 0 mod r
	s, err = RandomScalar(bytes.NewReader(append(multiple, draw...)))
	require.NoError(t, err)
	require.Equal(t, int64(7), Int(&s).Int64())
}
