// Package client is the ClaimShare SDK: one type per party of the scheme, one
// method per thing that the party does.
//
//	Chain      a typed view of the ledger, as one Fabric identity
//	Authority  the system manager: enrols, approves consents, traces
//	Owner      a policyholder's wallet: countersigns, grants, revokes, reads
//	Member     an insurer or repair shop: issues, holds, requests, receives
//	Proxy      re-encrypts under consents, can read nothing
//
// Parties hand each other the values in message.go; how those travel is not
// this package's business. Each party checks what it is handed against the
// ledger and trusts no other party, as docs/architecture.md tells.
//
// Errors: refusals by the chaincode are *record.Error, to be compared with
// errors.Is(err, record.ErrConsentExpired) and the like; failures of Fabric are
// package ledger's; what a party found in another's message is one of the
// errors in errors.go; failures of the cryptography are package pre's.
//
// Every method that reaches the ledger or a store takes a context and leaves no
// goroutine behind. Types are safe for concurrent use once made.
package client
