package wallet

import (
	"context"
	"errors"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// Synced is what became of an owner's records after a rotation of keys.
type Synced struct {
	Moved   []record.Record // brought along to the present keys now
	Already int             // fitted them before
	Left    []Unmoved       // did not come along
}

// Unmoved is a record that was not brought along, and why.
type Unmoved struct {
	Record record.Record
	Err    error
}

// Sync brings the records that were sealed under former keys along to the present
// ones, at their holders: so that they can be shared again. The owner can read
// them either way. What was interrupted is taken up again by the next Sync, and by
// [Wallet.Status] and [Wallet.Prepare]; doing it twice is harmless. The error is
// that of reaching the ledger: what holders would not do is in Left.
func (w *Wallet) Sync(ctx context.Context) (*Synced, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.session(ctx)
	if err != nil {
		return nil, err
	}
	return w.sync(ctx, s)
}

// catchUp is sync where a record is known to have stayed behind.
func (w *Wallet) catchUp(ctx context.Context, s *session) (*Synced, error) {
	if !w.c.Behind {
		return nil, nil
	}
	return w.sync(ctx, s)
}

func (w *Wallet) sync(ctx context.Context, s *session) (*Synced, error) {
	records, err := w.records(ctx, s)
	if err != nil {
		return nil, err
	}
	out := new(Synced)
	away := map[record.PartyID]error{} // holders that do not answer
	for i := range records {
		r := &records[i]
		if r.Erased != 0 {
			continue // there is nothing left to be shared
		}
		moved, err := false, away[r.Issuer]
		if err == nil {
			moved, err = w.bringAlong(ctx, s, r)
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			out.Left = append(out.Left, Unmoved{*r, err})
			if errors.Is(err, ErrUnreachable) {
				away[r.Issuer] = err
			}
		case moved:
			out.Moved = append(out.Moved, *r)
		default:
			out.Already++
		}
	}
	return out, w.stayedBehind(out)
}

// stayedBehind notes whether there is something left to do.
func (w *Wallet) stayedBehind(s *Synced) error {
	behind := len(s.Left) > 0
	if behind == w.c.Behind {
		return nil
	}
	w.c.Behind = behind
	return w.save()
}

// bringAlong replaces the capsule of one record at its holder, and reports whether
// that was needed.
func (w *Wallet) bringAlong(ctx context.Context, s *session, r *record.Record) (bool, error) {
	if r.OwnerKey == s.owner.Key() {
		return false, nil // it was sealed under the present keys
	}
	h, err := w.holding(r.Issuer, r.ID)
	if err != nil {
		return false, err
	}
	capsule, err := h.known(ctx)
	if err != nil {
		return false, err
	}
	rotated, err := s.owner.BringAlong(r, capsule)
	if err != nil || rotated == nil {
		return false, err
	}
	bounded, cancel := quick(ctx, callTime)
	defer cancel()
	_, err = h.custody.ReplaceCapsule(bounded, &nodev1.ReplaceCapsuleRequest{Record: r.ID[:], Capsule: rotated})
	return err == nil, fromNode(h.node, err)
}

// known is the capsule, of a holder that may be about to hear of new keys.
func (h *holding) known(ctx context.Context) ([]byte, error) {
	capsule, err := h.capsule(ctx)
	for tries := 0; errors.Is(err, walletauth.ErrSignature) && tries < lagTries; tries++ {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lagPause):
		}
		capsule, err = h.capsule(ctx)
	}
	return capsule, err
}
