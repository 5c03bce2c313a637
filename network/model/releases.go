package model

import (
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

func (t *transaction) release(args []string) {
	list, ok := decoded(t, args[0], record.DecodeDeliveries)
	if !ok {
		return
	}
	c := get[record.Consent](t, consentKey(list[0].Statement.Consent))
	if t.refuse(c == nil, record.ErrConsentUnknown) {
		return
	}
	answer := make([]*record.Release, len(list))
	fresh := t.unannounced(list, answer)
	t.refuse(!slices.Contains(c.Proxies, t.party.ID), record.ErrConsentProxy)
	t.refuse(c.Status == record.ConsentRevoked, record.ErrConsentRevoked)
	t.refuse(c.Status == record.ConsentGranted, record.ErrConsentUnapproved)
	t.refuse(t.now < c.NotBefore, record.ErrConsentEarly)
	t.refuse(t.now >= c.Expiry, record.ErrConsentExpired)
	t.parties(c)
	if len(fresh) > 0 {
		so := t.count(used(c.Consent, t.party.ID))
		t.refuse(so+len(fresh) > int(c.MaxReleases), record.ErrConsentExhausted)
	}
	for _, i := range fresh {
		t.delivery(c, &list[i])
		answer[i] = &record.Release{
			Delivery: list[i], Owner: c.Owner, Receiver: c.Requester, Proxy: t.party.ID, Purpose: c.Purpose, Claim: c.Claim,
			Status: record.ReleaseOpen, Time: t.now, Tx: t.tx,
		}
		t.put(releaseKey(list[i].Statement.Release), answer[i])
		t.changed(record.DocumentRelease, "added", list[i].Statement.Release.String())
	}
	t.answer = answer
}

// unannounced puts what is on the ledger already into the answer and lists the
// rest.
func (t *transaction) unannounced(list record.Deliveries, answer []*record.Release) (fresh []int) {
	seen := map[record.ReleaseID]bool{}
	for i := range list {
		id := list[i].Statement.Release
		t.refuse(seen[id], record.ErrDuplicateEntry)
		seen[id] = true
		if answer[i] = get[record.Release](t, releaseKey(id)); answer[i] == nil {
			fresh = append(fresh, i)
			continue
		}
		same := answer[i].Delivery == list[i] && answer[i].Proxy == t.party.ID
		t.refuse(!same, record.ErrReleaseExists)
		t.kept(answer[i].Statement.Record)
	}
	return fresh
}

// delivery checks one delivery against the consent and the record.
func (t *transaction) delivery(c *record.Consent, d *record.Delivery) {
	s := &d.Statement
	t.refuse(s.Release != record.NewReleaseID(s.Consent, s.Record, t.party.ID, d.Nonce), record.ErrReleaseID)
	t.refuse(!t.inTime(s.Time), record.ErrTime)
	v := record.RecordVersion{ID: s.Record, Digest: s.Digest}
	t.kept(v.ID)
	rec := t.recorded(v)
	if t.refuse(rec == nil, record.ErrRecordUnknown) {
		return
	}
	t.refuse(!covered(c, rec), record.ErrConsentScope)
	t.refuse(s.Holder != rec.Issuer, record.ErrNotHolder)
	holder := t.known(s.Holder)
	if holder == nil {
		return
	}
	t.refuse(s.HolderVersion != latest(holder).Version, record.ErrStaleKeyVersion)
	t.refuse(!t.signed(latest(holder).Signing, bls.RoleHolder, s, d.Signature), record.ErrSignature)
}

// covered reports whether a consent reaches a version of a record.
func covered(c *record.Consent, rec *record.Record) bool {
	listed := len(c.Records) == 0 || slices.Contains(c.Records, record.RecordVersion{ID: rec.ID, Digest: rec.Digest})
	held := c.Holder == (record.PartyID{}) || c.Holder == rec.Issuer
	return rec.Owner == c.Owner && rec.Label == c.Label && held && listed
}

// received loads a release that the caller received.
func (t *transaction) received(name string) *record.Release {
	id, ok := parsed(t, name, record.ParseReleaseID)
	if !ok {
		return nil
	}
	r := get[record.Release](t, releaseKey(id))
	if t.refuse(r == nil, record.ErrReleaseUnknown) || t.refuse(r.Receiver != t.party.ID, record.ErrNotReceiver) {
		return nil
	}
	return r
}

func (t *transaction) putRelease(r *record.Release, change string) {
	t.put(releaseKey(r.Statement.Release), r)
	t.changed(record.DocumentRelease, change, r.Statement.Release.String())
	t.answer = r
}

func (t *transaction) acknowledge(args []string) {
	r := t.received(args[0])
	if r == nil {
		return
	}
	if r.Status == record.ReleaseAcknowledged {
		t.answer = r
		return
	}
	if t.refuse(r.Status != record.ReleaseOpen, record.ErrReleaseStatus) {
		return
	}
	r.Status, r.AcknowledgedAt, r.AcknowledgeTx = record.ReleaseAcknowledged, t.now, t.tx
	t.putRelease(r, "acknowledged")
}

func (t *transaction) dispute(args []string) {
	r := t.received(args[0])
	if r == nil {
		return
	}
	ground, err := record.ParseGround(args[1])
	t.refuse(err != nil || record.CheckReason(args[2]) != nil, record.ErrMalformed)
	t.refuse(r.Status != record.ReleaseOpen, record.ErrReleaseStatus)
	t.refuse(ground == record.GroundPayload && args[3] == "", record.ErrTrailerMissing)
	d := &record.Dispute{Ground: ground, Reason: args[2], OpenedAt: t.now, OpenTx: t.tx}
	if args[3] != "" {
		t.trailer(r, d, args[3], args[4])
	}
	r.Status, r.Dispute = record.ReleaseDisputed, d
	t.putRelease(r, "disputed")
}

// trailer checks a trailer against the keys that the holder had when it
// delivered, or later ones.
func (t *transaction) trailer(r *record.Release, d *record.Dispute, argument, signatureArgument string) {
	s, ok := decoded(t, argument, record.DecodeTrailerStatement)
	if !ok {
		return
	}
	signature, ok := parsed(t, signatureArgument, record.ParseSignature)
	if !ok {
		return
	}
	t.refuse(s.Release != r.Statement.Release || s.Holder != r.Statement.Holder, record.ErrNotHolder)
	holder := t.known(s.Holder)
	if holder == nil {
		return
	}
	if t.refuse(s.HolderVersion < r.Statement.HolderVersion || int(s.HolderVersion) > len(holder.Keys), record.ErrStaleKeyVersion) {
		return
	}
	t.refuse(!t.signed(holder.Keys[s.HolderVersion-1].Signing, bls.RoleHolder, s, signature), record.ErrSignature)
	d.Trailer, d.TrailerSignature = s, signature
}

func (t *transaction) resolve(args []string) {
	id, ok := parsed(t, args[0], record.ParseReleaseID)
	if !ok {
		return
	}
	r := get[record.Release](t, releaseKey(id))
	if t.refuse(r == nil, record.ErrReleaseUnknown) {
		return
	}
	t.refuse(record.CheckReason(args[2]) != nil, record.ErrMalformed)
	t.refuse(args[1] != "upheld" && args[1] != "dismissed", record.ErrMalformed)
	t.refuse(r.Status != record.ReleaseDisputed, record.ErrReleaseStatus)
	if t.refused() {
		return
	}
	r.Status = record.ReleaseDismissed
	if args[1] == "upheld" {
		r.Status = record.ReleaseUpheld
		holder := t.known(r.Statement.Holder)
		t.violate(holder, &record.Violation{Offence: record.OffenceDelivery, Release: id, Bad: []record.BadEntry{}})
	}
	d := *r.Dispute
	d.Resolution, d.ResolvedAt, d.ResolveTx = args[2], t.now, t.tx
	r.Dispute = &d
	t.putRelease(r, args[1])
}
