package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// history says whether an orderer may already have an envelope.
type history int

const (
	firstTime history = iota
	again
)

func (e Entry) failed(step Step, err error) error {
	return &Error{Step: step, Contract: e.Contract, Transaction: e.Transaction, TxID: e.TxID, Err: err}
}

// settle saves the entry, sends its envelope until its fate is known, and
// deletes it.
func (l *Ledger) settle(ctx context.Context, entry Entry, sent history) (Result, error) {
	prepared, err := l.peers[0].session().NewTransaction(entry.Envelope)
	if err != nil {
		return Result{}, entry.failed(StepJournal, fmt.Errorf("the envelope cannot be read: %w", err))
	}
	result := Result{TxID: entry.TxID, Payload: prepared.Result(), Time: envelopeTime(entry.Envelope)}

	l.lookAfter(entry.TxID)
	defer l.letGo(entry.TxID)
	if sent == firstTime {
		if err := l.journal.Save(ctx, entry); err != nil {
			return result, entry.failed(StepJournal, fmt.Errorf("the transaction was not sent, because saving it failed: %w", err))
		}
	}
	verdict, broadcasts, err := l.broadcast(ctx, entry, sent)
	result.Broadcasts = broadcasts
	if errors.Is(err, ErrUndecided) {
		return result, err
	}
	// The fate is known, also when ctx has just ended. An entry that stays
	// costs one needless broadcast after the next restart.
	if err := l.journal.Delete(context.WithoutCancel(ctx), entry.TxID); err != nil {
		l.log.WarnContext(ctx, "a settled transaction stays in the journal", "transaction", entry.TxID, "error", err)
	}
	if err != nil {
		return result, err
	}
	result.Block = verdict.BlockNumber
	if !verdict.Successful {
		return result, entry.failed(StepCommit, &CommitError{TxID: entry.TxID, Block: verdict.BlockNumber, Code: ValidationCode(verdict.Code)})
	}
	return result, nil
}

// broadcast sends the envelope until a peer reports what became of it.
func (l *Ledger) broadcast(ctx context.Context, entry Entry, sent history) (*client.Status, int, error) {
	pauses := l.timing.backOff()
	wait := l.commitWait(ctx)
	inOrder := wait - l.timing.commit + l.timing.overtaking
	var last error
	for broadcasts := 1; ; broadcasts++ {
		p, sentAt := l.peer(), time.Now()
		err := l.send(ctx, p, entry)
		if refused(err) && sent == firstTime {
			return nil, broadcasts, entry.failed(StepSubmit, err)
		}
		// Whatever went wrong, the orderer may have the envelope by now.
		sent = again

		patience := wait
		if err != nil {
			l.note(ctx, p, err)
			last = err
			patience = pauses.NextBackOff()
		}
		if refused(err) {
			patience = wait // for an earlier copy; another one is pointless
		}
		verdict, statusErr := l.statusOrOvertaken(ctx, entry.TxID, patience, sentAt.Add(inOrder))
		switch {
		case statusErr == nil:
			l.landed(sentAt)
			return verdict, broadcasts, nil
		case ctx.Err() != nil:
			return nil, broadcasts, entry.failed(StepCommit, fmt.Errorf("%w: %w", ErrUndecided, outOfTime(ctx, last)))
		case refused(err):
			return nil, broadcasts, entry.failed(StepSubmit, fmt.Errorf("%w: %w", ErrUndecided, err))
		case !errors.Is(statusErr, errNoStatus):
			return nil, broadcasts, entry.failed(StepCommit, fmt.Errorf("%w: %w", ErrUndecided, statusErr))
		}
		if err == nil {
			last = statusErr
			l.log.DebugContext(ctx, "no commit in time, the envelope is sent again", "transaction", entry.TxID, "waited", wait)
			// The peer may lag or hang. The network may also just be slow,
			// and copies of the envelope do not make it faster.
			l.passOver(p)
			wait = min(2*wait, l.timing.longestWait)
		}
	}
}

func (l *Ledger) send(ctx context.Context, p *gatewayPeer, entry Entry) error {
	transaction, err := p.session().NewTransaction(entry.Envelope)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, l.timing.attempt)
	defer cancel()
	_, err = transaction.SubmitWithContext(ctx)
	return err
}

