package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	fabric "github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// A Checkpoint is a place in the ledger: before block Block or, when TxID is
// set, in that block and just after that transaction. The zero value is the
// beginning. Store it with the work that it stands for.
type Checkpoint struct {
	Block uint64 `json:"block"`
	TxID  string `json:"txId,omitempty"`
}

// Next is the place just after the block.
func (b Block) Next() Checkpoint { return Checkpoint{Block: b.Number + 1} }

// An Event is what a valid transaction of the chaincode announced. What Payload
// means is for the contract to say.
type Event struct {
	Block     uint64
	Index     int // of the transaction in the block
	TxID      string
	Time      time.Time
	Chaincode string
	Name      string
	Payload   []byte
}

// Checkpoint is the place just after the event.
func (e Event) Checkpoint() Checkpoint { return Checkpoint{Block: e.Block, TxID: e.TxID} }

// Blocks yields every block from the given number on, in order and each once,
// and waits for the next one at the end. When a peer dies it goes on with
// another, or with the same when that is back. It ends with an error only:
// the context's, ErrClosed, or one that asking again does not mend. That error
// is the last thing it yields.
func (l *Ledger) Blocks(ctx context.Context, from uint64) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		ctx, release := l.alive(ctx)
		defer release()
		pauses := l.timing.backOff()
		next, denials := from, 0
		var last error
		for {
			p := l.peer()
			received := false
			err := l.stream(ctx, p, next, func(b Block) bool {
				received = true
				next = b.Number + 1
				return yield(b, nil)
			})
			if errors.Is(err, errStopped) {
				return
			}
			if received {
				pauses.Reset()
				denials, last = 0, nil
			}
			if ctx.Err() != nil {
				yield(Block{}, fmt.Errorf("follow the blocks from %d: %w", next, outOfTime(ctx, last)))
				return
			}
			last = err
			// A peer that has just joined may not know the channel's latest
			// members yet.
			if final(err) {
				denials++
			}
			if denials >= deniedLimit {
				yield(Block{}, fmt.Errorf("follow the blocks from %d: %w", next, err))
				return
			}
			l.log.DebugContext(ctx, "the stream of blocks broke", "peer", p.endpoint, "next", next, "error", err)
			l.passOver(p)
			// A context that ends in the pause is noticed in the next round.
			_ = sleep(ctx, pauses.NextBackOff())
		}
	}
}

var errStopped = errors.New("the consumer has had enough")

// A streamEnd is a peer's reason to end a stream in good order.
type streamEnd common.Status

func (e streamEnd) Error() string {
	switch common.Status(e) {
	case common.Status_FORBIDDEN:
		return "the peer refuses to deliver blocks to this identity (FORBIDDEN); check that the organisation is a member of the channel and that the certificate has not expired"
	case common.Status_BAD_REQUEST:
		return "the peer does not accept the request for blocks (BAD_REQUEST); check this machine's clock"
	case common.Status_NOT_FOUND:
		return "the peer does not know the channel (NOT_FOUND)"
	default:
		return "the peer ended the stream of blocks: " + common.Status(e).String()
	}
}

// final reports whether a stream's end is unlikely to pass.
func final(err error) bool {
	var end streamEnd
	if errors.As(err, &end) {
		return common.Status(end) == common.Status_FORBIDDEN || common.Status(end) == common.Status_BAD_REQUEST
	}
	var broken *blockError
	if errors.As(err, &broken) {
		return true
	}
	switch status.Code(err) {
	case codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented, codes.InvalidArgument, codes.ResourceExhausted:
		return true
	}
	return false
}

// A blockError is a block that a peer delivered and that cannot be used.
type blockError struct{ err error }

func (e *blockError) Error() string { return e.err.Error() }
func (e *blockError) Unwrap() error { return e.err }

// stream reads blocks from one peer until that fails. It does without
// fabric-gateway's channel of blocks, which closes without saying why.
func (l *Ledger) stream(ctx context.Context, p *gatewayPeer, from uint64, use func(Block) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := l.seek(p, from)
	if err != nil {
		return err
	}
	stream, err := p.deliver.Deliver(ctx)
	if err != nil {
		return err
	}
	// A failed Send is told by Recv, with the reason.
	if err := stream.Send(request); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for next := from; ; next++ {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return errors.New("the peer ended the stream of blocks")
		}
		if err != nil {
			return err
		}
		raw, ok := response.GetType().(*fabric.DeliverResponse_Block)
		if !ok {
			return streamEnd(response.GetStatus())
		}
		block, err := decodeBlock(raw.Block)
		if err != nil {
			return &blockError{err}
		}
		if block.Number != next {
			return &blockError{fmt.Errorf("the peer delivered block %d where %d was due", block.Number, next)}
		}
		if !use(block) {
			return errStopped
		}
	}
}

func (l *Ledger) seek(p *gatewayPeer, from uint64) (*common.Envelope, error) {
	as := p.session()
	request, err := as.GetNetwork(l.connection.Channel).NewBlockEventsRequest(client.WithStartBlock(from))
	if err != nil {
		return nil, err
	}
	text, err := request.Bytes()
	if err != nil {
		return nil, err
	}
	var envelope common.Envelope
	if err := proto.Unmarshal(text, &envelope); err != nil {
		return nil, err
	}
	if envelope.Signature, err = as.sign(request.Digest()); err != nil {
		return nil, err
	}
	return &envelope, nil
}

// Events yields the events of the connection's chaincode after the given place,
// in order and each once, and waits for the next one at the end. It ends as
// Blocks does, or with ErrCheckpoint when the place is not on this ledger.
func (l *Ledger) Events(ctx context.Context, from Checkpoint) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for block, err := range l.Blocks(ctx, from.Block) {
			if err != nil {
				yield(Event{}, err)
				return
			}
			transactions := block.Transactions
			if from.TxID != "" && block.Number == from.Block {
				done, found := block.Transaction(from.TxID)
				if !found {
					yield(Event{}, fmt.Errorf("%w: block %d does not hold transaction %s; start again from the beginning", ErrCheckpoint, from.Block, from.TxID))
					return
				}
				transactions = transactions[done.Index+1:]
			}
			for _, t := range transactions {
				if t.Code != Valid || t.Event == nil || t.Event.Chaincode != l.connection.Chaincode {
					continue
				}
				if !yield(*t.Event, nil) {
					return
				}
			}
		}
	}
}
