package wallet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// Invitation is what a policyholder has from the system manager.
type Invitation struct {
	Code      walletauth.Code
	Address   string // of the system manager's node, host:port
	Authority []byte // PEM: who issued that node's certificate
}

// Enrol makes a wallet in a new file: it draws a seed, fetches the
// pseudo-identity that the code stands for, and registers its keys. The file is
// there before anything is registered, so that whatever is interrupted is
// finished by calling Enrol again.
//
// It answers refusal.ErrWalletCode, [ErrUnreachable], fs.ErrExist when the file is a wallet
// that has been enrolled, and the errors of [Open].
func Enrol(ctx context.Context, path string, lock Lock, i Invitation) (*Wallet, error) {
	w, err := Open(path, lock)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if w, err = begin(ctx, path, lock, i); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case w.c.Enrolment == nil:
		return nil, errors.Join(&fs.PathError{Op: "enrol", Path: path, Err: fs.ErrExist}, w.Close())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.register(ctx); err != nil {
		w.forget()
		w.file.close()
		return nil, err
	}
	return w, nil
}

// begin asks for the pseudo-identity and writes the file.
func begin(ctx context.Context, path string, lock Lock, i Invitation) (*Wallet, error) {
	manager := Node{Role: record.RoleAuthority.String(), Name: i.Address, Address: i.Address, Authority: string(i.Authority)}
	id, nodes, err := manager.introduce(ctx)
	if err != nil {
		return nil, err
	}
	manager.Party = id
	answer, err := manager.enrol(ctx, i.Code)
	if err != nil {
		return nil, err
	}
	params, err := pre.ParseParameters(answer.GetParameters())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", client.ErrSystem, err)
	}
	pid, err := pseudonym.Parse(answer.GetPid())
	if err != nil {
		return nil, err
	}
	if answer.GetRole() != record.RolePolicyholder.String() {
		return nil, fmt.Errorf("%w: the code is for a %s, a wallet is a policyholder's", ErrRole, answer.GetRole())
	}
	var seed secret
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("wallet: draw a seed: %w", err)
	}
	c := &contents{
		Format: format, Created: now(), PID: pid, Keys: []secret{seed}, Enrolment: &enrolment{Code: i.Code.Text()},
		Network: network{
			ParamsID: params.ID(), Parameters: params.Bytes(), Channel: answer.GetChannel(), Chaincode: answer.GetChaincode(),
			Manager: id, Nodes: []Node{manager},
		},
	}
	c.Network.learn(nodes)
	f, err := createFile(path, lock, c)
	if err != nil {
		return nil, err
	}
	return newWallet(f, c)
}

func (n Node) enrol(ctx context.Context, code walletauth.Code) (*nodev1.EnrolResponse, error) {
	cc, err := n.dial()
	if err != nil {
		return nil, err
	}
	defer cc.Close()
	ctx, cancel := quick(ctx, callTime)
	defer cancel()
	answer, err := nodev1.NewEnrolmentServiceClient(cc).Enrol(ctx, &nodev1.EnrolRequest{Code: code.Text()})
	return answer, fromNode(n, err)
}

// register puts the wallet's keys on the ledger, or finds them there.
func (w *Wallet) register(ctx context.Context) error {
	params, err := w.c.Network.parameters()
	if err != nil {
		return err
	}
	registration, err := w.conns.keys.Apply(params, record.RolePolicyholder, "", "")
	if err != nil {
		return err
	}
	manager := w.c.Network.Nodes[0]
	cc, err := manager.dial()
	if err != nil {
		return err
	}
	defer cc.Close()
	ctx, cancel := quick(ctx, callTime)
	defer cancel()
	answer, err := nodev1.NewEnrolmentServiceClient(cc).Register(ctx, &nodev1.RegisterRequest{Code: w.c.Enrolment.Code, Registration: registration.Encode()})
	if err != nil {
		return fromNode(manager, err)
	}
	party := new(record.Party)
	if err := json.Unmarshal(answer.GetParty(), party); err != nil {
		return fmt.Errorf("%w: %w", client.ErrAnswer, err)
	}
	if err := party.Validate(); err != nil {
		return fmt.Errorf("%w: %w", client.ErrAnswer, err)
	}
	if now := party.Current(); party.ID != w.ID() || now.Signing != registration.Signing || now.Encryption != registration.Encryption {
		return fmt.Errorf("%w: the registration that came back is another one", client.ErrAnswer)
	}
	w.c.Enrolment = nil
	return w.save()
}
