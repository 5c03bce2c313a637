package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// Owner is a policyholder's wallet. It has no Fabric certificate: chain is any
// member's view of the ledger, through which the wallet reads and which carries
// what it signs.
type Owner struct {
	chain  *Chain
	keys   *Keys
	former []*Keys
}

// NewOwner opens a wallet. Its encryption key is scoped or paper-mode. Former
// keys of the same pseudo-identity, from before a rotation, open and verify
// older records; nothing new is signed with them.
func NewOwner(chain *Chain, keys *Keys, former ...*Keys) *Owner {
	return &Owner{chain: chain, keys: keys, former: former}
}

// ID is the owner's short pseudo-identity.
func (o *Owner) ID() record.PartyID { return o.keys.ID() }

// PID is the owner's pseudo-identity.
func (o *Owner) PID() pseudonym.PID { return o.keys.PID }

// Key is the owner's present encryption key.
func (o *Owner) Key() record.EncryptionKey { return o.keys.encryption() }

// Countersign reads a proposed record, hands its plaintext to inspect, and if
// that accepts, signs. The owner signs what it has read, and nothing else: the
// document must be of the kind that the statement says, and δ in a policy must
// open the statement's commitment. The label, which decides what consents reach
// the record, is in clear in the statement, for the caller to judge.
//
// It returns [ErrNotOurs], [ErrStatement], [ErrEvidence], inspect's error, and
// those of [pre.ScopedSecretKey.Open] and [document.Unpack].
func (o *Owner) Countersign(p *Proposal, inspect func(plaintext io.Reader) error) (record.Signature, error) {
	var none record.Signature
	s := &p.Statement
	if s.Owner != o.ID() || p.OwnerPID != string(o.keys.PID) || s.OwnerKey != o.keys.encryption() {
		return none, fmt.Errorf("%w: the record is for owner %s", ErrNotOurs, s.Owner)
	}
	capsule, err := p.capsule()
	if err != nil {
		return none, err
	}
	if err := o.checkNew(s); err != nil {
		return none, err
	}
	var doc *document.Document
	read := func(plaintext io.Reader) error {
		return through(func(copied io.Writer) (err error) {
			doc, err = document.Unpack(io.TeeReader(plaintext, copied), document.Limits{Attachment: record.MaxPayloadSize, Total: record.MaxPayloadSize}, nil)
			return err
		}, inspect)
	}
	if err := through(func(dst io.Writer) error { return o.open(capsule, p.info(), p.Payload, dst) }, read); err != nil {
		return none, err
	}
	if err := o.checkDocument(s, doc); err != nil {
		return none, err
	}
	return o.keys.sign(o.chain, bls.RoleOwner, s), nil
}

// checkNew refuses to sign ahead of time, what is too old for the ledger, and a
// replacement for another record.
func (o *Owner) checkNew(s *record.RecordStatement) error {
	age := time.Now().Unix() - s.IssuedAt
	if age > int64(o.chain.system.RecordWindow) || -age > int64(o.chain.system.ClockSkew) {
		return fmt.Errorf("%w: it says that it was issued at %s", ErrStatement, record.FormatTime(s.IssuedAt))
	}
	if !s.Previous.IsZero() {
		return fmt.Errorf("%w: it replaces an earlier version", ErrStatement)
	}
	return nil
}

func (o *Owner) checkDocument(s *record.RecordStatement, doc *document.Document) error {
	if doc.Kind() != s.Kind {
		return fmt.Errorf("%w: the document is a %s, the statement says %s", ErrStatement, doc.Kind(), s.Kind)
	}
	policy, ok := doc.Policy()
	if !ok {
		return nil
	}
	delta, err := policy.Delta()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrEvidence, err)
	}
	if !delta.Opens(s.Evidence, o.chain.params.ID(), s.ID, o.keys.PID) {
		return ErrEvidence
	}
	return nil
}

func (o *Owner) open(c *pre.Capsule, info pre.RecordInfo, payload Payload, dst io.Writer) error {
	src, err := payload.Open()
	if err != nil {
		return fmt.Errorf("client: open payload: %w", err)
	}
	defer src.Close()
	if o.keys.Paper != nil {
		return o.keys.Paper.Open(o.chain.params, c, info, dst, src)
	}
	return o.keys.Scoped.Open(o.chain.params, c, info, dst, src)
}

// Terms are what an owner decides when granting.
type Terms struct {
	Holder       record.PartyID    // zero: whoever holds records under the label
	Label        string            // the scope; ignored in paper mode
	Records      []record.RecordID // only these; empty: all under the label
	PolicyRecord record.RecordID   // the policy whose δ the owner shows
	Evidence     pseudonym.Evidence
	NotBefore    time.Time
	Expiry       time.Time
	MaxReleases  uint32
	Proxy        record.PartyID
	// Requester is the party that asked, as the owner has made sure of it: the
	// consent is made out to this key. Nil: as the owner's view of the ledger
	// says.
	Requester *record.Party
}

