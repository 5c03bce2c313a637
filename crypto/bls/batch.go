package bls

import (
	"encoding/binary"
	"math/big"
	"slices"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/consensys/gnark-crypto/ecc/bn254"
)

// Item is one signature of a batch.
type Item struct {
	Key       *PublicKey
	Role      Role
	Hash      [32]byte // the statement's hash
	Signature Signature
}

// VerifyBatch checks all items together with (distinct signers + 1) pairings and
// one multi-exponentiation for each, on all cores.
//
// It returns the indexes of the bad items in ascending order, none when all are
// good. When more than maxBad are bad it stops and returns [ErrTooManyBad]: the
// cap bounds what one hostile batch can make its verifier compute.
//
// Coefficients are 128 bits, derived by hashing every key, role, statement hash
// and signature of the batch: two wrong signatures cannot be chosen to cancel.
// The result is therefore deterministic, as a chaincode needs.
func VerifyBatch(paramsID [32]byte, items []Item, maxBad int) (bad []int, err error) {
	b := batch{items: items, points: make([]bn254.G1Affine, len(items)), sigs: make([]bn254.G1Affine, len(items))}
	b.coefficients = coefficients(paramsID, items)
	malformed := make([]bool, len(items))
	curve.Parallel(len(items), func(k int) {
		s, err := curve.G1(items[k].Signature[:])
		if err != nil {
			malformed[k] = true
			return
		}
		b.sigs[k], b.points[k] = s, signedPoint(items[k].Key, items[k].Role, items[k].Hash)
	})
	var rest []int
	for k := range items {
		if malformed[k] {
			bad = append(bad, k)
		} else {
			rest = append(rest, k)
		}
	}
	if len(bad) > maxBad || !b.find(rest, maxBad, &bad) {
		return nil, ErrTooManyBad
	}
	slices.Sort(bad)
	return bad, nil
}

// coefficients: seed = SHA256(lp(D"batch") ‖ paramsID ‖ n ‖ all PK, role, hash,
// signature), c_k = SHA256(lp(D"batch-c") ‖ seed ‖ k)[:16].
func coefficients(paramsID [32]byte, items []Item) []*big.Int {
	all := binary.BigEndian.AppendUint32(paramsID[:], uint32(len(items)))
	for _, it := range items {
		all = append(all, it.Key.bytes[:]...)
		all = append(all, byte(it.Role))
		all = append(all, it.Hash[:]...)
		all = append(all, it.Signature[:]...)
	}
	seed := tag.Hash(tag.Batch, all)
	c := make([]*big.Int, len(items))
	for k := range c {
		h := tag.Hash(tag.BatchC, seed[:], binary.BigEndian.AppendUint32(nil, uint32(k)))
		c[k] = new(big.Int).SetBytes(h[:16])
	}
	return c
}

type batch struct {
	items        []Item
	points       []bn254.G1Affine // hashed statements
	sigs         []bn254.G1Affine
	coefficients []*big.Int
}

// holds checks the equation over the items at the given indexes:
//
//	prod over signers e(prod H_k^c_k, PK) = e(prod σ_k^c_k, ĝ)
func (b *batch) holds(idx []int) bool {
	if len(idx) == 1 { // alone, it needs no coefficient
		return pairsMatch(b.points[idx[0]:idx[0]+1], []bn254.G2Affine{b.items[idx[0]].Key.point}, b.sigs[idx[0]])
	}
	var groups [][]int // one for each signer, in order of appearance
	groupOf := map[[PublicKeySize]byte]int{}
	for _, k := range idx {
		i, seen := groupOf[b.items[k].Key.bytes]
		if !seen {
			i = len(groups)
			groupOf[b.items[k].Key.bytes] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], k)
	}
	h := make([]bn254.G1Affine, len(groups)+1)
	keys := make([]bn254.G2Affine, len(groups)+1)
	curve.Parallel(len(h), func(i int) {
		if i == 0 { // the longest first
			h[i] = b.sum(b.sigs, idx)
			h[i].Neg(&h[i])
			_, _, _, keys[i] = bn254.Generators()
			return
		}
		h[i], keys[i] = b.sum(b.points, groups[i-1]), b.items[groups[i-1][0]].Key.point
	})
	return curve.LargeProductIsOne(h, keys)
}

// sum is the product of points[k]^c_k.
func (b *batch) sum(points []bn254.G1Affine, idx []int) (out bn254.G1Affine) {
	bases, exponents := make([]bn254.G1Affine, len(idx)), make([]*big.Int, len(idx))
	for i, k := range idx {
		bases[i], exponents[i] = points[k], b.coefficients[k]
	}
	z := curve.MultiExp(bases, exponents)
	return *out.FromJacobian(&z)
}

// find appends the bad indexes among idx by bisection; false: more than maxBad.
func (b *batch) find(idx []int, maxBad int, bad *[]int) bool {
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
