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
	before  bool // it was received and acknowledged by an earlier run
	err     error
}

// fetch has records released under a consent, receives them from their holders
// and acknowledges them. Of what this node has already it tells the release, and
// asks for nothing; what another run left half-way is finished under the same
// release. It may therefore be repeated whenever its answer was lost. One
// record's failure does not hold up the others: use is told of each.
func (p *party) fetch(ctx context.Context, to others, id record.ConsentID, only []record.RecordID, use func(fetched) error) error {
	consent, err := p.chain.Consent(ctx, id)
	if err != nil {
		return err
	}
	if consent.Requester != p.id() {
		return fmt.Errorf("%w: the consent is for %s", client.ErrNotOurs, consent.Requester)
	}
	covered, err := p.chain.CoveredBy(ctx, consent)
	if err != nil {
		return err
	}
	for _, id := range only {
		if !slices.ContainsFunc(covered, func(r record.Record) bool { return r.ID == id }) {
			return p.uncovered(ctx, id)
		}
	}
	have, err := p.received(ctx, consent.Consent)
	if err != nil {
		return err
	}
	var missing []record.Record
	for _, r := range covered {
		if len(only) > 0 && !slices.Contains(only, r.ID) {
			continue
		}
		release, here := have[r.Version()]
		if !here {
			missing = append(missing, r)
			continue
		}
		if err := use(fetched{record: r.ID, release: release, before: true}); err != nil {
			return err
		}
	}
	for _, group := range byHolder(missing) {
		for part := range slices.Chunk(group, record.MaxDeliveries) {
			if err := p.fetchFrom(ctx, to, consent, part, use); err != nil {
				return err
			}
		}
	}
	return nil
}

// byHolder sorts records out by who keeps them.
func byHolder(records []record.Record) [][]record.Record {
	var holders []record.PartyID
	groups := map[record.PartyID][]record.Record{}
	for _, r := range records {
		if groups[r.Issuer] == nil {
			holders = append(holders, r.Issuer)
		}
		groups[r.Issuer] = append(groups[r.Issuer], r)
	}
	slices.SortFunc(holders, func(a, b record.PartyID) int { return bytes.Compare(a[:], b[:]) })
	var all [][]record.Record
	for _, holder := range holders {
		all = append(all, groups[holder])
	}
	return all
}

// received is what this node has received and acknowledged under a consent, and
// the release of each.
func (p *party) received(ctx context.Context, id record.ConsentID) (map[record.RecordVersion]record.ReleaseID, error) {
	have := map[record.RecordVersion]record.ReleaseID{}
	var unsure []*store.Received
	note := func(r *store.Received) {
		if capsule, err := pre.ParseCapsule(r.Capsule); err == nil {
			have[record.RecordVersion{ID: r.RecordID, Digest: capsule.Digest()}] = r.Release
		}
	}
	for r, err := range p.store.ReceivedUnder(ctx, id) {
		if err != nil {
			return nil, err
		}
		if r.AckTxID == "" {
			unsure = append(unsure, r)
			continue
		}
		note(r)
	}
	for _, r := range unsure {
		acknowledged, err := p.catchUp(ctx, r.Release)
		if err != nil {
			return nil, err
		}
		if acknowledged {
			note(r)
		}
	}
	return have, nil
}

// catchUp notes what the ledger has of an acknowledgement: this node may have
// died between the two. Without it the record would be asked for under another
// release.
func (p *party) catchUp(ctx context.Context, id record.ReleaseID) (bool, error) {
	release, err := p.chain.Release(ctx, id)
	if err != nil || release.Status != record.ReleaseAcknowledged {
		return false, err
	}
	return true, p.store.MarkAcknowledged(ctx, id, release.AcknowledgeTx.String())
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
