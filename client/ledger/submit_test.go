package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var call = Call{Contract: "records", Transaction: "SubmitRecords", Args: []string{"digest"}}

func TestSubmit(t *testing.T) {
	n := newNetwork(t, 1)
	l := n.dial(t)
	c := call
	c.Transient = map[string][]byte{"batch": []byte("secret")}
	result, err := l.Submit(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, "answer", string(result.Payload))
	require.Equal(t, uint64(1), result.Block)
	require.Equal(t, 1, result.Endorsements)
	require.Equal(t, 1, result.Broadcasts)
	require.WithinDuration(t, time.Now(), result.Time, time.Minute)
	require.Equal(t, []string{"SMMSP"}, n.peers[0].proposals[0].GetEndorsingOrganizations())

	found, err := l.Transaction(t.Context(), result.TxID)
	require.NoError(t, err)
	require.Equal(t, Transaction{
		TxID: result.TxID, Block: 1, Time: result.Time, Creator: "InsurerMSP", Chaincode: "claimshare",
		Function: "records:SubmitRecords", Endorsers: []string{"SMMSP"},
		Writes: []Write{{Namespace: "claimshare", Key: "key", Value: []byte("value")}},
		Event:  &Event{Block: 1, TxID: result.TxID, Time: result.Time, Chaincode: "claimshare", Name: "records:SubmitRecords", Payload: []byte("[digest]")},
	}, found)
	require.NotContains(t, string(n.chain.received[0]), "secret", "transient data in the envelope")
	pending, err := l.journal.Pending(t.Context())
	require.NoError(t, err)
	require.Empty(t, pending)
}

func TestSubmitNamesItsEndorsers(t *testing.T) {
	n := newNetwork(t, 1)
	n.chain.verdicts = []peer.TxValidationCode{peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE}
	c := call
	c.Endorsers = []string{"InsurerMSP"}
	result, err := n.dial(t).Submit(t.Context(), c)
	require.ErrorIs(t, err, ErrEndorsementPolicy)
	require.NotErrorIs(t, err, ErrMVCCReadConflict)
	var verdict *CommitError
	require.ErrorAs(t, err, &verdict)
	require.Equal(t, CommitError{TxID: result.TxID, Block: 1, Code: ErrEndorsementPolicy}, *verdict)
	require.ErrorContains(t, err, "ENDORSEMENT_POLICY_FAILURE")
	require.Equal(t, []string{"InsurerMSP"}, n.peers[0].proposals[0].GetEndorsingOrganizations())
	require.Equal(t, 1, n.peers[0].count("Endorse"), "an invalid transaction must not be endorsed anew")
}

func TestEndorsementIsAskedAnew(t *testing.T) {
	for name, failure := range map[string]error{
		"unavailable":         status.Error(codes.Unavailable, "no orderer nodes available"),
		"failed precondition": status.Error(codes.FailedPrecondition, "no combination of peers can be derived"),
		"aborted":             refusal(codes.Aborted, "error in simulation: transaction returned with failure: chaincode stream terminated"),
		"do not match":        refusal(codes.Aborted, "ProposalResponsePayloads do not match"),
		"too many requests":   status.Error(codes.Unknown, "too many requests for /gateway.Gateway, exceeding concurrency limit (500)"),
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, 1)
			n.peers[0].next("Endorse", failure, failure)
			result, err := n.dial(t).Submit(t.Context(), call)
			require.NoError(t, err)
			require.Equal(t, 3, n.peers[0].count("Endorse"))
			seen := map[string]bool{}
			for _, p := range n.peers[0].proposals {
				seen[p.GetTransactionId()] = true
			}
			require.Len(t, seen, 3, "every attempt is a new proposal")
			require.True(t, seen[result.TxID])
			require.Len(t, n.chain.received, 1)
		})
	}
}

func TestEndorsementIsNotAskedAnew(t *testing.T) {
	for name, c := range map[string]struct {
		failure  error
		attempts int
	}{
		"contract refusal": {refusal(codes.Aborted, "chaincode response 500, CLAIMSHARE_RECORD_EXISTS: choose another id"), 1},
		"unknown":          {status.Error(codes.Unknown, "something"), 1},
		"invalid":          {status.Error(codes.InvalidArgument, "something"), 1},
		"access denied":    {refusal(codes.Aborted, "access denied: channel [claims] creator org [InsurerMSP]"), deniedLimit},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, 1)
			n.peers[0].next("Endorse", c.failure, c.failure, c.failure, c.failure)
			_, err := n.dial(t).Submit(t.Context(), call)
			require.Error(t, err)
			require.Equal(t, c.attempts, n.peers[0].count("Endorse"))
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, StepEndorse, e.Step)
			require.NotEmpty(t, e.TxID)
			require.Empty(t, n.chain.received)
		})
	}
}

