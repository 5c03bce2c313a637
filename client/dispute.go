package client

import (
	"context"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
)

// TamperedError is a payload that is not the one recorded, although its holder
// signed that it sent just these bytes. Keep the trailer: it is the evidence of a
// dispute.
type TamperedError struct {
	Release record.ReleaseID
	Trailer *Trailer
	Err     error // what is wrong with the payload
}

func (e *TamperedError) Error() string {
	return fmt.Sprintf("client: the holder signed a payload for release %s that is not the recorded one: %v", e.Release, e.Err)
}

// Unwrap is what is wrong with the payload.
func (e *TamperedError) Unwrap() error { return e.Err }

// Dispute complains on the ledger about a release that this member received.
// The reason, 1 to 256 printable ASCII characters, is in clear for every member
// of the channel. About a payload it needs the holder's trailer, as a
// [*TamperedError] has it; about a capsule the delivery on the ledger is the
// evidence, and t is nil.
//
// It returns [record.ErrReleaseUnknown], [record.ErrNotReceiver],
// [record.ErrReleaseStatus], [record.ErrTrailerMissing] and the chaincode's other
// errors.
func (m *Member) Dispute(ctx context.Context, id record.ReleaseID, ground record.Ground, reason string, t *Trailer) (*record.Release, error) {
	return m.chain.Dispute(ctx, id, ground, reason, t)
}
