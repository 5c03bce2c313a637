package load

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// A Party is somebody on the ledger, with the keys to sign for it.
type Party struct {
	Keys  *client.Keys
	ID    record.PartyID
	Key   record.EncryptionKey
	Chain *client.Chain // nil for policyholders
}

// Parties is a ledger that was set up for load: an insurer that submits, a
// second one that asks for access, a proxy, and many owners.
type Parties struct {
	Manager  *client.Chain
	Insurer  *Party
	Other    *Party
	Proxy    *Party
	Owners   []*Party
	insurer  string // its identity
	context  record.Context
	enrolled *client.Authority
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
	master, err := pre.GenerateMasterKey()
	if err != nil {
		return nil, err
	}
	params, err := pre.NewParameters("ClaimShare under load", master.PublicKey())
	if err != nil {
		return nil, err
	}
	p := &Parties{insurer: insurerIdentity, Owners: make([]*Party, owners)}
	if p.Manager, err = client.Initialise(ctx, manager, params); err != nil {
		return nil, err
	}
	p.context = p.Manager.Context()
	if p.enrolled, err = client.NewAuthority(p.Manager, master); err != nil {
		return nil, err
	}
	for _, member := range []struct {
		party    **Party
		role     record.Role
		identity string
	}{
		{&p.Insurer, record.RoleInsurer, insurerIdentity},
		{&p.Other, record.RoleInsurer, otherIdentity},
		{&p.Proxy, record.RoleProxy, proxyIdentity},
	} {
		if *member.party, err = p.joinMember(ctx, s, member.role, member.identity); err != nil {
			return nil, fmt.Errorf("register %s: %w", member.identity, err)
		}
	}
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(registrations)
	for i := range p.Owners {
		group.Go(func() (err error) {
			p.Owners[i], err = p.join(grouped, record.RolePolicyholder, fmt.Sprint("owner ", i), "", "")
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("register the owners: %w", err)
	}
	return p, s.settleAll(ctx)
}

func (p *Parties) joinMember(ctx context.Context, s *Site, role record.Role, identity string) (*Party, error) {
	l, err := s.Ledger(identity)
	if err != nil {
		return nil, err
	}
	certificate, err := l.Connection().Certificate()
	if err != nil {
		return nil, err
	}
	party, err := p.join(ctx, role, identity, l.Connection().MSPID, certificate.Subject.String())
	if err == nil {
		party.Chain = p.Manager.As(l)
	}
	return party, err
}

func (p *Parties) join(ctx context.Context, role record.Role, name, msp, subject string) (*Party, error) {
	pid, err := p.enrolled.Enrol(role, name)
	if err != nil {
		return nil, err
	}
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, err
	}
	mode := pre.ModeScoped
	if role == record.RoleProxy {
		mode = 0 // a proxy opens nothing
	}
	keys, err := client.DeriveKeys(seed, pid, mode)
	if err != nil {
		return nil, err
	}
	registration, err := keys.Apply(p.Manager.Parameters(), role, msp, subject)
	if err != nil {
		return nil, err
	}
	if _, err := p.enrolled.Register(ctx, registration); err != nil {
		return nil, err
	}
	return &Party{Keys: keys, ID: keys.ID(), Key: registration.Encryption}, nil
}

func (p *Party) sign(c record.Context, role bls.Role, s record.Statement) record.Signature {
	return record.Signature(p.Keys.Signing.Sign(role, s.Hash(c)))
}

// label is that of every record of the load.
const label = "policy/2026"

// Entry is a new policy record of an owner, signed by the owner and by the
// insurer. The digest is of nothing: what it is of does not matter to a ledger.
func (p *Parties) Entry(owner *Party, issuedAt int64) (record.Entry, error) {
	s := record.RecordStatement{
		Kind: record.KindPolicy, Label: label, PayloadSize: 2048, IssuedAt: issuedAt,
		Owner: owner.ID, OwnerVersion: 1, OwnerKey: owner.Key, Issuer: p.Insurer.ID, IssuerVersion: 1,
	}
	for _, random := range [][]byte{s.ID[:], s.Digest[:], s.Evidence[:]} {
		if _, err := rand.Read(random); err != nil {
			return record.Entry{}, err
		}
	}
	if err := s.Validate(); err != nil {
		return record.Entry{}, err
	}
	hash := s.Hash(p.context)
	return record.Entry{
		Statement:       s,
		OwnerSignature:  record.Signature(owner.Keys.Signing.Sign(bls.RoleOwner, hash)),
		IssuerSignature: record.Signature(p.Insurer.Keys.Signing.Sign(bls.RoleIssuer, hash)),
	}, nil
}

// Batch is the order that submits a record for each of the given owners in one
// transaction. Its check wants all of them recorded.
func (p *Parties) Batch(owners []*Party, issuedAt int64) (Order, []record.Entry, error) {
	b := record.Batch{Entries: make([]record.Entry, len(owners))}
	for i, owner := range owners {
		var err error
		if b.Entries[i], err = p.Entry(owner, issuedAt); err != nil {
			return Order{}, nil, err
		}
	}
	encoded := b.Encode()
	contract, transaction := split(record.TxSubmitRecords)
	return Order{
		Call: ledger.Call{
			Contract: contract, Transaction: transaction, Args: []string{record.BatchDigest(encoded).String()},
			Transient: map[string][]byte{record.TransientBatch: encoded},
		},
		Items: len(owners),
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
