package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// Ask puts an access request on the ledger. The id of the request is drawn
// here.
func (m *Member) Ask(ctx context.Context, r record.AccessRequest) (*record.Request, error) {
	if _, err := rand.Read(r.ID[:]); err != nil {
		return nil, fmt.Errorf("client: draw a request id: %w", err)
	}
	return m.chain.RequestAccess(ctx, r)
}

// AnswerRekey is the receiver's part of the paper-mode exchange.
func (m *Member) AnswerRekey(c *pre.PaperChallenge) (*pre.PaperResponse, error) {
	if m.keys.Paper == nil {
		return nil, ErrMode
	}
	if c == nil {
		return nil, pre.ErrRekey
	}
	return m.keys.Paper.AnswerRekey(c), nil
}

// Receipt is what a receiver verified, in the order of its checks. Receive
// returns it only when every one of them held.
type Receipt struct {
	Release *record.Release
	Record  *record.Record
	Checks  []string // in words, for a person
}

// Receive opens a handed-over record (section 3.6, step 6): it checks the
// release, the consent and the record on the ledger, the holder's, owner's and
// issuer's signatures, the capsule, the payload and its trailer, the proxy's
// re-encryption, and decrypts into use. Then it keeps the ciphertext and
// acknowledges on the ledger.
//
// If use or a check fails, nothing is acknowledged. A payload that the holder
// has signed and that is not the recorded one is a [*TamperedError]: with it
// [Member.Dispute] proves what the holder did. The other errors are [ErrNotOurs], [ErrStatement], [ErrSignature], [ErrKeys], [ErrMode],
// [record.ErrConsentScope], [record.ErrConsentProxy], [ErrTampered], [ErrTrailer],
// those of [pre.ScopedSecretKey.OpenReencrypted], and the chaincode's.
func (m *Member) Receive(ctx context.Context, h Handover, holder Holder, use func(plaintext io.Reader) error) (*Receipt, error) {
	in, err := m.inspect(ctx, h)
	if err != nil {
		return nil, err
	}
	payload, err := newSpool()
	if err != nil {
		return nil, err
	}
	defer payload.Close()
	trailer, err := in.fetch(ctx, holder, payload)
	if err != nil {
		return nil, err
	}
	open := func(dst io.Writer) error { return m.openHandover(in, payload, dst) }
	if err := through(open, use); err != nil {
		return nil, err
	}
	if err := m.keep(ctx, h, in, payload, trailer); err != nil {
		return nil, err
	}
	if in.receipt.Release, err = m.chain.Acknowledge(ctx, h.Release); err != nil {
		return nil, err
	}
	if err := m.store.MarkAcknowledged(ctx, h.Release, in.receipt.Release.AcknowledgeTx.String()); err != nil {
		return nil, err
	}
	return &in.receipt, nil
}

// incoming is a handover with everything that the ledger says about it.
type incoming struct {
	chain         *Chain
	consent       *record.Consent
	record        *record.Record
	owner, holder *record.Party
	issuer        *record.Party
	capsule       *pre.Capsule
	reencrypted   *pre.Reencrypted // scoped mode
	receipt       Receipt
}

func (in *incoming) passed(check string) { in.receipt.Checks = append(in.receipt.Checks, check) }

// inspect checks everything but the payload.
func (m *Member) inspect(ctx context.Context, h Handover) (*incoming, error) {
	in := &incoming{chain: m.chain}
	if err := m.chain.Await(ctx, h.AsOf); err != nil {
		return nil, err
	}
	release, err := m.chain.Release(ctx, h.Release)
	if err != nil {
		return nil, err
	}
	if release.Receiver != m.ID() {
		return nil, fmt.Errorf("%w: the release is to %s", ErrNotOurs, release.Receiver)
	}
	if release.Delivery != h.Delivery {
		return nil, fmt.Errorf("%w: the delivery is not the one on the ledger", ErrStatement)
	}
	in.receipt.Release = release
	in.passed("the release is committed on the ledger, to this receiver")
	if in.consent, err = m.chain.Consent(ctx, release.Statement.Consent); err != nil {
		return nil, err
	}
	// The version delivered: the record may have been amended since.
	if in.record, err = m.chain.RecordVersion(ctx, record.RecordVersion{ID: release.Statement.Record, Digest: release.Statement.Digest}); err != nil {
		return nil, err
	}
	in.receipt.Record = in.record
	for _, p := range []struct {
		party **record.Party
		id    record.PartyID
	}{{&in.owner, in.record.Owner}, {&in.issuer, in.record.Issuer}, {&in.holder, release.Statement.Holder}} {
		if *p.party, err = m.chain.Party(ctx, p.id); err != nil {
			return nil, err
		}
	}
	if err := in.checkSignatures(release); err != nil {
		return nil, err
	}
	if err := in.checkConsent(m, release); err != nil {
		return nil, err
	}
	return in, in.checkCapsule(m, h, release)
}