// A refusal by the contract is the contract's error, wherever it was spelt.
func TestContractErrors(t *testing.T) {
	refused := record.ErrRecordExists.With("record 7 is there")
	text := "chaincode response 500, " + refused.Error()
	n := newNetwork(t, 1)
	n.peers[0].next("Endorse", refusal(codes.Aborted, text))
	n.peers[0].next("Evaluate", status.Error(codes.Unknown, "evaluate call to endorser returned error: "+text), refusal(codes.Unknown, text))
	l := n.dial(t)
	_, submitted := l.Submit(t.Context(), call)
	_, evaluated := l.Evaluate(t.Context(), "records", "Record", "7")
	_, detailed := l.Evaluate(t.Context(), "records", "Record", "7")
	for _, err := range []error{submitted, evaluated, detailed} {
		require.ErrorIs(t, err, record.ErrRecordExists)
		require.NotErrorIs(t, err, record.ErrNotHolder)
		var e *record.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, refused, e)
	}
}

func TestEndorsementOutOfTime(t *testing.T) {
	n := newNetwork(t, 1)
	for range 1000 {
		n.peers[0].next("Endorse", status.Error(codes.FailedPrecondition, "no peers"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := n.dial(t).Submit(ctx, call)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "no peers", "the reason must not get lost")
	require.NotErrorIs(t, err, ErrUndecided)
}

// TestSameEnvelope: whatever happens after the endorsement, the orderers get
// the same bytes again and the transaction is committed once.
func TestSameEnvelope(t *testing.T) {
	unavailable := status.Error(codes.Unavailable, "no orderers could successfully process transaction")
	for name, c := range map[string]struct {
		arrange    func(*network)
		endorsed   int
		broadcasts int
		received   int
	}{
		"orderer unavailable": {
			func(n *network) { n.peers[0].next("Submit", unavailable, unavailable) }, 1, 3, 1,
		},
		"orderer not ready": {
			func(n *network) {
				n.peers[0].next("Submit", status.Error(codes.Aborted, "received unsuccessful response from orderer: status=NOT_FOUND, info="))
			}, 1, 2, 1,
		},
		"delivered, then unavailable": {
			func(n *network) { n.peers[0].next("Submit", deliveredError{unavailable}) }, 1, 1, 1,
		},
		"acknowledged and lost": {
			func(n *network) { n.chain.lose = 2 }, 1, 3, 3,
		},
		"commit status fails": {
			func(n *network) {
				n.peers[0].next("CommitStatus", status.Error(codes.Aborted, "unexpected close of commit notification channel"), unavailable)
			}, 1, 1, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, 1)
			c.arrange(n)
			l := n.dial(t)
			result, err := l.Submit(t.Context(), call)
			require.NoError(t, err)
			require.Equal(t, c.broadcasts, result.Broadcasts)
			require.Equal(t, c.endorsed, n.peers[0].count("Endorse"))
			require.Len(t, n.chain.received, c.received)
			for _, envelope := range n.chain.received {
				require.True(t, bytes.Equal(n.chain.received[0], envelope))
			}
			found, err := l.Transaction(t.Context(), result.TxID)
			require.NoError(t, err)
			require.Equal(t, Valid, found.Code)
			require.Equal(t, result.Block, found.Block)
		})
	}
}

func TestReadConflictIsEndorsedAnew(t *testing.T) {
	n := newNetwork(t, 1)
	n.chain.verdicts = []peer.TxValidationCode{peer.TxValidationCode_MVCC_READ_CONFLICT, peer.TxValidationCode_PHANTOM_READ_CONFLICT}
	result, err := n.dial(t).Submit(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, 3, result.Endorsements)
	require.Equal(t, 1, result.Broadcasts)
	require.Equal(t, uint64(3), result.Block)
	require.Len(t, n.chain.received, 3)
}

