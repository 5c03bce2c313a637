package main

import (
	"math/big"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// The primitives by name; bounds are made of them.
const (
	g1Mul         = "G1 multiplication"
	g1Short       = "G1 multiplication, 128 bits"
	g1ShortTwo    = "G1 multiplication, 128 bits, 2 points"
	g1ShortTwenty = "G1 multiplication, 128 bits, 20 points"
	g1Table       = "G1 multiplication by table"
	g2Mul         = "G2 multiplication"
	g2Table       = "G2 multiplication by table"
	gtPow         = "GT power"
	gtTable       = "GT power by table"
	loopOne       = "Miller loop, one pair"
	loopTwo       = "Miller loop, two pairs"
	loopMany      = "Miller loop, 22 pairs"
	loopFixed     = "Miller loop, precomputed lines"
	lines         = "lines of one point"
	finalExp      = "final exponentiation"
	pairOne       = "pairing"
	pairFixed     = "pairing, precomputed lines"
	hashG1        = "hash to G1"
	hashG2        = "hash to G2"
	decodeG1      = "decode G1"
	decodeG2      = "decode G2, with order"
	decodeGT      = "decode GT, with order"
)

func repeat[T any](v T, n int) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = v
	}
	return list
}

func (w *world) primitives() []*timed {
	p, q := curve.HashToG1([]byte("p"), "bench"), curve.HashToG2([]byte("q"), "bench")
	// As in use, inputs change: no branch is learnt, and a table's entries come
	// from memory.
	var scalars [256]fr.Element
	for i := range scalars {
		s, err := curve.RandomScalar(nil)
		must(err)
		scalars[i] = s
	}
	next := 0
	s := func() *fr.Element {
		next = (next + 1) % len(scalars)
		return &scalars[next]
	}
	var exponents []*big.Int
	var points []bn254.G1Affine
	var encoded [][]byte
	for k := range 256 {
		short, err := curve.RandomShort()
		must(err)
		point := curve.HashToG1([]byte{byte(k)}, "bench")
		b := point.Bytes()
		exponents, points, encoded = append(exponents, short), append(points, point), append(encoded, b[:])
	}
	turn := 0
	multiExp := func(n int) func() {
		return func() {
			turn = (turn + n) % (len(points) - n)
			curve.MultiExp(points[turn:turn+n], exponents[turn:turn+n])
		}
	}
	one := func(list [][]byte) []byte {
		turn = (turn + 1) % len(list)
		return list[turn]
	}
	e := curve.Pair(&p, &q)
	t1, t2, tt, fixed := curve.NewTableG1(p), curve.NewTableG2(q), curve.NewTableGT(e), curve.NewFixedG2(q)
	b2, bt := q.Bytes(), e.Bytes()
	loop := func(n int) func() {
		ps, qs := repeat(p, n), repeat(q, n)
		return func() { _, err := bn254.MillerLoop(ps, qs); must(err) }
	}
	f, err := bn254.MillerLoop([]bn254.G1Affine{p}, []bn254.G2Affine{q})
	must(err)
	return []*timed{
		{name: g1Mul, run: func() { curve.MulG1(&p, s()) }},
		{name: g1Short, run: multiExp(1)},
		{name: g1ShortTwo, run: multiExp(2)},
		{name: g1ShortTwenty, run: multiExp(20)},
		{name: g1Table, run: func() { t1.PowJac(s()) }},
		{name: g2Mul, run: func() { curve.MulG2(&q, s()) }},
		{name: g2Table, run: func() { t2.Pow(s()) }},
		{name: gtPow, run: func() { curve.PowGT(e, s()) }},
		{name: gtTable, run: func() { tt.Pow(s()) }},
		{name: loopOne, run: loop(1)},
		{name: loopTwo, run: loop(2)},
		{name: loopMany, run: loop(22)},
		{name: loopFixed, run: func() { fixed.Miller(&p) }},
		{name: lines, run: func() { bn254.PrecomputeLines(q) }},
		{name: finalExp, run: func() { bn254.FinalExponentiation(&f) }},
		{name: pairOne, run: func() { curve.Pair(&p, &q) }},
		{name: pairFixed, run: func() { fixed.Pair(&p) }},
		{name: hashG1, run: func() { curve.HashToG1(one(encoded), "bench") }},
		{name: hashG2, run: func() { curve.HashToG2(one(encoded), "bench") }},
		{name: decodeG1, run: func() { _, err := curve.G1(one(encoded)); must(err) }},
		{name: decodeG2, run: func() { _, err := curve.G2(b2[:]); must(err) }},
		{name: decodeGT, run: func() { _, err := curve.GT(bt[:]); must(err) }},
	}
}
