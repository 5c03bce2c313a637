package curve

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/stretchr/testify/require"
)

// FuzzElements: what a decoder of elements accepts is valid in memory and
// encodes back to the same bytes; what it refuses is malformed.
func FuzzElements(f *testing.F) {
	_, _, g1, g2 := bn254.Generators()
	b1, b2, raw1, raw2 := g1.Bytes(), g2.Bytes(), g1.RawBytes(), g2.RawBytes()
	z := Pair(&g1, &g2)
	bt := z.Bytes()
	f.Add(b1[:])
	f.Add(b2[:])
	f.Add(raw1[:])
	f.Add(raw2[:])
	f.Add(bt[:])
	f.Add(append([]byte{0x40}, make([]byte, 31)...))
	f.Add(append([]byte{0x40}, make([]byte, 63)...))
	f.Add(append(make([]byte, GTSize-1), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		check := func(err error, valid func() bool, encode func() []byte) {
			if err != nil {
				require.ErrorIs(t, err, ErrMalformed)
				return
			}
			require.True(t, valid())
			require.Equal(t, b, encode())
		}
		p, err := G1(b)
		check(err, func() bool { return ValidG1(&p) }, func() []byte { e := p.Bytes(); return e[:] })
		q, err := G2(b)
		check(err, func() bool { return ValidG2(&q) }, func() []byte { e := q.Bytes(); return e[:] })
		raw, err := G2Raw(b)
		check(err, raw.IsOnCurve, func() []byte { e := raw.RawBytes(); return e[:] })
		e, err := GT(b)
		check(err, func() bool { return ValidGT(&e) }, func() []byte { c := e.Bytes(); return c[:] })
		s, err := Scalar(b)
		check(err, func() bool { return !s.IsZero() }, func() []byte { c := s.Bytes(); return c[:] })
	})
}
