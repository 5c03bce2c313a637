package curve

import (
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
)

// edgeScalars are where signed digits carry, and the ends of the range.
func edgeScalars() []fr.Element {
	var out []fr.Element
	for _, text := range []string{"0", "1", "2", "127", "128", "129", "255", "256", "32767", "32768", "65535"} {
		var s fr.Element
		_, _ = s.SetString(text)
		out = append(out, s)
	}
	var s fr.Element
	s.SetInt64(-1)
	out = append(out, s)
	for _, fill := range []byte{0x7f, 0x80, 0x2f} {
		b := make([]byte, 31)
		for i := range b {
			b[i] = fill
		}
		out = append(out, *s.SetBytes(b))
	}
	for range 20 {
		r, _ := RandomScalar(nil)
		out = append(out, r)
	}
	return out
}

func TestTablesEqualPlainPowers(t *testing.T) {
	_, _, g1, g2 := bn254.Generators()
	gt := Pair(&g1, &g2)
	t1, t2, tt := NewTableG1(g1), NewTableG2(g2), NewTableGT(gt)
	for _, s := range edgeScalars() {
		want1, got1 := MulG1(&g1, &s), t1.Pow(&s)
		require.True(t, want1.Equal(&got1), s.String())
		want2, got2 := MulG2(&g2, &s), t2.Pow(&s)
		require.True(t, want2.Equal(&got2), s.String())
		var want bn254.GT
		want.Exp(gt, s.BigInt(new(big.Int)))
		got := tt.Pow(&s)
		require.True(t, want.Equal(&got), s.String())
		glv := PowGT(gt, &s)
		require.True(t, want.Equal(&glv), s.String())
	}
}

func BenchmarkTables(b *testing.B) {
	_, _, g1, g2 := bn254.Generators()
	gt := Pair(&g1, &g2)
	t1, t2, tt := NewTableG1(g1), NewTableG2(g2), NewTableGT(gt)
	s, err := RandomScalar(nil)
	require.NoError(b, err)
	for _, op := range []struct {
		name string
		run  func()
	}{
		{"G1/table", func() { t1.Pow(&s) }},
		{"G1/plain", func() { MulG1(&g1, &s) }},
		{"G2/table", func() { t2.Pow(&s) }},
		{"G2/plain", func() { MulG2(&g2, &s) }},
		{"GT/table", func() { tt.Pow(&s) }},
		{"GT/plain", func() { PowGT(gt, &s) }},
		{"build/G1", func() { NewTableG1(g1) }},
		{"build/G2", func() { NewTableG2(g2) }},
		{"build/GT", func() { NewTableGT(gt) }},
	} {
		b.Run(op.name, func(b *testing.B) {
			for range b.N {
				op.run()
			}
		})
	}
}
