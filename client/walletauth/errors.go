package walletauth

import (
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Refusal is why a call was not let in. It crosses the connection as a gRPC
// status with its Reason, and comes back as the same refusal: errors.Is holds on
// both sides.
type Refusal struct {
	Reason  string // stable, for programs
	Message string
	code    codes.Code
}

func (r *Refusal) Error() string { return "walletauth: " + r.Message }

// Is reports whether target is a refusal for the same reason.
func (r *Refusal) Is(target error) bool {
	t, ok := target.(*Refusal)
	return ok && t.Reason == r.Reason
}

// Domain is the domain of the reasons in a status.
const Domain = "claimshare.wallet"

// GRPCStatus is how the refusal travels.
func (r *Refusal) GRPCStatus() *status.Status {
	s := status.New(r.code, r.Error())
	detailed, err := s.WithDetails(&errdetails.ErrorInfo{Reason: r.Reason, Domain: Domain})
	if err != nil {
		return s // only of a status that is OK
	}
	return detailed
}

func (r *Refusal) with(format string, args ...any) *Refusal {
	return &Refusal{Reason: r.Reason, Message: r.Message + ": " + fmt.Sprintf(format, args...), code: r.code}
}

var refusals = map[string]*Refusal{}

func define(reason string, code codes.Code, message string) *Refusal {
	r := &Refusal{Reason: reason, Message: message, code: code}
	refusals[reason] = r
	return r
}

// The refusals.
var (
	// ErrNoProof: the call carries no proof, or what it carries is none.
	ErrNoProof = define("WALLET_NO_PROOF", codes.Unauthenticated, "the call carries no proof of its wallet")
	// ErrTime: the proof was made more than a minute ago, or ahead of time.
	ErrTime = define("WALLET_TIME", codes.Unauthenticated, "the clocks of wallet and node differ by more than a minute")
	// ErrNonce: this node did not give out the nonce: another one did, or this
	// one before it was started again.
	ErrNonce = define("WALLET_NONCE", codes.Unauthenticated, "the nonce is not this node's")
	// ErrNonceOwner: the nonce was given to another wallet.
	ErrNonceOwner = define("WALLET_NONCE_OWNER", codes.Unauthenticated, "the nonce was given to another wallet")
	// ErrNonceExpired: the nonce is older than a minute.
	ErrNonceExpired = define("WALLET_NONCE_EXPIRED", codes.Unauthenticated, "the nonce has expired")
	// ErrNonceUsed: the nonce was used before: the call is a repetition.
	ErrNonceUsed = define("WALLET_NONCE_USED", codes.Unauthenticated, "the nonce was used already")
	// ErrSignature: the signature is not the owner's, with its present key, under
	// this call: its method, its request, this node.
	ErrSignature = define("WALLET_SIGNATURE", codes.Unauthenticated, "the signature under the call is not the wallet's present one")
	// ErrUnknown: the ledger knows no such policyholder.
	ErrUnknown = define("WALLET_UNKNOWN", codes.Unauthenticated, "the ledger knows no such policyholder")
	// ErrSuspended: the policyholder is suspended.
	ErrSuspended = define("WALLET_SUSPENDED", codes.PermissionDenied, "the policyholder is suspended")
	// ErrExpelled: the policyholder was expelled.
	ErrExpelled = define("WALLET_EXPELLED", codes.PermissionDenied, "the policyholder was expelled")
	// ErrBusy: too many calls within a minute.
	ErrBusy = define("WALLET_BUSY", codes.ResourceExhausted, "too many calls within a minute")
	// ErrNode: the node is not the one that the wallet means to call.
	ErrNode = define("WALLET_NODE", codes.Unauthenticated, "the nonce that the node answers has not the right form")
)

// FromStatus turns a status back into the refusal that it carries; any other
// error comes back as it is.
func FromStatus(err error) error {
	s, ok := status.FromError(err)
	if !ok || err == nil {
		return err
	}
	for _, detail := range s.Details() {
		info, ok := detail.(*errdetails.ErrorInfo)
		if !ok || info.GetDomain() != Domain {
			continue
		}
		if known := refusals[info.GetReason()]; known != nil {
			return known
		}
	}
	return err
}
