// Package refusal carries errors between nodes. What one side refuses with
// arrives at the other as the same error, for errors.Is: the sentinels of
// packages client, store, ledger, pre and pseudonym, every code of package
// record, and those of this package. They travel as google.rpc.ErrorInfo in the
// details of a gRPC status, by names that stay the same between releases.
//
// Only what the table in rows.go knows crosses. The text of any other error can
// hold paths, SQL or another node's address: it becomes [ErrInternal] with the
// request's identifier, under which the node's own log has the text.
//
// An error that has crossed is what the other side says. Nothing may be believed
// on its word alone that the ledger can be asked for.
package refusal

import "errors"

// What a node refuses before it comes to the matter, and failures of its own.
var (
	// ErrCertificate: no organisation of the channel vouches for the
	// certificate, or it has expired or was revoked, or is another party's.
	ErrCertificate = errors.New("node: the certificate is not accepted")
	// ErrBusy: the caller has used up what it may ask for at once or in a
	// while. Wait, and ask again.
	ErrBusy = errors.New("node: too many requests; wait and ask again")
	// ErrSlow: the other side did not read or write for too long.
	ErrSlow = errors.New("node: the other side is too slow")
	// ErrAddress: the node does not know where a party's node is.
	ErrAddress = errors.New("node: no address is known for the party")
	// ErrUnreachable: another party's node does not answer.
	ErrUnreachable = errors.New("node: the party's node cannot be reached")
	// ErrLedger: the node cannot reach the ledger.
	ErrLedger = errors.New("node: the ledger cannot be reached from there")
	// ErrInternal: the node failed, not the call.
	ErrInternal = errors.New("node: internal error")
)
