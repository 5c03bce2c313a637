package desk

import (
	"context"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// Directory says where wallets find the nodes. It is asked for every answer, so
// that it may change.
type Directory func() []*nodev1.NodeAddress

// Wallet is the WalletService: what a wallet needs before it can sign a call.
type Wallet struct {
	nodev1.UnimplementedWalletServiceServer
	node  record.PartyID
	roles []string
	guard *walletauth.Guard
	nodes Directory
}

// NewWallet makes the service of a node with its roles.
func NewWallet(node record.PartyID, roles []string, guard *walletauth.Guard, nodes Directory) *Wallet {
	return &Wallet{node: node, roles: roles, guard: guard, nodes: nodes}
}

// Challenge answers a nonce.
func (w *Wallet) Challenge(_ context.Context, r *nodev1.ChallengeRequest) (*nodev1.ChallengeResponse, error) {
	nonce, err := w.guard.Challenge(r.GetPid())
	if err != nil {
		return nil, err
	}
	return &nodev1.ChallengeResponse{Nonce: nonce[:]}, nil
}

// Node says who this node is and where the others are.
func (w *Wallet) Node(context.Context, *nodev1.NodeRequest) (*nodev1.NodeResponse, error) {
	return &nodev1.NodeResponse{Party: w.node.String(), Roles: w.roles, Nodes: w.nodes()}, nil
}
