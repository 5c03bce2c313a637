package client

import (
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/pre"
)

// BringAlong makes the capsule of an older record of this owner's fit its present
// key, so that it can be shared again after a rotation: C2 alone changes, and with
// it neither digest nor signatures (docs/protocol.md, section 6.7). It is nil when
// the capsule is the present key's already. The listed record must be the owner's
// ([Owner.Own]).
//
// It returns [ErrMode] in paper mode, [ErrTampered] for a capsule that is not the
// record's, or that is valid under no key of this wallet.
func (o *Owner) BringAlong(listed *record.Record, capsule []byte) ([]byte, error) {
	if o.keys.Scoped == nil {
		return nil, ErrMode
	}
	c, err := capsuleOf(listed, capsule)
	if err != nil {
		return nil, err
	}
	under, v := o.validUnder(c)
	switch under {
	case nil:
		return nil, fmt.Errorf("%w: it is valid under no key of this wallet", ErrTampered)
	case o.keys:
		return nil, nil
	}
	rotated, err := under.Scoped.RotateTo(o.keys.Scoped, v)
	if err != nil {
		return nil, err
	}
	return rotated.Bytes(), nil
}

// validUnder finds the wallet's scoped keys under which a capsule is valid, the
// present ones first, nil when there are none.
func (o *Owner) validUnder(c *pre.Capsule) (*Keys, *pre.VerifiedCapsule) {
	try := func(keys *Keys) *pre.VerifiedCapsule {
		if keys.Scoped == nil {
			return nil
		}
		v, err := c.Verify(o.chain.params, keys.Scoped.PublicKey())
		if err != nil {
			return nil
		}
		return v
	}
	if v := try(o.keys); v != nil {
		return o.keys, v
	}
	for i := len(o.former) - 1; i >= 0; i-- {
		if v := try(o.former[i]); v != nil {
			return o.former[i], v
		}
	}
	return nil, nil
}

// capsuleOf reads a capsule and compares it with the record on the ledger. That
// leaves C2 out: whether it is valid is another question. It returns
// [ErrTampered].
func capsuleOf(listed *record.Record, encoded []byte) (*pre.Capsule, error) {
	c, err := pre.ParseCapsule(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTampered, err)
	}
	if c.Digest() != [32]byte(listed.Digest) || c.Label() != listed.Label || c.Payload().Size != listed.PayloadSize {
		return nil, ErrTampered
	}
	return c, nil
}
