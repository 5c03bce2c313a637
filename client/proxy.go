package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/internal/turn"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// Proxy re-encrypts single records for the party that a consent names. It holds
// re-encryption keys and no key that opens anything. It fails closed: whatever
// it cannot check, it does not hand out.
type Proxy struct {
	chain *Chain // writes, and the last look before anything leaves
	view  *Chain // everything else is read here
	keys  *Keys
	kept  tokens
	turns turn.Turns[record.ConsentID] // demands under one consent
}

// A ProxyOption changes how a [Proxy] works.
type ProxyOption func(*Proxy)

// WithView has the proxy read the ledger through view, such as a copy in its own
// database (package mirror). What leaves the proxy does not depend on it: the
// ledger checks every release when it is committed, and after that the proxy
// reads the consent again from the ledger that it was made with.
func WithView(view *Chain) ProxyOption { return func(p *Proxy) { p.view = view } }

// NewProxy makes a proxy of its view of the ledger, its signing key and its own
// database.
func NewProxy(chain *Chain, keys *Keys, kept store.Tokens, options ...ProxyOption) *Proxy {
	p := &Proxy{chain: chain, view: chain, keys: keys, kept: tokens{stored: kept}}
	for _, option := range options {
		option(p)
	}
	return p
}

// ID is the proxy's short pseudo-identity.
func (p *Proxy) ID() record.PartyID { return p.keys.ID() }

// Accept takes the re-encryption key of a consent that is on the ledger, after
// checking it against the owner's commitment. It returns [pre.ErrToken],
// [record.ErrConsentProxy], [record.ErrConsentRevoked], [record.ErrConsentExpired],
// [ErrSignature], [store.ErrExists], [store.ErrDestroyed].
func (p *Proxy) Accept(ctx context.Context, part ProxyPart) error {
	if err := p.view.Await(ctx, part.AsOf); err != nil {
		return err
	}
	consent, err := p.named(ctx, p.view, part.Consent)
	if err != nil {
		return err
	}
	if err := p.usable(ctx, consent); ended(err) {
		return err
	}
	if part.Token == nil || part.Token.Consent() != [32]byte(part.Consent) || part.Token.Label() != consent.Label ||
		string(part.Token.Owner()) != string(consent.OwnerKey.Key[:]) || string(part.Token.Target()) != string(consent.RequesterKey.Key[:]) {
		return pre.ErrToken
	}
	if _, err := part.Token.Verify(p.chain.params, consent.PayloadToken); err != nil {
		return err
	}
	return p.put(ctx, consent, part.Token.Bytes())
}

// AcceptRekey ends the paper-mode exchange: it makes rk of the two messages and
// checks that it connects the consent's two keys. It returns [pre.ErrRekey].
func (p *Proxy) AcceptRekey(ctx context.Context, id record.ConsentID, b *pre.PaperBlinding, r *pre.PaperResponse) error {
	consent, err := p.named(ctx, p.view, id)
	if err != nil {
		return err
	}
	if err := p.usable(ctx, consent); ended(err) {
		return err
	}
	owner, receiver, err := paperKeys(consent)
	if err != nil {
		return err
	}
	if b == nil || r == nil {
		return pre.ErrRekey
	}
	rk, err := pre.FinishRekey(owner, receiver, b, r)
	if err != nil {
		return err
	}
	return p.put(ctx, consent, rk.Bytes())
}

func paperKeys(c *record.Consent) (owner, receiver *pre.PaperPublicKey, err error) {
	if c.OwnerKey.Mode != record.ModePaper {
		return nil, nil, ErrMode
	}
	if owner, err = pre.ParsePaperPublicKey(c.OwnerKey.Key[:]); err == nil {
		receiver, err = pre.ParsePaperPublicKey(c.RequesterKey.Key[:])
	}
	return owner, receiver, err
}

// named reads a consent that names this proxy.
func (p *Proxy) named(ctx context.Context, from *Chain, id record.ConsentID) (*record.Consent, error) {
	consent, err := from.Consent(ctx, id)
	if err != nil {
		return nil, err
	}
	if !consent.HasProxy(p.ID()) {
		return nil, record.ErrConsentProxy.With("the consent does not name this proxy")
	}
	return consent, nil
}

