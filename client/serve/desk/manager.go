package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/turn"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// HolderOf finds the way to a party that holds records.
type HolderOf func(ctx context.Context, id record.PartyID) (client.Holder, error)

// Manager is the ManagerService: the system manager's desk for policyholders.
type Manager struct {
	nodev1.UnimplementedManagerServiceServer
	chain     *client.Chain
	authority *client.Authority
	rotations *Rotations
	holder    HolderOf
	waiting   turn.Turns[record.PartyID] // owners whose blocks are waited for
	searching turn.Turns[record.PartyID] // owners for whom is searched
}

// NewManager makes the service of the system manager's node.
func NewManager(chain *client.Chain, authority *client.Authority, rotations *Rotations, holder HolderOf) *Manager {
	return &Manager{chain: chain, authority: authority, rotations: rotations, holder: holder}
}

// Approve checks δ and runs the search test, then approves. Asked again for a
// consent that is approved already, it answers at once.
func (m *Manager) Approve(ctx context.Context, r *nodev1.ApproveRequest) (*nodev1.ApproveResponse, error) {
	consent, err := consentOf(ctx, m.chain, &m.waiting, r.GetAsOf(), r.GetConsent())
	if err != nil {
		return nil, err
	}
	if consent.Status == record.ConsentApproved {
		return &nodev1.ApproveResponse{AsOf: m.chain.Seen()}, nil
	}
	part := client.ManagerPart{AsOf: r.GetAsOf(), Consent: consent.Consent}
	if n := len(r.GetEvidence()); n > 0 {
		if n != pseudonym.EvidenceSize {
			return nil, record.ErrMalformed.With("the evidence has %d bytes, not %d", n, pseudonym.EvidenceSize)
		}
		part.Evidence = pseudonym.Evidence(r.GetEvidence())
	}
	if part.Search, err = pre.ParseToken(r.GetSearch()); err != nil {
		return nil, err
	}
	// A search goes over all that a holder has under a label: one at a time.
	give, err := m.searching.Take(ctx, consent.Owner)
	if err != nil {
		return nil, err
	}
	defer give()
	found, err := m.approve(ctx, consent, part)
	if err != nil {
		return nil, err
	}
	answer := &nodev1.ApproveResponse{AsOf: m.chain.Seen()}
	for _, id := range found {
		answer.Records = append(answer.Records, id[:])
	}
	return answer, nil
}

// approve searches at the holder that the consent names, or at one after the
// other of those that issued records which it covers.
func (m *Manager) approve(ctx context.Context, consent *record.Consent, part client.ManagerPart) ([]record.RecordID, error) {
	holders := []record.PartyID{consent.Holder}
	if consent.Holder.IsZero() {
		covered, err := m.chain.CoveredBy(ctx, consent)
		if err != nil {
			return nil, err
		}
		holders = nil
		for _, r := range covered {
			if !slices.Contains(holders, r.Issuer) {
				holders = append(holders, r.Issuer)
			}
		}
	}
	last := fmt.Errorf("%w: the ledger lists no record of the owner under label %q", client.ErrNothingFound, consent.Label)
	for _, id := range holders {
		holder, err := m.holder(ctx, id)
		if err != nil {
			return nil, err
		}
		found, err := m.authority.Approve(ctx, part, holder)
		if err == nil || !errors.Is(err, client.ErrNothingFound) {
			return found, err
		}
		last = err
	}
	return nil, last
}

// consentOf is a consent of the caller's. Another's is treated as if there were
// none. Of one caller's calls, one at a time has this node wait for a block.
func consentOf(ctx context.Context, chain *client.Chain, waiting *turn.Turns[record.PartyID], asOf uint64, id []byte) (*record.Consent, error) {
	caller, err := owner(ctx)
	if err != nil {
		return nil, err
	}
	consentID, err := identifier[record.ConsentID]("consent id", id)
	if err != nil {
		return nil, err
	}
	if err := await(ctx, chain, waiting, caller.ID, asOf); err != nil {
		return nil, err
	}
	consent, err := chain.Consent(ctx, consentID)
	if errors.Is(err, record.ErrConsentUnknown) {
		return nil, record.ErrConsentUnknown
	}
	if err != nil {
		return nil, err
	}
	if consent.Owner != caller.ID {
		return nil, record.ErrConsentUnknown
	}
	return consent, nil
}

func await(ctx context.Context, chain *client.Chain, waiting *turn.Turns[record.PartyID], caller record.PartyID, asOf uint64) error {
	if asOf <= chain.Seen() {
		return nil
	}
	give, err := waiting.Take(ctx, caller)
	if err != nil {
		return err
	}
	defer give()
	return chain.Await(ctx, asOf)
}
