package load

import (
	"errors"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// Parts says what bytes of block files are made of. Together they are the whole
// growth of the files.
type Parts struct {
	Arguments    int64 `json:"arguments"`    // with the name of the transaction
	Reads        int64 `json:"reads"`        // keys and versions that the contract read
	Keys         int64 `json:"keys"`         // of what it wrote, but for the indexes
	Values       int64 `json:"values"`       // the documents
	Indexes      int64 `json:"indexes"`      // composite keys, with their values of one byte
	Event        int64 `json:"event"`        // name and payload
	Answer       int64 `json:"answer"`       // of the contract
	Signatures   int64 `json:"signatures"`   // the endorsers' and the client's
	Certificates int64 `json:"certificates"` // the client's, twice, and the endorsers'
	Envelope     int64 `json:"envelope"`     // ids, nonces, hashes, lengths: Fabric's own structure
	Block        int64 `json:"block"`        // headers, the orderer's signature and certificate, verdicts
}

// Sum is all of them.
func (p Parts) Sum() int64 {
	sum := int64(0)
	for _, part := range p.List() {
		sum += part.Bytes
	}
	return sum
}

// Part is one line of Parts.
type Part struct {
	Name  string
	Bytes int64
}

// List is the parts with names for people.
func (p Parts) List() []Part {
	return []Part{
		{"documents", p.Values}, {"their keys", p.Keys}, {"index keys", p.Indexes}, {"read set", p.Reads},
		{"arguments", p.Arguments}, {"event", p.Event}, {"answer", p.Answer},
		{"signatures", p.Signatures}, {"certificates", p.Certificates},
		{"envelope", p.Envelope}, {"block header and metadata", p.Block},
	}
}

// Growth is what a run added to the ledger of one peer.
type Growth struct {
	Blocks       int            `json:"blocks"`
	Transactions int            `json:"transactions"`
	Bytes        int64          `json:"bytes"`
	Codes        map[string]int `json:"validationCodes"`
	Parts        Parts          `json:"parts"`
}

func measureGrowth(folder string, from filePlace) (Growth, error) {
	g := Growth{Codes: map[string]int{}}
	err := readBlocks(folder, from, g.add)
	return g, err
}

func (g *Growth) add(b fileBlock) error {
	if len(b.metadata) <= int(common.BlockMetadataIndex_TRANSACTIONS_FILTER) {
		return errors.New("it has no verdicts")
	}
	codes := b.metadata[common.BlockMetadataIndex_TRANSACTIONS_FILTER]
	if len(codes) != len(b.envelopes) {
		return errors.New("it has not one verdict for each transaction")
	}
	g.Blocks++
	g.Transactions += len(b.envelopes)
	g.Bytes += b.size
	frame := b.size
	for i, envelope := range b.envelopes {
		g.Codes[peer.TxValidationCode(codes[i]).String()]++
		frame -= int64(len(envelope))
		if err := g.Parts.add(envelope); err != nil {
			return err
		}
	}
	g.Parts.Block += frame
	return nil
}

// add takes one envelope apart. What no other part claims is Envelope.
func (p *Parts) add(text []byte) error {
	before := p.Sum()
	var envelope common.Envelope
	var payload common.Payload
	var channel common.ChannelHeader
	if err := unmarshal(
		step{text, &envelope}, step{envelope.GetPayload, &payload},
		step{func() []byte { return payload.GetHeader().GetChannelHeader() }, &channel},
	); err != nil {
		return err
	}
	p.Signatures += size(envelope.GetSignature())
	if err := p.addCreator(payload.GetHeader().GetSignatureHeader()); err != nil {
		return err
	}
	if common.HeaderType(channel.GetType()) == common.HeaderType_ENDORSER_TRANSACTION {
		if err := p.addTransaction(payload.GetData()); err != nil {
			return err
		}
	}
	p.Envelope += int64(len(text)) - (p.Sum() - before)
	return nil
}

func (p *Parts) addCreator(header []byte) error {
	var signature common.SignatureHeader
	if err := proto.Unmarshal(header, &signature); err != nil {
		return err
	}
	p.Certificates += size(signature.GetCreator())
	return nil
}

func (p *Parts) addTransaction(text []byte) error {
	var body peer.Transaction
	if err := proto.Unmarshal(text, &body); err != nil {
		return err
	}
	for _, action := range body.GetActions() {
		if err := p.addCreator(action.GetHeader()); err != nil {
			return err
		}
		if err := p.addAction(action.GetPayload()); err != nil {
			return err
		}
	}
	return nil
}

func (p *Parts) addAction(text []byte) error {
	var payload peer.ChaincodeActionPayload
	var proposal peer.ChaincodeProposalPayload
	var invocation peer.ChaincodeInvocationSpec
	var response peer.ProposalResponsePayload
	var action peer.ChaincodeAction
	if err := unmarshal(
		step{text, &payload},
		step{payload.GetChaincodeProposalPayload, &proposal},
		step{proposal.GetInput, &invocation},
		step{func() []byte { return payload.GetAction().GetProposalResponsePayload() }, &response},
		step{response.GetExtension, &action},
	); err != nil {
		return err
	}
	for _, argument := range invocation.GetChaincodeSpec().GetInput().GetArgs() {
		p.Arguments += size(argument)
	}
	for _, endorsement := range payload.GetAction().GetEndorsements() {
		p.Signatures += size(endorsement.GetSignature())
		p.Certificates += size(endorsement.GetEndorser())
	}
	p.Event += size(action.GetEvents())
	p.Answer += size(action.GetResponse().GetPayload())
	return p.addResults(action.GetResults())
}

func (p *Parts) addResults(text []byte) error {
	var results rwset.TxReadWriteSet
	if err := proto.Unmarshal(text, &results); err != nil {
		return err
	}
	for _, namespace := range results.GetNsRwset() {
		var set kvrwset.KVRWSet
		if err := proto.Unmarshal(namespace.GetRwset(), &set); err != nil {
			return err
		}
		for _, read := range set.GetReads() {
			p.Reads += int64(proto.Size(read))
		}
		for _, query := range set.GetRangeQueriesInfo() {
			p.Reads += int64(proto.Size(query))
		}
		for _, write := range set.GetWrites() {
			key, value := int64(len(write.GetKey())), size(write.GetValue())
			if key > 0 && write.GetKey()[0] == 0 { // how composite keys begin
				p.Indexes += key + value
				continue
			}
			p.Keys += key
			p.Values += value
		}
	}
	return nil
}

// step decodes bytes, or what a function finds in an earlier step's message.
type step struct {
	from any // []byte or func() []byte
	to   proto.Message
}

func unmarshal(steps ...step) error {
	for _, s := range steps {
		text, ready := s.from.([]byte)
		if !ready {
			text = s.from.(func() []byte)()
		}
		if err := proto.Unmarshal(text, s.to); err != nil {
			return err
		}
	}
	return nil
}

func size(b []byte) int64 { return int64(len(b)) }
