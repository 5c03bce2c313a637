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

// VerifyBatch checks all items together with (distinct signers + 1) pairings.
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
	var rest []int
	for k, it := range items {
		s, err := curve.G1(it.Signature[:])
		if err != nil {
			bad = append(bad, k)
			continue
		}
		b.sigs[k], b.points[k] = s, signedPoint(it.Key, it.Role, it.Hash)
		rest = append(rest, k)
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

// holds checks the equation over the items at the given indexes.
func (b *batch) holds(idx []int) bool {
	var sum bn254.G1Jac
	var signers []*PublicKey
	perSigner := map[[PublicKeySize]byte]*bn254.G1Jac{}
	for _, k := range idx {
		var term bn254.G1Jac
		sum.AddAssign(term.ScalarMultiplication(new(bn254.G1Jac).FromAffine(&b.sigs[k]), b.coefficients[k]))
		acc := perSigner[b.items[k].Key.bytes]
		if acc == nil {
			acc = new(bn254.G1Jac)
			perSigner[b.items[k].Key.bytes] = acc
			signers = append(signers, b.items[k].Key)
		}
		acc.AddAssign(term.ScalarMultiplication(new(bn254.G1Jac).FromAffine(&b.points[k]), b.coefficients[k]))
	}
	h := make([]bn254.G1Affine, len(signers), len(signers)+1)
	keys := make([]bn254.G2Affine, len(signers), len(signers)+1)
	for i, pk := range signers {
		h[i].FromJacobian(perSigner[pk.bytes])
		keys[i] = pk.point
	}
	var s bn254.G1Affine
	s.FromJacobian(&sum)
	return pairsMatch(h, keys, s)
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
