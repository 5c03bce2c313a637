package scenario

import (
	"context"
	"errors"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
)

// Ledger is one channel with the chaincode on it. Identities are those of the
// suite's [Topology], by name.
type Ledger interface {
	// Name is what people call it.
	Name() string
	// Subject is the certificate subject of an identity.
	Subject(identity string) (string, error)
	// System is the system.json that its chaincode has.
	System() []byte
	// Submit has a call endorsed and committed. Nothing is submitted again.
	Submit(ctx context.Context, call Call) Outcome
	// Evaluate has a call answered; it changes nothing.
	Evaluate(ctx context.Context, call Call) Outcome
	// Together has all calls endorsed before any is ordered, and then ordered
	// as they come: each knows nothing of the others.
	Together(ctx context.Context, calls []Call) []Outcome
}

// Call is a transaction or a query, by an identity.
type Call struct {
	As        string
	Name      string // contract:Transaction
	Args      []string
	Transient map[string][]byte
}

// Outcome is what has come of a call.
type Outcome struct {
	// Err is nil for an answer and for a valid transaction. Else it has beneath
	// it a [record.Error] or a [ledger.ValidationCode].
	Err error
	// Status and Message are the chaincode's refusal, 0 without one.
	Status  int
	Message string

	Payload []byte
	// Of a transaction that has a place in a block:
	TxID   string
	Time   time.Time
	Code   ledger.ValidationCode
	Event  *ledger.Event
	Writes []ledger.Write
}

// ordered reports whether the call has a place in a block.
func (o *Outcome) ordered() bool { return o.TxID != "" }

// Clock is the time by which a suite lives.
type Clock interface {
	Now() time.Time
	Wait(d time.Duration)
}

// RealClock is the machine's: a network knows no other.
type RealClock struct{}

// Now implements Clock.
func (RealClock) Now() time.Time { return time.Now() }

// Wait implements Clock.
func (RealClock) Wait(d time.Duration) { time.Sleep(d) }

// SetClock is a clock that moves when it is told to wait.
type SetClock struct{ now time.Time }

// NewSetClock starts at the given time.
func NewSetClock(start time.Time) *SetClock { return &SetClock{start} }

// Now implements Clock.
func (c *SetClock) Now() time.Time { return c.now }

// Wait implements Clock.
func (c *SetClock) Wait(d time.Duration) { c.now = c.now.Add(d) }

var errNoIdentity = errors.New("scenario: no such identity")
