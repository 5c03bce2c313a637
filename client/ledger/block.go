package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// A Block is one block of the channel, with what a listener needs of it.
type Block struct {
	Number       uint64
	Hash         [32]byte
	PreviousHash []byte
	Transactions []Transaction
}

// A Transaction is one place in a block. Configuration changes have a place too:
// they have no Chaincode.
type Transaction struct {
	TxID      string
	Block     uint64
	Index     int
	Code      ValidationCode
	Time      time.Time // as the client set it
	Creator   string    // MSP of the client
	Chaincode string
	Function  string   // contract:transaction
	Endorsers []string // MSPs of the endorsing peers, in the order of the envelope
	Writes    []Write  // they took effect only if Code is Valid
	Event     *Event   // nil if the contract set none
}

// A Write is one change of the state, public data only.
type Write struct {
	Namespace string // the chaincode
	Key       string
	Value     []byte
	Deleted   bool // also if the value is empty, as peers see it
}

// Transaction finds a transaction by its ID. Should the block hold copies of
// one envelope, it is the first that counts.
func (b Block) Transaction(txID string) (Transaction, bool) {
	for _, t := range b.Transactions {
		if t.TxID == txID {
			return t, true
		}
	}
	return Transaction{}, false
}

// decodeBlock reads a block as a peer stores it, with its verdicts.
func decodeBlock(raw *common.Block) (Block, error) {
	header := raw.GetHeader()
	b := Block{Number: header.GetNumber(), PreviousHash: header.GetPreviousHash()}
	var err error
	if b.Hash, err = hashHeader(header); err != nil {
		return Block{}, err
	}
	verdicts := raw.GetMetadata().GetMetadata()
	if len(verdicts) <= int(common.BlockMetadataIndex_TRANSACTIONS_FILTER) {
		return Block{}, fmt.Errorf("block %d has no verdicts", b.Number)
	}
	codes := verdicts[common.BlockMetadataIndex_TRANSACTIONS_FILTER]
	envelopes := raw.GetData().GetData()
	// With this the hash of a block binds its transactions, though not the
	// verdicts, which a peer adds.
	if sum := hashData(envelopes); !bytes.Equal(sum, header.GetDataHash()) {
		return Block{}, fmt.Errorf("block %d does not hold the transactions that its header names", b.Number)
	}
	if b.Number == 0 && len(codes) == 0 {
		codes = make([]byte, len(envelopes)) // a genesis block is valid by itself
	}
	if len(codes) != len(envelopes) {
		return Block{}, fmt.Errorf("block %d has %d transactions and %d verdicts", b.Number, len(envelopes), len(codes))
	}
	for i, text := range envelopes {
		t, err := decodeTransaction(text)
		t.Block, t.Index, t.Code = b.Number, i, ValidationCode(codes[i])
		// Anybody may have bytes ordered: what is unreadable is invalid, but
		// what is valid must be readable.
		if err != nil && t.Code == Valid {
			return Block{}, fmt.Errorf("block %d, transaction %d: %w", b.Number, i, err)
		}
		if t.Event != nil {
			t.Event.Block, t.Event.Index, t.Event.Time = t.Block, t.Index, t.Time
		}
		b.Transactions = append(b.Transactions, t)
	}
	return b, nil
}

// hashHeader is the hash by which the next block names this one.
func hashHeader(h *common.BlockHeader) ([32]byte, error) {
	der, err := asn1.Marshal(struct {
		Number       *big.Int
		PreviousHash []byte
		DataHash     []byte
	}{new(big.Int).SetUint64(h.GetNumber()), h.GetPreviousHash(), h.GetDataHash()})
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(der), nil
}

// hashData is by what a header names the transactions of its block.
func hashData(envelopes [][]byte) []byte {
	sum := sha256.New()
	for _, text := range envelopes {
		sum.Write(text)
	}
	return sum.Sum(nil)
}

