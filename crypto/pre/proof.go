package pre

import (
	"crypto/subtle"
	"fmt"
	"io"
	"math/big"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/consensys/gnark-crypto/ecc/bn254"
)

// ReencryptionProof shows anybody, without a secret, that a proxy computed A
// from the very token that the owner committed to: a proof of equality of the
// preimages of two pairings,
//
//	a1 = e(PK, M), a2 = e(C2, M), M random in G2
//	c  = SHA256(lp(D"reenc") ‖ paramsID ‖ PK ‖ C2 ‖ VK ‖ A ‖ a1 ‖ a2)[:16]
//	z  = M R2^c
//
// The proxy makes it on demand, for a dispute. It reveals nothing of R2 beyond
// VK = e(PK, R2), which it carries.
type ReencryptionProof struct {
	vk bn254.GT
	c  [16]byte
	z  bn254.G2Affine
}

// ReencryptionProofSize is the size of an encoded proof in bytes:
// VK(384) ‖ c(16) ‖ z(64).
const ReencryptionProofSize = curve.GTSize + 16 + curve.G2Size

// ProveReencryption makes the proof for what [Reencrypt] answers to the same
// token and capsule. It returns [ErrToken] if the two do not fit.
func ProveReencryption(p *Parameters, t *VerifiedToken, v *VerifiedCapsule) (*ReencryptionProof, error) {
	return proveReencryption(nil, p, t, v)
}

func proveReencryption(entropy io.Reader, p *Parameters, t *VerifiedToken, v *VerifiedCapsule) (*ReencryptionProof, error) {
	rc, err := Reencrypt(t, v)
	if err != nil {
		return nil, err
	}
	s, err := curve.RandomScalar(entropy)
	if err != nil {
		return nil, fmt.Errorf("pre: prove re-encryption: %w", err)
	}
	m := curve.MulG2(&p.gHat, &s)
	pk, c2 := &t.token.owner, &v.capsule.c2
	proof := &ReencryptionProof{vk: curve.Pair(&pk.point, &t.token.r2)}
	proof.c = p.reencChallenge(pk, c2, &proof.vk, &rc.a, curve.Pair(&pk.point, &m), curve.Pair(c2, &m))
	proof.z.ScalarMultiplication(&t.token.r2, new(big.Int).SetBytes(proof.c[:]))
	proof.z.Add(&proof.z, &m)
	return proof, nil
}

func (p *Parameters) reencChallenge(pk *publicKey, c2 *bn254.G1Affine, vk, a *bn254.GT, a1, a2 bn254.GT) [16]byte {
	c2b, vkb, ab, a1b, a2b := c2.Bytes(), vk.Bytes(), a.Bytes(), a1.Bytes(), a2.Bytes()
	h := tag.Hash(tag.Reenc, p.id[:], pk.bytes[:], c2b[:], vkb[:], ab[:], a1b[:], a2b[:])
	return [16]byte(h[:16])
}

// Verify checks the proof for a re-encrypted capsule under a consent: that VK
// is the one committed to, and a1 = e(PK, z)/VK^c, a2 = e(C2, z)/A^c. The
// delegatee is the consent's receiver. It returns [ErrInvalidCapsule],
// [ErrToken] for another token, [ErrReencryption].
func (proof *ReencryptionProof) Verify(p *Parameters, d Delegation, delegatee *ScopedPublicKey, rc *Reencrypted) error {
	if _, err := rc.capsule.Verify(p, d.Delegator); err != nil {
		return err
	}
	if !rc.pointsValid() || !curve.ValidGT(&proof.vk) || !curve.ValidG2(&proof.z) {
		return ErrReencryption
	}
	pk := &d.Delegator.publicKey
	t := &Token{kind: TokenReencryption, owner: *pk, label: rc.capsule.label, consent: d.Consent, target: delegatee.publicKey, r1: rc.r1}
	commitment := t.commitment(p, proof.vk)
	if subtle.ConstantTimeCompare(commitment[:], d.Commitment[:]) != 1 {
		return ErrToken
	}
	c := new(big.Int).SetBytes(proof.c[:])
	quotient := func(g *bn254.G1Affine, base bn254.GT) bn254.GT {
		z := curve.Pair(g, &proof.z)
		var power bn254.GT
		power.ExpGLV(base, c)
		power.Conjugate(&power) // the inverse, in the cyclotomic subgroup
		z.Mul(&z, &power)
		return z
	}
	if p.reencChallenge(pk, &rc.capsule.c2, &proof.vk, &rc.a, quotient(&pk.point, proof.vk), quotient(&rc.capsule.c2, rc.a)) != proof.c {
		return ErrReencryption
	}
	return nil
}

// Bytes encodes the proof.
func (proof *ReencryptionProof) Bytes() []byte {
	vk, z := proof.vk.Bytes(), proof.z.Bytes()
	return append(append(vk[:], proof.c[:]...), z[:]...)
}

// ParseReencryptionProof decodes [ReencryptionProof.Bytes] strictly. It returns
// [ErrMalformed].
func ParseReencryptionProof(b []byte) (*ReencryptionProof, error) {
	if len(b) != ReencryptionProofSize {
		return nil, fmt.Errorf("%w: proof of re-encryption has %d bytes, not %d", ErrMalformed, len(b), ReencryptionProofSize)
	}
	var proof ReencryptionProof
	var err error
	if proof.vk, err = curve.GT(b[:curve.GTSize]); err != nil {
		return nil, fmt.Errorf("%w: proof of re-encryption: VK", ErrMalformed)
	}
	proof.c = [16]byte(b[curve.GTSize : curve.GTSize+16])
	if proof.z, err = curve.G2(b[curve.GTSize+16:]); err != nil {
		return nil, fmt.Errorf("%w: proof of re-encryption: z", ErrMalformed)
	}
	return &proof, nil
}
