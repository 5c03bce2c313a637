package model

import (
	"bytes"
	"slices"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/crypto/bls"
)

// What the world does with consents and releases.

func (w *world) request() stub.Call {
	p, o := w.issuer(), w.owner()
	if p == nil || o == nil {
		return w.register()
	}
	r := must(w.Request(w.member(o), pick(w, []string{"repair/2026", "repair/2025", ""})))
	own := all(w.m, func(x *record.Record) bool { return x.Owner == o.ID })
	if rec := pick(w, own); rec != nil && w.chance(40) {
		r.Records = append(r.Records, rec.ID)
	}
	switch w.IntN(16) {
	case 0:
		r.Owner = w.anybody().ID
	case 1:
		r.Records = []record.RecordID{{1}}
	case 2:
		r.Holder = w.anybody().ID
	case 3:
		r.Owner = w.outsider()
	case 4:
		if old := pick(w, all[record.Request](w.m, nil)); old != nil {
			r.ID = old.ID
		}
	case 5, 6:
		r.Holder = w.issuer().ID
	}
	return w.call(identity(p), record.TxRequestAccess, alliance.RequestArgs(r)...)
}

// grant signs a consent, or takes one that was signed before.
func (w *world) grant() stub.Call {
	if w.chance(12) {
		g := pick(w, w.unheard())
		if p, ok := w.m.documents[partyKey(g.Owner)].(*record.Party); ok {
			return w.call(w.carrier(), record.TxGrant, w.GrantArgs(g, w.member(p))...)
		}
	}
	g, signer := w.newGrant()
	if signer == nil {
		return w.submit()
	}
	if w.chance(20) {
		signer = w.spoilGrant(&g, signer)
	}
	w.consents = append(w.consents, g)
	return w.call(w.carrier(), record.TxGrant, w.GrantArgs(g, signer)...)
}

// unheard are consents that are not on the ledger, though they were signed.
func (w *world) unheard() []record.GrantStatement {
	return slices.DeleteFunc(slices.Clone(w.consents), func(g record.GrantStatement) bool {
		return w.m.documents[consentKey(g.Consent)] != nil
	})
}

// newGrant is a consent of an owner who has a record, usually to a party whose
// key has the same mode.
func (w *world) newGrant() (g record.GrantStatement, signer *alliance.Member) {
	rec := pick(w, all(w.m, func(r *record.Record) bool { return w.mayAct(r.Owner) }))
	if rec == nil {
		return g, nil
	}
	owner := w.m.documents[partyKey(rec.Owner)].(*record.Party)
	mode := latest(owner).Encryption.Mode
	p := pick(w, all(w.m, func(p *record.Party) bool {
		return w.mayAct(p.ID) && (p.Role == record.RoleInsurer || p.Role == record.RoleRepairShop) && latest(p).Encryption.Mode == mode
	}))
	proxies := all(w.m, func(p *record.Party) bool { return p.Role == record.RoleProxy })
	if p == nil || len(proxies) == 0 {
		return g, nil
	}
	through := []*alliance.Member{w.member(pick(w, proxies))}
	if second := w.member(pick(w, proxies)); second.ID != through[0].ID && w.chance(50) {
		through = append(through, second)
	}
	signer = w.member(owner)
	g = must(w.Grant(signer, w.member(p), rec.Label, w.now, through...))
	g.MaxReleases = 1 + uint32(w.IntN(6))
	g.NotBefore = w.now + pick(w, []int64{-10, 0, 0, 0, 100})
	g.Expiry = w.now + pick(w, []int64{101, 5000, 100_000, 10_000_000, 10_000_000})
	if policy := pick(w, all(w.m, func(r *record.Record) bool { return r.Owner == owner.ID && r.Kind == record.KindPolicy })); policy != nil {
		g.PolicyRecord = policy.ID
	} else if mode == record.ModeScoped {
		g.PolicyRecord = rec.ID // no policy: refused
	}
	w.narrow(&g, rec)
	return g, signer
}

