package curve

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/consensys/gnark-crypto/ecc/bn254"
)

// lines is gnark's precomputation for a fixed second argument of a pairing.
type lines = [2][len(bn254.LoopCounter)]bn254.LineEvaluationAff

// FixedG2 is a point of G2 with its precomputed Miller lines (about 17 KB). It
// is safe for concurrent use.
type FixedG2 struct {
	point bn254.G2Affine
	lines lines
}

// NewFixedG2 precomputes the lines of q.
func NewFixedG2(q bn254.G2Affine) *FixedG2 {
	return &FixedG2{point: q, lines: bn254.PrecomputeLines(q)}
}

// Point is the fixed point itself.
func (f *FixedG2) Point() bn254.G2Affine { return f.point }

// Pair is e(p, q) of the paper for the fixed q.
func (f *FixedG2) Pair(p *bn254.G1Affine) bn254.GT {
	z := f.Miller(p)
	return bn254.FinalExponentiation(&z)
}

// Miller is the Miller loop of [FixedG2.Pair], before the final exponentiation.
func (f *FixedG2) Miller(p *bn254.G1Affine) bn254.GT {
	// gnark overwrites the lines it is handed (v0.18.1 to v0.22.0): give it a
	// copy, or the second pairing is wrong and concurrent ones race.
	own := []lines{f.lines}
	z, err := bn254.MillerLoopFixedQ([]bn254.G1Affine{*p}, own)
	if err != nil {
		panic("curve: " + err.Error()) // one point, one set of lines
	}
	return z
}

// Pair is e(p, q).
func Pair(p *bn254.G1Affine, q *bn254.G2Affine) bn254.GT {
	z, err := bn254.Pair([]bn254.G1Affine{*p}, []bn254.G2Affine{*q})
	if err != nil {
		panic("curve: " + err.Error()) // one point each
	}
	return z
}

// PairsEqual reports whether e(a, q) = e(b, f).
func PairsEqual(a *bn254.G1Affine, q *bn254.G2Affine, b *bn254.G1Affine, f *FixedG2) bool {
	return ProductEquals([]bn254.G1Affine{*a}, []bn254.G2Affine{*q}, b, f)
}

// ProductEquals reports whether the product of e(p[k], q[k]) is e(b, f): all
// pairs in one Miller loop, which shares its squarings, and one final
// exponentiation. A loop of its own over f's lines would save less than its
// squarings cost.
func ProductEquals(p []bn254.G1Affine, q []bn254.G2Affine, b *bn254.G1Affine, f *FixedG2) bool {
	if len(p) != len(q) {
		return false
	}
	var minusB bn254.G1Affine
	minusB.Neg(b)
	return ProductIsOne(append(slices.Clip(p), minusB), append(slices.Clip(q), f.point))
}

// ProductIsOne reports whether the product of e(p[k], q[k]) is one.
func ProductIsOne(p []bn254.G1Affine, q []bn254.G2Affine) bool {
	z, err := bn254.MillerLoop(p, q)
	return err == nil && finalIsOne(&z)
}

func finalIsOne(z *bn254.GT) bool {
	result := bn254.FinalExponentiation(z)
	return result.IsOne()
}

// millerPairs is how many pairs of a product are worth a core of their own: the
// squarings that cores do not share cost about one pair.
const millerPairs = 4

// LargeProductIsOne is [ProductIsOne] on all cores, for many pairs. Its answer
// does not depend on how many cores there are.
func LargeProductIsOne(p []bn254.G1Affine, q []bn254.G2Affine) bool {
	if len(p) != len(q) {
		return false
	}
	parts := make([]bn254.GT, min(runtime.GOMAXPROCS(0), max(1, len(p)/millerPairs)))
	errs := make([]error, len(parts))
	Parallel(len(parts), func(i int) {
		from, to := i*len(p)/len(parts), (i+1)*len(p)/len(parts)
		parts[i], errs[i] = bn254.MillerLoop(p[from:to], q[from:to])
	})
	if errors.Join(errs...) != nil {
		return false
	}
	for i := range parts[1:] {
		parts[0].Mul(&parts[0], &parts[1+i])
	}
	return finalIsOne(&parts[0])
}

// Parallel runs work for 0 to n-1 on all cores, on the caller's goroutine alone
// if there is one core or one piece of work. Who is free takes the next piece.
// When work panics, Parallel does, on the caller's goroutine: there alone can a
// caller recover, and a panic anywhere else ends the process.
func Parallel(n int, work func(int)) {
	cores := min(n, runtime.GOMAXPROCS(0))
	if cores <= 1 {
		for i := range n {
			work(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	panicked := make(chan string, cores)
	for range cores {
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() {
				if cause := recover(); cause != nil {
					panicked <- fmt.Sprintf("%v\non another goroutine:\n%s", cause, debug.Stack())
				}
			}()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				work(i)
			}
		}()
	}
	wg.Wait()
	select {
	case cause := <-panicked:
		panic(cause)
	default:
	}
}
