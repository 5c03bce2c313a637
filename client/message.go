package client

import (
	"context"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// Messages that refer to the ledger carry AsOf: a block that the sender has
// seen. The receiver waits for it before it looks ([Chain.Await]).

// Proposal is a sealed record on its way from issuer to owner, for the owner to
// read and countersign.
type Proposal struct {
	Statement record.RecordStatement
	OwnerPID  string
	IssuerPID string
	Capsule   []byte
	Payload   Payload
}

// info is what the capsule is bound to.
func (p *Proposal) info() pre.RecordInfo {
	return pre.RecordInfo{RecordID: p.Statement.ID, Kind: byte(p.Statement.Kind), OwnerPID: p.OwnerPID, IssuerPID: p.IssuerPID}
}

// capsule is the proposal's capsule, which must be the one that its statement
// is about. It returns [ErrStatement].
func (p *Proposal) capsule() (*pre.Capsule, error) {
	s := &p.Statement
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStatement, err)
	}
	capsule, err := pre.ParseCapsule(p.Capsule)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStatement, err)
	}
	if capsule.Digest() != [32]byte(s.Digest) || capsule.Payload().Size != s.PayloadSize || capsule.Label() != s.Label {
		return nil, fmt.Errorf("%w: it is about another capsule", ErrStatement)
	}
	if record.NewPartyID(p.OwnerPID) != s.Owner || record.NewPartyID(p.IssuerPID) != s.Issuer || p.Payload == nil {
		return nil, ErrStatement
	}
	return capsule, nil
}

// Payload is ciphertext that can be read more than once.
type Payload interface {
	// Open starts reading from the beginning.
	Open() (io.ReadCloser, error)
}

// Permission is what an owner makes when granting: the signed consent for the
// ledger, and the secrets that go to the system manager and to the proxy, each
// over a confidential channel, never to the ledger.
type Permission struct {
	Statement record.GrantStatement
	Signature record.Signature

	ToManager ManagerPart
	ToProxy   ProxyPart
}

// ManagerPart is what the owner shows the system manager: δ and the trapdoor.
type ManagerPart struct {
	AsOf     uint64 // the block of the grant, from who carried it
	Consent  record.ConsentID
	Evidence pseudonym.Evidence
	Search   *pre.Token
}

// ProxyPart is what the owner gives the proxy: the scoped re-encryption key.
// In paper mode the proxy gets [pre.PaperBlinding] instead.
type ProxyPart struct {
	AsOf    uint64 // the block of the grant, from who carried it
	Consent record.ConsentID
	Token   *pre.Token
}

// Demand is a requester's call to a proxy for records under a consent.
type Demand struct {
	AsOf      uint64
	Requester record.PartyID // who asks; the transport has made sure
	Consent   record.ConsentID
	Records   []record.RecordID
}

// Order is a proxy's request to a holder for one capsule under a consent.
type Order struct {
	AsOf    uint64
	Release record.ReleaseID
	Consent record.ConsentID
	Record  record.RecordID
	Proxy   record.PartyID
	Nonce   record.Nonce
}

// Delivered is a holder's answer to an order: the capsule, and the holder's
// signed word that this is what it handed over.
type Delivered struct {
	Capsule  []byte
	Delivery record.Delivery
}

// Handover is what a proxy sends the receiver after its release has been
// committed: the re-encrypted capsule. The payload comes from the holder.
type Handover struct {
	AsOf    uint64
	Release record.ReleaseID
	// Reencrypted is a [pre.Reencrypted] in scoped mode, a capsule with
	// replaced C2 in paper mode.
	Reencrypted []byte
	Delivery    record.Delivery
}

// PayloadOrder is a receiver's call to a holder for the payload of a release,
// from an offset on: what came before a broken connection is not sent again.
type PayloadOrder struct {
	AsOf    uint64
	Release record.ReleaseID
	Offset  uint64 // bytes
}

// Trailer ends a payload stream: the holder's signed word on all the bytes of
// the payload, those before the order's offset included.
type Trailer struct {
	Statement record.TrailerStatement
	Signature record.Signature
}

// Holder is what a proxy and a receiver need of the party that keeps a record;
// *[Member] is one.
type Holder interface {
	// ID is the holder's short pseudo-identity.
	ID() record.PartyID
	// Candidates are the capsules, under a label, that the search test runs
	// over. The holder does not know whose they are.
	Candidates(ctx context.Context, label string) ([]Candidate, error)
	// Deliver answers a proxy's order.
	Deliver(ctx context.Context, o Order) (*Delivered, error)
	// SendPayload streams a released record's payload and returns the trailer.
	SendPayload(ctx context.Context, o PayloadOrder, dst io.Writer) (*Trailer, error)
}

// Candidate is a capsule offered for the search test.
type Candidate struct {
	Record  record.RecordID
	Capsule []byte
}