// put keeps a key together with the consent that it was accepted under. The
// proxy makes sure itself that the owner signed that.
func (p *Proxy) put(ctx context.Context, c *record.Consent, token []byte) error {
	owner, err := p.view.Party(ctx, c.Owner)
	if err != nil {
		return err
	}
	g := c.Statement()
	if err := p.chain.verify(owner, g.OwnerVersion, bls.RoleOwner, g, c.OwnerSignature); err != nil {
		return err
	}
	return p.kept.stored.PutToken(ctx, store.Token{
		Consent: c.Consent, Owner: c.Owner, Requester: c.Requester, Label: c.Label, Grant: g.Encode(),
		Signature: bls.Signature(c.OwnerSignature), PayloadToken: token,
		NotBefore: time.Unix(c.NotBefore, 0), Expires: time.Unix(c.Expiry, 0),
	})
}

// Release re-encrypts records of one holder for who demands them (section 3.6, step
// 3). For each record it orders the capsule, checks the delivery, the capsule's
// validity and the consent; then it commits the releases to the ledger; only
// when they are committed, and the consent has neither ended on the ledger nor
// expired by its own clock, it re-encrypts.
//
// A record of which this proxy has an open release under the consent is handed
// out under that release again: a demand whose answer was lost is repeated
// without using up another release. Demands under one consent take turns, and
// what is on its way to the ledger is waited for even when who asked has gone:
// so a demand that is repeated while the first is still at work finds its
// release.
//
// It returns [record.ErrConsentUnknown], the errors of
// [record.Consent.UsableAt] and [record.GrantStatement.Covers], [ErrRequester],
// [ErrTampered], [ErrDelivery], [ErrSignature], [ErrStatement], [store.ErrNotFound]
// when it has no key for the consent, and the chaincode's. On any error nothing was handed
// out.
func (p *Proxy) Release(ctx context.Context, d Demand, holder Holder) ([]Handover, error) {
	return p.ReleaseFrom(ctx, d, func(record.PartyID) Holder { return holder })
}

// ReleaseFrom is [Proxy.Release] from whoever keeps the records: all of them the
// party that issued the first.
func (p *Proxy) ReleaseFrom(ctx context.Context, d Demand, holders func(issuer record.PartyID) Holder) ([]Handover, error) {
	consent, err := p.demanded(ctx, d)
	if err != nil {
		return nil, err
	}
	give, err := p.turns.Take(ctx, d.Consent)
	if err != nil {
		return nil, err
	}
	defer give()
	// What this proxy did itself it has to see: another demand may have been
	// answered in the meantime.
	if err := p.view.Await(ctx, p.chain.Seen()); err != nil {
		return nil, err
	}
	convert, err := p.converter(ctx, consent)
	if err != nil {
		return nil, err
	}
	ordered, err := p.orderAll(ctx, consent, d.Records, holders)
	if err != nil {
		return nil, err
	}
	deliveries, verified := ordered.deliveries, ordered.capsules
	if err := p.announce(ctx, deliveries); err != nil {
		return nil, err
	}
	if err := p.lastLook(ctx, consent); err != nil {
		return nil, err
	}
	out := make([]Handover, len(verified))
	for i, v := range verified {
		reencrypted, err := convert(v)
		if err != nil {
			return nil, err
		}
		out[i] = Handover{AsOf: p.chain.Seen(), Release: deliveries[i].Statement.Release, Reencrypted: reencrypted, Delivery: deliveries[i]}
	}
	return out, nil
}

// lastLook reads a consent on the ledger after its releases were committed. The
// owner may have withdrawn it in the meantime, and the ledger's time is the client's:
// this proxy's own clock decides too. It must also be the one that the view has
// shown, or the records would go to somebody whom the view alone names. It returns
// [ErrStatement] otherwise.
func (p *Proxy) lastLook(ctx context.Context, shown *record.Consent) error {
	consent, err := p.named(ctx, p.chain, shown.Consent)
	if err != nil {
		return err
	}
	if err := p.usable(ctx, consent); err != nil {
		return err
	}
	if !bytes.Equal(consent.Statement().Encode(), shown.Statement().Encode()) {
		return fmt.Errorf("%w: the ledger has another consent than this proxy's view of it", ErrStatement)
	}
	return nil
}

