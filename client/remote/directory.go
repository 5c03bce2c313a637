package remote

import (
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Directory knows where parties' nodes are. An address is not trusted: whoever
// answers there has to be the party.
type Directory interface {
	// Address is host:port, or [refusal.ErrAddress].
	Address(id record.PartyID) (string, error)
}

// Addresses is a directory in memory.
type Addresses map[record.PartyID]string

// Address is host:port, or [refusal.ErrAddress].
func (a Addresses) Address(id record.PartyID) (string, error) {
	address, ok := a[id]
	if !ok {
		return "", fmt.Errorf("%w: %s", refusal.ErrAddress, id)
	}
	return address, nil
}
