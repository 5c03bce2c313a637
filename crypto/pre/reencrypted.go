package pre

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/consensys/gnark-crypto/ecc/bn254"
)

const reencryptedMagic = "CSRE"

// Reencrypted is what a proxy hands to the delegatee in scoped mode: the
// capsule unchanged, R1 of the token, and A = e(C2, R2).
type Reencrypted struct {
	capsule *Capsule
	r1      bn254.G1Affine
	a       bn254.GT

	inGroup bn254.GT // the A whose order was checked, or that has it by construction
}

// Reencrypt is the proxy's work: one pairing, A = e(C2, R2). It takes only a
// token and a capsule that were verified, and computes from the very C2 that
// passed. It returns [ErrToken] if the token is for another owner or label.
func Reencrypt(t *VerifiedToken, c *VerifiedCapsule) (*Reencrypted, error) {
	if t.token.owner.bytes != c.key.key().bytes || t.token.label != c.capsule.label {
		return nil, ErrToken
	}
	a := curve.Pair(&c.capsule.c2, &t.token.r2)
	return &Reencrypted{capsule: c.capsule, r1: t.token.r1, a: a, inGroup: a}, nil
}

// pointsValid checks what may have been assembled in memory; see
// [Capsule.pointsValid].
func (rc *Reencrypted) pointsValid() bool {
	a := rc.a == rc.inGroup && !rc.a.IsZero() || curve.ValidGT(&rc.a)
	return a && curve.ValidG1(&rc.r1)
}

// Capsule is the capsule that was re-encrypted.
func (rc *Reencrypted) Capsule() *Capsule { return rc.capsule }

// Bytes is magic(4) ‖ version(1) ‖ suite(1) ‖ R1(32) ‖ A(384) ‖ lp(capsule).
func (rc *Reencrypted) Bytes() []byte {
	r1, a := rc.r1.Bytes(), rc.a.Bytes()
	b := append([]byte(reencryptedMagic), version, suite)
	b = append(append(b, r1[:]...), a[:]...)
	return tag.LP(b, rc.capsule.Bytes())
}

// ParseReencrypted decodes [Reencrypted.Bytes] strictly; A must be in the
// prime-order target group. It returns [ErrMalformed].
func ParseReencrypted(b []byte) (*Reencrypted, error) {
	const fixed = 6 + curve.G1Size + curve.GTSize + 4
	if len(b) < fixed || string(b[:4]) != reencryptedMagic || b[4] != version || b[5] != suite {
		return nil, fmt.Errorf("%w: not a re-encrypted capsule", ErrMalformed)
	}
	if uint64(binary.BigEndian.Uint32(b[fixed-4:])) != uint64(len(b)-fixed) {
		return nil, fmt.Errorf("%w: re-encrypted capsule: length", ErrMalformed)
	}
	var rc Reencrypted
	var err error
	if rc.r1, err = curve.G1(b[6:38]); err != nil {
		return nil, fmt.Errorf("%w: re-encrypted capsule: R1", ErrMalformed)
	}
	if rc.a, err = curve.GT(b[38 : 38+curve.GTSize]); err != nil {
		return nil, fmt.Errorf("%w: re-encrypted capsule: A", ErrMalformed)
	}
	rc.inGroup = rc.a
	if rc.capsule, err = ParseCapsule(b[fixed:]); err != nil {
		return nil, fmt.Errorf("re-encrypted capsule: %w", err)
	}
	return &rc, nil
}

// Delegation is what a delegatee takes from the owner's signed consent on the
// ledger to open a re-encrypted record.
type Delegation struct {
	Delegator  *ScopedPublicKey // the owner's key in the consent
	Consent    [32]byte         // the consent's identifier
	Commitment [32]byte         // of the re-encryption token
}

// OpenReencrypted decrypts a record that a proxy re-encrypted for this key. It
// checks the capsule's validity and binding, that the proxy used the token the
// owner committed to,
//
//	VK = e(g, B̂_w) e(PK, HashToG2(ctx ‖ R1 ‖ PK_i ‖ R1^x_i)),
//
// and that A was computed from it, then streams the payload from src to dst.
//
// On an error dst may hold a prefix of the record: discard it. It returns
// [ErrInvalidCapsule], [ErrWrongKey], [ErrBinding], [ErrToken],
// [ErrReencryption], one of the ErrPayload errors, or what src and dst answer.
// A record that was sealed under a key since rotated is opened with
// sealedUnder set to the old key; nil means the delegator's own.
func (k *ScopedSecretKey) OpenReencrypted(p *Parameters, d Delegation, sealedUnder *ScopedPublicKey, rc *Reencrypted, info RecordInfo, dst io.Writer, src io.Reader) error {
	if sealedUnder == nil {
		sealedUnder = d.Delegator
	}
	if err := rc.capsule.check(p, d.Delegator, sealedUnder, info); err != nil {
		return err
	}
	if !rc.pointsValid() {
		return ErrReencryption
	}
	t := &Token{kind: TokenReencryption, owner: d.Delegator.publicKey, label: rc.capsule.label, consent: d.Consent, target: k.public, r1: rc.r1}
	shared, err := curve.MulBlinded(&rc.r1, &k.x)
	if err != nil {
		return fmt.Errorf("pre: open re-encrypted: %w", err)
	}
	mask := t.mask(p, shared)
	vk := curve.Pair(&d.Delegator.point, &mask)
	unit := t.baseGT(p)
	vk.Mul(&vk, &unit)
	commitment := t.commitment(p, vk)
	if subtle.ConstantTimeCompare(commitment[:], d.Commitment[:]) != 1 {
		return ErrToken
	}
	// K = A / e(C2, mask)
	var minusC2 bn254.G1Affine
	minusC2.Neg(&rc.capsule.c2)
	secret := curve.Pair(&minusC2, &mask)
	secret.Mul(&secret, &rc.a)
	key, err := rc.capsule.payloadKey(secret)
	if errors.Is(err, ErrInvalidCapsule) {
		return ErrReencryption // the capsule is valid and the token genuine
	}
	if err != nil {
		return err
	}
	defer clear(key[:])
	return rc.capsule.decryptPayload(key, dst, src)
}