func TestReadConflictOutOfTime(t *testing.T) {
	n := newNetwork(t, 1)
	for range 1000 {
		n.chain.verdicts = append(n.chain.verdicts, peer.TxValidationCode_MVCC_READ_CONFLICT)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := n.dial(t).Submit(ctx, call)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestRefusedByOrderer(t *testing.T) {
	n := newNetwork(t, 1)
	n.peers[0].next("Submit", status.Error(codes.Aborted, "received unsuccessful response from orderer: status=FORBIDDEN, info="))
	l := n.dial(t)
	_, err := l.Submit(t.Context(), call)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, StepSubmit, e.Step)
	require.NotErrorIs(t, err, ErrUndecided)
	require.Equal(t, 1, n.peers[0].count("Submit"))
	pending, err := l.journal.Pending(t.Context())
	require.NoError(t, err)
	require.Empty(t, pending)
}

func TestRefusedOnlyTheSecondTime(t *testing.T) {
	n := newNetwork(t, 1)
	n.peers[0].next("Submit",
		deliveredError{status.Error(codes.Unavailable, "lost the answer")},
		status.Error(codes.Aborted, "received unsuccessful response from orderer: status=FORBIDDEN, info="))
	n.chain.lose = 1
	l := n.dial(t)
	_, err := l.Submit(t.Context(), call)
	require.ErrorIs(t, err, ErrUndecided, "the first copy may still be committed")
	pending, err := l.journal.Pending(t.Context())
	require.NoError(t, err)
	require.Len(t, pending, 1)
}

func TestUndecidedThenRecovered(t *testing.T) {
	n := newNetwork(t, 1)
	n.chain.lose = 1000
	journal := NewMemoryJournal()
	l := n.dial(t, WithJournal(journal))
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	c := call
	c.Reference = "batch 7"
	lost, err := l.Submit(ctx, c)
	require.ErrorIs(t, err, ErrUndecided)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotEmpty(t, lost.TxID)

	n.chain.mu.Lock()
	n.chain.lose = 0
	n.chain.mu.Unlock()
	require.NoError(t, journal.Save(t.Context(), Entry{TxID: "other", Channel: "another channel"}))
	recovered, err := n.dial(t, WithJournal(journal)).Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, recovered, 1)
	require.NoError(t, recovered[0].Err)
	require.Equal(t, "batch 7", recovered[0].Entry.Reference)
	require.Equal(t, lost.TxID, recovered[0].Result.TxID)
	require.Equal(t, uint64(1), recovered[0].Result.Block)
	require.Equal(t, "answer", string(recovered[0].Result.Payload))
	require.True(t, bytes.Equal(n.chain.received[0], n.chain.received[len(n.chain.received)-1]))
	pending, err := journal.Pending(t.Context())
	require.NoError(t, err)
	require.Len(t, pending, 1)
	require.Equal(t, "other", pending[0].TxID)
}

// A recovered transaction that was committed all along keeps its first place.
func TestRecoverCommitted(t *testing.T) {
	n := newNetwork(t, 1)
	journal := keepAll{NewMemoryJournal()}
	l := n.dial(t, WithJournal(journal))
	first, err := l.Submit(t.Context(), call)
	require.NoError(t, err)
	recovered, err := l.Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, recovered, 1)
	require.NoError(t, recovered[0].Err)
	require.Equal(t, first.Block, recovered[0].Result.Block)
}

// keepAll is the journal of a process that dies before it deletes.
type keepAll struct{ Journal }

func (keepAll) Delete(context.Context, string) error { return errors.New("died") }

type full struct{ Journal }

func (full) Save(context.Context, Entry) error { return errors.New("disk full") }

func TestNothingIsSentUnsaved(t *testing.T) {
	n := newNetwork(t, 1)
	_, err := n.dial(t, WithJournal(full{NewMemoryJournal()})).Submit(t.Context(), call)
	require.ErrorContains(t, err, "disk full")
	require.Equal(t, 0, n.peers[0].count("Submit"))
}

