package record

// Names of the transactions, as contract:Name.
const (
	TxSystem       = "registry:System"
	TxInitSystem   = "registry:InitSystem"
	TxRegister     = "registry:RegisterParty"
	TxRotateKeys   = "registry:RotateKeys"
	TxSuspend      = "registry:Suspend"
	TxExpel        = "registry:Expel"
	TxReinstate    = "registry:Reinstate"
	TxParty        = "registry:Party"
	TxParties      = "registry:Parties"
	TxPartyHistory = "registry:PartyHistory"

	TxPropose         = "registry:Propose"
	TxApproveDecision = "registry:ApproveDecision"
	TxDecision        = "registry:Decision"
	TxDecisions       = "registry:Decisions"

	TxSubmitRecords   = "records:SubmitRecords"
	TxAmend           = "records:Amend"
	TxErase           = "records:Erase"
	TxRecord          = "records:Record"
	TxRecordVersion   = "records:RecordVersion"
	TxRecordHistory   = "records:RecordHistory"
	TxRecordsByOwner  = "records:RecordsByOwner"
	TxRecordsByIssuer = "records:RecordsByIssuer"

	TxRequestAccess       = "consents:RequestAccess"
	TxGrant               = "consents:Grant"
	TxApprove             = "consents:Approve"
	TxRevoke              = "consents:Revoke"
	TxRelease             = "consents:Release"
	TxAcknowledge         = "consents:Acknowledge"
	TxDispute             = "consents:Dispute"
	TxResolve             = "consents:Resolve"
	TxRequest             = "consents:Request"
	TxConsent             = "consents:Consent"
	TxReleaseByID         = "consents:ReleaseByID"
	TxRequestsByOwner     = "consents:RequestsByOwner"
	TxRequestsByRequester = "consents:RequestsByRequester"
	TxConsentsByOwner     = "consents:ConsentsByOwner"
	TxConsentsByRequester = "consents:ConsentsByRequester"
	TxReleasesByConsent   = "consents:ReleasesByConsent"
	TxReleasesByOwner     = "consents:ReleasesByOwner"
	TxReleasesByReceiver  = "consents:ReleasesByReceiver"

	TxStanding   = "credit:Standing"
	TxViolations = "credit:Violations"
	TxStandings  = "credit:Standings"
)

// Argument names.
const (
	ArgSetup           = "setup"
	ArgRegistration    = "registration"
	ArgRotation        = "rotation"
	ArgSignature       = "signature"
	ArgEncryptionProof = "encryptionProof"
	ArgSigningProof    = "signingProof"
	ArgParty           = "party"
	ArgReason          = "reason"
	ArgBatchDigest     = "batchDigest"
	ArgRecord          = "record"
	ArgErasure         = "erasure"
	ArgDigest          = "digest"
	ArgRequest         = "request"
	ArgGrant           = "grant"
	ArgConsent         = "consent"
	ArgRevocation      = "revocation"
	ArgDeliveries      = "deliveries"
	ArgRelease         = "release"
	ArgGround          = "ground"
	ArgTrailer         = "trailer"
	ArgOutcome         = "outcome"
	ArgProposal        = "proposal"
	ArgDecision        = "decision"
	ArgPageSize        = "pageSize"
	ArgBookmark        = "bookmark"
)

// Outcomes of consents:Resolve.
const (
	OutcomeUpheld    = "upheld"    // against the holder: a violation
	OutcomeDismissed = "dismissed" // in the holder's favour
)

// Callers of a transaction, as the permission table names them.
const (
	CallerAnyone  = "anyone on the channel"
	CallerManager = "system manager"
	CallerAlone   = "system manager, while system.json asks for one agency"
	CallerMember  = "registered party or system manager"
	CallerReader  = "registered party of any status, or system manager"
	CallerIssuer  = "the issuer, or a system manager with the issuer's carriage"
	CallerErase   = "the issuer, of any status"
	CallerRequest = "insurer or repair shop"
	CallerProxy   = "a proxy that the consent names"
	CallerReceive = "the party that received the release"
)

// Argument is one argument of a transaction; all arguments are strings.
type Argument struct {
	Name string
	Doc  string
}

// Transaction describes a transaction: the chaincode's metadata and the
// reference in docs are made from it.
type Transaction struct {
	Name    string // contract:Name
	Query   bool   // evaluate it; it changes nothing
	Caller  string
	Doc     string
	Args    []Argument
	Answer  string
	Refuses []*Error // beside those that any transaction may answer
}

// Any transaction may answer with these.
var common = []*Error{ErrMalformed, ErrUnknownTransaction, ErrInternal, ErrIndirect}

// CommonErrors lists the refusals that every transaction shares.
func CommonErrors() []*Error { return append([]*Error(nil), common...) }

