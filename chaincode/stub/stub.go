package stub

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/queryresult"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	compositeNamespace = "\x00"
	firstSimpleKey     = "\x01"
	afterLastRune      = string(rune(utf8.MaxRune))
)

// simulation is what the chaincode sees of one call.
type simulation struct {
	ledger   *Ledger
	in       space // the running chaincode's public data
	call     Call
	tx       *Transaction
	height   uint64 // the block whose state is read
	proposal *peer.SignedProposal
	binding  []byte
}

var _ shim.ChaincodeStubInterface = (*simulation)(nil)

func newStub(l *Ledger, call Call, id string, nonce []byte, height uint64) (*simulation, error) {
	s := &simulation{ledger: l, call: call, height: height, tx: &Transaction{ID: id, Time: call.Time, Code: peer.TxValidationCode_NOT_VALIDATED}}
	binding := sha256.Sum256(append(append(append([]byte(nil), nonce...), call.Identity.serialized...), make([]byte, 8)...))
	s.binding = binding[:]
	extension, err := proto.Marshal(&peer.ChaincodeHeaderExtension{ChaincodeId: &peer.ChaincodeID{Name: l.name}})
	if err != nil {
		return nil, fmt.Errorf("stub: encode proposal: %w", err)
	}
	channelHeader, err := proto.Marshal(&common.ChannelHeader{
		Type:      int32(common.HeaderType_ENDORSER_TRANSACTION),
		ChannelId: l.channel,
		TxId:      id,
		Timestamp: timestamppb.New(call.Time),
		Extension: extension,
	})
	if err != nil {
		return nil, fmt.Errorf("stub: encode proposal: %w", err)
	}
	signatureHeader, err := proto.Marshal(&common.SignatureHeader{Creator: call.Identity.serialized, Nonce: nonce})
	if err != nil {
		return nil, fmt.Errorf("stub: encode proposal: %w", err)
	}
	header, err := proto.Marshal(&common.Header{ChannelHeader: channelHeader, SignatureHeader: signatureHeader})
	if err != nil {
		return nil, fmt.Errorf("stub: encode proposal: %w", err)
	}
	input, err := proto.Marshal(&peer.ChaincodeInvocationSpec{ChaincodeSpec: &peer.ChaincodeSpec{
		ChaincodeId: &peer.ChaincodeID{Name: l.name},
		Input:       &peer.ChaincodeInput{Args: s.GetArgs()},
	}})
	if err != nil {
		return nil, fmt.Errorf("stub: encode proposal: %w", err)
	}
	payload, err := proto.Marshal(&peer.ChaincodeProposalPayload{Input: input, TransientMap: call.Transient})
	if err != nil {
		return nil, fmt.Errorf("stub: encode proposal: %w", err)
	}
	proposal, err := proto.Marshal(&peer.Proposal{Header: header, Payload: payload})
	if err != nil {
		return nil, fmt.Errorf("stub: encode proposal: %w", err)
	}
	s.proposal = &peer.SignedProposal{ProposalBytes: proposal}
	return s, nil
}

func (s *simulation) GetArgs() [][]byte {
	args := [][]byte{[]byte(s.call.Function)}
	for _, a := range s.call.Args {
		args = append(args, []byte(a))
	}
	return args
}

func (s *simulation) GetStringArgs() []string {
	return append([]string{s.call.Function}, s.call.Args...)
}

func (s *simulation) GetFunctionAndParameters() (string, []string) {
	return s.call.Function, append([]string{}, s.call.Args...)
}

func (s *simulation) GetArgsSlice() ([]byte, error) { return bytes.Join(s.GetArgs(), nil), nil }

func (s *simulation) GetTxID() string { return s.tx.ID }

func (s *simulation) GetChannelID() string { return s.ledger.channel }

func (s *simulation) GetCreator() ([]byte, error) {
	return append([]byte(nil), s.call.Identity.serialized...), nil
}

func (s *simulation) GetTransient() (map[string][]byte, error) {
	transient := make(map[string][]byte, len(s.call.Transient))
	for k, v := range s.call.Transient {
		transient[k] = append([]byte(nil), v...)
	}
	return transient, nil
}

func (s *simulation) GetBinding() ([]byte, error) { return s.binding, nil }

