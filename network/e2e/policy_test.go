package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/topology"
)

// An insurer's own peer would run the contract for it and sign the result, also
// if the contract had been tampered with there. Fabric does not take that: every
// change needs the system manager's endorsement.
func TestInsurerEndorsingAlone(t *testing.T) {
	t.Parallel()
	network := hold(t, topology.Development())
	s := initialise(t, network)
	insurer, owner := s.insurer(t, network, "insurer1"), s.owners(t, 1)[0]
	for _, n := range []newcomer{insurer, owner} {
		_, err := s.register(t.Context(), n)
		require.NoError(t, err)
	}
	batch := s.signedPolicy(t, insurer, owner)
	id := batch.Entries[0].Statement.ID

	alone := s.manager.As(dial(t, network, "insurer1", func(c *ledger.Connection) { c.Endorsers = []string{c.MSPID} }))
	require.NoError(t, alone.Await(t.Context(), s.manager.Seen()))
	_, result, err := alone.SubmitBatch(t.Context(), batch)
	require.ErrorIs(t, err, ledger.ErrEndorsementPolicy)
	require.ErrorContains(t, err, "ENDORSEMENT_POLICY_FAILURE")

	// The transaction has its place in a block, marked invalid, and wrote nothing.
	transaction, err := alone.Ledger().(*ledger.Ledger).Transaction(t.Context(), result.TxID)
	require.NoError(t, err)
	require.Equal(t, ledger.ErrEndorsementPolicy, transaction.Code)
	require.Equal(t, "Insurer1MSP", transaction.Creator)
	require.Equal(t, []string{"Insurer1MSP"}, transaction.Endorsers)
	require.NotEmpty(t, transaction.Writes)
	_, err = alone.Record(t.Context(), id)
	require.ErrorIs(t, err, record.ErrRecordUnknown)

	// The same batch is fine with the endorsement that it needs.
	proper := s.manager.As(dial(t, network, "insurer1"))
	require.NoError(t, proper.Await(t.Context(), alone.Seen()))
	answer, result, err := proper.SubmitBatch(t.Context(), batch)
	require.NoError(t, err)
	require.Equal(t, 1, answer.Recorded)
	transaction, err = proper.Ledger().(*ledger.Ledger).Transaction(t.Context(), result.TxID)
	require.NoError(t, err)
	require.Equal(t, []string{"SMMSP"}, transaction.Endorsers)
	found, err := proper.Record(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, owner.keys.ID(), found.Owner)
}