var (
	argParty    = Argument{ArgParty, "party id (32 hexadecimal digits) or pseudo-identity"}
	argReason   = Argument{ArgReason, "1 to 256 printable ASCII characters, in clear on the ledger"}
	argBatch    = Argument{ArgBatchDigest, "SHA-256 of the encoded batch, which travels in the transient map under the key batch"}
	argRecord   = Argument{ArgRecord, "record id, 32 hexadecimal digits"}
	argConsent  = Argument{ArgConsent, "consent id, 64 hexadecimal digits"}
	argRelease  = Argument{ArgRelease, "release id, 64 hexadecimal digits"}
	argDecision = Argument{ArgDecision, "decision id, 32 hexadecimal digits"}
	argPageSize = Argument{ArgPageSize, "rows wanted, 1 to 100"}
	argBookmark = Argument{ArgBookmark, "empty, or the bookmark of the page before"}
	pageArgs    = []Argument{argPageSize, argBookmark}
	callerErrs  = []*Error{ErrNotInitialised, ErrUnknownCaller}
	activeErrs  = []*Error{ErrNotInitialised, ErrUnknownCaller, ErrSuspended, ErrExpelled}
	managerErrs = []*Error{ErrNotInitialised, ErrNotSystemManager}
)

func errorsOf(groups ...[]*Error) []*Error {
	var all []*Error
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

func paged(first ...Argument) []Argument { return append(first, pageArgs...) }

// Transactions lists every transaction of the chaincode.
func Transactions() []Transaction {
	list := registryTransactions()
	list = append(list, recordTransactions()...)
	list = append(list, consentTransactions()...)
	return append(list, creditTransactions()...)
}

func registryTransactions() []Transaction {
	return []Transaction{
		{TxSystem, true, CallerAnyone, "What the deployment was set up with.", nil, "System", []*Error{ErrNotInitialised}},
		{TxInitSystem, false, CallerManager, "Sets the deployment up, once.",
			[]Argument{{ArgSetup, "encoded Setup, hexadecimal"}}, "System",
			[]*Error{ErrNotSystemManager, ErrAlreadyInitialised}},
		{TxRegister, false, CallerManager, "Registers a party with its role, certificate subject and keys.",
			[]Argument{{ArgRegistration, "encoded Registration, hexadecimal"}}, "Party",
			errorsOf(managerErrs, []*Error{ErrPartyExists, ErrPartyCollision, ErrCallerTaken, ErrKeyTaken, ErrPossession, ErrForbidden})},
		{TxRotateKeys, false, CallerManager, "Replaces a party's keys, which the party has signed with its old signing key.",
			[]Argument{{ArgRotation, "encoded RotateStatement, hexadecimal"}, {ArgSignature, "the party's signature with the old key"},
				{ArgEncryptionProof, "proof of possession of the new encryption key; empty when there is none"},
				{ArgSigningProof, "proof of possession of the new signing key"}}, "Party",
			errorsOf(managerErrs, []*Error{ErrPartyUnknown, ErrExpelled, ErrStaleKeyVersion, ErrTime, ErrSignature, ErrKeyTaken, ErrPossession, ErrKeyMismatch})},
		{TxSuspend, false, CallerManager, "Suspends an active party.", []Argument{argParty, argReason}, "Party",
			errorsOf(managerErrs, []*Error{ErrPartyUnknown, ErrPartyStatus})},
		{TxExpel, false, CallerAlone, "Expels a party.", []Argument{argParty, argReason}, "Party",
			errorsOf(managerErrs, []*Error{ErrDecisionNeeded, ErrPartyUnknown, ErrPartyStatus})},
		{TxReinstate, false, CallerAlone, "Makes a suspended or expelled party active again; its violations stay.", []Argument{argParty, argReason}, "Party",
			errorsOf(managerErrs, []*Error{ErrDecisionNeeded, ErrPartyUnknown, ErrPartyStatus})},
		{TxPropose, false, CallerManager, "Proposes to expel or reinstate a party or to change the rules, and approves it for the caller's agency. It takes effect with the approval that makes the number of agencies full.",
			[]Argument{{ArgProposal, "encoded Proposal, hexadecimal"}}, "Decision",
			errorsOf(managerErrs, []*Error{ErrDecisionExists, ErrDecisionOver, ErrPartyUnknown, ErrPartyStatus})},
		{TxApproveDecision, false, CallerManager, "Approves a proposal for the caller's agency. The approval that makes the number full puts the decision into effect.",
			[]Argument{argDecision}, "Decision", errorsOf(managerErrs, []*Error{ErrDecisionUnknown, ErrDecisionOver, ErrPartyStatus})},
		{TxDecision, true, CallerReader, "One decision, with the approvals that count.", []Argument{argDecision}, "Decision", errorsOf(callerErrs, []*Error{ErrDecisionUnknown})},
		{TxDecisions, true, CallerReader, "All decisions, oldest proposal first.", pageArgs, "Page of Decision", errorsOf(callerErrs, []*Error{ErrPage})},
		{TxParty, true, CallerReader, "One party.", []Argument{argParty}, "Party", errorsOf(callerErrs, []*Error{ErrPartyUnknown})},
		{TxParties, true, CallerReader, "All parties, a page at a time.", pageArgs, "Page of Party", errorsOf(callerErrs, []*Error{ErrPage})},
		{TxPartyHistory, true, CallerReader, "Every state that a party's document has had, newest first; the bookmark is the transaction to go on after.", paged(argParty), "Page of Party",
			errorsOf(callerErrs, []*Error{ErrPartyUnknown, ErrPage})},
	}
}

func recordTransactions() []Transaction {
	submission := []*Error{ErrBatchMissing, ErrBatchDigest, ErrMixedIssuers, ErrDuplicateEntry, ErrCarrier, ErrForbidden, ErrPartyUnknown,
		ErrOwnerRole, ErrStaleKeyVersion, ErrKeyMismatch, ErrTime, ErrSignature, ErrVersionConflict}
	return []Transaction{
		{TxSubmitRecords, false, CallerIssuer, "Records 1 to 100 first versions. Entries with a wrong signature are left out and cost the issuer one violation for the whole transaction.",
			[]Argument{argBatch}, "BatchAnswer", errorsOf(activeErrs, submission, []*Error{ErrIssuerKind, ErrRecordExists})},
		{TxAmend, false, CallerIssuer, "Records 1 to 100 new versions, each of which names the digest of the current one.",
			[]Argument{argBatch}, "BatchAnswer", errorsOf(activeErrs, submission, []*Error{ErrRecordUnknown, ErrRecordErased, ErrAmendment})},
		{TxErase, false, CallerErase, "Has the issuer say that it destroys a record, every version of it. Nothing of it can be released or amended from then on.",
			[]Argument{{ArgErasure, "encoded EraseStatement, hexadecimal"}, {ArgSignature, "the issuer's signature"}}, "Record",
			errorsOf(callerErrs, []*Error{ErrForbidden, ErrRecordUnknown, ErrStaleKeyVersion, ErrTime, ErrSignature})},
		{TxRecord, true, CallerReader, "The current version of a record.", []Argument{argRecord}, "Record", errorsOf(callerErrs, []*Error{ErrRecordUnknown})},
		{TxRecordVersion, true, CallerReader, "One version of a record.", []Argument{argRecord, {ArgDigest, "digest of the version"}}, "Record",
			errorsOf(callerErrs, []*Error{ErrRecordUnknown})},
		{TxRecordHistory, true, CallerReader, "All versions of a record, newest first; the bookmark is the digest to go on with.", paged(argRecord), "Page of Record",
			errorsOf(callerErrs, []*Error{ErrRecordUnknown, ErrPage})},
		{TxRecordsByOwner, true, CallerReader, "The current records of an owner.", paged(argParty), "Page of Record", errorsOf(callerErrs, []*Error{ErrPage})},
		{TxRecordsByIssuer, true, CallerReader, "The current records of an issuer.", paged(argParty), "Page of Record", errorsOf(callerErrs, []*Error{ErrPage})},
	}
}

func consentTransactions() []Transaction {
	release := []*Error{ErrConsentUnknown, ErrConsentRevoked, ErrConsentExpired, ErrConsentEarly, ErrConsentUnapproved, ErrConsentExhausted,
		ErrConsentScope, ErrConsentProxy, ErrRecordUnknown, ErrRecordErased, ErrReleaseExists, ErrReleaseID, ErrNotHolder, ErrForbidden, ErrDuplicateEntry, ErrStaleKeyVersion, ErrTime, ErrSignature}
	query := func(name, doc, answer string, unknown *Error, arg Argument) Transaction {
		return Transaction{name, true, CallerReader, doc, []Argument{arg}, answer, errorsOf(callerErrs, []*Error{unknown})}
	}
	list := func(name, doc, answer string, arg Argument) Transaction {
		return Transaction{name, true, CallerReader, doc, paged(arg), "Page of " + answer, errorsOf(callerErrs, []*Error{ErrPage})}
	}
	return []Transaction{
		{TxRequestAccess, false, CallerRequest, "Asks an owner for access.", []Argument{{ArgRequest, "encoded AccessRequest, hexadecimal"}}, "Request",
			errorsOf(activeErrs, []*Error{ErrForbidden, ErrPartyUnknown, ErrOwnerRole, ErrRecordUnknown, ErrRequestExists})},
		{TxGrant, false, CallerMember, "Puts an owner's signed consent on the ledger, whoever carries it.",
			[]Argument{{ArgGrant, "encoded GrantStatement, hexadecimal"}, {ArgSignature, "the owner's signature"}}, "Consent",
			errorsOf(activeErrs, []*Error{ErrPartyUnknown, ErrOwnerRole, ErrForbidden, ErrStaleKeyVersion, ErrKeyMismatch, ErrKeyTaken, ErrSignature, ErrRequestUnknown,
				ErrRequestMismatch, ErrRecordUnknown, ErrConsentExists, ErrConsentRevoked, ErrConsentExpired})},
		{TxApprove, false, CallerManager, "Approves a consent after the evidence and the search test were checked.", []Argument{argConsent}, "Consent",
			errorsOf(managerErrs, []*Error{ErrConsentUnknown, ErrConsentRevoked, ErrConsentExpired, ErrSuspended, ErrExpelled, ErrStaleKeyVersion})},
		{TxRevoke, false, CallerMember, "Puts an owner's signed withdrawal on the ledger, at once and also ahead of the grant.",
			[]Argument{{ArgRevocation, "encoded RevokeStatement, hexadecimal"}, {ArgSignature, "the owner's signature"}}, "Revocation",
			errorsOf(activeErrs, []*Error{ErrPartyUnknown, ErrOwnerRole, ErrForbidden, ErrStaleKeyVersion, ErrSignature})},
		{TxRelease, false, CallerProxy, "Announces 1 to 64 capsules that the proxy is about to re-encrypt and hand out.",
			[]Argument{{ArgDeliveries, "encoded Deliveries, hexadecimal"}}, "list of Release", errorsOf(activeErrs, release)},
		{TxAcknowledge, false, CallerReceive, "Says that the released record was opened and matched its digest.", []Argument{argRelease}, "Release",
			errorsOf(activeErrs, []*Error{ErrForbidden, ErrReleaseUnknown, ErrNotReceiver, ErrReleaseStatus})},
		{TxDispute, false, CallerReceive, "Complains that what the holder signed is not what is recorded.",
			[]Argument{argRelease, {ArgGround, "capsule or payload"}, argReason,
				{ArgTrailer, "encoded TrailerStatement, hexadecimal; needed for payload, else empty"}, {ArgSignature, "the holder's signature on the trailer, else empty"}}, "Release",
			errorsOf(activeErrs, []*Error{ErrForbidden, ErrReleaseUnknown, ErrNotReceiver, ErrReleaseStatus, ErrTrailerMissing, ErrNotHolder, ErrStaleKeyVersion, ErrSignature})},
		{TxResolve, false, CallerManager, "Decides a dispute. Upheld, it is a violation of the holder.",
			[]Argument{argRelease, {ArgOutcome, "upheld or dismissed"}, argReason}, "Release",
			errorsOf(managerErrs, []*Error{ErrReleaseUnknown, ErrReleaseStatus})},
		query(TxRequest, "One access request.", "Request", ErrRequestUnknown, Argument{ArgRequest, "request id, 32 hexadecimal digits"}),
		query(TxConsent, "One consent.", "Consent", ErrConsentUnknown, argConsent),
		query(TxReleaseByID, "One release.", "Release", ErrReleaseUnknown, argRelease),
		list(TxRequestsByOwner, "Who asked an owner for what, oldest first.", "Request", argParty),
		list(TxRequestsByRequester, "What a party asked for, oldest first.", "Request", argParty),
		list(TxConsentsByOwner, "What an owner consented to, oldest first.", "Consent", argParty),
		list(TxConsentsByRequester, "What a party was given consent to, oldest first.", "Consent", argParty),
		list(TxReleasesByConsent, "What was handed out under a consent, by proxy, oldest first.", "Release", argConsent),
		list(TxReleasesByOwner, "Who read what of an owner and when, oldest first.", "Release", argParty),
		list(TxReleasesByReceiver, "What a party received, oldest first.", "Release", argParty),
	}
}

func creditTransactions() []Transaction {
	return []Transaction{
		{TxStanding, true, CallerReader, "A party's credit and status.", []Argument{argParty}, "Standing", errorsOf(callerErrs, []*Error{ErrPartyUnknown})},
		{TxViolations, true, CallerReader, "A party's violations with their evidence, oldest first.", paged(argParty), "Page of Violation", errorsOf(callerErrs, []*Error{ErrPage})},
		{TxStandings, true, CallerReader, "The standing of every party, a page at a time.", pageArgs, "Page of Standing", errorsOf(callerErrs, []*Error{ErrPage})},
	}
}