// ordered is what a holder delivered, checked.
type ordered struct {
	deliveries record.Deliveries
	capsules   []*pre.VerifiedCapsule
}

// orderAll asks for all the records of a demand.
func (p *Proxy) orderAll(ctx context.Context, consent *record.Consent, records []record.RecordID, holders func(record.PartyID) Holder) (*ordered, error) {
	open, err := p.openReleases(ctx, consent)
	if err != nil {
		return nil, err
	}
	all := &ordered{}
	var holder Holder
	for _, id := range records {
		listed, err := p.covered(ctx, consent, id)
		if err == nil && holder == nil {
			holder = holders(listed.Issuer)
		}
		var delivery *record.Delivery
		var v *pre.VerifiedCapsule
		if err == nil {
			delivery, v, err = p.order(ctx, consent, listed, holder, open)
		}
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", id, err)
		}
		all.deliveries, all.capsules = append(all.deliveries, *delivery), append(all.capsules, v)
	}
	return all, nil
}

// covered reads a record that the consent opens.
func (p *Proxy) covered(ctx context.Context, consent *record.Consent, id record.RecordID) (*record.Record, error) {
	return refusedTwice(p, func(from *Chain) (*record.Record, error) {
		listed, err := from.Record(ctx, id)
		if err != nil {
			return nil, err
		}
		if listed.Owner != consent.Owner {
			return nil, record.ErrConsentScope.With("the record belongs to another owner")
		}
		return listed, consent.Covers(listed.Version(), listed.Label, listed.Issuer)
	})
}

// announce commits releases to the ledger. Once begun, that is seen to its end.
func (p *Proxy) announce(ctx context.Context, d record.Deliveries) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceTime)
	defer cancel()
	_, err := p.chain.AnnounceRelease(ctx, d)
	return err
}

// announceTime bounds one announcement.
const announceTime = 3 * time.Minute

// demanded is the consent of a demand that this proxy may answer.
func (p *Proxy) demanded(ctx context.Context, d Demand) (*record.Consent, error) {
	if err := p.view.Await(ctx, d.AsOf); err != nil {
		return nil, err
	}
	if len(d.Records) == 0 || len(d.Records) > record.MaxDeliveries {
		return nil, record.ErrMalformed.With("a demand is for 1 to %d records, not %d", record.MaxDeliveries, len(d.Records))
	}
	return refusedTwice(p, func(from *Chain) (*record.Consent, error) {
		consent, err := p.named(ctx, from, d.Consent)
		if err != nil {
			return nil, err
		}
		if consent.Requester != d.Requester {
			return nil, fmt.Errorf("%w: it names %s, not %s", ErrRequester, consent.Requester, d.Requester)
		}
		return consent, p.usable(ctx, consent)
	})
}

// refusedTwice asks the view, and what the view refuses it asks the ledger: what
// a demand needs may have been committed a moment ago.
func refusedTwice[T any](p *Proxy, ask func(from *Chain) (T, error)) (T, error) {
	answer, err := ask(p.view)
	if refusal := (*record.Error)(nil); p.view != p.chain && errors.As(err, &refusal) {
		return ask(p.chain)
	}
	return answer, err
}

// openReleases is this proxy's releases under a consent that their receiver has
// not answered yet, by the record version that they are of.
func (p *Proxy) openReleases(ctx context.Context, consent *record.Consent) (map[record.RecordVersion]*record.Release, error) {
	all, err := p.view.openReleases(ctx, consent.Consent, p.ID())
	if err != nil {
		return nil, err
	}
	open := map[record.RecordVersion]*record.Release{}
	for i := range all {
		r := &all[i]
		open[record.RecordVersion{ID: r.Statement.Record, Digest: r.Statement.Digest}] = r
	}
	return open, nil
}

// usable checks a consent by this proxy's clock. The key of one that has ended
// is destroyed.
func (p *Proxy) usable(ctx context.Context, c *record.Consent) error {
	err := c.UsableAt(time.Now().Unix())
	if ended(err) {
		return errors.Join(err, p.kept.destroy(ctx, c.Consent, err))
	}
	return err
}

