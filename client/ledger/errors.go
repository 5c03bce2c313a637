package ledger

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/status"
)

// Errors on which callers branch. Fabric's verdicts on a transaction are
// constants of type ValidationCode: errors.Is(err, ErrEndorsementPolicy).
var (
	// ErrUndecided: the transaction was sent to be ordered and its fate is not
	// known. It stays in the journal; Recover finds out.
	ErrUndecided = errors.New("the transaction was sent but its outcome is not known")
	// ErrClosed: the Ledger was closed.
	ErrClosed = errors.New("the ledger connection is closed")
	// ErrUnknownTransaction: no block holds that transaction.
	ErrUnknownTransaction = errors.New("no such transaction on the ledger")
	// ErrCheckpoint: the ledger does not contain what a checkpoint names.
	ErrCheckpoint = errors.New("the checkpoint does not belong to this ledger")
)

// An Error says which step of which call failed. Beneath it, for errors.As and
// errors.Is, lie one of *ChaincodeError (and in it *record.Error), *CommitError,
// ErrUndecided, ErrClosed, the context's error, or the peer's gRPC status.
type Error struct {
	Step        Step
	Contract    string
	Transaction string
	TxID        string // empty for queries
	Err         error
}

// A Step is a part of the life of a call.
type Step string

// The steps at which a call can fail.
const (
	StepEvaluate Step = "evaluate"
	StepEndorse  Step = "endorse"
	StepJournal  Step = "journal"
	StepSubmit   Step = "submit"
	StepCommit   Step = "commit"
)

func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s", e.Step, qualified(e.Contract, e.Transaction))
	if e.TxID != "" {
		fmt.Fprintf(&text, " (transaction %s)", e.TxID)
	}
	return text.String() + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// A ChaincodeError is a refusal by the contract itself.
type ChaincodeError struct {
	Status  int    // 400 to 599
	Message string // as the chaincode wrote it
	err     error
}

func (e *ChaincodeError) Error() string {
	if e.err != nil {
		return e.err.Error()
	}
	return fmt.Sprintf("the chaincode answered %d: %s", e.Status, e.Message)
}

// Unwrap returns the *record.Error that Message spells, or nil when the refusal
// did not come from one of ClaimShare's transactions.
func (e *ChaincodeError) Unwrap() error { return e.err }

// A CommitError is the verdict of the committing peers on a transaction that
// has a place in a block and changed nothing.
type CommitError struct {
	TxID  string
	Block uint64
	Code  ValidationCode
}

func (e *CommitError) Error() string {
	return fmt.Sprintf("Fabric put it in block %d as invalid: %s", e.Block, e.Code)
}

func (e *CommitError) Unwrap() error { return e.Code }

// A ValidationCode is a verdict of Fabric's committing peers. All but Valid are
// errors, to be compared with errors.Is.
type ValidationCode int32

// The validation codes that this project's callers and tests name.
const (
	Valid                   = ValidationCode(peer.TxValidationCode_VALID)
	ErrEndorsementPolicy    = ValidationCode(peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE)
	ErrMVCCReadConflict     = ValidationCode(peer.TxValidationCode_MVCC_READ_CONFLICT)
	ErrPhantomReadConflict  = ValidationCode(peer.TxValidationCode_PHANTOM_READ_CONFLICT)
	ErrDuplicateTransaction = ValidationCode(peer.TxValidationCode_DUPLICATE_TXID)
)

func (c ValidationCode) Error() string { return c.String() }

// String is Fabric's name of the code.
func (c ValidationCode) String() string { return peer.TxValidationCode(c).String() }

// readConflict reports whether the transaction did nothing for want of a fresh
// read, so that endorsing it anew is safe and may succeed.
func readConflict(err error) bool {
	return errors.Is(err, ErrMVCCReadConflict) || errors.Is(err, ErrPhantomReadConflict)
}

// chaincodeResponse is how a gateway spells a refusal by the contract, in the
// status message of a query and in the status details of a submission.
var chaincodeResponse = regexp.MustCompile(`(?s)chaincode response (\d{3}), (.*)`)

// chaincodeError finds the contract's refusal in a gateway's answer; nil if the
// contract did not refuse.
func chaincodeError(err error) *ChaincodeError {
	for _, text := range texts(err) {
		match := chaincodeResponse.FindStringSubmatch(text)
		if match == nil {
			continue
		}
		code, _ := strconv.Atoi(match[1]) // three digits
		refusal := &ChaincodeError{Status: code, Message: match[2]}
		if e, ok := record.ParseError(match[2]); ok {
			refusal.err = e
		}
		return refusal
	}
	return nil
}

// texts lists what the endorsers said and then what the gateway said.
func texts(err error) []string {
	answer, ok := status.FromError(err)
	if !ok {
		return nil
	}
	var all []string
	for _, detail := range answer.Details() {
		if d, ok := detail.(*gateway.ErrorDetail); ok {
			all = append(all, d.GetMessage())
		}
	}
	return append(all, answer.Message())
}

func mentions(err error, text string) bool {
	for _, t := range texts(err) {
		if strings.Contains(t, text) {
			return true
		}
	}
	return false
}

func qualified(contract, transaction string) string {
	if contract == "" {
		return transaction
	}
	return contract + ":" + transaction
}