func decodeTransaction(text []byte) (Transaction, error) {
	var t Transaction
	var envelope common.Envelope
	if err := proto.Unmarshal(text, &envelope); err != nil {
		return t, err
	}
	var payload common.Payload
	if err := proto.Unmarshal(envelope.GetPayload(), &payload); err != nil {
		return t, err
	}
	var header common.ChannelHeader
	if err := proto.Unmarshal(payload.GetHeader().GetChannelHeader(), &header); err != nil {
		return t, err
	}
	t.TxID, t.Time = header.GetTxId(), header.GetTimestamp().AsTime()
	var signature common.SignatureHeader
	if err := proto.Unmarshal(payload.GetHeader().GetSignatureHeader(), &signature); err != nil {
		return t, err
	}
	var err error
	if t.Creator, err = organisation(signature.GetCreator()); err != nil {
		return t, err
	}
	if common.HeaderType(header.GetType()) != common.HeaderType_ENDORSER_TRANSACTION {
		return t, nil
	}
	var body peer.Transaction
	if err := proto.Unmarshal(payload.GetData(), &body); err != nil {
		return t, err
	}
	if len(body.GetActions()) != 1 {
		return t, errors.New("an endorsed transaction must have one action")
	}
	return t, t.decodeAction(body.GetActions()[0].GetPayload())
}

func (t *Transaction) decodeAction(text []byte) error {
	var payload peer.ChaincodeActionPayload
	if err := proto.Unmarshal(text, &payload); err != nil {
		return err
	}
	var proposal peer.ChaincodeProposalPayload
	if err := proto.Unmarshal(payload.GetChaincodeProposalPayload(), &proposal); err != nil {
		return err
	}
	var invocation peer.ChaincodeInvocationSpec
	if err := proto.Unmarshal(proposal.GetInput(), &invocation); err != nil {
		return err
	}
	if args := invocation.GetChaincodeSpec().GetInput().GetArgs(); len(args) > 0 {
		t.Function = string(args[0])
	}
	for _, endorsement := range payload.GetAction().GetEndorsements() {
		endorser, err := organisation(endorsement.GetEndorser())
		if err != nil {
			return err
		}
		t.Endorsers = append(t.Endorsers, endorser)
	}
	var response peer.ProposalResponsePayload
	if err := proto.Unmarshal(payload.GetAction().GetProposalResponsePayload(), &response); err != nil {
		return err
	}
	var action peer.ChaincodeAction
	if err := proto.Unmarshal(response.GetExtension(), &action); err != nil {
		return err
	}
	t.Chaincode = action.GetChaincodeId().GetName()
	if len(action.GetEvents()) > 0 {
		var event peer.ChaincodeEvent
		if err := proto.Unmarshal(action.GetEvents(), &event); err != nil {
			return err
		}
		t.Event = &Event{TxID: t.TxID, Chaincode: event.GetChaincodeId(), Name: event.GetEventName(), Payload: event.GetPayload()}
	}
	return t.decodeWrites(action.GetResults())
}

func (t *Transaction) decodeWrites(text []byte) error {
	var results rwset.TxReadWriteSet
	if err := proto.Unmarshal(text, &results); err != nil {
		return err
	}
	for _, set := range results.GetNsRwset() {
		var kv kvrwset.KVRWSet
		if err := proto.Unmarshal(set.GetRwset(), &kv); err != nil {
			return err
		}
		for _, w := range kv.GetWrites() {
			t.Writes = append(t.Writes, Write{Namespace: set.GetNamespace(), Key: w.GetKey(), Value: w.GetValue(),
				// A peer takes an empty value for a deletion too.
				Deleted: w.GetIsDelete() || len(w.GetValue()) == 0})
		}
	}
	return nil
}

func organisation(creator []byte) (string, error) {
	var id msp.SerializedIdentity
	if err := proto.Unmarshal(creator, &id); err != nil {
		return "", err
	}
	return id.GetMspid(), nil
}

// envelopeTime is the timestamp in a prepared transaction that has been read
// before without error.
func envelopeTime(text []byte) time.Time {
	var prepared gateway.PreparedTransaction
	var payload common.Payload
	var header common.ChannelHeader
	if proto.Unmarshal(text, &prepared) != nil ||
		proto.Unmarshal(prepared.GetEnvelope().GetPayload(), &payload) != nil ||
		proto.Unmarshal(payload.GetHeader().GetChannelHeader(), &header) != nil {
		return time.Time{}
	}
	return header.GetTimestamp().AsTime()
}
