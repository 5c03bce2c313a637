package scenario

import (
	"context"
	"errors"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/contract"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/topology"
)

// Stub is the in-memory ledger.
type Stub struct {
	ledger     *stub.Ledger
	clock      Clock
	identities map[string]*stub.Identity
	system     []byte
}

var _ Ledger = (*Stub)(nil)

// NewStub makes an empty ledger with the chaincode, for the identities of a
// topology. Every call is stamped with the clock's time.
func NewStub(made topology.Topology, clock Clock) (*Stub, error) {
	s := &Stub{clock: clock, identities: map[string]*stub.Identity{}}
	system := record.SystemFile{Threshold: uint32(made.Chaincode.Threshold)}
	for _, who := range made.Identities() {
		id, err := stub.NewIdentity(who.Organization.MSPID, who.Name, nil)
		if err != nil {
			return nil, err
		}
		s.identities[who.Name] = id
		if who.Role == topology.AuthorityRole {
			system.Add(id.MSP(), id.Subject())
		}
	}
	s.system = system.Encode()
	managers, err := contract.ParseManagers(s.system)
	if err != nil {
		return nil, err
	}
	code, err := contract.New(managers)
	if err != nil {
		return nil, err
	}
	s.ledger = stub.NewLedger(made.Channel, made.Chaincode.Name, code)
	return s, nil
}

// Name implements Ledger.
func (s *Stub) Name() string { return "stub" }

// Subject implements Ledger.
func (s *Stub) Subject(identity string) (string, error) {
	id, known := s.identities[identity]
	if !known {
		return "", fmt.Errorf("%w: %s", errNoIdentity, identity)
	}
	return id.Subject(), nil
}

// System implements Ledger.
func (s *Stub) System() []byte { return s.system }

// Submit implements Ledger.
func (s *Stub) Submit(ctx context.Context, call Call) Outcome {
	return s.Together(ctx, []Call{call})[0]
}

// Together implements Ledger. The transactions share a block.
func (s *Stub) Together(_ context.Context, calls []Call) []Outcome {
	outcomes := make([]Outcome, len(calls))
	var simulated []*stub.Transaction
	var of []int
	for i, call := range calls {
		tx, err := s.ledger.Simulate(s.call(call))
		if err != nil {
			outcomes[i] = refusal(err)
			continue
		}
		simulated, of = append(simulated, tx), append(of, i)
	}
	for k, code := range s.ledger.Commit(simulated...) {
		outcomes[of[k]] = committed(simulated[k], ledger.ValidationCode(code))
	}
	return outcomes
}

// Evaluate implements Ledger.
func (s *Stub) Evaluate(_ context.Context, call Call) Outcome {
	payload, err := s.ledger.Evaluate(s.call(call))
	if err != nil {
		return refusal(err)
	}
	return Outcome{Payload: payload}
}

func (s *Stub) call(c Call) stub.Call {
	return stub.Call{Identity: s.identities[c.As], Function: c.Name, Args: c.Args, Transient: c.Transient, Time: s.clock.Now()}
}

// refusal is the error of a simulation as the SDK would type it.
func refusal(err error) Outcome {
	var response *stub.ResponseError
	if !errors.As(err, &response) {
		return Outcome{Err: err}
	}
	o := Outcome{Err: response, Status: int(response.Status), Message: response.Message}
	if coded, ok := record.ParseError(response.Message); ok {
		o.Err = fmt.Errorf("chaincode response %d, %w", response.Status, coded)
	}
	return o
}

func committed(tx *stub.Transaction, code ledger.ValidationCode) Outcome {
	o := Outcome{Payload: tx.Response.GetPayload(), TxID: tx.ID, Time: tx.Time, Code: code}
	if code != ledger.Valid {
		o.Err = code
	}
	if e := tx.Event; e != nil {
		o.Event = &ledger.Event{Name: e.GetEventName(), Payload: e.GetPayload()}
	}
	for _, w := range tx.Writes {
		o.Writes = append(o.Writes, ledger.Write{Key: w.Key, Value: w.Value, Deleted: w.Delete})
	}
	return o
}