func ended(err error) bool {
	return errors.Is(err, record.ErrConsentRevoked) || errors.Is(err, record.ErrConsentExpired)
}

// order asks the holder for one capsule and checks everything about it. Of a
// record with an open release it answers that release's delivery.
func (p *Proxy) order(ctx context.Context, consent *record.Consent, listed *record.Record, holder Holder, open map[record.RecordVersion]*record.Release) (*record.Delivery, *pre.VerifiedCapsule, error) {
	o := Order{AsOf: p.view.Seen(), Consent: consent.Consent, Record: listed.ID, Proxy: p.ID()}
	before := open[listed.Version()]
	if before != nil {
		o.Nonce = before.Nonce
	} else if _, err := rand.Read(o.Nonce[:]); err != nil {
		return nil, nil, fmt.Errorf("client: draw a nonce: %w", err)
	}
	o.Release = record.NewReleaseID(o.Consent, o.Record, o.Proxy, o.Nonce)
	delivered, err := holder.Deliver(ctx, o)
	if err != nil {
		return nil, nil, fmt.Errorf("holder %s: %w", holder.ID(), err)
	}
	if delivered == nil {
		return nil, nil, ErrDelivery
	}
	if before != nil {
		delivered.Delivery = before.Delivery // what is on the ledger, the holder is held to
	}
	return p.checkDelivered(ctx, delivered, o, listed, consent)
}

// checkDelivered compares what a holder handed over with the order, with what
// the holder signed and with the ledger.
func (p *Proxy) checkDelivered(ctx context.Context, delivered *Delivered, o Order, listed *record.Record, consent *record.Consent) (*record.Delivery, *pre.VerifiedCapsule, error) {
	s := &delivered.Delivery.Statement
	if s.Release != o.Release || s.Consent != o.Consent || s.Record != o.Record || s.Holder != listed.Issuer || delivered.Delivery.Nonce != o.Nonce || s.Digest != listed.Digest {
		return nil, nil, ErrDelivery
	}
	keeper, err := p.view.Party(ctx, s.Holder)
	if err != nil {
		return nil, nil, err
	}
	if err := p.chain.verify(keeper, s.HolderVersion, bls.RoleHolder, s, delivered.Delivery.Signature); err != nil {
		return nil, nil, err
	}
	v, err := p.chain.checkCapsule(delivered.Capsule, listed, consent)
	if err != nil {
		return nil, nil, err
	}
	if v.Capsule().FullDigest() != [32]byte(s.Capsule) {
		return nil, nil, fmt.Errorf("%w: not the one that the holder signed for", ErrTampered)
	}
	return &delivered.Delivery, v, nil
}

// checkCapsule binds a capsule to the ledger: digest, label, and strict
// validity under the key in the consent. A matching digest alone is not enough,
// because it leaves C2 out. It returns [ErrTampered].
func (c *Chain) checkCapsule(encoded []byte, listed *record.Record, consent *record.Consent) (*pre.VerifiedCapsule, error) {
	capsule, err := pre.ParseCapsule(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTampered, err)
	}
	if capsule.Digest() != [32]byte(listed.Digest) || capsule.Label() != listed.Label {
		return nil, ErrTampered
	}
	key, err := publicKey(consent.OwnerKey)
	if err != nil {
		return nil, err
	}
	v, err := capsule.Verify(c.params, key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTampered, err)
	}
	return v, nil
}

// Sweep destroys the keys of all consents that have been revoked or have
// expired, and returns how many.
func (p *Proxy) Sweep(ctx context.Context) (int, error) {
	if err := p.kept.finish(ctx); err != nil {
		return 0, err
	}
	var live []record.ConsentID
	for t, err := range p.kept.stored.LiveTokens(ctx) {
		if err != nil {
			return 0, err
		}
		live = append(live, t.Consent)
	}
	destroyed := 0
	for _, id := range live {
		consent, err := p.view.Consent(ctx, id)
		if err != nil {
			return destroyed, err
		}
		reason := consent.UsableAt(time.Now().Unix())
		if !ended(reason) {
			continue
		}
		if err := p.kept.destroy(ctx, id, reason); err != nil {
			return destroyed, err
		}
		destroyed++
	}
	return destroyed, nil
}
