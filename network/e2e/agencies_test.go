package e2e

import (
	"context"
	"crypto/rand"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/topology"
)

// The paper's system manager is several agencies, none of which is trusted
// alone: Fabric's endorsement policy and the contract's decisions see to that.
func TestAgencies(t *testing.T) {
	t.Parallel()
	network := hold(t, topology.Agencies())
	a := &agencies{system: initialise(t, network), network: network}
	a.insurer, a.owner = a.system.insurer(t, network, "insurer1"), a.owners(t, 1)[0]
	for _, n := range []newcomer{a.insurer, a.owner} {
		_, err := a.register(t.Context(), n)
		require.NoError(t, err)
	}
	t.Run("endorsement", a.testEndorsement)
	t.Run("decisions", a.testDecisions)
	t.Run("an agency is down", a.testDown)
	if soak(0, 1) > 0 { // a gateway waits for half a minute
		t.Run("an agency hangs", a.testHung)
	}
}

type agencies struct {
	*system
	network        *launch.Network
	insurer, owner newcomer
}

// as is the ledger as an identity sees it, everything so far included.
func (a *agencies) as(t *testing.T, identity string, change ...func(*ledger.Connection)) *client.Chain {
	t.Helper()
	chain := a.manager.As(dial(t, a.network, identity, change...))
	require.NoError(t, chain.Await(t.Context(), a.manager.Seen()))
	return chain
}

// issue submits a policy with the endorsement of exactly the given agencies, or,
// without any, as the connection has it. It answers with what the ledger holds
// of the transaction.
func (a *agencies) issue(ctx context.Context, t *testing.T, chain *client.Chain, endorsers ...string) (ledger.Transaction, error) {
	t.Helper()
	batch := a.signedPolicy(t, a.insurer, a.owner)
	encoded := batch.Encode()
	result, err := chain.Ledger().Submit(ctx, ledger.Call{
		Contract: "records", Transaction: "SubmitRecords", Args: []string{record.BatchDigest(encoded).String()},
		Transient: map[string][]byte{record.TransientBatch: encoded}, Endorsers: endorsers,
	})
	if result.TxID == "" {
		return ledger.Transaction{}, err
	}
	l := dial(t, a.network, "insurer1")
	transaction, lookup := l.Transaction(t.Context(), result.TxID)
	require.NoError(t, lookup)
	return transaction, err
}

func (a *agencies) testEndorsement(t *testing.T) {
	chain := a.as(t, "insurer1")
	for _, alone := range [][]string{{"SMMSP"}, {"SM2MSP"}, {"SM3MSP"}, {"SM2MSP", "Insurer1MSP"}} {
		transaction, err := a.issue(t.Context(), t, chain, alone...)
		require.ErrorIs(t, err, ledger.ErrEndorsementPolicy, "%v", alone)
		require.Equal(t, ledger.ErrEndorsementPolicy, transaction.Code)
		require.ElementsMatch(t, alone, transaction.Endorsers)
	}
	for _, pair := range [][]string{{"SMMSP", "SM2MSP"}, {"SMMSP", "SM3MSP"}, {"SM3MSP", "SM2MSP"}, {"SMMSP", "SM2MSP", "SM3MSP"}} {
		transaction, err := a.issue(t.Context(), t, chain, pair...)
		require.NoError(t, err, "%v", pair)
		require.Equal(t, ledger.Valid, transaction.Code)
		require.ElementsMatch(t, pair, transaction.Endorsers)
	}
	// What the connection description says is enough, and no more than that.
	transaction, err := a.issue(t.Context(), t, chain)
	require.NoError(t, err)
	require.Len(t, transaction.Endorsers, 2)
}

// status awaits what an agency has just done.
func (a *agencies) status(t *testing.T) record.Status {
	t.Helper()
	party, err := a.as(t, "authority").Party(t.Context(), a.insurer.keys.ID())
	require.NoError(t, err)
	return party.Status
}

