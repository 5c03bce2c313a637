package ledger

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hyperledger/fabric-gateway/pkg/client"
)

// A Call is one transaction to be submitted.
type Call struct {
	Contract    string
	Transaction string
	Args        []string
	// Transient data reaches the endorsers and stays off the ledger.
	Transient map[string][]byte
	// Endorsers overrides the connection's endorsing organisations. Whether
	// they satisfy the chaincode's policy is for the committing peers to say:
	// if not, the error is ErrEndorsementPolicy.
	Endorsers []string
	// Reference is kept in the journal beside the transaction, for the caller
	// to recognise what Recover settles.
	Reference string
}

// A Result is a transaction that Fabric committed as valid.
type Result struct {
	TxID  string
	Block uint64
	// Time is the transaction's timestamp, which the contract saw.
	Time    time.Time
	Payload []byte
	// Endorsements and Broadcasts count how often the call was endorsed and
	// how often its last envelope was sent; both are 1 when nothing went wrong.
	Endorsements int
	Broadcasts   int
}

// Submit has a transaction endorsed and ordered, and returns when peers report
// it committed as valid. The rules:
//
//   - A failure to endorse that may pass is met by a new proposal after a pause.
//   - The endorsed, signed envelope is saved in the journal before it is sent
//     and deleted when its fate is known.
//   - When the envelope cannot be delivered, or no commit is reported within
//     the channel's batch timeout and some seconds, the same envelope is sent
//     again, to another peer if there is one. It is sent again sooner when one
//     that this Ledger sent later has got its place on the ledger.
//   - Only after a read conflict is the call endorsed anew. A contract must
//     therefore bear being called twice for one intent, and ClaimShare's do.
//   - All of this lasts until ctx ends, or three minutes when it has no deadline.
//
// The error is an *Error. Inside it is a *ChaincodeError when the contract
// refused, a *CommitError when Fabric invalidated the transaction, and
// ErrUndecided when ctx ended after the first broadcast. The Result has the TxID
// of every transaction that was endorsed, also beside an error.
func (l *Ledger) Submit(ctx context.Context, call Call) (Result, error) {
	ctx, done, err := l.begin(ctx)
	if err != nil {
		return Result{}, call.failed(StepEndorse, "", err)
	}
	defer done()
	pauses := l.timing.backOff()
	for endorsements := 1; ; endorsements++ {
		entry, err := l.endorse(ctx, call)
		if err != nil {
			return Result{}, err
		}
		result, err := l.settle(ctx, entry, firstTime)
		result.Endorsements = endorsements
		if err == nil || !readConflict(err) {
			return result, err
		}
		l.log.DebugContext(ctx, "a read conflict, to be endorsed anew", "error", err)
		if sleep(ctx, pauses.NextBackOff()) != nil {
			return result, call.failed(StepEndorse, entry.TxID, outOfTime(ctx, err))
		}
	}
}

func (c Call) failed(step Step, txID string, err error) error {
	return &Error{Step: step, Contract: c.Contract, Transaction: c.Transaction, TxID: txID, Err: err}
}

// endorse obtains a signed envelope.
func (l *Ledger) endorse(ctx context.Context, call Call) (Entry, error) {
	options := []client.ProposalOption{client.WithArguments(call.Args...)}
	if len(call.Transient) > 0 {
		options = append(options, client.WithTransient(call.Transient))
	}
	attempt := l.attempts(ctx)
	var txID string
	entry, err := retry(ctx, l.timing, func() (Entry, error) {
		p := l.peer()
		as := p.session()
		contract := as.GetNetwork(l.connection.Channel).GetContractWithName(l.connection.Chaincode, call.Contract)
		var endorsed *client.Transaction
		err := attempt(p, func(ctx context.Context) error {
			// Every attempt is a new proposal: its timestamp must be fresh
			// and peers refuse a transaction ID that they have seen.
			asked := options
			if endorsers := l.endorsers(call); len(endorsers) > 0 {
				asked = append(slices.Clone(options), client.WithEndorsingOrganizations(endorsers...))
			}
			proposal, err := contract.NewProposal(call.Transaction, asked...)
			if err != nil {
				return err
			}
			txID = proposal.TransactionID()
			if endorsed, err = proposal.EndorseWithContext(ctx); err != nil {
				l.blame(err)
			}
			return err
		})
		if err != nil {
			return Entry{}, err
		}
		envelope, err := as.seal(endorsed)
		return Entry{
			TxID:        endorsed.TransactionID(),
			Channel:     l.connection.Channel,
			Contract:    call.Contract,
			Transaction: call.Transaction,
			Reference:   call.Reference,
			Saved:       time.Now().UTC(),
			Envelope:    envelope,
		}, err
	})
	if err != nil {
		return Entry{}, call.failed(StepEndorse, txID, err)
	}
	return entry, nil
}

// seal signs the endorsed transaction once and for all. An ECDSA signature is
// different every time, and the envelope must not be.
func (s *session) seal(endorsed *client.Transaction) ([]byte, error) {
	unsigned, err := endorsed.Bytes()
	if err != nil {
		return nil, backoff.Permanent(fmt.Errorf("encode the endorsed transaction: %w", err))
	}
	signature, err := s.sign(endorsed.Digest())
	if err != nil {
		return nil, backoff.Permanent(fmt.Errorf("sign the endorsed transaction: %w", err))
	}
	signed, err := s.NewSignedTransaction(unsigned, signature)
	if err != nil {
		return nil, backoff.Permanent(fmt.Errorf("read the endorsed transaction: %w", err))
	}
	envelope, err := signed.Bytes()
	if err != nil {
		return nil, backoff.Permanent(fmt.Errorf("encode the signed transaction: %w", err))
	}
	return envelope, nil
}

// Recovered is what became of a journal entry.
type Recovered struct {
	Entry  Entry
	Result Result
	Err    error
}

// Recover sends every envelope that the journal holds for this channel, and
// that no Submit is looking after, and waits for their fates. It is to be
// called after a restart. A transaction with a read conflict is not endorsed
// anew, since its transient data is gone: the caller submits it again. The
// result is in the journal's order; the error is the journal's.
func (l *Ledger) Recover(ctx context.Context) ([]Recovered, error) {
	entries, err := l.journal.Pending(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	var all []*Recovered
	var work sync.WaitGroup
	for _, entry := range entries {
		if entry.Channel != l.connection.Channel || l.lookedAfter(entry.TxID) {
			continue
		}
		r := &Recovered{Entry: entry}
		all = append(all, r)
		work.Go(func() {
			r.Result, r.Err = l.recover(ctx, entry)
		})
	}
	work.Wait()
	result := make([]Recovered, len(all))
	for i, r := range all {
		result[i] = *r
	}
	return result, nil
}

func (l *Ledger) recover(ctx context.Context, entry Entry) (Result, error) {
	ctx, done, err := l.begin(ctx)
	if err != nil {
		return Result{}, entry.failed(StepSubmit, fmt.Errorf("%w: %w", ErrUndecided, err))
	}
	defer done()
	return l.settle(ctx, entry, again)
}