func TestRecoverLeavesSubmissionsAlone(t *testing.T) {
	n := newNetwork(t, 1)
	n.peers[0].set(func() { n.peers[0].hang = "CommitStatus" })
	l := n.dial(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { _, err := l.Submit(ctx, call); done <- err }()
	require.Eventually(t, func() bool { return n.peers[0].count("CommitStatus") > 0 }, 5*time.Second, time.Millisecond)
	recovered, err := l.Recover(t.Context())
	require.NoError(t, err)
	require.Empty(t, recovered)
	require.ErrorIs(t, <-done, ErrUndecided)
}

func TestPeersTakeOver(t *testing.T) {
	n := newNetwork(t, 2)
	l := n.dial(t)
	_, err := l.Submit(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, 0, n.peers[1].count("Endorse"), "the first peer is preferred")

	n.peers[0].stop()
	_, err = l.Submit(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, 1, n.peers[1].count("Endorse"))
	_, err = l.Evaluate(t.Context(), "records", "Record", "1")
	require.NoError(t, err)

	n.peers[0].start(t)
	before := n.peers[0].count("Evaluate")
	require.Eventually(t, func() bool {
		_, err := l.Evaluate(t.Context(), "records", "Record", "1")
		return err == nil && n.peers[0].count("Evaluate") > before
	}, 10*time.Second, 20*time.Millisecond, "the first peer is preferred again")
}

// The gateway dies after the orderer took the envelope: another peer knows.
func TestPeerDiesBeforeCommit(t *testing.T) {
	n := newNetwork(t, 2)
	n.peers[0].set(func() { n.peers[0].hang = "CommitStatus" })
	l := n.dial(t)
	done := make(chan error, 1)
	go func() { _, err := l.Submit(t.Context(), call); done <- err }()
	require.Eventually(t, func() bool { return n.peers[0].count("CommitStatus") > 0 }, 5*time.Second, time.Millisecond)
	n.peers[0].stop()
	require.NoError(t, <-done)
	require.Len(t, n.chain.received, 1)
}

func TestHangingPeer(t *testing.T) {
	for _, method := range []string{"Endorse", "Submit", "CommitStatus"} {
		t.Run(method, func(t *testing.T) {
			n := newNetwork(t, 2)
			n.peers[0].set(func() { n.peers[0].hang = method })
			impatient := quick
			impatient.attempt = 300 * time.Millisecond
			_, err := n.dial(t, withTiming(impatient)).Submit(t.Context(), call)
			require.NoError(t, err)
		})
	}
}

func TestConcurrencyIsCapped(t *testing.T) {
	n := newNetwork(t, 1)
	n.peers[0].delay = 20 * time.Millisecond
	l := n.dial(t)
	var work sync.WaitGroup
	for i := range 3 * inHand {
		work.Go(func() {
			_, err := l.Evaluate(t.Context(), "records", "Record", fmt.Sprint(i))
			require.NoError(t, err)
		})
	}
	work.Wait()
	require.LessOrEqual(t, n.peers[0].mostInHand, inHand)
	require.Greater(t, n.peers[0].mostInHand, inHand/4)
}

func TestManySubmissions(t *testing.T) {
	n := newNetwork(t, 2)
	n.chain.lose = 5
	l := n.dial(t)
	var work sync.WaitGroup
	for range 50 {
		work.Go(func() {
			_, err := l.Submit(t.Context(), call)
			require.NoError(t, err)
		})
	}
	work.Wait()
	pending, err := l.journal.Pending(t.Context())
	require.NoError(t, err)
	require.Empty(t, pending)
	require.Len(t, n.chain.places, 50)
}

func TestClose(t *testing.T) {
	n := newNetwork(t, 1)
	n.peers[0].set(func() { n.peers[0].hang = "CommitStatus" })
	l := n.dial(t)
	done := make(chan error, 1)
	go func() { _, err := l.Submit(t.Context(), call); done <- err }()
	require.Eventually(t, func() bool { return n.peers[0].count("CommitStatus") > 0 }, 5*time.Second, time.Millisecond)
	require.NoError(t, l.Close())
	err := <-done
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, err, ErrUndecided)
	_, err = l.Submit(t.Context(), call)
	require.ErrorIs(t, err, ErrClosed)
	_, err = l.Evaluate(t.Context(), "records", "Record", "1")
	require.ErrorIs(t, err, ErrClosed)
	for _, err := range l.Events(t.Context(), Checkpoint{}) {
		require.ErrorIs(t, err, ErrClosed)
	}
	require.NoError(t, l.Close())
}

func TestBatchTimeoutIsRespected(t *testing.T) {
	n := newNetwork(t, 1)
	n.peers[0].next("Config", status.Error(codes.Unavailable, "later"))
	l := n.dial(t)
	require.Equal(t, 2*quick.commit, l.commitWait(t.Context()), "unknown")
	require.Equal(t, quick.commit+10*time.Millisecond, l.commitWait(t.Context()))
	l.commitWait(t.Context())
	require.Equal(t, 2, n.peers[0].count("Config"), "asked once")
}
