package alliance

import (
	"bytes"
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

// Request is a valid access request for all of an owner's records under a label,
// whoever holds them.
func (d *Deployment) Request(owner *Member, label string) (record.AccessRequest, error) {
	r := record.AccessRequest{Owner: owner.ID, Label: label, Records: []record.RecordID{}, Purpose: "claim", Claim: "C-2026-001"}
	return r, d.Draw(r.ID[:])
}

// RequestArgs are the arguments of consents:RequestAccess.
func RequestArgs(r record.AccessRequest) []string { return []string{record.EncodeText(r.Encode())} }

// Grant is an owner's consent for one release of any record under the label. It
// holds for an hour from now on. With scoped keys it needs a policy record,
// which the caller sets together with whatever else shall differ.
func (d *Deployment) Grant(owner, requester *Member, label string, now int64, proxies ...*Member) (record.GrantStatement, error) {
	g := record.GrantStatement{
		Owner: owner.ID, OwnerVersion: owner.Version, OwnerKey: owner.Encryption(),
		Requester: requester.ID, RequesterVersion: requester.Version, RequesterKey: requester.Encryption(),
		Label: label, Records: []record.RecordVersion{}, Purpose: "claim", Claim: "C-2026-001",
		NotBefore: now, Expiry: now + 3600, MaxReleases: 1, Proxies: []record.PartyID{}, Threshold: 1,
	}
	for _, p := range proxies {
		g.Proxies = append(g.Proxies, p.ID)
	}
	slices.SortFunc(g.Proxies, func(a, b record.PartyID) int { return bytes.Compare(a[:], b[:]) })
	if owner.Mode() == record.ModePaper {
		g.Label = ""
		return g, d.drawAll(g.Consent[:], g.SearchToken[:])
	}
	return g, d.drawAll(g.Consent[:], g.PayloadToken[:], g.SearchToken[:])
}

// GrantArgs are the arguments of consents:Grant.
func (d *Deployment) GrantArgs(g record.GrantStatement, owner *Member) []string {
	return []string{record.EncodeText(g.Encode()), d.Sign(owner, bls.RoleOwner, &g).String()}
}

// RevokeArgs are the arguments of consents:Revoke.
func (d *Deployment) RevokeArgs(consent record.ConsentID, owner *Member, now int64) []string {
	s := record.RevokeStatement{Consent: consent, Owner: owner.ID, OwnerVersion: owner.Version, Time: now}
	return []string{record.EncodeText(s.Encode()), d.Sign(owner, bls.RoleOwner, &s).String()}
}

// Delivery is a holder's signed delivery of a record version to a proxy, which
// drew the nonce.
func (d *Deployment) Delivery(consent record.ConsentID, version record.RecordVersion, holder, proxy *Member, now int64) (record.Delivery, error) {
	var v record.Delivery
	if err := d.Draw(v.Nonce[:]); err != nil {
		return v, err
	}
	v.Statement = record.DeliverStatement{
		Release: record.NewReleaseID(consent, version.ID, proxy.ID, v.Nonce), Consent: consent, Record: version.ID,
		Digest: version.Digest, Holder: holder.ID, HolderVersion: holder.Version, Time: now,
	}
	err := d.Draw(v.Statement.Capsule[:])
	return d.SignDelivery(v, holder), err
}

// SignDelivery puts the holder's signature on a delivery, in place of what was
// there.
func (d *Deployment) SignDelivery(v record.Delivery, holder *Member) record.Delivery {
	v.Signature = d.Sign(holder, bls.RoleHolder, &v.Statement)
	return v
}

// ReleaseArgs are the arguments of consents:Release.
func ReleaseArgs(list ...record.Delivery) []string {
	return []string{record.EncodeText(record.Deliveries(list).Encode())}
}

// Trailer is a holder's statement of what it sent for a release.
func (d *Deployment) Trailer(release record.ReleaseID, holder *Member) (record.TrailerStatement, error) {
	s := record.TrailerStatement{Release: release, Holder: holder.ID, HolderVersion: holder.Version, Length: 10}
	return s, d.Draw(s.Sent[:])
}

// TrailerArgs are a trailer and the holder's signature on it, as
// consents:Dispute takes them.
func (d *Deployment) TrailerArgs(s record.TrailerStatement, holder *Member) []string {
	return []string{record.EncodeText(s.Encode()), d.Sign(holder, bls.RoleHolder, &s).String()}
}

// DisputeArgs are the arguments of consents:Dispute; nil stands for no trailer.
func DisputeArgs(release record.ReleaseID, ground record.Ground, reason string, trailer []string) []string {
	if trailer == nil {
		trailer = []string{"", ""}
	}
	return append([]string{release.String(), ground.String(), reason}, trailer...)
}
