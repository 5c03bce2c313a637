package pre

import (
	"crypto/subtle"

	"github.com/claimshare/claimshare/crypto/internal/curve"
)

// SearchEncoded is [Trapdoor.Search] over encoded capsules, as a database has
// them. Of each it reads what the test takes, which is the label, C2 and C3, and
// does not decode the rest: decoding all of a capsule costs a third of a test.
// So a hit may be malformed elsewhere. What becomes of it must go through
// [ParseCapsule] and [Capsule.Verify], as every hit must: anybody can seal a
// capsule that an owner's trapdoor finds.
func (d *Trapdoor) SearchEncoded(capsules [][]byte) []int {
	hits := make([]bool, len(capsules))
	curve.Parallel(len(capsules), func(i int) { hits[i] = d.testEncoded(capsules[i]) })
	var found []int
	for i, hit := range hits {
		if hit {
			found = append(found, i)
		}
	}
	return found
}

// testEncoded is [Trapdoor.Test] of an encoded capsule; false if the parts that
// it reads are malformed.
func (d *Trapdoor) testEncoded(b []byte) bool {
	if len(b) < CapsuleOverhead || string(b[:4]) != capsuleMagic || b[4] != version || b[5] != suite {
		return false
	}
	n := int(b[headerFixed-1])
	if len(b) != CapsuleOverhead+n || string(b[headerFixed:headerFixed+n]) != d.label {
		return false
	}
	body := b[headerFixed+n:]
	c2, err := curve.G1(body[64:96])
	if err != nil {
		return false
	}
	want := d.p.searchTag(d.fixed.Pair(&c2))
	return subtle.ConstantTimeCompare(want[:], body[96:128]) == 1
}
