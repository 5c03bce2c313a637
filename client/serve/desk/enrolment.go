package desk

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// Enrolment is the EnrolmentService: a one-time code stands for a pseudo-identity
// whose real identity the system manager has checked; with it a party puts its
// registration on the ledger.
type Enrolment struct {
	nodev1.UnimplementedEnrolmentServiceServer
	chain       *client.Chain
	authority   *client.Authority
	invitations store.Invitations
	now         func() time.Time
}

// NewEnrolment makes the service of the system manager's node.
func NewEnrolment(chain *client.Chain, authority *client.Authority, invitations store.Invitations) *Enrolment {
	return &Enrolment{chain: chain, authority: authority, invitations: invitations, now: time.Now}
}

// Invite issues a pseudo-identity for an identity that was checked, and a code
// for it that is good for a lifetime. The code leaves the node here, once. MSP is
// the organisation that the party's certificate has to be of, empty for
// policyholders: else any invited party could register another organisation's
// certificate as its own. It returns [record.ErrMalformed] for one without the
// other.
func (e *Enrolment) Invite(ctx context.Context, role record.Role, identity, msp string, lifetime time.Duration) (walletauth.Code, pseudonym.PID, error) {
	var none walletauth.Code
	if (role == record.RolePolicyholder) != (msp == "") {
		return none, "", record.ErrMalformed.With("every party but a policyholder is invited for an organisation (MSP)")
	}
	pid, err := e.authority.Enrol(role, identity)
	if err != nil {
		return none, "", err
	}
	code, err := walletauth.NewCode()
	if err != nil {
		return none, "", err
	}
	err = e.invitations.PutInvitation(ctx, store.Invitation{
		Code: record.Digest(code.Hash()), Role: role, PID: string(pid), MSP: msp, Expires: e.now().Add(lifetime),
	})
	if err != nil {
		return none, "", err
	}
	return code, pid, nil
}

// invitation is what a code stands for. It returns refusal.ErrWalletCode.
func (e *Enrolment) invitation(ctx context.Context, text string) (*store.Invitation, error) {
	code, err := walletauth.ParseCode(text)
	if err != nil {
		return nil, refusal.ErrWalletCode
	}
	i, err := invited(ctx, e.invitations, code.Hash())
	if err != nil {
		return nil, err
	}
	if i.Used.IsZero() && !e.now().Before(i.Expires) {
		return nil, refusal.ErrWalletCode
	}
	return i, nil
}

// invited finds what was made for the code with a hash, used or not, expired or
// not. It returns refusal.ErrWalletCode when nothing was.
func invited(ctx context.Context, kept store.Invitations, hash [32]byte) (*store.Invitation, error) {
	i, err := kept.Invitation(ctx, record.Digest(hash))
	if errors.Is(err, store.ErrNotFound) {
		return nil, refusal.ErrWalletCode
	}
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(i.Code[:], hash[:]) != 1 {
		return nil, refusal.ErrWalletCode
	}
	return i, nil
}

// Enrol answers the pseudo-identity that a code stands for. It can be asked
// again until the code is used or has expired.
func (e *Enrolment) Enrol(ctx context.Context, r *nodev1.EnrolRequest) (*nodev1.EnrolResponse, error) {
	i, err := e.invitation(ctx, r.GetCode())
	if err != nil {
		return nil, err
	}
	if !i.Used.IsZero() {
		return nil, refusal.ErrWalletCode
	}
	c := e.chain.Context()
	return &nodev1.EnrolResponse{
		Pid: i.PID, Role: i.Role.String(), Parameters: e.chain.Parameters().Bytes(), Channel: c.Channel, Chaincode: c.Chaincode,
	}, nil
}

// Register puts the registration on the ledger and uses the code up. Asked again
// with the same keys, because the answer was lost, it answers the same.
func (e *Enrolment) Register(ctx context.Context, r *nodev1.RegisterRequest) (*nodev1.RegisterResponse, error) {
	i, err := e.invitation(ctx, r.GetCode())
	if err != nil {
		return nil, err
	}
	registration, err := record.DecodeRegistration(r.GetRegistration())
	if err != nil {
		return nil, err
	}
	if registration.PID != i.PID || registration.Role != i.Role || registration.MSP != i.MSP {
		return nil, record.ErrForbidden.With("the code is for another pseudo-identity, role or organisation")
	}
	party, err := e.registered(ctx, registration)
	if err != nil {
		return nil, err
	}
	if party == nil {
		if !i.Used.IsZero() {
			return nil, refusal.ErrWalletCode
		}
		if party, err = e.authority.Register(ctx, *registration); err != nil {
			return nil, err
		}
	}
	if err := e.invitations.UseInvitation(ctx, i.Code); err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(party)
	if err != nil {
		return nil, fmt.Errorf("desk: encode a party: %w", err)
	}
	return &nodev1.RegisterResponse{Party: encoded, AsOf: e.chain.Seen()}, nil
}

// registered is the party of a registration that the ledger has already, nil
// when it has none. With other keys it is an error: the code was used by somebody
// else.
func (e *Enrolment) registered(ctx context.Context, r *record.Registration) (*record.Party, error) {
	party, err := e.chain.Party(ctx, record.NewPartyID(r.PID))
	if errors.Is(err, record.ErrPartyUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	first := party.Keys[0]
	if first.Encryption != r.Encryption || first.Signing != r.Signing || party.MSP != r.MSP || party.Subject != r.Subject {
		return nil, record.ErrPartyExists.With("the code was used with other keys")
	}
	return party, nil
}