// Grant answers an access request with a signed consent, and makes the trapdoor
// for the system manager and the re-encryption key for the proxy (section 3.6,
// step 1). Nothing reaches the ledger until somebody carries it.
//
// It returns [ErrNotOurs], [ErrMode], [ErrSignature] for a record that this owner
// did not sign, and the chaincode's errors.
func (o *Owner) Grant(ctx context.Context, request *record.Request, terms Terms) (*Permission, error) {
	if request.Owner != o.ID() {
		return nil, fmt.Errorf("%w: the request is to %s", ErrNotOurs, request.Owner)
	}
	me, err := o.keys.self(ctx, o.chain)
	if err != nil {
		return nil, err
	}
	requester, err := o.requester(ctx, request, terms)
	if err != nil {
		return nil, err
	}
	theirs := requester.Current()
	if theirs.Encryption.Mode != o.keys.encryption().Mode {
		return nil, fmt.Errorf("%w: requester %s", ErrMode, requester.ID)
	}
	s := record.GrantStatement{
		Request: request.ID, Owner: me.ID, OwnerVersion: me.Current().Version, OwnerKey: me.Current().Encryption,
		Requester: requester.ID, RequesterVersion: theirs.Version, RequesterKey: theirs.Encryption,
		Holder: terms.Holder, Label: terms.Label, PolicyRecord: terms.PolicyRecord, Purpose: request.Purpose, Claim: request.Claim,
		NotBefore: terms.NotBefore.Unix(), Expiry: terms.Expiry.Unix(), MaxReleases: terms.MaxReleases,
		Proxies: []record.PartyID{terms.Proxy}, Threshold: 1,
	}
	if _, err := rand.Read(s.Consent[:]); err != nil {
		return nil, fmt.Errorf("client: draw a consent id: %w", err)
	}
	for _, id := range terms.Records {
		r, err := o.chain.Record(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := o.Own(r); err != nil {
			return nil, err
		}
		s.Records = append(s.Records, r.Version())
	}
	slices.SortFunc(s.Records, func(a, b record.RecordVersion) int { return bytes.Compare(a.ID[:], b.ID[:]) })

	p := &Permission{ToManager: ManagerPart{Consent: s.Consent, Evidence: terms.Evidence}, ToProxy: ProxyPart{Consent: s.Consent}}
	if err := o.delegate(&s, p); err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("client: grant: %w", err)
	}
	p.Statement, p.Signature = s, o.keys.sign(o.chain, bls.RoleOwner, &s)
	return p, nil
}

// requester is the party that asks, as the owner has confirmed it or as the
// ledger says.
func (o *Owner) requester(ctx context.Context, request *record.Request, terms Terms) (*record.Party, error) {
	if terms.Requester == nil {
		return o.chain.Party(ctx, request.Requester)
	}
	if terms.Requester.ID != request.Requester {
		return nil, fmt.Errorf("%w: the request is by %s, not %s", ErrNotOurs, request.Requester, terms.Requester.ID)
	}
	return terms.Requester, nil
}

// delegate makes the tokens and puts the commitments to them into the statement.
func (o *Owner) delegate(s *record.GrantStatement, p *Permission) error {
	params := o.chain.params
	var err error
	if o.keys.Paper != nil {
		s.Label = ""
		if p.ToManager.Search, err = o.keys.Paper.DelegateSearch(params, s.Consent); err != nil {
			return err
		}
		s.SearchToken = p.ToManager.Search.Commitment(params)
		return nil
	}
	receiver, err := pre.ParseScopedPublicKey(s.RequesterKey.Key[:])
	if err != nil {
		return err
	}
	if p.ToManager.Search, err = o.keys.Scoped.DelegateSearch(params, s.Label, s.Consent); err != nil {
		return err
	}
	if p.ToProxy.Token, err = o.keys.Scoped.DelegateReencryption(params, s.Label, s.Consent, receiver); err != nil {
		return err
	}
	s.SearchToken, s.PayloadToken = p.ToManager.Search.Commitment(params), p.ToProxy.Token.Commitment(params)
	return nil
}

// Revoke signs the withdrawal of a consent, for any member to carry.
func (o *Owner) Revoke(ctx context.Context, id record.ConsentID) (record.RevokeStatement, record.Signature, error) {
	me, err := o.keys.self(ctx, o.chain)
	if err != nil {
		return record.RevokeStatement{}, record.Signature{}, err
	}
	s := record.RevokeStatement{Consent: id, Owner: me.ID, OwnerVersion: me.Current().Version, Time: time.Now().Unix()}
	return s, o.keys.sign(o.chain, bls.RoleOwner, &s), nil
}

// StartRekey begins the paper-mode exchange: one message for the proxy, one for
// the receiver.
func (o *Owner) StartRekey() (*pre.PaperBlinding, *pre.PaperChallenge, error) {
	if o.keys.Paper == nil {
		return nil, nil, ErrMode
	}
	return o.keys.Paper.StartRekey()
}

// History is what the ledger knows of an owner's affairs, oldest first.
type History struct {
	Records  []record.Record
	Requests []record.Request // who asked
	Consents []record.Consent // what was granted
	Releases []record.Release // who was given what, and when
}

// History answers "who has seen my records?".
func (o *Owner) History(ctx context.Context) (*History, error) {
	var h History
	var err error
	if h.Records, err = o.chain.RecordsOf(ctx, o.ID()); err != nil {
		return nil, err
	}
	if h.Requests, err = o.chain.RequestsTo(ctx, o.ID()); err != nil {
		return nil, err
	}
	if h.Consents, err = o.chain.ConsentsOf(ctx, o.ID()); err != nil {
		return nil, err
	}
	h.Releases, err = o.chain.ReleasesOf(ctx, o.ID())
	return &h, err
}
