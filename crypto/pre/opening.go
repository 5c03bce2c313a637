package pre

import (
	"fmt"
	"io"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
)

// Opening opens exactly one record, for an arbiter: G = C2^(1/x) = g^r. It
// proves itself, since e(G, ĝ1) = e(g, C1), and so proves what the record says;
// a bare key K would prove nothing. It tells nothing of other records.
//
// Secret: send it to the arbiter over a confidential channel.
type Opening struct{ g bn254.G1Affine }

// OpeningSize is the size of an encoded opening in bytes.
const OpeningSize = curve.G1Size

// Disclose makes the opening of one of the owner's records. It returns
// [ErrWrongKey] for another owner's.
func (k *ScopedSecretKey) Disclose(v *VerifiedCapsule) (*Opening, error) {
	return k.disclose(v)
}

// Disclose is as for scoped keys.
func (k *PaperSecretKey) Disclose(v *VerifiedCapsule) (*Opening, error) { return k.disclose(v) }

func (k *secretKey) disclose(v *VerifiedCapsule) (*Opening, error) {
	if v.key.key().bytes != k.public.bytes {
		return nil, ErrWrongKey
	}
	inv := k.inverse()
	return &Opening{curve.MulG1(&v.capsule.c2, &inv)}, nil
}

// Open decrypts the record that the opening is for. The arbiter checks the
// capsule under the owner's key first, which is why it takes a verified one.
// sealedUnder is the key to which the capsule is bound: the owner's, or its
// former one after a rotation. Errors are [ErrBinding], [ErrWrongKey] for
// another record's opening, and those of [ScopedSecretKey.Open].
func (o *Opening) Open(p *Parameters, v *VerifiedCapsule, sealedUnder PublicKey, info RecordInfo, dst io.Writer, src io.Reader) error {
	c := v.capsule
	if err := c.BoundTo(p, sealedUnder, info); err != nil {
		return err
	}
	if !curve.ValidG1(&o.g) || !curve.PairsEqual(&p.g, &c.c1, &o.g, p.gHat1) {
		return fmt.Errorf("%w: the opening is another record's", ErrWrongKey)
	}
	key, err := c.payloadKey(curve.Pair(&o.g, &p.base(c.label).payload))
	if err != nil {
		return err
	}
	defer clear(key[:])
	return c.decryptPayload(key, dst, src)
}

// Bytes is the compressed point, 32 bytes.
func (o *Opening) Bytes() []byte { b := o.g.Bytes(); return b[:] }

// ParseOpening decodes 32 bytes. It returns [ErrMalformed].
func ParseOpening(b []byte) (*Opening, error) {
	g, err := curve.G1(b)
	if err != nil {
		return nil, fmt.Errorf("%w: opening", ErrMalformed)
	}
	return &Opening{g}, nil
}

// Format hides the opening from every fmt verb.
func (o Opening) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "pre.Opening(hidden)") }
