package contract

import (
	"errors"
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

// Release announces capsules that the calling proxy is about to hand out. The
// proxy acts once this is committed, not before.
func (*consents) Release(c *Context, deliveries string) (string, error) {
	list, err := argument(record.ArgDeliveries, deliveries, record.DecodeDeliveries)
	if err != nil {
		return "", err
	}
	consent, err := c.consent(list[0].Statement.Consent)
	if err != nil {
		return "", err
	}
	r := &releasing{c: c, proxy: c.caller.party, consent: consent, parties: map[record.PartyID]*record.Party{}}
	fresh, err := r.sort(list)
	if err != nil {
		return "", err
	}
	// Also for what is on the ledger already: the answer tells the proxy to go on.
	if err := first(
		r.checkProxy,
		func() error { return consent.UsableAt(c.now) },
		func() error { return c.checkParties(consent) },
		r.checkAnnounced,
	); err != nil {
		return "", err
	}
	if len(fresh) > 0 {
		if err := first(
			func() error { return r.checkNumber(len(fresh)) },
			func() error { return r.checkDeliveries(fresh) },
			func() error { return r.verify(fresh) },
			func() error { return r.store(fresh) },
		); err != nil {
			return "", err
		}
	}
	return c.done(r.releases)
}

// releasing is one Release transaction.
type releasing struct {
	c        *Context
	proxy    *record.Party
	consent  *record.Consent
	parties  map[record.PartyID]*record.Party // holders; looked up only
	releases []*record.Release                // in the order of the deliveries; nil where fresh
}

// sort puts releases that are on the ledger already into their places in the
// answer, and returns the deliveries that are not.
func (r *releasing) sort(list record.Deliveries) (fresh []*record.Delivery, err error) {
	keys := make([]string, len(list))
	seen := map[record.ReleaseID]bool{}
	for i := range list {
		id := list[i].Statement.Release
		if seen[id] {
			return nil, record.ErrDuplicateEntry.With("release %s stands twice in the list", id)
		}
		seen[id] = true
		keys[i] = record.ReleaseKey(id)
	}
	existing, err := loadAll(r.c, keys, record.DecodeRelease)
	if err != nil {
		return nil, err
	}
	for i, release := range existing {
		switch {
		case release == nil:
			fresh = append(fresh, &list[i])
		case release.Delivery != list[i] || release.Proxy != r.proxy.ID:
			return nil, record.ErrReleaseExists.With("release %s is there with other contents", list[i].Statement.Release)
		}
	}
	r.releases = existing
	return fresh, nil
}

func (r *releasing) checkProxy() error {
	if !r.consent.HasProxy(r.proxy.ID) {
		return record.ErrConsentProxy.With("consent %s does not name proxy %s", r.consent.Consent, r.proxy.ID)
	}
	return nil
}

// checkAnnounced refuses what is on the ledger already when its record has been
// erased since.
func (r *releasing) checkAnnounced() error {
	for _, release := range r.releases {
		if release == nil {
			continue
		}
		rec, err := r.c.record(release.Statement.Record)
		if err != nil {
			return err
		}
		if err := notErased(rec); err != nil {
			return err
		}
	}
	return nil
}

// checkNumber counts this proxy's releases. The count is a range query: of two
// releases that reach the ledger together, the second is invalid as a phantom
// and has to be submitted again.
func (r *releasing) checkNumber(fresh int) error {
	rows, err := r.c.GetStub().GetStateByPartialCompositeKey(record.ReleasesByProxy, []string{record.KeyPart(r.consent.Consent[:]), record.KeyPart(r.proxy.ID[:])})
	if err != nil {
		return internal("query", err)
	}
	used, err := drain(rows)
	if err != nil {
		return err
	}
	if len(used)+fresh > int(r.consent.MaxReleases) {
		return record.ErrConsentExhausted.With("consent %s: releases allowed: %d, used: %d", r.consent.Consent, r.consent.MaxReleases, len(used))
	}
	return nil
}

func (r *releasing) checkDeliveries(fresh []*record.Delivery) error {
	for _, delivery := range fresh {
		if err := r.checkDelivery(delivery); err != nil {
			return err
		}
	}
	return nil
}

func (r *releasing) checkDelivery(d *record.Delivery) error {
	s := &d.Statement
	if s.Release != record.NewReleaseID(s.Consent, s.Record, r.proxy.ID, d.Nonce) {
		return record.ErrReleaseID.With("release id %s is of another proxy, record or nonce", s.Release)
	}
	current, err := r.c.record(s.Record)
	if err != nil {
		return err
	}
	if err := notErased(current); err != nil {
		return err
	}
	version := record.RecordVersion{ID: s.Record, Digest: s.Digest}
	rec, err := r.c.versionOf(current, version)
	if err != nil {
		return err
	}
	if rec.Owner != r.consent.Owner {
		return record.ErrConsentScope.With("record %s is of another owner", rec.ID)
	}
	if s.Holder != rec.Issuer {
		return record.ErrNotHolder.With("record %s was issued by %s, the delivery is signed by %s", rec.ID, rec.Issuer, s.Holder)
	}
	if err := r.consent.Covers(version, rec.Label, s.Holder); err != nil {
		return err
	}
	holder, err := r.holder(s.Holder)
	if err != nil {
		return err
	}
	if err := currentVersion(holder, s.HolderVersion); err != nil {
		return err
	}
	return r.c.inWindow("the delivery", s.Time)
}

// holder loads a holder once. A suspended or expelled holder may deliver: its
// records stay readable.
func (r *releasing) holder(id record.PartyID) (*record.Party, error) {
	if party := r.parties[id]; party != nil {
		return party, nil
	}
	party, err := r.c.party(id)
	r.parties[id] = party
	return party, err
}

func (r *releasing) verify(fresh []*record.Delivery) error {
	items := make([]bls.Item, len(fresh))
	for i, d := range fresh {
		key, err := signingKey(r.parties[d.Statement.Holder])
		if err != nil {
			return err
		}
		items[i] = bls.Item{Key: key, Role: bls.RoleHolder, Hash: d.Statement.Hash(r.c.setUp.Context()), Signature: bls.Signature(d.Signature)}
	}
	bad, err := bls.VerifyBatch(r.c.setUp.ParamsID, items, 1)
	switch {
	case errors.Is(err, bls.ErrTooManyBad):
		return record.ErrSignature.With("several deliveries are not signed by their holder")
	case err != nil:
		return internal("batch verification", err)
	case len(bad) > 0:
		return record.ErrSignature.With("the delivery of record %s is not signed by its holder", fresh[bad[0]].Statement.Record)
	}
	return nil
}

func (r *releasing) store(fresh []*record.Delivery) error {
	for _, d := range fresh {
		release := &record.Release{
			Delivery: *d, Owner: r.consent.Owner, Receiver: r.consent.Requester, Proxy: r.proxy.ID,
			Purpose: r.consent.Purpose, Claim: r.consent.Claim, Status: record.ReleaseOpen, Time: r.c.now, Tx: r.c.tx,
		}
		id := d.Statement.Release
		if err := first(
			func() error { return r.c.put(record.ReleaseKey(id), release) },
			func() error {
				return r.c.putIndex(record.ReleasesByProxy, record.KeyPart(r.consent.Consent[:]), record.KeyPart(r.proxy.ID[:]), sortable(r.c.now), record.KeyPart(id[:]))
			},
			func() error { return r.c.putTimeIndex(indexReleaseOwner, release.Owner[:], id[:]) },
			func() error { return r.c.putTimeIndex(indexReleaseReceiver, release.Receiver[:], id[:]) },
		); err != nil {
			return err
		}
		r.c.changed(record.DocumentRelease, "added", id.String())
		r.releases[slices.Index(r.releases, nil)] = release
	}
	return nil
}

func (c *Context) release(name string) (*record.Release, error) {
	id, err := record.ParseReleaseID(name)
	if err != nil {
		return nil, err
	}
	release, err := load(c, record.ReleaseKey(id), record.DecodeRelease)
	if err == nil && release == nil {
		err = record.ErrReleaseUnknown.With("there is no release %s", id)
	}
	return release, err
}

// received loads a release that the caller received.
func (c *Context) received(name string) (*record.Release, error) {
	release, err := c.release(name)
	if err == nil && release.Receiver != c.caller.party.ID {
		err = record.ErrNotReceiver.With("release %s went to %s", name, release.Receiver)
	}
	return release, err
}

func wrongStatus(release *record.Release) error {
	return record.ErrReleaseStatus.With("release %s is %s", release.Statement.Release, release.Status)
}

func (c *Context) putRelease(release *record.Release, change string) error {
	c.changed(record.DocumentRelease, change, release.Statement.Release.String())
	return c.put(record.ReleaseKey(release.Statement.Release), release)
}

// Acknowledge says that the receiver opened the record and its digest matched.
func (*consents) Acknowledge(c *Context, id string) (string, error) {
	release, err := c.received(id)
	if err != nil {
		return "", err
	}
	switch release.Status {
	case record.ReleaseAcknowledged:
		return c.done(release)
	case record.ReleaseOpen:
	default:
		return "", wrongStatus(release)
	}
	release.Status, release.AcknowledgedAt, release.AcknowledgeTx = record.ReleaseAcknowledged, c.now, c.tx
	if err := c.putRelease(release, "acknowledged"); err != nil {
		return "", err
	}
	return c.done(release)
}

// Dispute complains about a release. What the holder signed is the evidence:
// the delivery that every release has, and for a payload the trailer.
func (*consents) Dispute(c *Context, id, ground, reason, trailer, signature string) (string, error) {
	release, err := c.received(id)
	if err != nil {
		return "", err
	}
	dispute := &record.Dispute{Reason: reason, OpenedAt: c.now, OpenTx: c.tx}
	if dispute.Ground, err = record.ParseGround(ground); err != nil {
		return "", err
	}
	if err := record.CheckReason(reason); err != nil {
		return "", record.ErrMalformed.With("%v", err)
	}
	if release.Status != record.ReleaseOpen {
		return "", wrongStatus(release)
	}
	if trailer == "" && dispute.Ground == record.GroundPayload {
		return "", record.ErrTrailerMissing.With("the dispute is about the payload")
	}
	if trailer != "" {
		if err := c.attachTrailer(release, dispute, trailer, signature); err != nil {
			return "", err
		}
	}
	release.Status, release.Dispute = record.ReleaseDisputed, dispute
	if err := c.putRelease(release, "disputed"); err != nil {
		return "", err
	}
	return c.done(release)
}

func (c *Context) attachTrailer(release *record.Release, dispute *record.Dispute, trailer, signature string) error {
	s, err := argument(record.ArgTrailer, trailer, record.DecodeTrailerStatement)
	if err != nil {
		return err
	}
	sig, err := record.ParseSignature(signature)
	if err != nil {
		return err
	}
	if s.Release != release.Statement.Release || s.Holder != release.Statement.Holder {
		return record.ErrNotHolder.With("the trailer is of another release or holder")
	}
	holder, err := c.party(s.Holder)
	if err != nil {
		return err
	}
	if err := c.verifyPast(holder, s.HolderVersion, release.Statement.HolderVersion, s, sig); err != nil {
		return err
	}
	dispute.Trailer, dispute.TrailerSignature = s, sig
	return nil
}

// verifyPast checks a holder's trailer under the key version that signed the
// delivery or any later one: rotating its keys must not save a holder from a
// dispute.
func (c *Context) verifyPast(holder *record.Party, version, least uint32, s record.Statement, sig record.Signature) error {
	keys := holder.KeysAt(version)
	if keys == nil || version < least {
		return record.ErrStaleKeyVersion.With("party %s did not have key version %d then", holder.ID, version)
	}
	key, err := bls.ParsePublicKey(keys.Signing[:])
	if err != nil {
		return internal("signing key of "+holder.ID.String(), err)
	}
	if err := bls.Verify(key, bls.RoleHolder, s.Hash(c.setUp.Context()), bls.Signature(sig)); err != nil {
		return record.ErrSignature.With("the signature of party %s does not verify", holder.ID)
	}
	return nil
}

// Resolve decides a dispute.
func (*consents) Resolve(c *Context, id, outcome, reason string) (string, error) {
	release, err := c.release(id)
	if err != nil {
		return "", err
	}
	if err := record.CheckReason(reason); err != nil {
		return "", record.ErrMalformed.With("%v", err)
	}
	if release.Status != record.ReleaseDisputed {
		return "", wrongStatus(release)
	}
	switch outcome {
	case record.OutcomeUpheld:
		release.Status = record.ReleaseUpheld
		holder, err := c.party(release.Statement.Holder)
		if err != nil {
			return "", err
		}
		violation := &record.Violation{Offence: record.OffenceDelivery, Release: release.Statement.Release}
		if _, err := c.violate(holder, violation); err != nil {
			return "", err
		}
	case record.OutcomeDismissed:
		release.Status = record.ReleaseDismissed
	default:
		return "", record.ErrMalformed.With("the outcome is %q, not upheld or dismissed", outcome)
	}
	release.Dispute.Resolution, release.Dispute.ResolvedAt, release.Dispute.ResolveTx = reason, c.now, c.tx
	if err := c.putRelease(release, outcome); err != nil {
		return "", err
	}
	return c.done(release)
}

// ReleaseByID answers with one release.
func (*consents) ReleaseByID(c *Context, release string) (string, error) {
	document, err := c.release(release)
	if err != nil {
		return "", err
	}
	return c.done(document)
}

// ReleasesByConsent lists what was handed out under a consent.
func (*consents) ReleasesByConsent(c *Context, consent, pageSize, bookmark string) (string, error) {
	id, err := record.ParseConsentID(consent)
	if err != nil {
		return "", err
	}
	return listDocuments(c, pageSize, bookmark, record.ReleasePrefix, record.DecodeRelease, record.ReleasesByProxy, record.KeyPart(id[:]))
}

// ReleasesByOwner lists who read what of an owner.
func (*consents) ReleasesByOwner(c *Context, party, pageSize, bookmark string) (string, error) {
	return listOf(c, party, pageSize, bookmark, record.ReleasePrefix, record.DecodeRelease, indexReleaseOwner)
}

// ReleasesByReceiver lists what a party received.
func (*consents) ReleasesByReceiver(c *Context, party, pageSize, bookmark string) (string, error) {
	return listOf(c, party, pageSize, bookmark, record.ReleasePrefix, record.DecodeRelease, indexReleaseReceiver)
}
