package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// Authority is the system manager (the paper's SM): it knows who is behind each
// pseudo-identity and opens search trapdoors. It can open no record.
type Authority struct {
	chain  *Chain
	master *pre.MasterKey
	issuer *pseudonym.Issuer
}

// NewAuthority makes an authority of the master key. It returns [ErrSystem] if
// the ledger's parameters are another key's.
func NewAuthority(chain *Chain, master *pre.MasterKey) (*Authority, error) {
	if string(master.PublicKey()) != string(chain.params.MasterPublicKey()) {
		return nil, fmt.Errorf("%w: the master key is another system's", ErrSystem)
	}
	issuer, err := pseudonym.NewIssuer(master.Bytes())
	if err != nil {
		return nil, err
	}
	return &Authority{chain: chain, master: master, issuer: issuer}, nil
}

// Enrol issues a pseudo-identity for an identity that was checked (sections 3.2
// to 3.4). The party makes its keys for it and hands in a registration.
func (a *Authority) Enrol(role record.Role, identity string) (pseudonym.PID, error) {
	return a.issuer.Issue(a.chain.params.ID(), role.String(), identity)
}

// Register puts an enrolled party on the ledger. It returns
// [pseudonym.ErrUntraceable] for a PID that this authority did not issue in
// that role.
func (a *Authority) Register(ctx context.Context, r record.Registration) (*record.Party, error) {
	if _, err := a.issuer.Trace(a.chain.params.ID(), r.Role.String(), pseudonym.PID(r.PID)); err != nil {
		return nil, err
	}
	return a.chain.Register(ctx, r)
}

// Trace tells the real identity behind a pseudo-identity.
func (a *Authority) Trace(role record.Role, pid pseudonym.PID) (string, error) {
	return a.issuer.Trace(a.chain.params.ID(), role.String(), pid)
}

// Approve checks a consent that is on the ledger (section 3.6, steps 2, 4 and
// 5) and approves it: δ opens the commitment of the owner's policy, and the
// search test recognises at least one valid capsule of the owner at the holder,
// of a record that the ledger lists. It returns the records found.
//
// The errors are [ErrEvidence], [pre.ErrToken], [ErrNothingFound], [ErrNotOurs]
// and the chaincode's.
func (a *Authority) Approve(ctx context.Context, part ManagerPart, holder Holder) ([]record.RecordID, error) {
	if err := a.chain.Await(ctx, part.AsOf); err != nil {
		return nil, err
	}
	consent, err := a.chain.Consent(ctx, part.Consent)
	if err != nil {
		return nil, err
	}
	if err := consent.UsableAt(time.Now().Unix()); ended(err) {
		return nil, err // before anything is opened: a trapdoor is good for ever
	}
	if !consent.Holder.IsZero() && consent.Holder != holder.ID() {
		return nil, fmt.Errorf("%w: the consent is for records held by %s", ErrNotOurs, consent.Holder)
	}
	owner, err := a.chain.Party(ctx, consent.Owner)
	if err != nil {
		return nil, err
	}
	if !consent.PolicyRecord.IsZero() {
		if err := a.checkEvidence(ctx, consent, owner, part.Evidence); err != nil {
			return nil, err
		}
	}
	t := part.Search
	if t == nil || t.Consent() != [32]byte(consent.Consent) || t.Label() != consent.Label || string(t.Owner()) != string(consent.OwnerKey.Key[:]) {
		return nil, pre.ErrToken
	}
	trapdoor, err := a.master.OpenTrapdoor(a.chain.params, t, consent.SearchToken)
	if err != nil {
		return nil, err
	}
	found, err := a.search(ctx, consent, trapdoor, holder)
	if err != nil {
		return nil, err
	}
	if _, err := a.chain.Approve(ctx, part.Consent); err != nil {
		return nil, err
	}
	return found, nil
}

func (a *Authority) checkEvidence(ctx context.Context, consent *record.Consent, owner *record.Party, delta pseudonym.Evidence) error {
	policy, err := a.chain.Record(ctx, consent.PolicyRecord)
	if err != nil {
		return err
	}
	if policy.Kind != record.KindPolicy || policy.Owner != consent.Owner {
		return fmt.Errorf("%w: record %s is not a policy of this owner", ErrEvidence, policy.ID)
	}
	if !delta.Opens(policy.Evidence, a.chain.params.ID(), policy.ID, pseudonym.PID(owner.PID)) {
		return ErrEvidence
	}
	return nil
}

// search runs the search test over the holder's capsules and compares the hits
// with the ledger: anybody can seal a valid capsule under an owner's key, and a
// holder can put any record's name to it. An erased record gives nobody access.
func (a *Authority) search(ctx context.Context, consent *record.Consent, trapdoor *pre.Trapdoor, holder Holder) ([]record.RecordID, error) {
	id := holder.ID()
	candidates, err := holder.Candidates(ctx, consent.Label)
	if err != nil {
		return nil, fmt.Errorf("client: capsules of holder %s: %w", id, err)
	}
	capsules := make([][]byte, len(candidates))
	for i := range candidates {
		capsules[i] = candidates[i].Capsule
	}
	var found []record.RecordID
	for _, i := range trapdoor.SearchEncoded(capsules) {
		candidate := candidates[i]
		listed, err := a.chain.Record(ctx, candidate.Record)
		if errors.Is(err, record.ErrRecordUnknown) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if listed.Erased != 0 || listed.Owner != consent.Owner || listed.Issuer != id || consent.Covers(listed.Version(), listed.Label, id) != nil || slices.Contains(found, listed.ID) {
			continue
		}
		if _, err := a.chain.checkCapsule(candidate.Capsule, listed, consent); err == nil {
			found = append(found, listed.ID)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: label %q, holder %s", ErrNothingFound, consent.Label, id)
	}
	return found, nil
}
