package load

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

func pack(t *testing.T, m proto.Message) []byte {
	t.Helper()
	text, err := proto.Marshal(m)
	require.NoError(t, err)
	return text
}

// envelope is a transaction whose every part has a size of its own.
func envelope(t *testing.T) []byte {
	t.Helper()
	header := pack(t, &common.SignatureHeader{Creator: make([]byte, 1000), Nonce: make([]byte, 24)})
	writes := &kvrwset.KVRWSet{
		Reads: []*kvrwset.KVRead{{Key: "read"}},
		Writes: []*kvrwset.KVWrite{
			{Key: "document", Value: make([]byte, 100)}, {Key: "\x00index\x00key\x00", Value: []byte{0}}, {Key: "gone", IsDelete: true},
		},
	}
	results := &rwset.TxReadWriteSet{NsRwset: []*rwset.NsReadWriteSet{{Namespace: "claimshare", Rwset: pack(t, writes)}}}
	action := &peer.ChaincodeAction{Results: pack(t, results), Events: make([]byte, 0), Response: &peer.Response{Payload: make([]byte, 7)}}
	action.Events = pack(t, &peer.ChaincodeEvent{EventName: "e", Payload: make([]byte, 55)})
	invocation := &peer.ChaincodeInvocationSpec{ChaincodeSpec: &peer.ChaincodeSpec{Input: &peer.ChaincodeInput{Args: [][]byte{make([]byte, 20), make([]byte, 64)}}}}
	payload := &peer.ChaincodeActionPayload{
		ChaincodeProposalPayload: pack(t, &peer.ChaincodeProposalPayload{Input: pack(t, invocation)}),
		Action: &peer.ChaincodeEndorsedAction{
			ProposalResponsePayload: pack(t, &peer.ProposalResponsePayload{ProposalHash: make([]byte, 32), Extension: pack(t, action)}),
			Endorsements:            []*peer.Endorsement{{Endorser: make([]byte, 900), Signature: make([]byte, 71)}},
		},
	}
	transaction := &peer.Transaction{Actions: []*peer.TransactionAction{{Header: header, Payload: pack(t, payload)}}}
	channel := &common.ChannelHeader{Type: int32(common.HeaderType_ENDORSER_TRANSACTION), TxId: "id"}
	return pack(t, &common.Envelope{
		Payload:   pack(t, &common.Payload{Header: &common.Header{ChannelHeader: pack(t, channel), SignatureHeader: header}, Data: pack(t, transaction)}),
		Signature: make([]byte, 70),
	})
}

// block spells a block as a peer's file has it.
func block(number uint64, envelopes [][]byte, verdicts []byte) []byte {
	text := binary.AppendUvarint(nil, number)
	add := func(b []byte) {
		text = binary.AppendUvarint(text, uint64(len(b)))
		text = append(text, b...)
	}
	add(make([]byte, 32))
	add(make([]byte, 32))
	text = binary.AppendUvarint(text, uint64(len(envelopes)))
	for _, e := range envelopes {
		add(e)
	}
	metadata := [][]byte{make([]byte, 500), nil, verdicts, nil, make([]byte, 34)}
	text = binary.AppendUvarint(text, uint64(len(metadata)))
	for _, m := range metadata {
		add(m)
	}
	return append(binary.AppendUvarint(nil, uint64(len(text))), text...)
}

func TestEveryByteOfABlockFileIsAccountedFor(t *testing.T) {
	folder := t.TempDir()
	one := envelope(t)
	first := filepath.Join(folder, "blockfile_000000")
	require.NoError(t, os.WriteFile(first, block(1, [][]byte{one}, []byte{0}), 0o600))
	from, err := blockFileEnd(folder)
	require.NoError(t, err)

	grown := block(2, [][]byte{one, one}, []byte{0, byte(peer.TxValidationCode_MVCC_READ_CONFLICT)})
	file, err := os.OpenFile(first, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.Write(grown)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	next := block(3, [][]byte{one}, []byte{0})
	require.NoError(t, os.WriteFile(filepath.Join(folder, "blockfile_000001"), next, 0o600))

	g, err := measureGrowth(folder, from)
	require.NoError(t, err)
	require.Equal(t, 2, g.Blocks)
	require.Equal(t, 3, g.Transactions)
	require.Equal(t, map[string]int{"VALID": 2, "MVCC_READ_CONFLICT": 1}, g.Codes)
	require.Equal(t, int64(len(grown)+len(next)), g.Bytes)
	require.Equal(t, g.Bytes, g.Parts.Sum())
	p := g.Parts
	require.Equal(t, int64(3*(20+64)), p.Arguments)
	require.Equal(t, int64(3*100), p.Values)
	require.Equal(t, int64(3*(len("document")+len("gone"))), p.Keys)
	require.Equal(t, int64(3*(len("\x00index\x00key\x00")+1)), p.Indexes)
	require.Equal(t, int64(3*(1000+1000+900)), p.Certificates)
	require.Equal(t, int64(3*(71+70)), p.Signatures)
	require.Equal(t, int64(3*7), p.Answer)
	require.Greater(t, p.Event, int64(3*55))
	require.Positive(t, p.Reads)
	require.Positive(t, p.Envelope)
	require.Greater(t, p.Block, int64(2*(500+32+32+34)))
}

func TestDamagedBlockFiles(t *testing.T) {
	whole := block(1, [][]byte{envelope(t)}, []byte{0})
	for name, text := range map[string][]byte{
		"cut off":             whole[:len(whole)-1],
		"a length and no end": {0xff},
		"huge":                binary.AppendUvarint(nil, maxBlock+1),
		"no such lengths":     {3, 1, 2, 3},
		"no verdict":          block(1, [][]byte{envelope(t)}, nil),
		"no envelope":         block(1, [][]byte{{1, 2, 3}}, []byte{0}),
		"more behind":         append([]byte{byte(len(shortBlock()) + 1)}, append(shortBlock(), 0)...),
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(folder, "blockfile_000000"), text, 0o600))
			_, err := measureGrowth(folder, filePlace{})
			require.Error(t, err)
			require.ErrorContains(t, err, "blockfile_000000")
		})
	}
	_, err := blockFileEnd(t.TempDir())
	require.ErrorContains(t, err, "no block files")
}

// shortBlock is a block with nothing in it, without the length in front.
func shortBlock() []byte { return []byte{1, 0, 0, 0, 0} }
