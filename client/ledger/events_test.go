package ledger

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// fill gives the chain blocks of three transactions: the middle one is invalid.
func (n *network) fill(t *testing.T, l *Ledger, blocks int) []string {
	t.Helper()
	var valid []string
	for range blocks {
		var envelopes [][]byte
		for i := range 3 {
			c := l.peers[0].session().GetNetwork("claims").GetContractWithName("claimshare", "records")
			proposal, err := c.NewProposal("SubmitRecords")
			require.NoError(t, err)
			text, err := proposal.Bytes()
			require.NoError(t, err)
			envelopes = append(envelopes, marshal(endorsed(endorseRequest(text), "")))
			if i != 1 {
				valid = append(valid, proposal.TransactionID())
			}
		}
		n.chain.append(envelopes, []peer.TxValidationCode{peer.TxValidationCode_VALID, peer.TxValidationCode_MVCC_READ_CONFLICT, peer.TxValidationCode_VALID})
	}
	return valid
}

func endorseRequest(text []byte) *gateway.EndorseRequest {
	var proposed gateway.ProposedTransaction
	if err := unmarshal(text, &proposed); err != nil {
		panic(err)
	}
	return &gateway.EndorseRequest{TransactionId: proposed.GetTransactionId(), ProposedTransaction: proposed.GetProposal()}
}

func TestBlocks(t *testing.T) {
	n := newNetwork(t, 1)
	l := n.dial(t)
	n.fill(t, l, 2)
	var numbers []uint64
	for b, err := range l.Blocks(t.Context(), 1) {
		require.NoError(t, err)
		require.Len(t, b.Transactions, 3)
		require.Equal(t, ErrMVCCReadConflict, b.Transactions[1].Code)
		require.Equal(t, Checkpoint{Block: b.Number + 1}, b.Next())
		if numbers = append(numbers, b.Number); len(numbers) == 2 {
			break
		}
	}
	require.Equal(t, []uint64{1, 2}, numbers)
}

// Streams break, silently and otherwise; nothing is lost and nothing doubled.
func TestEventsSurviveBrokenStreams(t *testing.T) {
	n := newNetwork(t, 2)
	n.peers[0].breakAfter, n.peers[1].breakAfter = 2, 3
	n.peers[0].next("Deliver", nil, status.Error(codes.Unavailable, "gone"), streamEnd(common.Status_NOT_FOUND), nil, streamEnd(common.Status_SERVICE_UNAVAILABLE))
	l := n.dial(t)
	want := n.fill(t, l, 20)
	var got []string
	for e, err := range l.Events(t.Context(), Checkpoint{}) {
		require.NoError(t, err)
		require.Equal(t, "records:SubmitRecords", e.Name)
		require.False(t, e.Time.IsZero())
		if got = append(got, e.TxID); len(got) == len(want) {
			break
		}
	}
	require.Equal(t, want, got)
	require.Greater(t, n.peers[1].count("Deliver"), 0)
}

func TestEventsResumeAfterAnyEvent(t *testing.T) {
	n := newNetwork(t, 1)
	l := n.dial(t)
	want := n.fill(t, l, 3)
	at := Checkpoint{}
	for _, expected := range want {
		for e, err := range l.Events(t.Context(), at) {
			require.NoError(t, err)
			require.Equal(t, expected, e.TxID)
			at = e.Checkpoint()
			break
		}
	}
}

func TestEventsOfARestartedPeer(t *testing.T) {
	n := newNetwork(t, 1)
	l := n.dial(t)
	want := n.fill(t, l, 1)
	var got []string
	for e, err := range l.Events(t.Context(), Checkpoint{}) {
		require.NoError(t, err)
		got = append(got, e.TxID)
		if len(got) == 2 {
			n.peers[0].stop()
			want = append(want, n.fill(t, l, 1)...)
			n.peers[0].start(t)
		}
		if len(got) == 4 {
			break
		}
	}
	require.Equal(t, want, got)
}

func TestEventsOfAnotherLedger(t *testing.T) {
	n := newNetwork(t, 1)
	l := n.dial(t)
	n.fill(t, l, 1)
	var last error
	for _, err := range l.Events(t.Context(), Checkpoint{Block: 1, TxID: "never was"}) {
		last = err
	}
	require.ErrorIs(t, last, ErrCheckpoint)
}

func TestBlocksEndWithTheContext(t *testing.T) {
	n := newNetwork(t, 1)
	l := n.dial(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var errs []error
	for _, err := range l.Blocks(ctx, 5) {
		errs = append(errs, err)
	}
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], context.DeadlineExceeded)
}

func TestBlocksRefused(t *testing.T) {
	for name, failure := range map[string]error{
		"forbidden":   streamEnd(common.Status_FORBIDDEN),
		"bad request": streamEnd(common.Status_BAD_REQUEST),
		"denied":      status.Error(codes.PermissionDenied, "no"),
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, 1)
			n.peers[0].next("Deliver", failure, failure, failure, failure)
			var errs []error
			for _, err := range n.dial(t).Blocks(t.Context(), 0) {
				errs = append(errs, err)
			}
			require.Len(t, errs, 1)
			require.Error(t, errs[0])
			require.Equal(t, deniedLimit, n.peers[0].count("Deliver"))
		})
	}
}

func TestUnreadableBlocks(t *testing.T) {
	block := func(data [][]byte, filter []byte) *common.Block {
		metadata := make([][]byte, common.BlockMetadataIndex_TRANSACTIONS_FILTER+1)
		metadata[common.BlockMetadataIndex_TRANSACTIONS_FILTER] = filter
		return &common.Block{
			Header: &common.BlockHeader{Number: 3, DataHash: hashData(data)}, Data: &common.BlockData{Data: data},
			Metadata: &common.BlockMetadata{Metadata: metadata},
		}
	}
	garbage := []byte{0xff, 0xff}
	_, err := decodeBlock(block([][]byte{garbage}, []byte{byte(Valid)}))
	require.ErrorContains(t, err, "block 3, transaction 0")
	b, err := decodeBlock(block([][]byte{garbage}, []byte{byte(peer.TxValidationCode_BAD_PAYLOAD)}))
	require.NoError(t, err)
	require.Equal(t, "BAD_PAYLOAD", b.Transactions[0].Code.String())
	_, err = decodeBlock(block([][]byte{garbage}, nil))
	require.ErrorContains(t, err, "1 transactions and 0 verdicts")
	_, err = decodeBlock(&common.Block{})
	require.Error(t, err)
	altered := block([][]byte{garbage}, []byte{byte(peer.TxValidationCode_BAD_PAYLOAD)})
	altered.Data.Data[0] = []byte{0xff}
	_, err = decodeBlock(altered)
	require.ErrorContains(t, err, "does not hold the transactions")
}

func FuzzDecodeBlock(f *testing.F) {
	c := newChain()
	f.Add(marshal(c.blocks[0]))
	f.Fuzz(func(t *testing.T, text []byte) {
		var raw common.Block
		if unmarshal(text, &raw) != nil {
			return
		}
		b, err := decodeBlock(&raw)
		if err == nil && len(b.Transactions) != len(raw.GetData().GetData()) {
			t.Fatal(fmt.Sprint("a transaction got lost: ", b))
		}
	})
}
