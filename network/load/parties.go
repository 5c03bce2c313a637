package load

import (
	"context"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
)

// A Member is a party with a certificate, and its view of the ledger.
type Member struct {
	*alliance.Member
	Chain *client.Chain
}

// Parties is a ledger that was set up for load: an insurer that submits, a
// second one that asks for access, a proxy, and many owners. Nobody has the
// system's master key: no load is searched for.
type Parties struct {
	*alliance.Deployment
	Manager *client.Chain
	Insurer *Member
	Other   *Member
	Proxy   *Member
	Owners  []*alliance.Member
	insurer string // its identity
}

const (
	managerIdentity = "authority"
	proxyIdentity   = "proxy"
	insurerIdentity = "insurer1"
	otherIdentity   = "insurer2"
)

// registrations is how many parties are registered at once.
const registrations = 64

// SetUp initialises a new ledger and registers its parties, with fresh keys
// that live as long as the process. It returns [record.ErrAlreadyInitialised]
// for a ledger that is in use.
func SetUp(ctx context.Context, s *Site, owners int) (*Parties, error) {
	manager, err := s.Ledger(managerIdentity)
	if err != nil {
		return nil, err
	}
	params, err := alliance.NewParameters("ClaimShare under load", nil)
	if err != nil {
		return nil, err
	}
	c := manager.Connection()
	p := &Parties{
		Deployment: alliance.New(params, c.Channel, c.Chaincode, nil), insurer: insurerIdentity, Owners: make([]*alliance.Member, owners),
	}
	if p.Manager, err = client.Initialise(ctx, manager, params); err != nil {
		return nil, err
	}
	for _, member := range []struct {
		party    **Member
		role     record.Role
		mode     record.KeyMode
		identity string
	}{
		{&p.Insurer, record.RoleInsurer, record.ModeScoped, insurerIdentity},
		{&p.Other, record.RoleInsurer, record.ModeScoped, otherIdentity},
		{&p.Proxy, record.RoleProxy, record.ModeNone, proxyIdentity},
	} {
		if *member.party, err = p.joinMember(ctx, s, member.role, member.mode, member.identity); err != nil {
			return nil, fmt.Errorf("register %s: %w", member.identity, err)
		}
	}
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(registrations)
	for i := range p.Owners {
		group.Go(func() (err error) {
			p.Owners[i], err = p.join(grouped, record.RolePolicyholder, "", "", record.ModeScoped)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("register the owners: %w", err)
	}
	return p, s.settleAll(ctx)
}

func (p *Parties) joinMember(ctx context.Context, s *Site, role record.Role, mode record.KeyMode, identity string) (*Member, error) {
	l, err := s.Ledger(identity)
	if err != nil {
		return nil, err
	}
	certificate, err := l.Connection().Certificate()
	if err != nil {
		return nil, err
	}
	m, err := p.join(ctx, role, l.Connection().MSPID, certificate.Subject.String(), mode)
	return &Member{m, p.Manager.As(l)}, err
}

func (p *Parties) join(ctx context.Context, role record.Role, msp, subject string, mode record.KeyMode) (*alliance.Member, error) {
	m, err := p.NewMember(role, msp, subject, mode)
	if err != nil {
		return nil, err
	}
	registration, err := p.Registration(m)
	if err != nil {
		return nil, err
	}
	_, err = p.Manager.Register(ctx, registration)
	return m, err
}

// label is that of every record of the load.
const label = "policy/2026"

// Batch is the order that submits a policy of the insurer for each of the given
// owners in one transaction. Its check wants all of them recorded. What the
// digests are of does not matter to a ledger.
func (p *Parties) Batch(owners []*alliance.Member, issuedAt int64) (Order, []record.Entry, error) {
	b := &record.Batch{Entries: make([]record.Entry, len(owners))}
	for i, owner := range owners {
		var err error
		if b.Entries[i], err = p.Entry(p.Insurer.Member, owner, label, issuedAt); err != nil {
			return Order{}, nil, err
		}
	}
	contract, transaction := split(record.TxSubmitRecords)
	call := ledger.Call{Contract: contract, Transaction: transaction}
	call.Args, call.Transient = alliance.BatchArgs(b)
	return Order{
		Call: call, Items: len(owners),
		Check: func(answer []byte) error { return allRecorded(answer, len(owners)) },
	}, b.Entries, nil
}

func allRecorded(answer []byte, want int) error {
	var a record.BatchAnswer
	if err := json.Unmarshal(answer, &a); err != nil {
		return fmt.Errorf("the answer to a batch: %w", err)
	}
	if a.Recorded != want || a.Violation != "" || len(a.Exceptions) > 0 {
		return fmt.Errorf("%d of %d records were recorded", a.Recorded, want)
	}
	return nil
}
