package curve

import (
	"bytes"
	"math/big"
	"sync"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
)

func TestFixedPairingEqualsPairingEveryTime(t *testing.T) {
	_, _, g1, _ := bn254.Generators()
	q := HashToG2([]byte("q"), "curve-test")
	want := Pair(&g1, &q)
	fixed := NewFixedG2(q)
	var wg sync.WaitGroup
	for range 8 { // also a race test: the library writes into the lines it gets
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 3 {
				got := fixed.Pair(&g1)
				if !got.Equal(&want) {
					t.Error("fixed-argument pairing differs")
				}
			}
		}()
	}
	wg.Wait()
}

func TestPointDecodingIsStrict(t *testing.T) {
	_, _, g1, g2 := bn254.Generators()
	b1, b2 := g1.Bytes(), g2.Bytes()
	_, err := G1(b1[:])
	require.NoError(t, err)
	_, err = G2(b2[:])
	require.NoError(t, err)

	raw1, raw2 := g1.RawBytes(), g2.RawBytes()
	infinity1, infinity2 := make([]byte, G1Size), make([]byte, G2Size)
	infinity1[0], infinity2[0] = 0x40, 0x40
	notReduced := bytes.Repeat([]byte{0xff}, G1Size)
	for name, b := range map[string][]byte{
		"empty": nil, "short": b1[:31], "long": append(b1[:], 0), "infinity": infinity1,
		"uncompressed": raw1[:], "uncompressed cut to size": raw1[:32], "not reduced": notReduced,
		"x not on the curve": append([]byte{0x80}, make([]byte, 31)...),
	} {
		_, err := G1(b)
		if name == "x not on the curve" { // x = 0: 3 is not a square mod p
			require.ErrorIs(t, err, ErrMalformed, name)
			continue
		}
		require.ErrorIs(t, err, ErrMalformed, name)
	}
	for name, b := range map[string][]byte{
		"empty": nil, "short": b2[:63], "long": append(b2[:], 0), "infinity": infinity2, "uncompressed": raw2[:],
	} {
		_, err := G2(b)
		require.ErrorIs(t, err, ErrMalformed, name)
	}
}

// A point of the twist outside the subgroup: on the curve, wrong order.
func TestTwistPointOutsideSubgroupIsRefused(t *testing.T) {
	for i := byte(1); i < 50; i++ {
		b := make([]byte, G2Size)
		b[0], b[63] = 0x80, i
		var p bn254.G2Affine
		dec := bn254.NewDecoder(bytes.NewReader(b), bn254.NoSubgroupChecks())
		if dec.Decode(&p) != nil || p.IsInSubGroup() {
			continue
		}
		_, err := G2(b)
		require.ErrorIs(t, err, ErrMalformed)
		return
	}
	t.Fatal("found no point of the twist outside the subgroup")
}

func TestRawG2(t *testing.T) {
	q := HashToG2([]byte("raw"), "curve-test")
	raw := q.RawBytes()
	p, err := G2Raw(raw[:])
	require.NoError(t, err)
	require.True(t, p.Equal(&q))
	raw[127] ^= 1
	_, err = G2Raw(raw[:])
	require.ErrorIs(t, err, ErrMalformed)
	_, err = G2Raw(raw[:64])
	require.ErrorIs(t, err, ErrMalformed)
	_, err = G2Raw(make([]byte, G2RawSize))
	require.ErrorIs(t, err, ErrMalformed)
}

func TestTargetGroupDecodingIsStrict(t *testing.T) {
	_, _, g1, g2 := bn254.Generators()
	z := Pair(&g1, &g2)
	b := z.Bytes()
	got, err := GT(b[:])
	require.NoError(t, err)
	require.True(t, got.Equal(&z))

	var one, zero, outside bn254.GT
	one.SetOne()
	outside.Set(&z)
	outside.C0.B0.A0.SetUint64(7)
	// An element of the cyclotomic subgroup whose order is not r.
	var cyclotomic bn254.GT
	cyclotomic.MustSetRandom()
	var inv, t0 bn254.GT
	inv.Inverse(&cyclotomic)
	t0.Conjugate(&cyclotomic)
	t0.Mul(&t0, &inv)
	cyclotomic.FrobeniusSquare(&t0)
	cyclotomic.Mul(&cyclotomic, &t0)
	for name, e := range map[string]*bn254.GT{"one": &one, "zero": &zero, "outside": &outside, "cyclotomic only": &cyclotomic} {
		enc := e.Bytes()
		_, err := GT(enc[:])
		require.ErrorIs(t, err, ErrMalformed, name)
	}
	_, err = GT(b[:383])
	require.ErrorIs(t, err, ErrMalformed)
}

func TestScalars(t *testing.T) {
	_, err := Scalar(make([]byte, 32))
	require.ErrorIs(t, err, ErrMalformed)
	order := fr.Modulus().FillBytes(make([]byte, 32))
	_, err = Scalar(order)
	require.ErrorIs(t, err, ErrMalformed)
	s, err := Scalar(big.NewInt(5).FillBytes(make([]byte, 32)))
	require.NoError(t, err)
	require.Equal(t, int64(5), Int(&s).Int64())

	_, _, g1, _ := bn254.Generators()
	plain := MulG1(&g1, &s)
	blinded, err := MulBlinded(&g1, &s)
	require.NoError(t, err)
	require.True(t, plain.Equal(&blinded))

	_, err = RandomScalar(bytes.NewReader(nil))
	require.Error(t, err)
}
