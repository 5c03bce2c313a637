package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/chaincode/alliance"
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
	same := make([]*alliance.Member, busyRecords)
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

func (q *subjects) ask(ctx context.Context, owner *alliance.Member) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range listed {
		r, err := q.parties.Request(owner, label)
		if err != nil {
			return err
		}
		r.Holder, r.Claim = q.parties.Insurer.ID, fmt.Sprint("C-", i)
		q.request = r.ID
		group.Go(func() error {
			_, err := q.parties.Other.Chain.RequestAccess(ctx, r)
			return err
		})
	}
	return group.Wait()
}

func (q *subjects) consents(ctx context.Context, owner *alliance.Member) error {
	p := q.parties
	group, grouped := errgroup.WithContext(ctx)
	for i := range listed {
		now := time.Now().Unix()
		g, err := p.Grant(owner, p.Other.Member, label, now-60, p.Proxy.Member)
		if err != nil {
			return err
		}
		g.PolicyRecord, g.Claim = q.busy[0].Statement.ID, fmt.Sprint("C-", i)
		g.Expiry, g.MaxReleases = now+24*3600, record.MaxGrantReleases
		q.consent = g.Consent
		group.Go(func() error {
			_, err := p.Other.Chain.CarryGrant(grouped, g, p.Sign(owner, bls.RoleOwner, &g))
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
		s := q.busy[i].Statement
		version := record.RecordVersion{ID: s.ID, Digest: s.Digest}
		d, err := p.Delivery(q.consent, version, p.Insurer.Member, p.Proxy.Member, time.Now().Unix())
		if err != nil {
			return err
		}
		list[i], q.release = d, d.Statement.Release
	}
	_, err := p.Proxy.Chain.AnnounceRelease(ctx, list)
	return err
}
