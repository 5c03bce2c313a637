package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
)

// qscc is Fabric's own chaincode for questions about blocks, chainInfo the one
// about the ledger's height.
const (
	qscc      = "qscc"
	chainInfo = "GetChainInfo"
)

// Height is the number of blocks that one peer has: the number of the next one.
// As a Checkpoint's Block it means "from now on".
func (l *Ledger) Height(ctx context.Context) (uint64, error) {
	answer, err := l.evaluate(ctx, qscc, "", chainInfo, []string{l.connection.Channel})
	if err != nil {
		return 0, err
	}
	return readHeight(answer)
}

// BlockOf returns the block that holds a transaction, also when Fabric
// invalidated it. The error is ErrUnknownTransaction when no block does.
func (l *Ledger) BlockOf(ctx context.Context, txID string) (Block, error) {
	answer, err := l.evaluate(ctx, qscc, "", "GetBlockByTxID", []string{l.connection.Channel, txID})
	var refusal *ChaincodeError
	if errors.As(err, &refusal) && strings.Contains(refusal.Message, "no such transaction ID") {
		return Block{}, fmt.Errorf("%w: %s", ErrUnknownTransaction, txID)
	}
	if err != nil {
		return Block{}, err
	}
	var raw common.Block
	if err := proto.Unmarshal(answer, &raw); err != nil {
		return Block{}, fmt.Errorf("read the peer's answer: %w", err)
	}
	return decodeBlock(&raw)
}

// Transaction returns what the ledger holds of a transaction: its place, time,
// verdict, endorsers and writes. The error is ErrUnknownTransaction when there
// is no such transaction.
func (l *Ledger) Transaction(ctx context.Context, txID string) (Transaction, error) {
	block, err := l.BlockOf(ctx, txID)
	if err != nil {
		return Transaction{}, err
	}
	t, found := block.Transaction(txID)
	if !found {
		return Transaction{}, fmt.Errorf("%w: %s", ErrUnknownTransaction, txID)
	}
	return t, nil
}
