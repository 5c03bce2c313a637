package load

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

// listed is how many requests, consents and releases there are: more than a
// page.
const listed = 60

// busyRecords is how many records one owner gets for itself, so that its list
// fills pages also on a small ledger.
const busyRecords = 100

// subjects is what queries ask about. Owner 0 is the busy one.
type subjects struct {
	parties *Parties
	busy    []record.Entry
	request record.RequestID
	consent record.ConsentID
	release record.ReleaseID

	mu      sync.Mutex
	records []record.RecordID // a sample of all records on the ledger
}

// prepareSubjects puts busyRecords records, and requests, consents and releases
// of owner 0, on the ledger.
func prepareSubjects(ctx context.Context, s *Site, p *Parties) (*subjects, error) {
	q := &subjects{parties: p}
	owner := p.Owners[0]
	same := make([]*Party, busyRecords)
	for i := range same {
		same[i] = owner
	}
	order, entries, err := p.Batch(same, time.Now().Unix())
	if err != nil {
		return nil, err
	}
	q.busy = entries
	for _, step := range []func() error{
		func() error { return s.submit(ctx, p.insurer, order) },
		func() error { return s.settleAll(ctx) },
		func() error { return q.ask(ctx, owner) },
		func() error { return s.settleAll(ctx) },
		func() error { return q.consents(ctx, owner) },
		func() error { return s.settleAll(ctx) },
		func() error { return q.releases(ctx) },
		func() error { return s.settleAll(ctx) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// submit submits one order.
func (s *Site) submit(ctx context.Context, identity string, order Order) error {
	l, err := s.Ledger(identity)
	if err != nil {
		return err
	}
	result, err := l.Submit(ctx, order.Call)
	if err != nil {
		return err
	}
	return order.Check(result.Payload)
}

func (q *subjects) ask(ctx context.Context, owner *Party) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range listed {
		r := record.AccessRequest{Owner: owner.ID, Holder: q.parties.Insurer.ID, Label: label, Records: []record.RecordID{}, Purpose: "claim", Claim: fmt.Sprint("C-", i)}
		if _, err := rand.Read(r.ID[:]); err != nil {
			return err
		}
		q.request = r.ID
		group.Go(func() error {
			_, err := q.parties.Other.Chain.RequestAccess(ctx, r)
			return err
		})
	}
	return group.Wait()
}

func (q *subjects) consents(ctx context.Context, owner *Party) error {
	p := q.parties
	group, grouped := errgroup.WithContext(ctx)
	for i := range listed {
		now := time.Now().Unix()
		g := record.GrantStatement{
			Owner: owner.ID, OwnerVersion: 1, OwnerKey: owner.Key, Requester: p.Other.ID, RequesterVersion: 1, RequesterKey: p.Other.Key,
			Label: label, Records: []record.RecordVersion{}, PolicyRecord: q.busy[0].Statement.ID, Purpose: "claim", Claim: fmt.Sprint("C-", i),
			NotBefore: now - 60, Expiry: now + 24*3600, MaxReleases: record.MaxGrantReleases, Proxies: []record.PartyID{p.Proxy.ID}, Threshold: 1,
		}
		for _, random := range [][]byte{g.Consent[:], g.PayloadToken[:], g.SearchToken[:]} {
			if _, err := rand.Read(random); err != nil {
				return err
			}
		}
		q.consent = g.Consent
		group.Go(func() error {
			_, err := p.Other.Chain.CarryGrant(grouped, g, owner.sign(p.context, bls.RoleOwner, &g))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	_, err := p.Manager.Approve(ctx, q.consent)
	return err
}

func (q *subjects) releases(ctx context.Context) error {
	p := q.parties
	list := make(record.Deliveries, listed)
	for i := range list {
		d := &list[i]
		if _, err := rand.Read(d.Nonce[:]); err != nil {
			return err
		}
		s := q.busy[i].Statement
		d.Statement = record.DeliverStatement{
			Release: record.NewReleaseID(q.consent, s.ID, p.Proxy.ID, d.Nonce), Consent: q.consent, Record: s.ID, Digest: s.Digest,
			Holder: p.Insurer.ID, HolderVersion: 1, Time: time.Now().Unix(),
		}
		if _, err := rand.Read(d.Statement.Capsule[:]); err != nil {
			return err
		}
		d.Signature = p.Insurer.sign(p.context, bls.RoleHolder, &d.Statement)
		q.release = d.Statement.Release
	}
	_, err := p.Proxy.Chain.AnnounceRelease(ctx, list)
	return err
}