func (s *simulation) GetDecorations() map[string][]byte { return map[string][]byte{} }

func (s *simulation) GetSignedProposal() (*peer.SignedProposal, error) { return s.proposal, nil }

func (s *simulation) GetTxTimestamp() (*timestamppb.Timestamp, error) {
	return timestamppb.New(s.call.Time), nil
}

// checkText panics as the shim does when it cannot encode a string.
func checkText(list ...string) {
	for _, text := range list {
		if !utf8.ValidString(text) {
			panic(fmt.Sprintf("stub: %q is not UTF-8: the shim panics", text))
		}
	}
}

func (s *simulation) SetEvent(name string, payload []byte) error {
	if name == "" {
		return errors.New("stub: an event needs a name")
	}
	s.tx.Event = &peer.ChaincodeEvent{
		ChaincodeId: s.namespace(), TxId: s.tx.ID, EventName: name, Payload: append([]byte(nil), payload...),
	}
	return nil
}

func (s *simulation) GetState(key string) ([]byte, error) {
	if key == "" {
		return nil, errors.New("stub: the key is empty")
	}
	checkText(key)
	s.ledger.mu.RLock()
	defer s.ledger.mu.RUnlock()
	return s.read(s.in, key), nil
}

// read is a key's value and notes that it was read; the caller holds the lock.
func (s *simulation) read(in space, key string) []byte {
	m := s.ledger.in(in).at(key, s.height)
	if m == nil {
		s.tx.read(in, key, version{})
		return nil
	}
	s.tx.read(in, key, m.version)
	return append([]byte{}, m.value...)
}

