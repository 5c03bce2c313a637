package pre

import (
	"math/big"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// VerifiedCapsule is a capsule that passed the validity check under the named
// key. It comes out of [Capsule.Verify] alone; re-encryption takes nothing
// else.
type VerifiedCapsule struct {
	capsule *Capsule
	key     PublicKey
}

// Capsule is the capsule that was verified.
func (v *VerifiedCapsule) Capsule() *Capsule { return v.capsule }

// Key is the key under which it was verified.
func (v *VerifiedCapsule) Key() PublicKey { return v.key }

// Verify is the strict validity check (section 3.6, steps 3 and 5, repaired):
//
//	e(PK^ρ u^h v d, C1) = e(C2^ρ C5, ĝ1)
//
// with ρ random in [1, 2^128), drawn here. The paper's check has no ρ and binds
// only the product C2 C5: (C2 T, C5/T) passes it for any T.
//
// It returns [ErrMode] for a key of the other mode, [ErrInvalidCapsule].
func (c *Capsule) Verify(p *Parameters, key PublicKey) (*VerifiedCapsule, error) {
	if c.Mode() != key.Mode() {
		return nil, ErrMode
	}
	pk := key.key()
	// A capsule may have been assembled in memory: never trust where it came from.
	if !c.pointsValid(pk) {
		return nil, ErrInvalidCapsule
	}
	rho, err := curve.RandomShort()
	if err != nil {
		return nil, err
	}
	h := c.h()
	left := p.keyed(pk, rho, &h)
	c2 := curve.MultiExp([]bn254.G1Affine{c.c2}, []*big.Int{rho})
	c2.AddMixed(&c.c5)
	var right bn254.G1Affine
	right.FromJacobian(&c2)
	if !curve.PairsEqual(&left, &c.c1, &right, p.gHat1) {
		return nil, ErrInvalidCapsule
	}
	return &VerifiedCapsule{capsule: c, key: key}, nil
}

// keyed is PK^ρ u^h v d.
func (p *Parameters) keyed(pk *publicKey, rho *big.Int, h *fr.Element) bn254.G1Affine {
	sum := p.powU(h)
	sum.AddMixed(&p.vd)
	pkRho := pk.powShort(rho)
	sum.AddAssign(&pkRho)
	var out bn254.G1Affine
	out.FromJacobian(&sum)
	return out
}

// ownedBy reports e(PK, C1) = e(C2, ĝ1): C2 and C1 share their exponent under
// this key. Anyone can test it, so a capsule shows whose it is.
func (c *Capsule) ownedBy(p *Parameters, pk *publicKey) bool {
	return curve.PairsEqual(&pk.point, &c.c1, &c.c2, p.gHat1)
}
