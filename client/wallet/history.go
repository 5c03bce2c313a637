package wallet

import (
	"context"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
)

// Account is the answer to "who has seen my records?": what the ledger knows,
// oldest first, with the parties that appear in it.
type Account struct {
	client.History
	Parties map[record.PartyID]*record.Party
	Key     record.EncryptionKey // the owner's present one
}

// History is who asked, what was granted, and who was given what, when.
func (w *Wallet) History(ctx context.Context) (*Account, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.session(ctx)
	if err != nil {
		return nil, err
	}
	h, err := s.owner.History(ctx)
	if err != nil {
		return nil, err
	}
	a := &Account{History: *h, Parties: map[record.PartyID]*record.Party{}, Key: s.owner.Key()}
	for _, id := range a.mentioned() {
		if id.IsZero() || a.Parties[id] != nil {
			continue
		}
		if a.Parties[id], err = s.chain.Party(ctx, id); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *Account) mentioned() []record.PartyID {
	var ids []record.PartyID
	for _, r := range a.Records {
		ids = append(ids, r.Issuer)
	}
	for _, r := range a.Requests {
		ids = append(ids, r.Requester)
	}
	for _, c := range a.Consents {
		ids = append(ids, c.Requester)
	}
	for _, r := range a.Releases {
		ids = append(ids, r.Receiver, r.Statement.Holder)
	}
	return ids
}
