package record

import (
	"fmt"
	"strings"
)

// Code names a kind of refusal. Codes are stable: programs branch on them.
type Code string

// Error is a refusal by the chaincode. It crosses the boundary as
// "CODE: message" and comes back through [ParseError]; [errors.Is] compares
// codes, so errors.Is(err, record.ErrRecordExists) holds on both sides.
type Error struct {
	Code    Code
	Message string
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Is reports whether target is an error with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// With says what happened, ahead of the sentence that says what to do.
func (e *Error) With(format string, args ...any) *Error {
	return &Error{Code: e.Code, Message: fmt.Sprintf(format, args...) + ". " + advice(e.Code)}
}

var (
	known      = map[string]*Error{}
	knownCodes []Code
)

func define(code Code, advice string) *Error {
	e := &Error{Code: code, Message: advice}
	known[string(code)] = e
	knownCodes = append(knownCodes, code)
	return e
}

func advice(code Code) string {
	if e, ok := known[string(code)]; ok {
		return e.Message
	}
	return "Report this code."
}

// Codes lists every code that the chaincode can answer, with the sentence that
// says what to do.
func Codes() []Error {
	list := make([]Error, len(knownCodes))
	for i, code := range knownCodes {
		list[i] = *known[string(code)]
	}
	return list
}

// The refusals. What they say is what the caller can do about them.
var (
	ErrMalformed = define("CLAIMSHARE_MALFORMED",
		"Correct the argument: it must have exactly the documented form")
	ErrUnknownTransaction = define("CLAIMSHARE_UNKNOWN_TRANSACTION",
		"Call one of the documented transactions, as contract:Name")
	ErrInternal = define("CLAIMSHARE_INTERNAL",
		"The chaincode failed, not the call: retry, and look into the chaincode's log if it stays")
	ErrIndirect = define("CLAIMSHARE_INDIRECT",
		"Submit the transaction to this chaincode itself: another chaincode may only query it")

	ErrNotInitialised = define("CLAIMSHARE_NOT_INITIALISED",
		"A system manager has to run registry:InitSystem first")
	ErrAlreadyInitialised = define("CLAIMSHARE_ALREADY_INITIALISED",
		"The system is set up once; use a new channel or chaincode name for another one")

	ErrNotSystemManager = define("CLAIMSHARE_NOT_SYSTEM_MANAGER",
		"Use an identity that system.json lists as a system manager's")
	ErrUnknownCaller = define("CLAIMSHARE_UNKNOWN_CALLER",
		"Ask the system manager to register this certificate's MSP and subject")
	ErrForbidden = define("CLAIMSHARE_FORBIDDEN",
		"Use an identity of a party that may call this transaction")
	ErrSuspended = define("CLAIMSHARE_SUSPENDED",
		"Ask the system manager to reinstate the party")
	ErrExpelled = define("CLAIMSHARE_EXPELLED",
		"Only the system manager can reinstate an expelled party")

	ErrPartyUnknown = define("CLAIMSHARE_PARTY_UNKNOWN",
		"Register the party, or correct its id")
	ErrPartyExists = define("CLAIMSHARE_PARTY_EXISTS",
		"Issue a new pseudo-identity for another registration")
	ErrPartyCollision = define("CLAIMSHARE_PARTY_COLLISION",
		"Another pseudo-identity has the same id: issue a new one")
	ErrCallerTaken = define("CLAIMSHARE_CALLER_TAKEN",
		"Each MSP and certificate subject belongs to one party: use another certificate")
	ErrKeyTaken = define("CLAIMSHARE_KEY_TAKEN",
		"Generate a fresh key pair: keys are never shared or used again")
	ErrPossession = define("CLAIMSHARE_POSSESSION",
		"Make the proof of possession with the private key, for this deployment, pseudo-identity and MSP")
	ErrPartyStatus = define("CLAIMSHARE_PARTY_STATUS",
		"Look at the party's status: it already has the one asked for")

	ErrDecisionNeeded = define("CLAIMSHARE_DECISION_NEEDED",
		"Several agencies have to agree: propose it with registry:Propose, and have the others call registry:ApproveDecision")
	ErrDecisionExists = define("CLAIMSHARE_DECISION_EXISTS",
		"Draw a new decision id")
	ErrDecisionUnknown = define("CLAIMSHARE_DECISION_UNKNOWN",
		"Correct the decision id, or wait until the proposal is committed")
	ErrDecisionOver = define("CLAIMSHARE_DECISION_OVER",
		"Nothing can be added to it any more: make a new proposal if it is still wanted")

	ErrSignature = define("CLAIMSHARE_SIGNATURE",
		"Sign the statement again with the party's current signing key, for this deployment")
	ErrStaleKeyVersion = define("CLAIMSHARE_STALE_KEY_VERSION",
		"Keys have been rotated: rebuild the statement with the current key versions and sign it again")
	ErrKeyMismatch = define("CLAIMSHARE_KEY_MISMATCH",
		"Put the encryption keys that the registry lists into the statement and sign it again")
	ErrTime = define("CLAIMSHARE_TIME",
		"Set the clock, or sign the statement again with the present time")

	ErrBatchMissing = define("CLAIMSHARE_BATCH_MISSING",
		"Put the encoded batch into the transient map under the key batch")
	ErrBatchDigest = define("CLAIMSHARE_BATCH_DIGEST",
		"Give the SHA-256 of exactly the batch that is in the transient map")
	ErrMixedIssuers = define("CLAIMSHARE_MIXED_ISSUERS",
		"Submit the records of each issuer in a transaction of their own")
	ErrDuplicateEntry = define("CLAIMSHARE_DUPLICATE_ENTRY",
		"Leave each record in the batch once")
	ErrCarrier = define("CLAIMSHARE_CARRIER",
		"Only the issuer itself, or a system manager with the issuer's signed carriage, may submit its batch")
	ErrIssuerKind = define("CLAIMSHARE_ISSUER_KIND",
		"Insurers issue policies and repair shops issue repairs")
	ErrOwnerRole = define("CLAIMSHARE_OWNER_ROLE",
		"The owner of a record or consent must be a policyholder")
	ErrRecordExists = define("CLAIMSHARE_RECORD_EXISTS",
		"Draw a new record id, or amend the recorded version")
	ErrRecordUnknown = define("CLAIMSHARE_RECORD_UNKNOWN",
		"Submit the record first, or correct its id")
	ErrRecordErased = define("CLAIMSHARE_RECORD_ERASED",
		"The issuer has erased the record for good: ask it to issue a new one if it is still needed")
	ErrVersionConflict = define("CLAIMSHARE_VERSION_CONFLICT",
		"Read the record again and amend its current version; a first version names none")
	ErrAmendment = define("CLAIMSHARE_AMENDMENT",
		"An amendment keeps owner, issuer and kind, and has a digest of its own: submit a new record instead")

	ErrRequestExists = define("CLAIMSHARE_REQUEST_EXISTS",
		"Draw a new request id")
	ErrRequestUnknown = define("CLAIMSHARE_REQUEST_UNKNOWN",
		"Correct the request id, or grant without naming a request")
	ErrRequestMismatch = define("CLAIMSHARE_REQUEST_MISMATCH",
		"A grant repeats owner, requester, purpose and claim number of the request that it answers")

	ErrConsentExists = define("CLAIMSHARE_CONSENT_EXISTS",
		"Draw a new consent id")
	ErrConsentUnknown = define("CLAIMSHARE_CONSENT_UNKNOWN",
		"Submit the owner's grant first, or correct the consent id")
	ErrConsentRevoked = define("CLAIMSHARE_CONSENT_REVOKED",
		"The owner has withdrawn this consent: ask for a new one")
	ErrConsentExpired = define("CLAIMSHARE_CONSENT_EXPIRED",
		"The consent is over: ask the owner for a new one")
	ErrConsentEarly = define("CLAIMSHARE_CONSENT_EARLY",
		"Wait until the consent begins")
	ErrConsentUnapproved = define("CLAIMSHARE_CONSENT_UNAPPROVED",
		"The system manager has not approved this consent yet")
	ErrConsentExhausted = define("CLAIMSHARE_CONSENT_EXHAUSTED",
		"All releases that the owner allowed are used: ask for a new consent")
	ErrConsentScope = define("CLAIMSHARE_CONSENT_SCOPE",
		"Ask the owner for a consent that covers this record")
	ErrConsentProxy = define("CLAIMSHARE_CONSENT_PROXY",
		"Use one of the proxies that the consent names")

	ErrReleaseExists = define("CLAIMSHARE_RELEASE_EXISTS",
		"Draw a new nonce for another release")
	ErrReleaseID = define("CLAIMSHARE_RELEASE_ID",
		"The release id must follow from consent, record, this proxy and its nonce")
	ErrReleaseUnknown = define("CLAIMSHARE_RELEASE_UNKNOWN",
		"Correct the release id, or wait until the release is committed")
	ErrReleaseStatus = define("CLAIMSHARE_RELEASE_STATUS",
		"Look at the release: it is no longer in the state that this needs")
	ErrNotReceiver = define("CLAIMSHARE_NOT_RECEIVER",
		"Only the party that received the release may answer for it")
	ErrNotHolder = define("CLAIMSHARE_NOT_HOLDER",
		"The holder who signs the delivery must be the issuer of that record version")
	ErrTrailerMissing = define("CLAIMSHARE_TRAILER_MISSING",
		"A dispute about the payload needs the holder's signed trailer")

	ErrPage = define("CLAIMSHARE_PAGE",
		"Ask for 1 to 100 rows, and give back the bookmark as it was answered")
)

// ParseError finds a refusal inside any text that has passed through a peer or
// a gateway, such as "chaincode response 500, CLAIMSHARE_TIME: ...".
func ParseError(text string) (*Error, bool) {
	for rest := text; ; {
		at := strings.Index(rest, "CLAIMSHARE_")
		if at < 0 {
			return nil, false
		}
		rest = rest[at:]
		end := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && (r < 'A' || r > 'Z') })
		if end < 0 {
			end = len(rest)
		}
		if e, ok := known[rest[:end]]; ok {
			message, found := strings.CutPrefix(rest[end:], ": ")
			if !found {
				return &Error{Code: e.Code, Message: e.Message}, true
			}
			message, _, _ = strings.Cut(message, "\n")
			return &Error{Code: e.Code, Message: strings.TrimRight(message, "\"' \t\r")}, true
		}
		rest = rest[end:]
	}
}
