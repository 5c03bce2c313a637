package refusal

import (
	"context"

	"google.golang.org/grpc/codes"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// row is one sentinel as it crosses. An error that is several of them crosses as
// all; the first gives the status its code.
type row struct {
	reason string // stable
	code   codes.Code
	err    error
}

var rows = []row{
	{"NODE_CERTIFICATE", codes.Unauthenticated, ErrCertificate},
	{"NODE_BUSY", codes.ResourceExhausted, ErrBusy},
	{"NODE_SLOW", codes.DeadlineExceeded, ErrSlow},

	{"NODE_WALLET_PROOF", codes.Unauthenticated, ErrWalletProof},
	{"NODE_WALLET_TIME", codes.Unauthenticated, ErrWalletTime},
	{"NODE_WALLET_NONCE", codes.Unauthenticated, ErrWalletNonce},
	{"NODE_WALLET_NONCE_OWNER", codes.Unauthenticated, ErrWalletNonceOwner},
	{"NODE_WALLET_NONCE_EXPIRED", codes.Unauthenticated, ErrWalletNonceExpired},
	{"NODE_WALLET_NONCE_USED", codes.Unauthenticated, ErrWalletNonceUsed},
	{"NODE_WALLET_SIGNATURE", codes.Unauthenticated, ErrWalletSignature},
	{"NODE_WALLET_UNKNOWN", codes.Unauthenticated, ErrWalletUnknown},
	{"NODE_WALLET_SUSPENDED", codes.PermissionDenied, ErrWalletSuspended},
	{"NODE_WALLET_EXPELLED", codes.PermissionDenied, ErrWalletExpelled},
	{"NODE_WALLET_CODE", codes.NotFound, ErrWalletCode},
	{"NODE_ADDRESS", codes.FailedPrecondition, ErrAddress},
	{"NODE_UNREACHABLE", codes.Aborted, ErrUnreachable},

	{"CLIENT_SYSTEM", codes.FailedPrecondition, client.ErrSystem},
	{"CLIENT_BEHIND", codes.Aborted, client.ErrBehind},
	{"CLIENT_ANSWER", codes.FailedPrecondition, client.ErrAnswer},
	{"CLIENT_NOT_OURS", codes.PermissionDenied, client.ErrNotOurs},
	{"CLIENT_STATEMENT", codes.InvalidArgument, client.ErrStatement},
	{"CLIENT_SIGNATURE", codes.InvalidArgument, client.ErrSignature},
	{"CLIENT_EVIDENCE", codes.InvalidArgument, client.ErrEvidence},
	{"CLIENT_NOTHING_FOUND", codes.FailedPrecondition, client.ErrNothingFound},
	{"CLIENT_REQUESTER", codes.PermissionDenied, client.ErrRequester},
	{"CLIENT_TAMPERED", codes.DataLoss, client.ErrTampered},
	{"CLIENT_FORMER_KEY", codes.FailedPrecondition, client.ErrFormerKey},
	{"CLIENT_DELIVERY", codes.FailedPrecondition, client.ErrDelivery},
	{"CLIENT_TRAILER", codes.DataLoss, client.ErrTrailer},
	{"CLIENT_MODE", codes.FailedPrecondition, client.ErrMode},
	{"CLIENT_KEYS", codes.FailedPrecondition, client.ErrKeys},

	{"STORE_NOT_FOUND", codes.NotFound, store.ErrNotFound},
	{"STORE_EXISTS", codes.AlreadyExists, store.ErrExists},
	{"STORE_PAYLOAD", codes.InvalidArgument, store.ErrPayload},
	{"STORE_STATE", codes.FailedPrecondition, store.ErrState},
	{"STORE_ERASED", codes.FailedPrecondition, store.ErrErased},
	{"STORE_DESTROYED", codes.FailedPrecondition, store.ErrDestroyed},
	{"STORE_PERMISSIONS", codes.Internal, store.ErrPermissions},
	{"STORE_NEWER", codes.Internal, store.ErrNewer},
	{"STORE_FULL", codes.FailedPrecondition, store.ErrFull},
	{"STORE_UNAVAILABLE", codes.Aborted, store.ErrUnavailable},
	{"STORE_OTHER_PAYLOADS", codes.Internal, store.ErrOtherPayloads},
	{"STORE_SEAL_KEY", codes.Internal, store.ErrSealKey},
	{"STORE_SNAPSHOT", codes.Internal, store.ErrSnapshot},
	{"STORE_NOT_EMPTY", codes.Internal, store.ErrNotEmpty},
	{"STORE_MOVED", codes.Aborted, store.ErrMoved},

	{"PRE_MALFORMED", codes.InvalidArgument, pre.ErrMalformed},
	{"PRE_LABEL", codes.InvalidArgument, pre.ErrLabel},
	{"PRE_MODE", codes.InvalidArgument, pre.ErrMode},
	{"PRE_INVALID_CAPSULE", codes.DataLoss, pre.ErrInvalidCapsule},
	{"PRE_WRONG_KEY", codes.InvalidArgument, pre.ErrWrongKey},
	{"PRE_BINDING", codes.InvalidArgument, pre.ErrBinding},
	{"PRE_PAYLOAD_MISMATCH", codes.DataLoss, pre.ErrPayloadMismatch},
	{"PRE_PAYLOAD_TRUNCATED", codes.DataLoss, pre.ErrPayloadTruncated},
	{"PRE_PAYLOAD_TRAILING", codes.DataLoss, pre.ErrPayloadTrailing},
	{"PRE_PAYLOAD_ALTERED", codes.DataLoss, pre.ErrPayloadAltered},
	{"PRE_TOKEN", codes.InvalidArgument, pre.ErrToken},
	{"PRE_REENCRYPTION", codes.DataLoss, pre.ErrReencryption},
	{"PRE_POSSESSION", codes.InvalidArgument, pre.ErrPossession},
	{"PRE_TOO_MANY_BAD", codes.InvalidArgument, pre.ErrTooManyBad},
	{"PRE_REKEY", codes.InvalidArgument, pre.ErrRekey},

	{"PSEUDONYM_MALFORMED", codes.InvalidArgument, pseudonym.ErrMalformed},
	{"PSEUDONYM_UNTRACEABLE", codes.PermissionDenied, pseudonym.ErrUntraceable},
	{"PSEUDONYM_IDENTITY", codes.InvalidArgument, pseudonym.ErrIdentity},

	{"LEDGER_UNDECIDED", codes.Unknown, ledger.ErrUndecided},
	{"LEDGER_UNKNOWN_TRANSACTION", codes.NotFound, ledger.ErrUnknownTransaction},
	{"LEDGER_ENDORSEMENT_POLICY", codes.FailedPrecondition, ledger.ErrEndorsementPolicy},
	{"LEDGER_MVCC_READ_CONFLICT", codes.Aborted, ledger.ErrMVCCReadConflict},
	{"LEDGER_PHANTOM_READ_CONFLICT", codes.Aborted, ledger.ErrPhantomReadConflict},
	{"LEDGER_DUPLICATE_TRANSACTION", codes.Aborted, ledger.ErrDuplicateTransaction},

	// The last ones: they say less than any of the above.
	{"CALL_CANCELED", codes.Canceled, context.Canceled},
	{"CALL_DEADLINE", codes.DeadlineExceeded, context.DeadlineExceeded},
	{"NODE_LEDGER", codes.Aborted, ErrLedger},
	{"NODE_INTERNAL", codes.Internal, ErrInternal},
}

// recordCodes is the status code of each of the chaincode's refusals; the others
// are FailedPrecondition.
var recordCodes = map[record.Code]codes.Code{
	record.ErrMalformed.Code:          codes.InvalidArgument,
	record.ErrUnknownTransaction.Code: codes.Unimplemented,
	record.ErrInternal.Code:           codes.Internal,
	record.ErrNotSystemManager.Code:   codes.PermissionDenied,
	record.ErrUnknownCaller.Code:      codes.Unauthenticated,
	record.ErrForbidden.Code:          codes.PermissionDenied,
	record.ErrSuspended.Code:          codes.PermissionDenied,
	record.ErrExpelled.Code:           codes.PermissionDenied,
	record.ErrNotReceiver.Code:        codes.PermissionDenied,
	record.ErrCarrier.Code:            codes.PermissionDenied,
	record.ErrConsentProxy.Code:       codes.PermissionDenied,
	record.ErrPartyUnknown.Code:       codes.NotFound,
	record.ErrRecordUnknown.Code:      codes.NotFound,
	record.ErrRequestUnknown.Code:     codes.NotFound,
	record.ErrConsentUnknown.Code:     codes.NotFound,
	record.ErrReleaseUnknown.Code:     codes.NotFound,
	record.ErrDecisionUnknown.Code:    codes.NotFound,
	record.ErrPartyExists.Code:        codes.AlreadyExists,
	record.ErrRecordExists.Code:       codes.AlreadyExists,
	record.ErrRequestExists.Code:      codes.AlreadyExists,
	record.ErrConsentExists.Code:      codes.AlreadyExists,
	record.ErrReleaseExists.Code:      codes.AlreadyExists,
	record.ErrDecisionExists.Code:     codes.AlreadyExists,
	record.ErrSignature.Code:          codes.InvalidArgument,
}
