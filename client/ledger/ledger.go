package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hyperledger/fabric-gateway/pkg/client"
)

// inHand is how many calls a Ledger has in hand at once; more wait their turn.
// A gateway refuses beyond 500 requests, and it may serve other clients too.
const inHand = 256

// A Ledger is a connection to one channel as one identity. Its methods may be
// called by many goroutines at once.
type Ledger struct {
	connection Connection
	peers      []*gatewayPeer
	journal    Journal
	log        *slog.Logger
	retried    func()
	trouble    atomic.Pointer[trouble]
	timing     timing
	slots      chan struct{}
	newest     atomic.Int64 // Unix nanoseconds at which the newest envelope was sent that is on the ledger

	life context.Context // ends with Close
	end  context.CancelFunc

	mu       sync.Mutex
	inFlight map[string]bool      // transactions that a Submit or Recover is looking after
	avoid    map[string]time.Time // organisations that could not endorse, until when to pass them over
	batch    batchTimeout
}

// An Option changes how a Ledger works.
type Option func(*Ledger)

// WithJournal keeps endorsed transactions in j instead of in memory.
func WithJournal(j Journal) Option { return func(l *Ledger) { l.journal = j } }

// WithLogger tells log, at level Debug, of every answer that is met by another
// attempt. Arguments and transient data are never logged.
func WithLogger(log *slog.Logger) Option { return func(l *Ledger) { l.log = log } }

// WithRetried calls f, which must be quick, for every answer of a peer that is
// met by another attempt.
func WithRetried(f func()) Option { return func(l *Ledger) { l.retried = f } }

func withTiming(t timing) Option { return func(l *Ledger) { l.timing = t } }

// Dial reads the files that the connection names and prepares to talk to its
// peers. It needs no network: a peer that is down shows in the first call.
// The errors are ErrConnection.
func Dial(connection Connection, options ...Option) (*Ledger, error) {
	if err := connection.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConnection, err)
	}
	who, err := connection.signer()
	if err != nil {
		return nil, err
	}
	l := &Ledger{
		connection: connection,
		journal:    NewMemoryJournal(),
		log:        slog.New(slog.DiscardHandler),
		retried:    func() {},
		timing:     defaultTiming,
		slots:      make(chan struct{}, inHand),
		inFlight:   map[string]bool{},
		avoid:      map[string]time.Time{},
	}
	for _, option := range options {
		option(l)
	}
	for _, peer := range connection.Peers {
		p, err := peer.connect(who)
		if err != nil {
			return nil, errors.Join(err, l.closePeers())
		}
		l.peers = append(l.peers, p)
	}
	l.life, l.end = context.WithCancel(context.Background())
	return l, nil
}

// Close ends every call in progress with ErrClosed. Transactions that have been
// sent stay in the journal.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.life.Err() != nil {
		return nil
	}
	l.end()
	return l.closePeers()
}

func (l *Ledger) closePeers() error {
	var all []error
	for _, p := range l.peers {
		all = append(all, p.close())
	}
	return errors.Join(all...)
}

// Connection is the description with which the Ledger was dialled.
func (l *Ledger) Connection() Connection { return l.connection }

// begin binds a call to the life of the Ledger, bounds it in time and gives it
// one of the slots. The returned function must be called when it is done.
func (l *Ledger) begin(ctx context.Context) (context.Context, func(), error) {
	ctx, release := l.alive(ctx)
	if _, set := ctx.Deadline(); !set {
		bounded, cancel := context.WithTimeout(ctx, l.timing.patience)
		unbound := release
		ctx, release = bounded, func() { cancel(); unbound() }
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		defer release()
		return nil, nil, context.Cause(ctx)
	}
	if ctx.Err() != nil { // both cases were ready
		<-l.slots
		defer release()
		return nil, nil, context.Cause(ctx)
	}
	return ctx, func() { <-l.slots; release() }, nil
}

// alive returns a context that also ends, with ErrClosed, when the Ledger does.
func (l *Ledger) alive(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.life, func() { cancel(ErrClosed) })
	if l.life.Err() != nil {
		cancel(ErrClosed)
	}
	return ctx, func() { stop(); cancel(context.Canceled) }
}

// Evaluate asks one peer for the answer of a query. It changes nothing on the
// ledger. When another peer than before has to answer, it may not have the
// latest block yet. Failures that may pass are met by another attempt, with another peer
// if there is one, until ctx ends (three minutes, when ctx has no deadline).
//
// The error is an *Error, with a *ChaincodeError inside when the contract
// refused.
func (l *Ledger) Evaluate(ctx context.Context, contract, transaction string, args ...string) ([]byte, error) {
	return l.evaluate(ctx, l.connection.Chaincode, contract, transaction, args)
}

func (l *Ledger) evaluate(ctx context.Context, chaincode, contract, transaction string, args []string) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		return nil, &Error{Step: StepEvaluate, Contract: contract, Transaction: transaction, Err: err}
	}
	ctx, done, err := l.begin(ctx)
	if err != nil {
		return fail(err)
	}
	defer done()
	attempt := l.attempts(ctx)
	answer, err := retry(ctx, l.timing, func() ([]byte, error) {
		p := l.peer()
		var answer []byte
		err := attempt(p, func(ctx context.Context) (err error) {
			answer, err = p.session().GetNetwork(l.connection.Channel).GetContractWithName(chaincode, contract).
				EvaluateWithContext(ctx, transaction, client.WithArguments(args...))
			return err
		})
		return answer, err
	})
	if err != nil {
		return fail(err)
	}
	return answer, nil
}

// attempts returns a function that makes one attempt of a query or endorsement
// and sorts its error: permanent, or to be tried again. One series of attempts
// shares it, since some answers are believed only when repeated.
func (l *Ledger) attempts(ctx context.Context) func(*gatewayPeer, func(context.Context) error) error {
	denials := 0
	return func(p *gatewayPeer, ask func(context.Context) error) error {
		limited, cancel := context.WithTimeout(ctx, l.timing.attempt)
		defer cancel()
		err := ask(limited)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			// The call itself has ended. This error says only that much.
			return err
		}
		if refusal := chaincodeError(err); refusal != nil {
			return backoff.Permanent(refusal)
		}
		if denied(err) {
			denials++
		}
		if !passing(err) || denials >= deniedLimit {
			return backoff.Permanent(err)
		}
		l.note(ctx, p, err)
		return err
	}
}
