package client

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Where two agencies are needed, to expel is a proposal that the other has a
// month to approve.
func TestDecideProposes(t *testing.T) {
	b := &board{t: t}
	d, err := (&Chain{ledger: b}).Decide(t.Context(), record.ActionExpel, record.PartyID{7}, "moved away")
	require.NoError(t, err)
	require.Equal(t, record.DecisionOpen, d.Status)
	require.Equal(t, record.PartyID{7}, d.Party)
	require.Equal(t, record.ActionExpel, d.Action)
	require.WithinDuration(t, time.Now().Add(30*24*time.Hour), time.Unix(d.Expiry, 0), time.Minute)
	require.Len(t, b.list, 1)
}
