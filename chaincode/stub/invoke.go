package stub

import (
	"fmt"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// Deploy puts another chaincode on the channel, for the ledger's own to call
// with InvokeChaincode. It has a state of its own: see [Ledger.StateOf].
func (l *Ledger) Deploy(name string, chaincode shim.Chaincode) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.others[name] = chaincode
}

// StateOf lists keys and values of a chaincode that was deployed beside the
// ledger's own.
func (l *Ledger) StateOf(name string) []Write { return l.all(space{chaincode: name}) }

// Seed commits a block that writes what is given, for tests that begin in the
// middle. No chaincode runs.
func (l *Ledger) Seed(writes ...Write) {
	l.mu.Lock()
	defer l.mu.Unlock()
	number := uint64(len(l.blocks)) + 1
	tx := &Transaction{ID: fmt.Sprintf("seed%d", number), Time: l.clock, Response: shim.Success(nil), Code: peer.TxValidationCode_VALID}
	for _, w := range writes {
		w.Value = append([]byte(nil), w.Value...)
		tx.write(w)
		l.write(w, version{number, 0}, tx.ID, l.clock)
	}
	l.txIDs[tx.ID] = true
	l.blocks = append(l.blocks, Block{Number: number, Transactions: []*Transaction{tx}})
}

// InvokeChaincode runs another chaincode of this channel within the transaction:
// same caller, time and transient data, one read-write set, in which each
// chaincode has its own keys. What it writes stays, even when it answers with an
// error; its event is lost. Both are as on a peer.
func (s *simulation) InvokeChaincode(name string, args [][]byte, channel string) *peer.Response {
	checkText(name, channel)
	if channel != "" && channel != s.ledger.channel {
		return shim.Error(ErrUnsupported.Error() + ": a call on another channel")
	}
	if len(args) == 0 {
		args = [][]byte{nil}
	}
	called := *s
	called.in = space{chaincode: name}
	called.call.Function, called.call.Args = string(args[0]), nil
	for _, a := range args[1:] {
		called.call.Args = append(called.call.Args, string(a))
	}
	s.ledger.mu.RLock()
	chaincode := s.ledger.others[name]
	s.ledger.mu.RUnlock()
	if name == s.ledger.name {
		chaincode, called.in = s.ledger.chaincode, space{}
	}
	if chaincode == nil {
		return shim.Error(fmt.Sprintf("stub: there is no chaincode %q on channel %q", name, s.ledger.channel))
	}
	event := s.tx.Event
	response := chaincode.Invoke(&called)
	s.tx.Event = event
	if response == nil {
		response = shim.Error("nil response")
	}
	return response
}
