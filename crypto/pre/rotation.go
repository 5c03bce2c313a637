package pre

import (
	"io"

	"github.com/claimshare/claimshare/crypto/internal/curve"
)

// RotateTo turns a record of this key into a record of the next one: C2' =
// C2^(x'/x). It is the owner's own act. The ratio x'/x never leaves the owner:
// with it and an opened base of the old key, records of the new one would open.
//
// The record's digest does not change, and the capsule stays bound to the key
// that it was sealed under. A holder verifies C2' under the next key before it
// replaces C2. It returns [ErrWrongKey] for another owner's record.
func (k *ScopedSecretKey) RotateTo(next *ScopedSecretKey, v *VerifiedCapsule) (*Capsule, error) {
	if v.key.Mode() != ModeScoped || v.key.key().bytes != k.public.bytes {
		return nil, ErrWrongKey
	}
	ratio := k.inverse()
	ratio.Mul(&ratio, &next.x)
	out := *v.capsule
	out.c2 = curve.MulG1(&v.capsule.c2, &ratio)
	return &out, nil
}

// OpenRotated is [ScopedSecretKey.Open] for a record that was sealed under a
// former key of the owner and rotated to this one.
func (k *ScopedSecretKey) OpenRotated(p *Parameters, sealedUnder *ScopedPublicKey, c *Capsule, info RecordInfo, dst io.Writer, src io.Reader) error {
	return k.open(p, k.PublicKey(), sealedUnder, c, info, dst, src)
}