func (a *agencies) testDecisions(t *testing.T) {
	first, second, insurer := a.as(t, "authority"), a.as(t, "authority2"), a.as(t, "insurer1")
	submit := func(chain *client.Chain, name string, args ...string) error {
		_, err := chain.Ledger().Submit(t.Context(), ledger.Call{Contract: "registry", Transaction: name, Args: args})
		return err
	}
	party := a.insurer.keys.ID()
	require.ErrorIs(t, submit(first, "Expel", party.String(), "alone"), record.ErrDecisionNeeded)
	require.ErrorIs(t, submit(second, "Reinstate", party.String(), "alone"), record.ErrDecisionNeeded)

	decide := func(action record.Action) {
		proposal := record.Proposal{Action: action, Party: party, Reason: "test", Expiry: time.Now().Add(time.Hour).Unix()}
		_, err := rand.Read(proposal.ID[:])
		require.NoError(t, err)
		before := a.status(t)
		require.NoError(t, submit(first, "Propose", record.EncodeText(proposal.Encode())))
		require.NoError(t, submit(first, "ApproveDecision", proposal.ID.String()), "again by the same agency")
		require.Equal(t, before, a.status(t), "one agency has decided alone")
		require.ErrorIs(t, submit(insurer, "ApproveDecision", proposal.ID.String()), record.ErrNotSystemManager)
		require.NoError(t, submit(second, "ApproveDecision", proposal.ID.String()))
	}
	decide(record.ActionExpel)
	require.Equal(t, record.StatusExpelled, a.status(t))
	_, err := a.issue(t.Context(), t, insurer)
	require.ErrorIs(t, err, record.ErrExpelled)
	decide(record.ActionReinstate)
	require.Equal(t, record.StatusActive, a.status(t))
	_, err = a.issue(t.Context(), t, insurer)
	require.NoError(t, err)
}

// enrolOwner has the first agency register a policyholder, and answers with what
// the ledger holds of the transaction.
func (a *agencies) enrolOwner(t *testing.T, chain *client.Chain) (ledger.Transaction, error) {
	t.Helper()
	registration := a.owners(t, 1)[0].registration
	result, err := chain.Ledger().Submit(t.Context(), ledger.Call{
		Contract: "registry", Transaction: "RegisterParty", Args: []string{record.EncodeText(registration.Encode())},
	})
	require.NoError(t, err)
	return dial(t, a.network, "insurer1").Transaction(t.Context(), result.TxID)
}

// The network goes on without any one agency, for the others and for the agency
// whose own peer it is, and stands still without two.
func (a *agencies) testDown(t *testing.T) {
	insurer, authority := a.as(t, "insurer1"), a.as(t, "authority")
	const calls = 6
	for _, down := range []struct{ peer, msp string }{{"sm3.peer0", "SM3MSP"}, {"sm.peer0", "SMMSP"}} {
		restore := bringDown(t, a.network, down.peer)
		var longest time.Duration
		for range calls {
			for _, submit := range []func() (ledger.Transaction, error){
				func() (ledger.Transaction, error) { return a.issue(t.Context(), t, insurer) },
				func() (ledger.Transaction, error) { return a.enrolOwner(t, authority) },
			} {
				began := time.Now()
				transaction, err := submit()
				require.NoError(t, err)
				require.Len(t, transaction.Endorsers, 2)
				require.NotContains(t, transaction.Endorsers, down.msp)
				longest = max(longest, time.Since(began))
			}
		}
		t.Logf("without %s the longest of %d submissions took %v", down.peer, 2*calls, longest.Round(time.Millisecond))
		if down.msp == "SMMSP" {
			another := bringDown(t, a.network, "sm3.peer0")
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			_, err := a.issue(ctx, t, insurer)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded, "one agency alone has sufficed")
			another()
		}
		restore()
	}
	transaction, err := a.issue(t.Context(), t, insurer, "SMMSP", "SM2MSP", "SM3MSP")
	require.NoError(t, err, "all of them are back")
	require.Len(t, transaction.Endorsers, 3)
}

// A peer that hangs costs the first submission that meets it the gateway's
// patience, and those after it nothing.
func (a *agencies) testHung(t *testing.T) {
	insurer := a.as(t, "insurer1")
	hung := process(t, a.network, "sm3.peer0").PID
	require.NoError(t, syscall.Kill(hung, syscall.SIGSTOP))
	defer func() { require.NoError(t, syscall.Kill(hung, syscall.SIGCONT)) }()
	const calls, slow = 12, 20 * time.Second
	var waited int
	for range calls {
		began := time.Now()
		transaction, err := a.issue(t.Context(), t, insurer)
		require.NoError(t, err)
		require.NotContains(t, transaction.Endorsers, "SM3MSP")
		took := time.Since(began)
		require.Less(t, took, time.Minute)
		if took > slow {
			waited++
		}
	}
	t.Logf("%d of %d submissions had to wait for it", waited, calls)
	require.LessOrEqual(t, waited, 1)
}

// bringDown ends a peer and keeps it from starting again, until the returned
// function is called.
func bringDown(t *testing.T, network *launch.Network, name string) (restore func()) {
	t.Helper()
	dir := process(t, network, name).Ledger
	aside := dir + ".aside"
	require.NoError(t, os.Rename(dir, aside))
	require.NoError(t, os.WriteFile(dir, nil, 0o600)) // a peer cannot keep its ledger in a file
	running := process(t, network, name)
	require.NoError(t, syscall.Kill(running.PID, syscall.SIGKILL))
	return func() {
		t.Helper()
		require.NoError(t, os.Remove(dir))
		require.NoError(t, os.Rename(aside, dir))
	}
}