// checkConsent makes sure that what the owner signed is about this record, this
// receiver and this proxy, whatever the ledger let through.
func (in *incoming) checkConsent(m *Member, release *record.Release) error {
	c := in.consent
	switch {
	case c.Requester != m.ID():
		return fmt.Errorf("%w: the consent is for %s", ErrNotOurs, c.Requester)
	case c.RequesterKey != m.keys.encryption():
		return fmt.Errorf("%w: the consent is for another key of this receiver", ErrKeys)
	case c.OwnerKey.Mode != in.record.OwnerKey.Mode:
		return ErrMode
	case c.Owner != in.record.Owner:
		return record.ErrConsentScope.With("the record belongs to another owner")
	case !c.HasProxy(release.Proxy):
		return record.ErrConsentProxy.With("the consent does not name proxy %s", release.Proxy)
	}
	if err := c.Covers(in.record.Version(), in.record.Label, in.holder.ID); err != nil {
		return err
	}
	in.passed("the consent is for this receiver, record, holder and proxy")
	return nil
}

func (in *incoming) checkSignatures(release *record.Release) error {
	s := in.record.Statement()
	if err := in.chain.verify(in.owner, s.OwnerVersion, bls.RoleOwner, s, in.record.OwnerSignature); err != nil {
		return fmt.Errorf("record, owner: %w", err)
	}
	in.passed("the owner signed this record")
	if err := in.chain.verify(in.issuer, s.IssuerVersion, bls.RoleIssuer, s, in.record.IssuerSignature); err != nil {
		return fmt.Errorf("record, issuer: %w", err)
	}
	in.passed("the issuer signed this record")
	g := in.consent.Statement()
	if err := in.chain.verify(in.owner, g.OwnerVersion, bls.RoleOwner, g, in.consent.OwnerSignature); err != nil {
		return fmt.Errorf("consent: %w", err)
	}
	in.passed("the owner signed this consent")
	d := &release.Statement
	if err := in.chain.verify(in.holder, d.HolderVersion, bls.RoleHolder, d, release.Signature); err != nil {
		return fmt.Errorf("delivery: %w", err)
	}
	in.passed("the holder signed this delivery")
	return nil
}

func (in *incoming) checkCapsule(m *Member, h Handover, release *record.Release) error {
	var err error
	if m.keys.Scoped != nil {
		if in.reencrypted, err = pre.ParseReencrypted(h.Reencrypted); err != nil {
			return err
		}
		in.capsule = in.reencrypted.Capsule()
		if in.capsule.FullDigest() != [32]byte(release.Statement.Capsule) {
			return fmt.Errorf("%w: not the capsule that the holder delivered", ErrTampered)
		}
	} else if in.capsule, err = pre.ParseCapsule(h.Reencrypted); err != nil {
		return err
	}
	if in.capsule.Digest() != [32]byte(in.record.Digest) || in.capsule.Label() != in.record.Label || in.capsule.Payload().Size != in.record.PayloadSize {
		return ErrTampered
	}
	in.passed("the capsule has the digest that is on the ledger")
	return nil
}

// fetch streams the payload from its holder and checks it against the trailer
// and the capsule.
func (in *incoming) fetch(ctx context.Context, holder Holder, payload *spool) (*Trailer, error) {
	sum := sha256.New()
	var count counter
	limited := &limitedWriter{w: io.MultiWriter(payload, sum, &count), left: in.record.PayloadSize + 1}
	trailer, err := holder.SendPayload(ctx, PayloadOrder{AsOf: in.chain.Seen(), Release: in.receipt.Release.Statement.Release}, limited)
	if err != nil && !errors.Is(err, errTooLong) {
		return nil, fmt.Errorf("client: payload of record %s: %w", in.record.ID, err)
	}
	src, openErr := payload.Open()
	if openErr != nil {
		return nil, openErr
	}
	defer src.Close()
	wrong := in.capsule.CheckPayload(src)
	unproven := in.checkTrailer(trailer, record.Digest(sum.Sum(nil)), uint64(count))
	switch {
	case wrong != nil && unproven == nil:
		return nil, &TamperedError{Release: in.receipt.Release.Statement.Release, Trailer: trailer, Err: wrong}
	case wrong != nil:
		return nil, wrong
	case unproven != nil:
		return nil, unproven
	}
	in.passed("the payload has the size and digest that the capsule states")
	in.passed("the holder signed the bytes that it sent")
	return trailer, nil
}

