package client

import (
	"context"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// Read opens one of the owner's own records: capsule and payload come from its
// holder, the record from the ledger. The owner's own signature under it is
// checked with the owner's own keys, so neither a holder nor a lying gateway can
// pass off anything else as a record that the owner signed. The issuer's
// signature is checked with the key that the ledger lists.
//
// It returns [ErrNotOurs], [ErrKeys] for a record under keys that this wallet
// does not have, [ErrSignature], [ErrTampered], use's error, and those of
// [pre.ScopedSecretKey.Open].
func (o *Owner) Read(ctx context.Context, v record.RecordVersion, capsule []byte, payload Payload, use func(plaintext io.Reader) error) (*record.Record, error) {
	listed, err := o.chain.RecordVersion(ctx, v)
	if err != nil {
		return nil, err
	}
	if listed.Owner != o.ID() {
		return nil, fmt.Errorf("%w: record %s is of another owner", ErrNotOurs, listed.ID)
	}
	keys := o.keysOf(listed.OwnerKey)
	if keys == nil {
		return nil, fmt.Errorf("%w: record %s was sealed under key version %d", ErrKeys, listed.ID, listed.OwnerVersion)
	}
	issuer, err := o.chain.Party(ctx, listed.Issuer)
	if err != nil {
		return nil, err
	}
	s := listed.Statement()
	if !o.signed(bls.RoleOwner, s, listed.OwnerSignature) {
		return nil, fmt.Errorf("%w: this owner's own", ErrSignature)
	}
	if err := o.chain.verify(issuer, s.IssuerVersion, bls.RoleIssuer, s, listed.IssuerSignature); err != nil {
		return nil, err
	}
	c, err := capsuleOf(listed, capsule)
	if err != nil {
		return nil, err
	}
	info := pre.RecordInfo{RecordID: listed.ID, Kind: byte(listed.Kind), OwnerPID: string(o.keys.PID), IssuerPID: issuer.PID}
	return listed, through(func(dst io.Writer) error { return o.openKept(keys, c, info, payload, dst) }, use)
}

// openKept opens a capsule that was sealed under some keys of this wallet's, and
// that may have been brought along to later ones.
func (o *Owner) openKept(sealed *Keys, c *pre.Capsule, info pre.RecordInfo, payload Payload, dst io.Writer) error {
	under, _ := o.validUnder(c)
	if under == nil || under == sealed {
		return (&Owner{chain: o.chain, keys: sealed}).open(c, info, payload, dst)
	}
	src, err := payload.Open()
	if err != nil {
		return fmt.Errorf("client: open payload: %w", err)
	}
	defer src.Close()
	return under.Scoped.OpenRotated(o.chain.params, sealed.Scoped.PublicKey(), c, info, dst, src)
}

// Own makes sure that a record is this owner's: what a gateway to the ledger says
// of an owner's records, such as their kind, label and issuer, the owner has
// signed. It returns [ErrNotOurs] and [ErrSignature].
func (o *Owner) Own(r *record.Record) error {
	if r.Owner != o.ID() {
		return fmt.Errorf("%w: record %s is of another owner", ErrNotOurs, r.ID)
	}
	if !o.signed(bls.RoleOwner, r.Statement(), r.OwnerSignature) {
		return fmt.Errorf("%w: this owner's own, under record %s", ErrSignature, r.ID)
	}
	return nil
}

// signed tells whether the wallet itself made a signature, with the present or
// a former key.
func (o *Owner) signed(role bls.Role, s record.Statement, sig record.Signature) bool {
	for _, keys := range append([]*Keys{o.keys}, o.former...) {
		if keys.sign(o.chain, role, s) == sig { // signatures are deterministic
			return true
		}
	}
	return false
}

// keysOf finds the wallet's keys with an encryption key, nil if it has none
// such.
func (o *Owner) keysOf(k record.EncryptionKey) *Keys {
	for _, keys := range append([]*Keys{o.keys}, o.former...) {
		if keys.encryption() == k {
			return keys
		}
	}
	return nil
}