func (s *simulation) GetMultipleStates(keys ...string) ([][]byte, error) {
	var values [][]byte
	for _, key := range keys {
		value, err := s.GetState(key)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

func (s *simulation) checkWrite(key string) error {
	checkText(key)
	switch {
	case key == "":
		return errors.New("stub: the key is empty")
	case key[0] == '_':
		return fmt.Errorf("stub: CouchDB refuses the key %q, which begins with an underscore", key)
	case s.tx.paginated:
		return errors.New("stub: a transaction that has made a paginated query cannot write")
	case s.tx.queried:
		return errors.New("stub: a transaction that has queried private data by range cannot write")
	}
	return nil
}

func (s *simulation) PutState(key string, value []byte) error { return s.put(s.in, key, value) }

func (s *simulation) DelState(key string) error { return s.del(s.in, key) }

func (s *simulation) put(in space, key string, value []byte) error {
	if err := s.checkWrite(key); err != nil {
		return err
	}
	if len(value) == 0 {
		return fmt.Errorf("stub: the value of %q is empty: to Fabric that is as good as absent", key)
	}
	s.tx.write(Write{in.chaincode, in.collection, key, append([]byte(nil), value...), false})
	return nil
}

func (s *simulation) del(in space, key string) error {
	if err := s.checkWrite(key); err != nil {
		return err
	}
	s.tx.write(Write{in.chaincode, in.collection, key, nil, true})
	return nil
}

// namespace is the name of the running chaincode.
func (s *simulation) namespace() string {
	if s.in.chaincode == "" {
		return s.ledger.name
	}
	return s.in.chaincode
}

func (s *simulation) StartWriteBatch() {}

func (s *simulation) FinishWriteBatch() error { return nil }

func simpleRange(start, end string) (string, string, error) {
	checkText(start, end)
	if start == "" {
		start = firstSimpleKey
	}
	if strings.HasPrefix(start, compositeNamespace) || strings.HasPrefix(end, compositeNamespace) {
		return "", "", errors.New("stub: a range of simple keys cannot begin or end at a composite key")
	}
	return start, end, nil
}

func (s *simulation) GetStateByRange(start, end string) (shim.StateQueryIteratorInterface, error) {
	start, end, err := simpleRange(start, end)
	if err != nil {
		return nil, err
	}
	return s.query(start, end), nil
}

func (s *simulation) GetStateByPartialCompositeKey(objectType string, attributes []string) (shim.StateQueryIteratorInterface, error) {
	prefix, err := s.CreateCompositeKey(objectType, attributes)
	if err != nil {
		return nil, err
	}
	return s.query(prefix, prefix+afterLastRune), nil
}

// query opens an iterator and puts what it fetches into the read set.
func (s *simulation) query(start, end string) *stateIterator {
	s.ledger.mu.RLock()
	rows := s.ledger.in(s.in).scan(start, end, s.height)
	s.ledger.mu.RUnlock()
	s.tx.Ranges = append(s.tx.Ranges, RangeRead{Chaincode: s.in.chaincode, Start: start})
	at := len(s.tx.Ranges) - 1
	it := &stateIterator{namespace: s.namespace(), rows: rows}
	it.fetch = func(n int) {
		q := &s.tx.Ranges[at]
		q.End = end
		if n < len(rows) {
			q.End = rows[n].key + "\x00" // the row that shows that there are more is read too
			n++
		}
		q.rows = s.readsOf(rows[:n])
	}
	it.fetch(min(fetchSize, len(rows)))
	return it
}

func (s *simulation) readsOf(rows []row) []Read {
	var reads []Read
	for _, r := range rows {
		reads = append(reads, Read{s.in.chaincode, s.in.collection, r.key, r.version})
	}
	return reads
}

// page reads one page. As on a peer, the bookmark simply replaces the start of
// the range, and the whole range counts as read with nothing but this page in
// it: such a transaction is a phantom at commit unless the page was the last.
func (s *simulation) page(start, end string, size int32, bookmark string) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	if size <= 0 {
		return nil, nil, errors.New("stub: the page size must be above zero")
	}
	if len(s.tx.Writes) > 0 {
		return nil, nil, errors.New("stub: a transaction that has written cannot make a paginated query")
	}
	checkText(bookmark)
	s.tx.paginated = true
	if bookmark != "" {
		start = bookmark
	}
	s.ledger.mu.RLock()
	rows := s.ledger.in(s.in).scan(start, end, s.height)
	s.ledger.mu.RUnlock()
	metadata := &peer.QueryResponseMetadata{}
	if len(rows) > int(size) {
		metadata.Bookmark = rows[size].key
		rows = rows[:size]
	}
	metadata.FetchedRecordsCount = int32(len(rows))
	s.tx.Ranges = append(s.tx.Ranges, RangeRead{Chaincode: s.in.chaincode, Start: start, End: end, rows: s.readsOf(rows)})
	return &stateIterator{namespace: s.namespace(), rows: rows, fetch: func(int) {}}, metadata, nil
}

func (s *simulation) GetStateByRangeWithPagination(start, end string, size int32, bookmark string) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	start, end, err := simpleRange(start, end)
	if err != nil {
		return nil, nil, err
	}
	return s.page(start, end, size, bookmark)
}

func (s *simulation) GetStateByPartialCompositeKeyWithPagination(objectType string, attributes []string, size int32, bookmark string) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	prefix, err := s.CreateCompositeKey(objectType, attributes)
	if err != nil {
		return nil, nil, err
	}
	return s.page(prefix, prefix+afterLastRune, size, bookmark)
}

func (s *simulation) GetAllStatesCompositeKeyWithPagination(size int32, bookmark string) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	return s.page(compositeNamespace, compositeNamespace+afterLastRune, size, bookmark)
}

func (s *simulation) CreateCompositeKey(objectType string, attributes []string) (string, error) {
	return shim.CreateCompositeKey(objectType, attributes)
}

// SplitCompositeKey is the shim's own, which panics on a key that is not composite.
func (s *simulation) SplitCompositeKey(key string) (string, []string, error) {
	return new(shim.ChaincodeStub).SplitCompositeKey(key)
}

func (s *simulation) GetHistoryForKey(key string) (shim.HistoryQueryIteratorInterface, error) {
	checkText(key)
	s.ledger.mu.RLock()
	defer s.ledger.mu.RUnlock()
	it := &historyIterator{}
	log := s.ledger.in(s.in).log[key]
	for i := len(log) - 1; i >= 0; i-- {
		if m := log[i]; m.version.block <= s.height {
			it.list = append(it.list, &queryresult.KeyModification{
				TxId: m.txID, Value: append([]byte(nil), m.value...), Timestamp: timestamppb.New(m.time), IsDelete: m.deleted,
			})
		}
	}
	return it, nil
}
