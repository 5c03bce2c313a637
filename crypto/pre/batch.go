package pre

import (
	"errors"
	"fmt"
	"math/big"
	"runtime"
	"slices"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
)

// ErrTooManyBad says that a batch holds more bad capsules than the caller
// wanted named.
var ErrTooManyBad = errors.New("pre: more bad capsules than the caller lets be named")

// Claimed is a capsule and the key that it is claimed to be under.
type Claimed struct {
	Capsule *Capsule
	Key     PublicKey
}

// VerifyCapsules is [Capsule.Verify] for many capsules at once, on all cores:
//
//	prod e(PK_k^ρ_k (u^h_k v d)^σ_k, C1_k) = e(prod C2_k^ρ_k C5_k^σ_k, ĝ1)
//
// with two independent random coefficients for each capsule, drawn here: with
// one, the errors of two capsules can be made to cancel.
//
// verified[k] is nil for the bad ones, whose indexes are in bad, ascending. If
// more than maxBad are bad it stops and returns [ErrTooManyBad]: the cap bounds
// what one hostile batch can make its verifier compute.
func (p *Parameters) VerifyCapsules(claims []Claimed, maxBad int) (verified []*VerifiedCapsule, bad []int, err error) {
	b := &validityBatch{p: p, terms: make([]validityTerm, len(claims))}
	var good []int
	for k, c := range claims {
		if !c.wellFormed() {
			bad = append(bad, k)
			continue
		}
		good = append(good, k)
	}
	if len(bad) > maxBad {
		return nil, nil, ErrTooManyBad
	}
	if err := inParallel(len(good), func(i int) error { return b.prepare(good[i], claims[good[i]]) }); err != nil {
		return nil, nil, err
	}
	// Each core has a share of its own to find the bad ones in.
	shares := chunks(good, runtime.GOMAXPROCS(0))
	found := make([][]int, len(shares))
	err = inParallel(len(shares), func(i int) error {
		if !b.find(shares[i], maxBad, &found[i]) {
			return ErrTooManyBad
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	bad = append(bad, slices.Concat(found...)...)
	if len(bad) > maxBad {
		return nil, nil, ErrTooManyBad
	}
	slices.Sort(bad)
	verified = make([]*VerifiedCapsule, len(claims))
	for k, c := range claims {
		if _, isBad := slices.BinarySearch(bad, k); !isBad {
			verified[k] = &VerifiedCapsule{capsule: c.Capsule, key: c.Key}
		}
	}
	return verified, bad, nil
}

// wellFormed refuses what no equation may decide: keys of the other mode and
// points assembled in memory.
func (c *Claimed) wellFormed() bool {
	return c.Capsule != nil && c.Key != nil && c.Capsule.Mode() == c.Key.Mode() && c.Capsule.pointsValid(c.Key.key())
}

// pointsValid checks points that may have been assembled in memory. The order
// of C1, which takes as long as a tenth of the equation, was checked when these
// very bytes were parsed.
func (c *Capsule) pointsValid(pk *publicKey) bool {
	c1 := c.c1 == c.inGroup && !c.c1.IsInfinity() || curve.ValidG2(&c.c1)
	return c1 && curve.ValidG1(&pk.point) && curve.ValidG1(&c.c2) && curve.ValidG1(&c.c5)
}

// validityTerm is one capsule's part in both sides of the equation.
type validityTerm struct {
	left  bn254.G1Affine // PK^ρ (u^h v d)^σ
	c1    bn254.G2Affine
	right bn254.G1Jac // C2^ρ C5^σ
}

type validityBatch struct {
	p     *Parameters
	terms []validityTerm
}

func (b *validityBatch) prepare(k int, c Claimed) error {
	rho, err := curve.RandomShort()
	if err != nil {
		return err
	}
	sigma, err := curve.RandomShort()
	if err != nil {
		return err
	}
	h := c.Capsule.h()
	uh := b.p.powU(&h)
	uh.AddMixed(&b.p.vd)
	var uhvd bn254.G1Affine
	uhvd.FromJacobian(&uh)
	exponents := []*big.Int{rho, sigma}
	left := curve.MultiExp([]bn254.G1Affine{c.Key.key().point, uhvd}, exponents)
	b.terms[k].left.FromJacobian(&left)
	b.terms[k].c1 = c.Capsule.c1
	b.terms[k].right = curve.MultiExp([]bn254.G1Affine{c.Capsule.c2, c.Capsule.c5}, exponents)
	return nil
}

// holds checks the equation over the capsules at the given indexes.
func (b *validityBatch) holds(idx []int) bool {
	left, points := make([]bn254.G1Affine, len(idx)), make([]bn254.G2Affine, len(idx))
	var sum bn254.G1Jac
	for i, k := range idx {
		left[i], points[i] = b.terms[k].left, b.terms[k].c1
		sum.AddAssign(&b.terms[k].right)
	}
	var right bn254.G1Affine
	right.FromJacobian(&sum)
	return curve.ProductEquals(left, points, &right, b.p.gHat1)
}

// find appends the bad indexes among idx by bisection; false: more than maxBad.
func (b *validityBatch) find(idx []int, maxBad int, bad *[]int) bool {
	if len(idx) == 0 || b.holds(idx) {
		return true
	}
	if len(idx) == 1 {
		*bad = append(*bad, idx[0])
		return len(*bad) <= maxBad
	}
	half := len(idx) / 2
	return b.find(idx[:half], maxBad, bad) && b.find(idx[half:], maxBad, bad)
}

// Search returns the indexes of the capsules that are the owner's under the
// trapdoor's label, ascending: [Trapdoor.Test] on all cores. Nil capsules are
// nobody's.
func (d *Trapdoor) Search(capsules []*Capsule) []int {
	hits := make([]bool, len(capsules))
	curve.Parallel(len(capsules), func(i int) { hits[i] = capsules[i] != nil && d.Test(capsules[i]) })
	var found []int
	for i, hit := range hits {
		if hit {
			found = append(found, i)
		}
	}
	return found
}

// chunks cuts list into at most n parts of nearly equal length.
func chunks(list []int, n int) [][]int {
	var out [][]int
	for i := range n {
		from, to := i*len(list)/n, (i+1)*len(list)/n
		if from < to {
			out = append(out, list[from:to])
		}
	}
	return out
}

// inParallel runs work for 0 to n-1 on all cores and returns one of the errors.
func inParallel(n int, work func(int) error) error {
	errs := make([]error, n)
	curve.Parallel(n, func(i int) { errs[i] = work(i) })
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("pre: batch: %w", err)
	}
	return nil
}
