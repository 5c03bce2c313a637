package client

import (
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
