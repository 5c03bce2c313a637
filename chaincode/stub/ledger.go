package stub

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// ErrNonDeterministic says that the two runs of a simulation differ.
var ErrNonDeterministic = errors.New("stub: the chaincode is not deterministic")

// ResponseError is a chaincode's answer with a status of 400 or above.
type ResponseError struct {
	Status  int32
	Message string
}

// Error reads as a peer reports it.
func (e *ResponseError) Error() string {
	return fmt.Sprintf("chaincode response %d, %s", e.Status, e.Message)
}

// CommitError says that an invoked transaction was not valid at commit.
type CommitError struct{ Code peer.TxValidationCode }

func (e *CommitError) Error() string { return "stub: transaction is invalid: " + e.Code.String() }

// Call is one call of the chaincode.
type Call struct {
	Identity  *Identity
	Function  string
	Args      []string
	Transient map[string][]byte
	// Time is the transaction's timestamp; the ledger's clock when zero.
	Time time.Time
}

// Block is a number of transactions that were committed together, invalid ones
// included.
type Block struct {
	Number       uint64
	Transactions []*Transaction
}

// Ledger is one channel with one chaincode. Its methods may be called from
// several goroutines.
type Ledger struct {
	channel, name string
	chaincode     shim.Chaincode

	mu     sync.RWMutex
	others map[string]shim.Chaincode // to be called by the ledger's own
	spaces map[space]*store
	blocks []Block
	txIDs  map[string]bool
	clock  time.Time
	nonce  uint64
	runs   int
	pause  time.Duration
}

