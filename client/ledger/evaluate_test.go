package ledger

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestEvaluate(t *testing.T) {
	n := newNetwork(t, 1)
	answer, err := n.dial(t).Evaluate(t.Context(), "records", "Record", "a", "b")
	require.NoError(t, err)
	require.Equal(t, `claimshare["records:Record" "a" "b"]`, string(answer))
}

func TestEvaluateIsAskedAnew(t *testing.T) {
	n := newNetwork(t, 1)
	n.peers[0].next("Evaluate",
		status.Error(codes.Unavailable, "connection refused"),
		status.Error(codes.FailedPrecondition, "no peers available to evaluate chaincode"),
		status.Error(codes.Unknown, "too many requests for /gateway.Gateway, exceeding concurrency limit (500)"))
	_, err := n.dial(t).Evaluate(t.Context(), "records", "Record", "a")
	require.NoError(t, err)
	require.Equal(t, 4, n.peers[0].count("Evaluate"))
}

func TestEvaluateRefused(t *testing.T) {
	n := newNetwork(t, 1)
	n.peers[0].next("Evaluate", status.Error(codes.Unknown, "evaluate call to endorser returned error: chaincode response 500, no such\nfunction"))
	_, err := n.dial(t).Evaluate(t.Context(), "records", "Record", "a")
	var refusal *ChaincodeError
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, 500, refusal.Status)
	require.Equal(t, "no such\nfunction", refusal.Message)
	require.EqualError(t, err, "evaluate records:Record: the chaincode answered 500: no such\nfunction")
	require.Equal(t, 1, n.peers[0].count("Evaluate"))
}

func TestEvaluateWithoutNetwork(t *testing.T) {
	n := newNetwork(t, 1)
	n.peers[0].stop()
	l := n.dial(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := l.Evaluate(ctx, "records", "Record", "a")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "connection refused")
	require.Equal(t, codes.Unavailable, status.Code(err))

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.Evaluate(cancelled, "records", "Record", "a")
	require.ErrorIs(t, err, context.Canceled)
}

func TestLookup(t *testing.T) {
	n := newNetwork(t, 1)
	l := n.dial(t)
	height, err := l.Height(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(1), height)
	_, err = l.Transaction(t.Context(), "abc")
	require.ErrorIs(t, err, ErrUnknownTransaction)
	result, err := l.Submit(t.Context(), call)
	require.NoError(t, err)
	block, err := l.BlockOf(t.Context(), result.TxID)
	require.NoError(t, err)
	require.Equal(t, result.Block, block.Number)
	require.Len(t, block.Transactions, 1)
}
