package wallet

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Errors that callers branch on, beside those of packages client, record, store
// and walletauth, and refusal.ErrWalletCode.
var (
	// ErrUnreachable: no node could be reached that could have answered.
	ErrUnreachable = errors.New("wallet: the node cannot be reached")
	// ErrDirectory: the system manager's directory names no such node.
	ErrDirectory = errors.New("wallet: the directory of nodes names none for this")
	// ErrDisagree: two nodes say different things about a party's keys: one of
	// them lies, or is far behind.
	ErrDisagree = errors.New("wallet: two nodes say different things about the same party")
	// ErrNoPolicy: the wallet knows no policy of its owner, whose evidence a
	// consent has to show.
	ErrNoPolicy = errors.New("wallet: there is no policy to show for this consent: have your insurer issue it, and sign it first")
	// ErrScope: the terms of a consent do not fit the request.
	ErrScope = errors.New("wallet: the consent would not fit the request")
	// ErrRotated: the ledger has other keys of this owner than the wallet: they
	// were rotated by another copy of it, or the backup is older than a rotation.
	ErrRotated = errors.New("wallet: the ledger has other keys than this wallet")
	// ErrUnconfirmed: a gateway says that it has carried a withdrawal, and no other
	// node confirms that the ledger has it.
	ErrUnconfirmed = errors.New("wallet: nobody confirms that the consent is withdrawn")
	// ErrRole: a party is in the wrong role for what it does.
	ErrRole = errors.New("wallet: the party has the wrong role for this")
)

// fromNode says which node answered an error; what crossed is the same error
// here.
func fromNode(n Node, err error) error {
	if err == nil {
		return nil
	}
	name := n.Name
	if name == "" {
		name = n.Address
	}
	if status.Code(err) == codes.Unavailable {
		return fmt.Errorf("%s: %w: %s", name, ErrUnreachable, Plain(status.Convert(err).Message()))
	}
	return fmt.Errorf("%s: %w", name, refusal.FromStatus(err))
}
