package wallet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Rotate replaces the owner's keys by new ones, of a seed of their own, which is
// in the file before anything is sent. It takes a one-time code of the system
// manager's: else a thief of the file could lock its owner out. Consents given so
// far end; records sealed so far open with the former keys, which the wallet
// keeps. The backup has to be made again.
//
// Records of before can be shared again when [Wallet.Sync] has brought them along.
//
// A rotation that was begun before is finished, with this code if that is needed,
// and no other one is begun; nor when this code has been used by this wallet. It
// answers refusal.ErrWalletCode, after which nothing has changed.
func (w *Wallet) Rotate(ctx context.Context, code walletauth.Code) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.c.Next != nil {
		return w.rotateOn(ctx, code)
	}
	s, err := w.session(ctx)
	if err != nil {
		return err
	}
	if used := record.Digest(code.RotationHash()); w.c.RotatedWith != nil && *w.c.RotatedWith == used {
		return nil
	}
	var seed secret
	if _, err := rand.Read(seed[:]); err != nil {
		return fmt.Errorf("wallet: draw a seed: %w", err)
	}
	w.c.Next, w.c.NextCode = &seed, code.Text()
	if err := w.save(); err != nil {
		return err
	}
	err = w.sendRotation(ctx, s)
	if refused(err) { // it is the first that the node has heard of these keys
		w.c.Next, w.c.NextCode = nil, ""
		return errors.Join(err, w.save())
	}
	return err
}

// rotateOn finishes a rotation, with another code if it waits for one.
func (w *Wallet) rotateOn(ctx context.Context, code walletauth.Code) error {
	if _, err := w.session(ctx); err != nil || w.c.Next == nil {
		return err
	}
	w.c.NextCode = code.Text()
	if err := w.save(); err != nil {
		return err
	}
	return w.settleRotation(ctx)
}

// refused says that the system manager's node or the ledger would not have a
// rotation.
func refused(err error) bool {
	r := new(record.Error)
	return errors.Is(err, refusal.ErrWalletCode) || errors.As(err, &r) && !errors.Is(err, record.ErrStaleKeyVersion)
}

// sendRotation has the system manager put the rotation to the next keys on the
// ledger, and makes them the present ones.
func (w *Wallet) sendRotation(ctx context.Context, s *session) error {
	next, err := w.next()
	if err != nil {
		return err
	}
	r, err := s.keys.Rotate(ctx, s.chain, next, "")
	if err != nil {
		return err
	}
	n, cc, err := w.connection(w.c.Network.Manager)
	if err != nil {
		return err
	}
	bounded, cancel := quick(ctx, callTime)
	defer cancel()
	answer, err := nodev1.NewManagerServiceClient(cc).Rotate(bounded, &nodev1.RotateRequest{
		Statement: r.Statement.Encode(), Signature: r.Signature[:], EncryptionProof: r.EncryptionProof[:], SigningProof: r.SigningProof[:],
		Code: w.c.NextCode,
	})
	if err != nil {
		return fromNode(n, err)
	}
	if err := w.promote(); err != nil {
		return err
	}
	s, err = w.connect(ctx, w.conns, w.c.Keys, walletauth.ErrSignature)
	if err != nil {
		return err
	}
	w.known = s
	return s.chain.Await(ctx, answer.GetAsOf())
}

func (w *Wallet) next() (*client.Keys, error) {
	keys, err := (&contents{PID: w.c.PID, Keys: []secret{*w.c.Next}}).keys()
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// promote makes the next keys the present ones. What was on its way under the
// former ones has ended.
func (w *Wallet) promote() error {
	keys, err := w.next()
	if err != nil {
		return err
	}
	if code, err := walletauth.ParseCode(w.c.NextCode); err == nil {
		used := record.Digest(code.RotationHash())
		w.c.RotatedWith = &used
	}
	w.c.Keys, w.c.Next, w.c.NextCode, w.c.Grants, w.c.Behind = append(w.c.Keys, *w.c.Next), nil, "", nil, true
	if err := w.save(); err != nil {
		return err
	}
	w.forget()
	w.conns = newConnections(keys)
	return nil
}

// settleRotation finds out at the system manager's node what became of an
// interrupted rotation: that node put it on the ledger, or did not. A gateway's
// word would not do: one that takes a signature of the next keys for granted
// would have the wallet drop the keys that the ledger has. A rotation that has
// not arrived is sent again, if there is a code for it. It answers
// refusal.ErrWalletCode when it waits for another one.
func (w *Wallet) settleRotation(ctx context.Context) error {
	done, err := w.rotated(ctx)
	if err != nil {
		return err
	}
	if done {
		return w.promote()
	}
	if w.c.NextCode == "" {
		return fmt.Errorf("a rotation of keys waits for another code: %w", refusal.ErrWalletCode)
	}
	s, err := w.connect(ctx, w.conns, w.c.Keys, nil)
	if err != nil {
		return err
	}
	err = w.sendRotation(ctx, s)
	if refused(err) { // the next keys are kept: an earlier call may still arrive
		w.c.NextCode = ""
		return errors.Join(err, w.save())
	}
	return err
}

// rotated asks the system manager's node whether the ledger has the next keys.
func (w *Wallet) rotated(ctx context.Context) (bool, error) {
	next, err := w.next()
	if err != nil {
		return false, err
	}
	trial := newConnections(next)
	defer trial.close()
	g := w.gatewayOver(trial)
	g.nodes = w.c.Network.Nodes[:1]
	chain, err := client.OpenChain(ctx, g)
	if errors.Is(err, walletauth.ErrSignature) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	me, err := chain.Party(ctx, w.ID())
	if err != nil {
		return false, err
	}
	return me.Current().Signing == record.SigningKey(next.Signing.PublicKey().Bytes()), nil
}
