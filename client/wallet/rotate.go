package wallet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// Rotate replaces the owner's keys by new ones, of a seed of their own, which is
// in the file before anything is sent. Consents given so far end; records sealed
// so far open with the former keys, which the wallet keeps. The backup has to be
// made again.
//
// A record that was sealed before is readable for receivers only under consents
// of the former key: ask its holder to seal it again where that matters.
//
// A rotation that was begun before is finished, and no other one is begun.
func (w *Wallet) Rotate(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	begun := w.c.Next != nil
	s, err := w.session(ctx)
	if err != nil || begun {
		return err
	}
	var seed secret
	if _, err := rand.Read(seed[:]); err != nil {
		return fmt.Errorf("wallet: draw a seed: %w", err)
	}
	w.c.Next = &seed
	if err := w.save(); err != nil {
		return err
	}
	return w.sendRotation(ctx, s)
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
	})
	if err = fromNode(n, err); err != nil {
		if refusal := new(record.Error); errors.As(err, &refusal) && !errors.Is(err, record.ErrStaleKeyVersion) {
			w.c.Next = nil // refused: nothing has changed
			return errors.Join(err, w.save())
		}
		return err
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
	w.c.Keys, w.c.Next, w.c.Grants = append(w.c.Keys, *w.c.Next), nil, nil
	if err := w.save(); err != nil {
		return err
	}
	w.forget()
	w.conns = newConnections(keys)
	return nil
}

// settleRotation finds out what became of an interrupted rotation: when a node
// takes the next keys' signature, the ledger has them. Otherwise the rotation is
// sent again.
func (w *Wallet) settleRotation(ctx context.Context) error {
	next, err := w.next()
	if err != nil {
		return err
	}
	trial := newConnections(next)
	defer trial.close()
	_, err = w.connect(ctx, trial, append(slices.Clone(w.c.Keys), *w.c.Next), nil)
	if err == nil {
		return w.promote()
	}
	if !errors.Is(err, walletauth.ErrSignature) {
		return err
	}
	// Not yet, as far as this gateway knows. If it is only behind, the system
	// manager refuses the former keys, and the next run finds the new ones.
	s, err := w.connect(ctx, w.conns, w.c.Keys, nil)
	if err != nil {
		return err
	}
	return w.sendRotation(ctx, s)
}
