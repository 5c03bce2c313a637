package node

import (
	"context"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
)

// others is how a node reaches other parties' nodes.
type others interface {
	// Holder is an insurer or repair shop.
	Holder(id record.PartyID) client.Holder
	// Release demands records of a proxy.
	Release(ctx context.Context, proxy record.PartyID, d client.Demand) ([]client.Handover, error)
}
