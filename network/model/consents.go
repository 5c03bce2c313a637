package model

import (
	"bytes"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

func (t *transaction) request(args []string) {
	r, ok := decoded(t, args[0], record.DecodeAccessRequest)
	if !ok {
		return
	}
	if before := get[record.Request](t, requestKey(r.ID)); before != nil {
		same := before.Requester == t.party.ID && bytes.Equal(before.AccessRequest.Encode(), r.Encode())
		if !t.refuse(!same, record.ErrRequestExists) {
			t.answer = before
		}
		return
	}
	t.owner(r.Owner)
	t.holder(r.Holder)
	for _, id := range r.Records {
		rec := get[record.Record](t, recordKey(id))
		t.refuse(rec == nil || rec.Owner != r.Owner, record.ErrRecordUnknown)
	}
	d := &record.Request{AccessRequest: *r, Requester: t.party.ID, Time: t.now, Tx: t.tx}
	t.put(requestKey(r.ID), d)
	t.changed(record.DocumentRequest, "added", r.ID.String())
	t.answer = d
}

// owner loads a policyholder who may act.
func (t *transaction) owner(id record.PartyID) *record.Party {
	p := t.known(id)
	if p != nil {
		t.hasRole(p, record.ErrOwnerRole, record.RolePolicyholder)
		t.mayAct(p)
	}
	return p
}

func (t *transaction) holder(id record.PartyID) {
	if id == (record.PartyID{}) {
		return
	}
	if p := t.known(id); p != nil {
		t.hasRole(p, record.ErrForbidden, record.RoleInsurer, record.RoleRepairShop)
	}
}

// current notes a key version or an encryption key that is not the present one.
func (t *transaction) current(p *record.Party, version uint32, key record.EncryptionKey) {
	t.refuse(version != latest(p).Version, record.ErrStaleKeyVersion)
	t.refuse(key != latest(p).Encryption, record.ErrKeyMismatch)
}

func (t *transaction) grant(args []string) {
	s, ok := decoded(t, args[0], record.DecodeGrantStatement)
	if !ok {
		return
	}
	signature, ok := parsed(t, args[1], record.ParseSignature)
	if !ok {
		return
	}
	if before := get[record.Consent](t, consentKey(s.Consent)); before != nil {
		same := before.OwnerSignature == signature && bytes.Equal(before.GrantStatement.Encode(), s.Encode())
		if !t.refuse(!same, record.ErrConsentExists) {
			t.answer = before
		}
		return
	}
	if owner := t.owner(s.Owner); owner != nil {
		t.current(owner, s.OwnerVersion, s.OwnerKey)
		t.refuse(!t.signed(latest(owner).Signing, bls.RoleOwner, s, signature), record.ErrSignature)
	}
	t.refuse(get[record.Revocation](t, revocationKey(s.Consent, s.Owner)) != nil, record.ErrConsentRevoked)
	t.refuse(t.now >= s.Expiry, record.ErrConsentExpired)
	if requester := t.known(s.Requester); requester != nil {
		t.hasRole(requester, record.ErrForbidden, record.RoleInsurer, record.RoleRepairShop)
		t.mayAct(requester)
		t.current(requester, s.RequesterVersion, s.RequesterKey)
	}
	t.holder(s.Holder)
	for _, id := range s.Proxies {
		if p := t.known(id); p != nil {
			t.hasRole(p, record.ErrForbidden, record.RoleProxy)
		}
	}
	t.answers(s)
	t.lists(s)
	t.pair(s)
	c := &record.Consent{GrantStatement: *s, OwnerSignature: signature, Status: record.ConsentGranted, GrantedAt: t.now, GrantTx: t.tx}
	t.put(consentKey(s.Consent), c)
	t.changed(record.DocumentConsent, "granted", s.Consent.String())
	t.answer = c
}

// answers compares a grant with the request that it names.
func (t *transaction) answers(s *record.GrantStatement) {
	if s.Request == (record.RequestID{}) {
		return
	}
	r := get[record.Request](t, requestKey(s.Request))
	if t.refuse(r == nil, record.ErrRequestUnknown) {
		return
	}
	same := r.Owner == s.Owner && r.Requester == s.Requester && r.Purpose == s.Purpose && r.Claim == s.Claim
	t.refuse(!same, record.ErrRequestMismatch)
}

// lists checks that the records of a grant, and its policy, are the owner's.
func (t *transaction) lists(s *record.GrantStatement) {
	for _, v := range s.Records {
		rec := t.recorded(v)
		t.refuse(rec == nil || rec.Owner != s.Owner, record.ErrRecordUnknown)
	}
	if s.PolicyRecord != (record.RecordID{}) {
		p := get[record.Record](t, recordKey(s.PolicyRecord))
		t.refuse(p == nil || p.Owner != s.Owner || p.Kind != record.KindPolicy, record.ErrRecordUnknown)
	}
}

// recorded is a version of a record, nil when there is none.
func (t *transaction) recorded(v record.RecordVersion) *record.Record {
	now := get[record.Record](t, recordKey(v.ID))
	if now == nil {
		return nil
	}
	return t.version(v, now)
}

// pair ties two parties with paper-mode keys to each other.
func (t *transaction) pair(s *record.GrantStatement) {
	if s.OwnerKey.Mode != record.ModePaper {
		return
	}
	tie := func(one, other record.PartyID) {
		link := get[record.Link](t, pairKey(one))
		if link == nil {
			t.put(pairKey(one), &record.Link{Party: other})
			return
		}
		t.refuse(link.Party != other, record.ErrKeyTaken)
	}
	tie(s.Owner, s.Requester)
	tie(s.Requester, s.Owner)
}

func (t *transaction) approve(args []string) {
	id, ok := parsed(t, args[0], record.ParseConsentID)
	if !ok {
		return
	}
	c := get[record.Consent](t, consentKey(id))
	if t.refuse(c == nil, record.ErrConsentUnknown) {
		return
	}
	if c.Status == record.ConsentApproved {
		t.answer = c
		return
	}
	t.refuse(c.Status == record.ConsentRevoked, record.ErrConsentRevoked)
	t.refuse(t.now >= c.Expiry, record.ErrConsentExpired)
	t.parties(c)
	c.Status, c.ApprovedAt, c.ApproveTx = record.ConsentApproved, t.now, t.tx
	t.put(consentKey(id), c)
	t.changed(record.DocumentConsent, "approved", id.String())
	t.answer = c
}

// parties checks that both sides of a consent may act and have kept the
// encryption keys that its tokens are for.
func (t *transaction) parties(c *record.Consent) {
	sides := map[record.PartyID]record.EncryptionKey{c.Owner: c.OwnerKey, c.Requester: c.RequesterKey}
	for id, key := range sides {
		if p := t.known(id); p != nil {
			t.mayAct(p)
			t.refuse(latest(p).Encryption != key, record.ErrStaleKeyVersion)
		}
	}
}

func (t *transaction) revoke(args []string) {
	s, ok := decoded(t, args[0], record.DecodeRevokeStatement)
	if !ok {
		return
	}
	signature, ok := parsed(t, args[1], record.ParseSignature)
	if !ok {
		return
	}
	key := revocationKey(s.Consent, s.Owner)
	if before := get[record.Revocation](t, key); before != nil {
		t.answer = before // withdrawn is withdrawn
		return
	}
	owner := t.known(s.Owner)
	if owner == nil {
		return
	}
	t.hasRole(owner, record.ErrOwnerRole, record.RolePolicyholder)
	t.refuse(s.OwnerVersion != latest(owner).Version, record.ErrStaleKeyVersion)
	t.refuse(!t.signed(latest(owner).Signing, bls.RoleOwner, s, signature), record.ErrSignature)
	if c := get[record.Consent](t, consentKey(s.Consent)); c != nil {
		t.refuse(c.Owner != s.Owner, record.ErrForbidden)
		c.Status, c.RevokedAt, c.RevokeTx = record.ConsentRevoked, t.now, t.tx
		t.put(consentKey(s.Consent), c)
		t.changed(record.DocumentConsent, "revoked", s.Consent.String())
	}
	r := &record.Revocation{RevokeStatement: *s, OwnerSignature: signature, RecordedAt: t.now, Tx: t.tx}
	t.put(key, r)
	t.changed(record.DocumentRevocation, "added", s.Consent.String())
	t.answer = r
}