// narrow limits a consent to a holder, to versions of records, or to what was
// asked for.
func (w *world) narrow(g *record.GrantStatement, rec *record.Record) {
	if w.chance(30) {
		g.Holder = rec.Issuer
	}
	if w.chance(40) {
		v := pick(w, w.m.versions(rec.ID)).(*record.Record)
		g.Records = append(g.Records, record.RecordVersion{ID: v.ID, Digest: v.Digest})
		more := all(w.m, func(r *record.Record) bool { return r.Owner == g.Owner && r.ID != rec.ID })
		if r := pick(w, more); r != nil && w.chance(50) {
			g.Records = append(g.Records, record.RecordVersion{ID: r.ID, Digest: r.Digest})
		}
		slices.SortFunc(g.Records, func(a, b record.RecordVersion) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	}
	if w.chance(40) {
		asked := all(w.m, func(r *record.Request) bool { return r.Owner == g.Owner && r.Requester == g.Requester })
		if r := pick(w, asked); r != nil {
			g.Request, g.Purpose, g.Claim = r.ID, r.Purpose, r.Claim
		}
	}
}

// spoilGrant makes one thing wrong, and answers who signs.
func (w *world) spoilGrant(g *record.GrantStatement, signer *alliance.Member) *alliance.Member {
	switch w.IntN(14) {
	case 0:
		return w.member(w.owner())
	case 1:
		g.Owner = w.outsider()
	case 2:
		g.Requester = w.outsider()
	case 3:
		g.Requester = w.owner().ID
	case 4:
		g.Holder = w.anybody().ID
	case 5:
		g.Proxies = []record.PartyID{w.anybody().ID}
	case 6:
		g.OwnerVersion++
	case 7:
		first := w.made[g.Requester][0]
		g.RequesterVersion, g.RequesterKey = 1, first.Encryption()
	case 8:
		must(0, w.Draw(g.Request[:]))
	case 9:
		if r := pick(w, all[record.Request](w.m, nil)); r != nil {
			g.Request, g.Purpose = r.ID, "marketing"
		}
	case 10:
		g.PolicyRecord = pick(w, all[record.Record](w.m, nil)).ID
	case 11:
		r := pick(w, all[record.Record](w.m, nil))
		g.Records = []record.RecordVersion{{ID: r.ID, Digest: pick(w, []record.Digest{r.Digest, {1}})}}
	case 12:
		g.NotBefore, g.Expiry = w.now-100, w.now+int64(w.IntN(2))
	default:
		if c := pick(w, all[record.Consent](w.m, nil)); c != nil {
			g.Consent = c.Consent
		}
	}
	return signer
}

func (w *world) mayAct(id record.PartyID) bool {
	p, known := w.m.documents[partyKey(id)].(*record.Party)
	return known && p.Status == record.StatusActive
}

// consent picks one that is on the ledger and satisfies a condition, if any does.
func (w *world) consent(condition func(*record.Consent) bool) *record.Consent {
	if c := pick(w, all(w.m, condition)); c != nil && !w.chance(10) {
		return c
	}
	return pick(w, all[record.Consent](w.m, nil))
}

func (w *world) approve() stub.Call {
	status := record.ConsentGranted
	if w.chance(8) {
		status = record.ConsentRevoked
	}
	c := w.consent(func(c *record.Consent) bool { return c.Status == status && w.now < c.Expiry })
	if c == nil || w.chance(2) {
		return w.call(w.manager(), record.TxApprove, record.ConsentID{1}.String())
	}
	return w.call(w.manager(), record.TxApprove, c.Consent.String())
}

// revoke withdraws a consent, now and then one that was never granted.
func (w *world) revoke() stub.Call {
	var id record.ConsentID
	var owner *record.Party
	if c := w.consent(func(c *record.Consent) bool { return c.Status == record.ConsentGranted }); c != nil {
		id, owner = c.Consent, w.m.documents[partyKey(c.Owner)].(*record.Party)
	}
	if owner == nil || w.chance(25) {
		g, signer := w.newGrant()
		if signer == nil {
			return w.submit()
		}
		w.consents = append(w.consents, g)
		id, owner = g.Consent, w.m.documents[partyKey(g.Owner)].(*record.Party)
	}
	s := record.RevokeStatement{Consent: id, Owner: owner.ID, OwnerVersion: latest(owner).Version, Time: w.now}
	signer := w.member(owner)
	switch w.IntN(24) {
	case 0, 1:
		signer = w.member(w.owner())
		s.Owner, s.OwnerVersion = signer.ID, signer.Version
	case 2:
		signer = w.member(w.owner())
	case 3:
		s.OwnerVersion++
	case 4:
		s.Owner = w.outsider()
	case 5:
		p := w.anybody()
		signer = w.member(p)
		s.Owner, s.OwnerVersion = p.ID, latest(p).Version
	}
	return w.call(w.carrier(), record.TxRevoke, record.EncodeText(s.Encode()), w.Sign(signer, bls.RoleOwner, &s).String())
}

// release announces what a consent covers, most of the time.
func (w *world) release() stub.Call {
	c := w.consent(func(c *record.Consent) bool {
		return c.Status == record.ConsentApproved && c.NotBefore <= w.now && w.now < c.Expiry && w.mayAct(c.Owner) && w.mayAct(c.Requester)
	})
	if c == nil {
		return w.grant()
	}
	return w.releaseUnder(c)
}

func (w *world) releaseUnder(c *record.Consent) stub.Call {
	proxy, ok := w.m.documents[partyKey(pick(w, c.Proxies))].(*record.Party)
	if w.chance(6) || !ok {
		proxy = w.party(record.RoleProxy)
	}
	var list []record.Delivery
	for range 1 + w.IntN(2) {
		if d, ok := w.delivery(c, w.member(proxy)); ok {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return w.submit()
	}
	if old := pick(w, all(w.m, func(r *record.Release) bool { return r.Statement.Consent == c.Consent })); old != nil && w.chance(20) {
		list = append(list, old.Delivery)
	}
	if w.chance(3) {
		list = append(list, list[0])
	}
	return w.call(identity(proxy), record.TxRelease, alliance.ReleaseArgs(list...)...)
}

func (w *world) delivery(c *record.Consent, proxy *alliance.Member) (d record.Delivery, ok bool) {
	var versions []*record.Record
	for _, r := range all(w.m, func(r *record.Record) bool { return r.Owner == c.Owner }) {
		for _, v := range w.m.versions(r.ID) {
			versions = append(versions, v.(*record.Record))
		}
	}
	within := slices.DeleteFunc(slices.Clone(versions), func(r *record.Record) bool { return !covered(c, r) })
	rec := pick(w, within)
	if rec == nil || w.chance(12) {
		rec = pick(w, versions)
	}
	if rec == nil || w.chance(2) {
		rec = pick(w, all[record.Record](w.m, nil))
	}
	if rec == nil {
		return d, false
	}
	holder := w.member(w.m.documents[partyKey(rec.Issuer)].(*record.Party))
	d = must(w.Delivery(c.Consent, record.RecordVersion{ID: rec.ID, Digest: rec.Digest}, holder, proxy, w.now))
	if w.chance(25) {
		return w.spoilDelivery(d, holder, proxy), true
	}
	return d, true
}

func (w *world) spoilDelivery(d record.Delivery, holder, proxy *alliance.Member) record.Delivery {
	s := &d.Statement
	rename := func() { s.Release = record.NewReleaseID(s.Consent, s.Record, proxy.ID, d.Nonce) }
	switch w.IntN(10) {
	case 0:
		d.Nonce[0]++
	case 1:
		must(0, w.Draw(s.Record[:]))
		rename()
	case 2:
		must(0, w.Draw(s.Digest[:]))
	case 3:
		s.HolderVersion++
	case 4:
		s.Time = w.edge()
	case 5, 6: // signed by another issuer, or with the holder's first keys
		holder = pick(w, []*alliance.Member{w.member(w.issuer()), w.made[s.Holder][0]})
	case 7:
		holder = w.member(w.issuer())
		s.Holder, s.HolderVersion = holder.ID, holder.Version
	default:
		if old := pick(w, all[record.Release](w.m, nil)); old != nil {
			d.Nonce, s.Record, s.Release = old.Nonce, old.Statement.Record, old.Statement.Release
		}
	}
	return w.SignDelivery(d, holder)
}

// followUp acknowledges or disputes a release, or resolves a dispute.
func (w *world) followUp() stub.Call {
	r := pick(w, all[record.Release](w.m, nil))
	if open := pick(w, all(w.m, func(r *record.Release) bool {
		return r.Status == record.ReleaseOpen || r.Status == record.ReleaseDisputed
	})); open != nil && !w.chance(15) {
		r = open
	}
	if r == nil {
		return w.release()
	}
	receiver := identity(w.m.documents[partyKey(r.Receiver)].(*record.Party))
	if w.chance(8) {
		receiver = w.somebody()
	}
	id := r.Statement.Release.String()
	switch {
	case r.Status == record.ReleaseDisputed && !w.chance(10), w.chance(5):
		return w.call(w.manager(), record.TxResolve, id, pick(w, []string{"upheld", "upheld", "dismissed", "perhaps"}), pick(w, reasons))
	case w.chance(45):
		return w.call(receiver, record.TxAcknowledge, id)
	case w.chance(3):
		return w.call(receiver, record.TxAcknowledge, record.ReleaseID{1}.String())
	}
	args := alliance.DisputeArgs(r.Statement.Release, pick(w, []record.Ground{record.GroundCapsule, record.GroundPayload}), pick(w, reasons), w.trailer(r))
	return w.call(receiver, record.TxDispute, args...)
}

func (w *world) trailer(r *record.Release) []string {
	holder := w.member(w.m.documents[partyKey(r.Statement.Holder)].(*record.Party))
	s := must(w.Trailer(r.Statement.Release, holder))
	switch w.IntN(10) {
	case 0:
		return nil
	case 1:
		s.HolderVersion++
	case 2:
		holder = w.member(w.issuer())
	case 3:
		holder = w.member(w.issuer())
		s.Holder, s.HolderVersion = holder.ID, holder.Version
	case 4:
		must(0, w.Draw(s.Release[:]))
	case 5: // with the keys of the delivery, or even older ones
		holder = w.made[holder.ID][0]
		s.HolderVersion = 1
	}
	return w.TrailerArgs(s, holder)
}
