package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/pre"
)

// fetched is what became of one record that was fetched.
type fetched struct {
	record  record.RecordID
	release record.ReleaseID
	checks  []string
	err     error
}

// fetch has records released under a consent, receives them from their holders
// and acknowledges them. What this node has already is passed over; what another
// run left half-way is finished under the same release. One record's failure
// does not hold up the others: use is told of each.
func (p *party) fetch(ctx context.Context, to others, id record.ConsentID, only []record.RecordID, use func(fetched) error) error {
	consent, err := p.chain.Consent(ctx, id)
	if err != nil {
		return err
	}
	if consent.Requester != p.id() {
		return fmt.Errorf("%w: the consent is for %s", client.ErrNotOurs, consent.Requester)
	}
	byHolder, err := p.wanted(ctx, consent, only)
	if err != nil {
		return err
	}
	for _, group := range byHolder {
		for part := range slices.Chunk(group, record.MaxDeliveries) {
			if err := p.fetchFrom(ctx, to, consent, part, use); err != nil {
				return err
			}
		}
	}
	return nil
}

// wanted lists what a consent covers and this node does not have, by holder.
func (p *party) wanted(ctx context.Context, consent *record.Consent, only []record.RecordID) ([][]record.Record, error) {
	covered, err := p.chain.CoveredBy(ctx, consent)
	if err != nil {
		return nil, err
	}
	have, err := p.acknowledged(ctx, consent.Consent)
	if err != nil {
		return nil, err
	}
	var holders []record.PartyID
	groups := map[record.PartyID][]record.Record{}
	for _, r := range covered {
		if len(only) > 0 && !slices.Contains(only, r.ID) || have[r.Version()] {
			continue
		}
		if groups[r.Issuer] == nil {
			holders = append(holders, r.Issuer)
		}
		groups[r.Issuer] = append(groups[r.Issuer], r)
	}
	for _, id := range only {
		if !slices.ContainsFunc(covered, func(r record.Record) bool { return r.ID == id }) {
			return nil, record.ErrConsentScope.With("record %s", id)
		}
	}
	slices.SortFunc(holders, func(a, b record.PartyID) int { return bytes.Compare(a[:], b[:]) })
	var all [][]record.Record
	for _, holder := range holders {
		all = append(all, groups[holder])
	}
	return all, nil
}

// acknowledged is what this node has received and acknowledged under a consent.
func (p *party) acknowledged(ctx context.Context, id record.ConsentID) (map[record.RecordVersion]bool, error) {
	have := map[record.RecordVersion]bool{}
	for r, err := range p.store.ReceivedUnder(ctx, id) {
		if err != nil {
			return nil, err
		}
		capsule, err := pre.ParseCapsule(r.Capsule)
		if err == nil && r.AckTxID != "" {
			have[record.RecordVersion{ID: r.RecordID, Digest: capsule.Digest()}] = true
		}
	}
	return have, nil
}

func (p *party) fetchFrom(ctx context.Context, to others, consent *record.Consent, records []record.Record, use func(fetched) error) error {
	demand := client.Demand{AsOf: p.chain.Seen(), Requester: p.id(), Consent: consent.Consent}
	for _, r := range records {
		demand.Records = append(demand.Records, r.ID)
	}
	handovers, err := p.demand(ctx, to, consent, demand)
	if err != nil {
		return err
	}
	if len(handovers) != len(records) {
		return fmt.Errorf("%w: %d capsules for %d records", client.ErrDelivery, len(handovers), len(records))
	}
	holder := to.Holder(records[0].Issuer)
	for i, h := range handovers {
		f := fetched{record: records[i].ID, release: h.Release}
		if h.Delivery.Statement.Record != f.record {
			f.err = client.ErrDelivery
		} else {
			f.checks, f.err = p.receive(ctx, h, holder)
		}
		if err := use(f); err != nil {
			return err
		}
	}
	return nil
}

// demand asks the proxies of the consent in turn, the next one only when one
// cannot be reached: each counts its own releases.
func (p *party) demand(ctx context.Context, to others, consent *record.Consent, d client.Demand) ([]client.Handover, error) {
	var all []error
	for _, proxy := range consent.Proxies {
		handovers, err := to.Release(ctx, proxy, d)
		if err == nil {
			return handovers, nil
		}
		all = append(all, fmt.Errorf("proxy %s: %w", proxy, err))
		if !away(err) {
			break
		}
	}
	return nil, errors.Join(all...)
}

// receive opens a handed-over record, checks that it is a document, and keeps
// its ciphertext. The evidence of a tampered payload is kept for a dispute.
func (p *party) receive(ctx context.Context, h client.Handover, holder client.Holder) ([]string, error) {
	receipt, err := p.member.Receive(ctx, h, holder, func(plaintext io.Reader) error {
		_, err := document.Unpack(plaintext, document.Limits{Attachment: record.MaxPayloadSize, Total: record.MaxPayloadSize}, nil)
		return err
	})
	var tampered *client.TamperedError
	if errors.As(err, &tampered) {
		err = errors.Join(err, p.store.PutEvidence(ctx, store.Evidence{
			Release: tampered.Release, Trailer: tampered.Trailer.Statement.Encode(), TrailerSignature: [32]byte(tampered.Trailer.Signature), Finding: tampered.Err.Error(),
		}))
	}
	if err != nil {
		return nil, err
	}
	return receipt.Checks, nil
}
