package pre

import (
	"crypto/subtle"
	"errors"
	"io"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
)

// Open decrypts the owner's own record. It checks the capsule against the key
// and the record's information, then streams the payload from src to dst.
//
// On an error dst may hold a prefix of the record: discard it. It returns
// [ErrWrongKey], [ErrInvalidCapsule], [ErrBinding], [ErrMode], one of the
// ErrPayload errors, or what src and dst answer.
func (k *ScopedSecretKey) Open(p *Parameters, c *Capsule, info RecordInfo, dst io.Writer, src io.Reader) error {
	return k.open(p, k.PublicKey(), k.PublicKey(), c, info, dst, src)
}

// Open is as for scoped keys, for a record that was sealed under this key.
func (k *PaperSecretKey) Open(p *Parameters, c *Capsule, info RecordInfo, dst io.Writer, src io.Reader) error {
	return k.open(p, k.PublicKey(), k.PublicKey(), c, info, dst, src)
}

// open verifies under own and checks the binding to the key that the record was
// sealed under: the same, unless it was re-encrypted in paper mode.
func (k *secretKey) open(p *Parameters, own, sealedUnder PublicKey, c *Capsule, info RecordInfo, dst io.Writer, src io.Reader) error {
	if err := c.check(p, own, sealedUnder, info); err != nil {
		return err
	}
	b := k.payloadBase(p, c.label)
	key, err := c.payloadKey(curve.Pair(&c.c2, &b))
	if err != nil {
		return err
	}
	defer clear(key[:])
	return c.decryptPayload(key, dst, src)
}

// check verifies validity and binding and finds the most telling error.
func (c *Capsule) check(p *Parameters, key, sealedUnder PublicKey, info RecordInfo) error {
	bound := c.BoundTo(p, sealedUnder, info)
	_, err := c.Verify(p, key)
	switch {
	case err == nil:
		return bound
	case bound == nil && key.key().bytes == sealedUnder.key().bytes:
		return err // this very key's capsule, so it was altered
	case errors.Is(err, ErrInvalidCapsule) && !c.ownedBy(p, key.key()):
		return ErrWrongKey
	}
	return err
}

// payloadKey derives the key from K and compares its commitment with C4. The
// commitment makes the cipher key-committing: no payload opens under two keys.
func (c *Capsule) payloadKey(k bn254.GT) ([32]byte, error) {
	commit, key, err := c.derive(&k)
	if err != nil {
		return key, err
	}
	if subtle.ConstantTimeCompare(commit[:], c.commit[:]) != 1 {
		return [32]byte{}, ErrInvalidCapsule
	}
	return key, nil
}