// statusOrOvertaken is status, but gives up as soon as an envelope that was sent
// after the given time has its place on the ledger: orderers work in order, so
// this one has been lost, by an orderer that died, say.
func (l *Ledger) statusOrOvertaken(ctx context.Context, txID string, patience time.Duration, after time.Time) (*client.Status, error) {
	for end := time.Now().Add(patience); ; {
		verdict, err := l.status(ctx, txID, min(time.Until(end), l.timing.overtaking))
		if !errors.Is(err, errNoStatus) || ctx.Err() != nil || !time.Now().Before(end) || l.newest.Load() > after.UnixNano() {
			return verdict, err
		}
	}
}

// landed notes that an envelope has a place on the ledger, and when it was sent.
func (l *Ledger) landed(sentAt time.Time) {
	for sent := sentAt.UnixNano(); ; {
		newest := l.newest.Load()
		if sent <= newest || l.newest.CompareAndSwap(newest, sent) {
			return
		}
	}
}

var errNoStatus = errors.New("no peer reported a commit in time")

// status waits for the fate of a transaction. Its error is errNoStatus when
// there was none by the end of patience, and otherwise one that asking again
// will not mend.
func (l *Ledger) status(ctx context.Context, txID string, patience time.Duration) (*client.Status, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	verdict, err := retry(limited, l.timing, func() (*client.Status, error) {
		p := l.peer()
		as := p.session()
		question, err := as.commitQuestion(l.connection.Channel, txID)
		if err != nil {
			return nil, backoff.Permanent(err)
		}
		commit, err := as.NewCommit(question)
		if err != nil {
			return nil, backoff.Permanent(err)
		}
		verdict, err := commit.StatusWithContext(limited)
		switch {
		case err == nil && ValidationCode(verdict.Code) == ErrDuplicateTransaction:
			// The verdict on one of our copies. The peer's index knows the
			// first one and answers with it when asked anew.
			return nil, errCopy
		case err == nil:
			return verdict, nil
		case limited.Err() != nil:
			return nil, err
		}
		switch status.Code(err) {
		case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented:
			return nil, backoff.Permanent(err)
		}
		l.note(ctx, p, err)
		return nil, err
	})
	if err != nil && limited.Err() != nil {
		return nil, fmt.Errorf("%w: %w", errNoStatus, err)
	}
	return verdict, err
}

// commitQuestion is an unsigned question for the fate of a transaction.
func (s *session) commitQuestion(channel, txID string) ([]byte, error) {
	creator, err := proto.Marshal(&msp.SerializedIdentity{Mspid: s.id.MspID(), IdBytes: s.id.Credentials()})
	if err != nil {
		return nil, err
	}
	request, err := proto.Marshal(&gateway.CommitStatusRequest{ChannelId: channel, TransactionId: txID, Identity: creator})
	if err != nil {
		return nil, err
	}
	return proto.Marshal(&gateway.SignedCommitStatusRequest{Request: request})
}

// errCopy never leaves this file.
var errCopy = errors.New("the peer reported on a copy of the transaction")

// batchTimeout remembers how long the orderers of the channel wait for a block
// to fill, once that is known.
type batchTimeout struct {
	mu    sync.Mutex // held while asking, so that one call asks for all
	known bool
	value time.Duration
}

// commitWait is how long a commit may take before the envelope is sent again.
// A channel that fills its blocks for a minute must be given that minute: every
// copy of an envelope takes a place in a block.
func (l *Ledger) commitWait(ctx context.Context) time.Duration {
	l.batch.mu.Lock()
	defer l.batch.mu.Unlock()
	if !l.batch.known {
		value, err := l.askBatchTimeout(ctx)
		if err != nil {
			l.log.DebugContext(ctx, "the channel's batch timeout is not known", "error", err)
			return 2 * l.timing.commit
		}
		l.batch.known, l.batch.value = true, value
	}
	return l.batch.value + l.timing.commit
}

func (l *Ledger) askBatchTimeout(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timing.commit)
	defer cancel()
	answer, err := l.peer().session().GetNetwork(l.connection.Channel).GetContract("cscc").
		EvaluateWithContext(ctx, "GetChannelConfig", client.WithArguments(l.connection.Channel))
	if err != nil {
		return 0, err
	}
	var config common.Config
	if err := proto.Unmarshal(answer, &config); err != nil {
		return 0, err
	}
	var batch orderer.BatchTimeout
	value := config.GetChannelGroup().GetGroups()["Orderer"].GetValues()["BatchTimeout"].GetValue()
	if err := proto.Unmarshal(value, &batch); err != nil {
		return 0, err
	}
	return time.ParseDuration(batch.GetTimeout())
}

func (l *Ledger) lookAfter(txID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight[txID] = true
}

func (l *Ledger) letGo(txID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.inFlight, txID)
}

func (l *Ledger) lookedAfter(txID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.inFlight[txID]
}