// checkTrailer makes sure that a trailer is the holder's word on the bytes that
// were received.
func (in *incoming) checkTrailer(trailer *Trailer, sum record.Digest, length uint64) error {
	if trailer == nil {
		return ErrTrailer
	}
	t := &trailer.Statement
	if t.HolderVersion < in.receipt.Release.Statement.HolderVersion {
		return fmt.Errorf("%w: it is signed with a key that the holder no longer had", ErrTrailer)
	}
	if t.Release != in.receipt.Release.Statement.Release || t.Holder != in.holder.ID || t.Sent != sum || t.Length != length {
		return ErrTrailer
	}
	if err := in.chain.verify(in.holder, t.HolderVersion, bls.RoleHolder, t, trailer.Signature); err != nil {
		return fmt.Errorf("trailer: %w", err)
	}
	return nil
}

var errTooLong = errors.New("client: the payload is longer than the ledger says")

// limitedWriter refuses an endless stream.
type limitedWriter struct {
	w    io.Writer
	left uint64
}

func (l *limitedWriter) Write(b []byte) (int, error) {
	if uint64(len(b)) > l.left {
		n, err := l.w.Write(b[:l.left])
		l.left -= uint64(n)
		if err == nil {
			err = errTooLong
		}
		return n, err
	}
	n, err := l.w.Write(b)
	l.left -= uint64(n)
	return n, err
}

func (m *Member) openHandover(in *incoming, payload Payload, dst io.Writer) error {
	src, err := payload.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	info := pre.RecordInfo{RecordID: in.record.ID, Kind: byte(in.record.Kind), OwnerPID: in.owner.PID, IssuerPID: in.issuer.PID}
	if m.keys.Paper != nil {
		sealedUnder, err := pre.ParsePaperPublicKey(in.record.OwnerKey.Key[:])
		if err != nil {
			return err
		}
		if err := m.keys.Paper.OpenReencrypted(in.chain.params, sealedUnder, in.capsule, info, dst, src); err != nil {
			return err
		}
		in.passed("the capsule is valid for this receiver (paper mode)")
		return nil
	}
	delegator, err := pre.ParseScopedPublicKey(in.consent.OwnerKey.Key[:])
	if err != nil {
		return err
	}
	sealedUnder, err := pre.ParseScopedPublicKey(in.record.OwnerKey.Key[:])
	if err != nil {
		return err
	}
	d := pre.Delegation{Delegator: delegator, Consent: in.consent.Consent, Commitment: in.consent.PayloadToken}
	if err := m.keys.Scoped.OpenReencrypted(in.chain.params, d, sealedUnder, in.reencrypted, info, dst, src); err != nil {
		return err
	}
	in.passed("the capsule is valid and bound to this record and owner")
	in.passed("the proxy used the re-encryption key that the owner committed to")
	return nil
}

// keep stores the ciphertext of a received record. Having it already is fine:
// an earlier attempt may have failed at the acknowledgement.
func (m *Member) keep(ctx context.Context, h Handover, in *incoming, payload *spool, t *Trailer) error {
	src, err := payload.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	sum := in.capsule.Payload()
	err = m.store.PutReceived(ctx, store.Received{
		Release: h.Release, Consent: in.consent.Consent, RecordID: in.record.ID, Kind: in.record.Kind, Label: in.record.Label,
		OwnerPID: in.owner.PID, IssuerPID: in.issuer.PID, Holder: in.holder.ID, Capsule: in.capsule.Bytes(), Reencrypted: h.Reencrypted,
		PayloadSize: int64(sum.Size), PayloadDigest: sum.SHA256,
		Deliver: append(h.Delivery.Statement.Encode(), h.Delivery.Signature[:]...), Trailer: append(t.Statement.Encode(), t.Signature[:]...),
	}, src)
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}
