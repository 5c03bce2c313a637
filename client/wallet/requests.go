package wallet

import (
	"context"
	"slices"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Asked is an access request to the owner: who asks, what a consent as asked for
// would open, and what the owner has answered so far.
type Asked struct {
	Request   record.Request
	Requester *record.Party
	Covers    []record.Record
	Answers   []record.Consent
	Key       record.EncryptionKey // the owner's present one
}

// Waits says that the owner has not answered, or had the answers end by replacing
// its keys.
func (a *Asked) Waits() bool {
	return !slices.ContainsFunc(a.Answers, func(c record.Consent) bool { return c.OwnerKey == a.Key })
}

// Requests is who asked for what, oldest first.
func (w *Wallet) Requests(ctx context.Context) ([]Asked, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.session(ctx)
	if err != nil {
		return nil, err
	}
	requests, err := s.chain.RequestsTo(ctx, w.ID())
	if err != nil || len(requests) == 0 {
		return nil, err
	}
	consents, err := s.chain.ConsentsOf(ctx, w.ID())
	if err != nil {
		return nil, err
	}
	records, err := w.records(ctx, s)
	if err != nil {
		return nil, err
	}
	parties := map[record.PartyID]*record.Party{}
	var all []Asked
	for _, r := range requests {
		who := parties[r.Requester]
		if who == nil {
			if who, err = s.chain.Party(ctx, r.Requester); err != nil {
				return nil, err
			}
			parties[r.Requester] = who
		}
		a := Asked{Request: r, Requester: who, Covers: covered(&r.AccessRequest, records), Key: s.owner.Key()}
		for _, c := range consents {
			if c.Request == r.ID {
				a.Answers = append(a.Answers, c)
			}
		}
		all = append(all, a)
	}
	return all, nil
}

// InForce is a consent of the owner's that answers a request and holds now, nil
// when there is none.
func (w *Wallet) InForce(ctx context.Context, request record.RequestID) (*record.Consent, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.session(ctx)
	if err != nil {
		return nil, err
	}
	consents, err := s.chain.ConsentsOf(ctx, w.ID())
	if err != nil {
		return nil, err
	}
	for i := range consents {
		if c := &consents[i]; c.Request == request && c.OwnerKey == s.owner.Key() && c.UsableAt(time.Now().Unix()) == nil {
			return c, nil
		}
	}
	return nil, nil
}

// covered is which records a request is about.
func covered(r *record.AccessRequest, records []record.Record) []record.Record {
	var out []record.Record
	for _, listed := range records {
		switch {
		case r.Label != "" && r.Label != listed.Label:
		case !r.Holder.IsZero() && r.Holder != listed.Issuer:
		case len(r.Records) > 0 && !slices.Contains(r.Records, listed.ID):
		default:
			out = append(out, listed)
		}
	}
	return out
}