// NewLedger makes an empty ledger whose clock stands at the start of 2026.
func NewLedger(channel, chaincodeName string, chaincode shim.Chaincode) *Ledger {
	return &Ledger{
		channel: channel, name: chaincodeName, chaincode: chaincode,
		others: map[string]shim.Chaincode{}, spaces: map[space]*store{},
		txIDs: map[string]bool{}, runs: 2,
		clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

// Now is the ledger's clock; it stands still unless it is set or advanced.
func (l *Ledger) Now() time.Time {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.clock
}

// SetTime sets the clock.
func (l *Ledger) SetTime(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clock = t
}

// Advance moves the clock.
func (l *Ledger) Advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clock = l.clock.Add(d)
}

// Repeat sets how often every simulation runs, at least twice, and how long it
// waits in between. It is twice without waiting unless set.
//
// Two runs are quick and catch most of what is random, but not always the order
// of a small map, and two readings of the wall clock in one second are equal
// once they are cut to seconds. Repeat(10, 0) catches the first, Repeat(2,
// 1100*time.Millisecond) the second.
func (l *Ledger) Repeat(runs int, pause time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs, l.pause = max(runs, 2), pause
}

// Simulate runs a call twice, or as often as [Ledger.Repeat] says, against the state of the last block.
//
// It returns [ErrNonDeterministic], or a [ResponseError] together with the
// transaction when the chaincode refuses the call.
func (l *Ledger) Simulate(call Call) (*Transaction, error) {
	return l.SimulateWith(l.chaincode, call)
}

// SimulateWith simulates a call on other chaincode over the same state: another
// version of it, or one wrapped to inject faults.
func (l *Ledger) SimulateWith(chaincode shim.Chaincode, call Call) (*Transaction, error) {
	if call.Identity == nil {
		return nil, errors.New("stub: a call needs an identity")
	}
	l.mu.Lock()
	if call.Time.IsZero() {
		call.Time = l.clock
	}
	l.nonce++
	nonce := binary.BigEndian.AppendUint64(make([]byte, 16), l.nonce)
	height, runs, pause := uint64(len(l.blocks)), l.runs, l.pause
	l.mu.Unlock()

	digest := sha256.Sum256(append(append([]byte(nil), nonce...), call.Identity.serialized...))
	id := hex.EncodeToString(digest[:])
	first, err := l.run(chaincode, call, id, nonce, height)
	if err != nil {
		return nil, err
	}
	for i := 1; i < runs; i++ {
		time.Sleep(pause)
		again, err := l.run(chaincode, call, id, nonce, height)
		if err != nil {
			return nil, err
		}
		if difference := first.difference(again); difference != "" {
			return nil, fmt.Errorf("%w: two runs of %s differ in their %s", ErrNonDeterministic, call.Function, difference)
		}
	}
	if first.Response.GetStatus() >= shim.ERRORTHRESHOLD {
		return first, &ResponseError{Status: first.Response.GetStatus(), Message: first.Response.GetMessage()}
	}
	return first, nil
}

func (l *Ledger) run(chaincode shim.Chaincode, call Call, id string, nonce []byte, height uint64) (*Transaction, error) {
	s, err := newStub(l, call, id, nonce, height)
	if err != nil {
		return nil, err
	}
	response := chaincode.Invoke(s)
	if response == nil {
		response = shim.Error("nil response")
	}
	for _, message := range []proto.Message{response, s.tx.Event} {
		if _, err := proto.Marshal(message); err != nil { // a message or an event name that is not UTF-8
			response = shim.Error("failed to marshal response")
		}
	}
	s.tx.Response = response
	return s.tx, nil
}

// Evaluate runs a call and commits nothing.
func (l *Ledger) Evaluate(call Call) ([]byte, error) {
	tx, err := l.Simulate(call)
	if err != nil {
		return nil, err
	}
	return tx.Response.GetPayload(), nil
}

// Invoke simulates a call and commits it in a block of its own. It returns what
// [Ledger.Simulate] returns, or a [CommitError].
func (l *Ledger) Invoke(call Call) (*Transaction, error) {
	tx, err := l.Simulate(call)
	if err != nil {
		return tx, err
	}
	if code := l.Commit(tx)[0]; code != peer.TxValidationCode_VALID {
		return tx, &CommitError{Code: code}
	}
	return tx, nil
}

// Commit validates transactions in their order and applies the valid ones, as
// one block. It answers with one validation code each.
func (l *Ledger) Commit(transactions ...*Transaction) []peer.TxValidationCode {
	l.mu.Lock()
	defer l.mu.Unlock()
	number := uint64(len(l.blocks)) + 1
	block := Block{Number: number}
	codes := make([]peer.TxValidationCode, len(transactions))
	written := map[string]bool{}
	for i, tx := range transactions {
		codes[i] = l.validate(tx, written)
		committed := *tx
		committed.Code = codes[i]
		block.Transactions = append(block.Transactions, &committed)
		tx.Code = codes[i]
		l.txIDs[tx.ID] = true
		if codes[i] == peer.TxValidationCode_VALID {
			for _, w := range tx.Writes {
				written[w.place()] = true
				l.write(w, version{number, uint64(i)}, tx.ID, tx.Time)
			}
		}
	}
	l.blocks = append(l.blocks, block)
	return codes
}

// validate judges a transaction of a block in which the given keys have been
// written: whoever has read one of them is late, whatever was written.
func (l *Ledger) validate(tx *Transaction, written map[string]bool) peer.TxValidationCode {
	if l.txIDs[tx.ID] {
		return peer.TxValidationCode_DUPLICATE_TXID
	}
	if tx.Response.GetStatus() >= shim.ERRORTHRESHOLD {
		return peer.TxValidationCode_BAD_RESPONSE_PAYLOAD
	}
	for _, r := range tx.Reads {
		if written[r.place()] || l.in(r.space()).version(r.Key) != r.version {
			return peer.TxValidationCode_MVCC_READ_CONFLICT
		}
	}
	for _, q := range tx.Ranges {
		if !q.unchanged(l.in(space{chaincode: q.Chaincode})) {
			return peer.TxValidationCode_PHANTOM_READ_CONFLICT
		}
	}
	return peer.TxValidationCode_VALID
}

// Blocks lists all blocks, oldest first.
func (l *Ledger) Blocks() []Block {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return append([]Block(nil), l.blocks...)
}

// Events lists the events of all valid transactions, oldest first.
func (l *Ledger) Events() []*peer.ChaincodeEvent {
	var events []*peer.ChaincodeEvent
	for _, block := range l.Blocks() {
		for _, tx := range block.Transactions {
			if tx.Event != nil && tx.Code == peer.TxValidationCode_VALID {
				events = append(events, tx.Event)
			}
		}
	}
	return events
}

// State lists keys and values in the order of their keys, composite keys first.
func (l *Ledger) State() []Write { return l.all(space{}) }

func (l *Ledger) all(s space) []Write {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var all []Write
	for _, row := range l.in(s).scan("", "", l.in(s).last) {
		all = append(all, Write{s.chaincode, s.collection, row.key, append([]byte(nil), row.value...), false})
	}
	return all
}

// in is what is kept in a space; the caller holds the lock.
func (l *Ledger) in(s space) *store {
	if kept := l.spaces[s]; kept != nil {
		return kept
	}
	return &store{}
}

// write applies one write; the caller holds the lock for writing.
func (l *Ledger) write(w Write, v version, txID string, t time.Time) {
	if l.spaces[w.space()] == nil {
		l.spaces[w.space()] = &store{}
	}
	l.spaces[w.space()].put(w, v, txID, t)
}

// Get is the committed value of a key, nil when there is none.
func (l *Ledger) Get(key string) []byte {
	l.mu.RLock()
	defer l.mu.RUnlock()
	m := l.in(space{}).at(key, l.in(space{}).last)
	if m == nil {
		return nil
	}
	return append([]byte(nil), m.value...)
}
