package pre

import (
	"io"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/stretchr/testify/require"
)

func (w *world) claims(t testing.TB, n int) []Claimed {
	owners := []*ScopedSecretKey{w.owner, w.insurer, w.other}
	out := make([]Claimed, n)
	for k := range out {
		owner := owners[k%len(owners)]
		c, err := w.p.Seal(owner.PublicKey(), "r", w.info, discardWriter{}, emptyReader{})
		require.NoError(t, err)
		out[k] = Claimed{c, owner.PublicKey()}
	}
	return out
}

func TestBatchValidityNamesTheBadOnes(t *testing.T) {
	w := newWorld(t, "batch")
	claims := w.claims(t, 9)
	verified, bad, err := w.p.VerifyCapsules(claims, 3)
	require.NoError(t, err)
	require.Empty(t, bad)
	for k, v := range verified {
		require.Same(t, claims[k].Capsule, v.Capsule())
	}

	mauled := *claims[2].Capsule
	mauled.c2.Add(&mauled.c2, &w.other.public.point)
	claims[2].Capsule = &mauled
	claims[5].Key = w.owner.PublicKey() // not its own
	infinite := *claims[7].Capsule
	infinite.c2 = bn254.G1Affine{}
	claims[7].Capsule = &infinite
	verified, bad, err = w.p.VerifyCapsules(claims, 3)
	require.NoError(t, err)
	require.Equal(t, []int{2, 5, 7}, bad)
	for k, v := range verified {
		require.Equal(t, k == 2 || k == 5 || k == 7, v == nil)
	}
	_, _, err = w.p.VerifyCapsules(claims, 2)
	require.ErrorIs(t, err, ErrTooManyBad)

	paper, err := GeneratePaperKey()
	require.NoError(t, err)
	_, bad, err = w.p.VerifyCapsules([]Claimed{{claims[0].Capsule, paper.PublicKey()}, {}}, 2)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1}, bad)
	_, bad, err = w.p.VerifyCapsules(nil, 0)
	require.NoError(t, err)
	require.Empty(t, bad)
}

// Two capsules whose errors cancel when C2 and C5 share one coefficient, or
// none: the naive batches accept them, ours does not.
func TestCancellingCapsulesAreFound(t *testing.T) {
	w := newWorld(t, "cancel")
	claims := w.claims(t, 2)
	shift := w.other.public.point
	var minus bn254.G1Affine
	minus.Neg(&shift)
	a := *claims[0].Capsule
	a.c2.Add(&a.c2, &shift)
	a.c5.Add(&a.c5, &minus)
	bad := []Claimed{{&a, claims[0].Key}, claims[1]}
	require.True(t, naiveBatch(w.p, bad), "one coefficient a capsule binds only the product of C2 and C5")
	_, found, err := w.p.VerifyCapsules(bad, 2)
	require.NoError(t, err)
	require.Equal(t, []int{0}, found)
}

// naiveBatch is prod e((PK u^h v d)^c, C1) = e(prod (C2 C5)^c, ĝ1).
func naiveBatch(p *Parameters, claims []Claimed) bool {
	var points []bn254.G1Affine
	var c1 []bn254.G2Affine
	var sum bn254.G1Jac
	for _, c := range claims {
		coefficient, err := curve.RandomShort()
		if err != nil {
			return false
		}
		h := c.Capsule.h()
		left := curve.MulG1(&p.u, &h)
		left.Add(&left, &p.vd)
		left.Add(&left, &c.Key.key().point)
		left.ScalarMultiplication(&left, coefficient)
		points, c1 = append(points, left), append(c1, c.Capsule.c1)
		var right bn254.G1Affine
		right.Add(&c.Capsule.c2, &c.Capsule.c5)
		right.ScalarMultiplication(&right, coefficient)
		sum.AddMixed(&right)
	}
	var right bn254.G1Affine
	right.FromJacobian(&sum)
	return curve.ProductEquals(points, c1, &right, p.gHat1)
}

func TestSearchOverManyCapsules(t *testing.T) {
	w := newWorld(t, "search many")
	claims := w.claims(t, 10)
	capsules := make([]*Capsule, len(claims)+1)
	for k, c := range claims {
		capsules[k] = c.Capsule
	}
	token, err := w.owner.DelegateSearch(w.p, "r", w.consent)
	require.NoError(t, err)
	trapdoor, err := w.master.OpenTrapdoor(w.p, token, token.Commitment(w.p))
	require.NoError(t, err)
	require.Equal(t, []int{0, 3, 6, 9}, trapdoor.Search(capsules))
	require.Empty(t, trapdoor.Search(nil))
}

type discardWriter struct{}

func (discardWriter) Write(b []byte) (int, error) { return len(b), nil }

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, io.EOF }
