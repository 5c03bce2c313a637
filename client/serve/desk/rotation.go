package desk

import (
	"context"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// Rotations lets policyholders replace their keys: whoever shows a one-time code
// that the system manager has issued after it checked again who asks. A wallet's
// keys alone are not enough, because a thief of the wallet has them too, and would
// lock its owner out for good.
type Rotations struct {
	chain       *client.Chain
	authority   *client.Authority
	invitations store.Invitations
	now         func() time.Time
}

// NewRotations makes the system manager's desk for rotations.
func NewRotations(chain *client.Chain, authority *client.Authority, invitations store.Invitations) *Rotations {
	return &Rotations{chain: chain, authority: authority, invitations: invitations, now: time.Now}
}

// Allow issues a code with which a policyholder may replace its keys once, within
// a lifetime. Identity is who asks, as it was checked: the pseudo-identity must
// have been issued to just that. It returns [record.ErrPartyUnknown],
// [record.ErrOwnerRole] for a party that is no policyholder and
// [record.ErrForbidden] for another identity.
func (r *Rotations) Allow(ctx context.Context, id record.PartyID, identity string, lifetime time.Duration) (walletauth.Code, error) {
	var none walletauth.Code
	party, err := r.chain.Party(ctx, id)
	if err != nil {
		return none, err
	}
	if party.Role != record.RolePolicyholder {
		return none, record.ErrOwnerRole.With("party %s is of role %s", party.ID, party.Role)
	}
	known, err := r.authority.Trace(record.RolePolicyholder, pseudonym.PID(party.PID))
	if err != nil {
		return none, err
	}
	if known != identity {
		return none, record.ErrForbidden.With("the pseudo-identity of party %s was issued to somebody else", party.ID)
	}
	code, err := walletauth.NewCode()
	if err != nil {
		return none, err
	}
	err = r.invitations.PutInvitation(ctx, store.Invitation{
		Code: record.Digest(code.RotationHash()), Role: record.RolePolicyholder, PID: party.PID, Expires: r.now().Add(lifetime),
	})
	if err != nil {
		return none, err
	}
	return code, nil
}

// permit is what a code stands for, if it is the party's, and good. It returns
// refusal.ErrWalletCode.
func (r *Rotations) permit(ctx context.Context, text string, party *record.Party) (*store.Invitation, error) {
	code, err := walletauth.ParseCode(text)
	if err != nil {
		return nil, refusal.ErrWalletCode
	}
	i, err := invited(ctx, r.invitations, code.RotationHash())
	if err != nil {
		return nil, err
	}
	if i.PID != party.PID || !i.Used.IsZero() || !r.now().Before(i.Expires) {
		return nil, refusal.ErrWalletCode
	}
	return i, nil
}

// Rotate puts the caller's rotation on the ledger and uses its code up, in this
// order: what is interrupted between the two can be repeated, and a code that was
// shown has either worked or still does.
func (m *Manager) Rotate(ctx context.Context, r *nodev1.RotateRequest) (*nodev1.RotateResponse, error) {
	caller, err := owner(ctx)
	if err != nil {
		return nil, err
	}
	s, err := record.DecodeRotateStatement(r.GetStatement())
	if err != nil {
		return nil, err
	}
	if s.Party != caller.ID {
		return nil, record.ErrForbidden.With("the rotation is another party's")
	}
	rotation, err := rotationOf(r, s)
	if err != nil {
		return nil, err
	}
	permit, err := m.rotations.permit(ctx, r.GetCode(), caller)
	if err != nil {
		return nil, err
	}
	if _, err := m.chain.Rotate(ctx, rotation); err != nil {
		return nil, err
	}
	if err := m.rotations.invitations.UseInvitation(context.WithoutCancel(ctx), permit.Code); err != nil {
		return nil, err
	}
	return &nodev1.RotateResponse{AsOf: m.chain.Seen()}, nil
}

func rotationOf(r *nodev1.RotateRequest, s *record.RotateStatement) (_ *client.Rotation, err error) {
	rotation := &client.Rotation{Statement: *s}
	if rotation.Signature, err = signature(r.GetSignature()); err != nil {
		return nil, err
	}
	if rotation.SigningProof, err = signature(r.GetSigningProof()); err != nil {
		return nil, err
	}
	if n := len(r.GetEncryptionProof()); n != len(rotation.EncryptionProof) {
		return nil, record.ErrMalformed.With("the proof for the encryption key has %d bytes, not %d", n, len(rotation.EncryptionProof))
	}
	copy(rotation.EncryptionProof[:], r.GetEncryptionProof())
	return rotation, nil
}
