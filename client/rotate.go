package client

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

// Rotation replaces a party's keys. The party has signed it with its old
// signing key and proved that it holds the new keys; the system manager takes
// it to the ledger, because a thief has the old key too.
type Rotation struct {
	Statement       record.RotateStatement
	Signature       record.Signature
	EncryptionProof record.PossessionProof // zero where the party has no encryption key
	SigningProof    record.Signature
}

// Rotate makes the rotation from these keys to the next ones of the same
// pseudo-identity. MSP is that of the party's certificate, empty for
// policyholders. Consents for the old encryption key end with it. It returns
// [ErrKeys] when these are not the party's present keys, and [ErrMode].
func (k *Keys) Rotate(ctx context.Context, chain *Chain, next *Keys, msp string) (*Rotation, error) {
	me, err := k.self(ctx, chain)
	if err != nil {
		return nil, err
	}
	if next.PID != k.PID {
		return nil, fmt.Errorf("%w: the next keys are another pseudo-identity's", ErrKeys)
	}
	if next.encryption().Mode != k.encryption().Mode {
		return nil, ErrMode
	}
	proved, err := next.Apply(chain.params, me.Role, msp, me.Subject)
	if err != nil {
		return nil, err
	}
	r := &Rotation{EncryptionProof: proved.EncryptionProof, SigningProof: proved.SigningProof, Statement: record.RotateStatement{
		Party: me.ID, Version: me.Current().Version + 1, Encryption: proved.Encryption, Signing: proved.Signing, Time: time.Now().Unix(),
	}}
	r.Signature = k.sign(chain, bls.RoleParty, &r.Statement)
	return r, nil
}

// Rotate takes a party's rotation to the ledger; a system manager's act, after
// it made sure that the party itself asks. It returns the chaincode's errors.
func (c *Chain) Rotate(ctx context.Context, r *Rotation) (*record.Party, error) {
	proof := ""
	if !r.Statement.Encryption.IsZero() {
		proof = r.EncryptionProof.String()
	}
	return submit[record.Party](ctx, c, record.TxRotateKeys,
		record.EncodeText(r.Statement.Encode()), r.Signature.String(), proof, r.SigningProof.String())
}

// ReplaceCapsule takes the capsule of one of this holder's records as its owner
// has brought it along to its present key ([Owner.BringAlong]). It must be the
// record's in every part that the ledger knows, and strictly valid under the key
// that the ledger lists for the owner now: that leaves one capsule alone, whoever
// made it. To have it already is fine.
//
// It returns [ErrNotOurs] for another holder's or owner's record, [ErrTampered],
// [store.ErrNotFound], [store.ErrErased] and the chaincode's errors.
func (m *Member) ReplaceCapsule(ctx context.Context, owner record.PartyID, id record.RecordID, capsule []byte) error {
	listed, err := m.chain.Record(ctx, id)
	if err != nil {
		return err
	}
	if listed.Issuer != m.ID() || listed.Owner != owner {
		return fmt.Errorf("%w: record %s is of another holder or owner", ErrNotOurs, id)
	}
	c, err := capsuleOf(listed, capsule)
	if err != nil {
		return err
	}
	party, err := m.chain.Party(ctx, owner)
	if err != nil {
		return err
	}
	key, err := publicKey(party.Current().Encryption)
	if err != nil {
		return err
	}
	if _, err := c.Verify(m.chain.params, key); err != nil {
		return fmt.Errorf("%w: under the owner's key version %d: %w", ErrTampered, party.Current().Version, err)
	}
	kept, err := m.store.Record(ctx, id)
	if err != nil {
		return err
	}
	if bytes.Equal(kept.Capsule, capsule) {
		return nil
	}
	return m.store.ReplaceCapsule(ctx, id, capsule)
}

// behind says whether a capsule that does not fit a consent is wrong for no other
// reason than a rotation of its owner's keys: the consent is of former keys, or
// the record has stayed behind. It returns [record.ErrStaleKeyVersion] or
// [ErrFormerKey] then, and wrong otherwise.
func (m *Member) behind(ctx context.Context, capsule []byte, listed *record.Record, consent *record.Consent, wrong error) error {
	owner, err := m.chain.Party(ctx, listed.Owner)
	if err != nil {
		return wrong
	}
	if owner.Current().Encryption != consent.OwnerKey {
		return record.ErrStaleKeyVersion.With("the consent is of former keys of its owner")
	}
	c, err := capsuleOf(listed, capsule)
	if err != nil {
		return wrong
	}
	for _, version := range owner.Keys[:len(owner.Keys)-1] {
		key, err := publicKey(version.Encryption)
		if err != nil {
			continue
		}
		if _, err := c.Verify(m.chain.params, key); err == nil {
			return fmt.Errorf("%w: key version %d", ErrFormerKey, version.Version)
		}
	}
	return wrong
}
