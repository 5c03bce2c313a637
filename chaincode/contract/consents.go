package contract

import (
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

// consents is who may read what, and who has.
type consents struct{ contract }

// RequestAccess asks an owner for access.
func (*consents) RequestAccess(c *Context, request string) (string, error) {
	r, err := argument(record.ArgRequest, request, record.DecodeAccessRequest)
	if err != nil {
		return "", err
	}
	requester := c.caller.party
	existing, err := load(c, record.RequestKey(r.ID), record.DecodeRequest)
	if err != nil {
		return "", err
	}
	if existing != nil {
		if existing.Requester == requester.ID && string(existing.AccessRequest.Encode()) == string(r.Encode()) {
			return c.done(existing)
		}
		return "", record.ErrRequestExists.With("request %s is there with other contents", r.ID)
	}
	owner, err := c.activeOwner(r.Owner)
	if err != nil {
		return "", err
	}
	if err := c.checkHolder(r.Holder); err != nil {
		return "", err
	}
	if err := c.checkRequested(r.Records, owner.ID); err != nil {
		return "", err
	}
	document := &record.Request{AccessRequest: *r, Requester: requester.ID, Time: c.now, Tx: c.tx}
	if err := c.put(record.RequestKey(r.ID), document); err != nil {
		return "", err
	}
	if err := c.putTimeIndex(indexRequestOwner, r.Owner[:], r.ID[:]); err != nil {
		return "", err
	}
	if err := c.putTimeIndex(indexRequester, requester.ID[:], r.ID[:]); err != nil {
		return "", err
	}
	c.changed(record.DocumentRequest, "added", r.ID.String())
	return c.done(document)
}

// putTimeIndex adds to a list in the order of time.
func (c *Context) putTimeIndex(index string, of, id []byte) error {
	return c.putIndex(index, record.KeyPart(of), sortable(c.now), record.KeyPart(id))
}

// activeOwner loads a policyholder who may act.
func (c *Context) activeOwner(id record.PartyID) (*record.Party, error) {
	owner, err := c.party(id)
	if err != nil {
		return nil, err
	}
	if err := policyholder(owner); err != nil {
		return nil, err
	}
	return owner, active(owner)
}

// checkHolder accepts no holder, or one that issues records.
func (c *Context) checkHolder(id record.PartyID) error {
	if id.IsZero() {
		return nil
	}
	holder, err := c.party(id)
	if err != nil {
		return err
	}
	return requireRole(holder, record.RoleInsurer, record.RoleRepairShop)
}

func (c *Context) checkRequested(ids []record.RecordID, owner record.PartyID) error {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = record.RecordKey(id)
	}
	list, err := loadAll(c, keys, record.DecodeRecord)
	if err != nil {
		return err
	}
	for i, rec := range list {
		if rec == nil || rec.Owner != owner {
			return record.ErrRecordUnknown.With("owner %s has no record %s", owner, ids[i])
		}
	}
	return nil
}

// Grant puts an owner's signed consent on the ledger.
func (*consents) Grant(c *Context, grant, signature string) (string, error) {
	s, err := argument(record.ArgGrant, grant, record.DecodeGrantStatement)
	if err != nil {
		return "", err
	}
	sig, err := record.ParseSignature(signature)
	if err != nil {
		return "", err
	}
	existing, err := load(c, record.ConsentKey(s.Consent), record.DecodeConsent)
	if err != nil {
		return "", err
	}
	if existing != nil {
		if existing.OwnerSignature == sig && string(existing.GrantStatement.Encode()) == string(s.Encode()) {
			return c.done(existing)
		}
		return "", record.ErrConsentExists.With("consent %s is there with other contents", s.Consent)
	}
	if err := first(
		func() error { return c.checkGrantor(s, sig) },
		func() error { return c.checkRequester(s) },
		func() error { return c.checkHolder(s.Holder) },
		func() error { return c.checkProxies(s.Proxies) },
		func() error { return c.checkAnswer(s) },
		func() error { return c.checkGranted(s) },
		func() error { return c.pair(s) },
	); err != nil {
		return "", err
	}
	consent := &record.Consent{
		GrantStatement: *s, OwnerSignature: sig, Status: record.ConsentGranted, GrantedAt: c.now, GrantTx: c.tx,
	}
	if err := c.put(record.ConsentKey(s.Consent), consent); err != nil {
		return "", err
	}
	if err := c.putTimeIndex(indexConsentOwner, s.Owner[:], s.Consent[:]); err != nil {
		return "", err
	}
	if err := c.putTimeIndex(indexConsentRequester, s.Requester[:], s.Consent[:]); err != nil {
		return "", err
	}
	c.changed(record.DocumentConsent, "granted", s.Consent.String())
	return c.done(consent)
}

// checkGrantor checks the owner, its signature, and that it has not withdrawn
// this consent before it arrived.
func (c *Context) checkGrantor(s *record.GrantStatement, sig record.Signature) error {
	owner, err := c.activeOwner(s.Owner)
	if err != nil {
		return err
	}
	if err := first(
		func() error { return currentVersion(owner, s.OwnerVersion) },
		func() error { return currentKey(owner, s.OwnerKey) },
		func() error { return c.verify(owner, s, bls.RoleOwner, sig) },
	); err != nil {
		return err
	}
	tombstone, err := load(c, revocationKey(s.Consent, s.Owner), record.DecodeRevocation)
	if err != nil {
		return err
	}
	if tombstone != nil {
		return record.ErrConsentRevoked.With("consent %s was revoked before it was granted", s.Consent)
	}
	if c.now >= s.Expiry {
		return record.ErrConsentExpired.With("consent %s expired at %s", s.Consent, record.FormatTime(s.Expiry))
	}
	return nil
}

func (c *Context) checkRequester(s *record.GrantStatement) error {
	requester, err := c.party(s.Requester)
	if err != nil {
		return err
	}
	return first(
		func() error { return requireRole(requester, record.RoleInsurer, record.RoleRepairShop) },
		func() error { return active(requester) },
		func() error { return currentVersion(requester, s.RequesterVersion) },
		func() error { return currentKey(requester, s.RequesterKey) },
	)
}

func (c *Context) checkProxies(ids []record.PartyID) error {
	for _, id := range ids {
		proxy, err := c.party(id)
		if err != nil {
			return err
		}
		if err := requireRole(proxy, record.RoleProxy); err != nil {
			return err
		}
	}
	return nil
}

// checkAnswer compares the grant with the request that it answers.
func (c *Context) checkAnswer(s *record.GrantStatement) error {
	if s.Request.IsZero() {
		return nil
	}
	request, err := load(c, record.RequestKey(s.Request), record.DecodeRequest)
	if err != nil {
		return err
	}
	if request == nil {
		return record.ErrRequestUnknown.With("there is no request %s", s.Request)
	}
	if request.Owner != s.Owner || request.Requester != s.Requester || request.Purpose != s.Purpose || request.Claim != s.Claim {
		return record.ErrRequestMismatch.With("request %s asks for something else", s.Request)
	}
	return nil
}

// checkGranted makes sure that what the grant lists is the owner's.
func (c *Context) checkGranted(s *record.GrantStatement) error {
	for _, version := range s.Records {
		rec, err := c.recordVersion(version)
		if err != nil {
			return err
		}
		if rec.Owner != s.Owner {
			return record.ErrRecordUnknown.With("owner %s has no record %s", s.Owner, version.ID)
		}
	}
	if s.PolicyRecord.IsZero() {
		return nil
	}
	policy, err := c.record(s.PolicyRecord)
	if err != nil {
		return err
	}
	if policy.Owner != s.Owner || policy.Kind != record.KindPolicy {
		return record.ErrRecordUnknown.With("owner %s has no policy %s", s.Owner, s.PolicyRecord)
	}
	return nil
}

// pair ties the owner and the requester of a consent in paper mode to each other
// for ever. The proxy's keys combine: one party with two others would give away
// what was never granted.
func (c *Context) pair(s *record.GrantStatement) error {
	if s.OwnerKey.Mode != record.ModePaper {
		return nil
	}
	for _, side := range []struct{ id, other record.PartyID }{{s.Owner, s.Requester}, {s.Requester, s.Owner}} {
		link, err := load(c, pairKey(side.id), record.DecodeLink)
		if err != nil {
			return err
		}
		if link != nil && link.Party != side.other {
			return record.ErrKeyTaken.With("the paper-mode key of party %s is for its relationship with party %s", side.id, link.Party)
		}
		if link != nil {
			continue
		}
		if err := c.put(pairKey(side.id), &record.Link{Party: side.other}); err != nil {
			return err
		}
	}
	return nil
}

// consent loads a consent that must exist.
func (c *Context) consent(id record.ConsentID) (*record.Consent, error) {
	consent, err := load(c, record.ConsentKey(id), record.DecodeConsent)
	if err == nil && consent == nil {
		err = record.ErrConsentUnknown.With("there is no consent %s", id)
	}
	return consent, err
}

// Approve says that the system manager has checked the evidence and found the
// owner's ciphertexts.
func (*consents) Approve(c *Context, id string) (string, error) {
	consent, err := c.namedConsent(id)
	if err != nil {
		return "", err
	}
	if consent.Status == record.ConsentApproved {
		return c.done(consent)
	}
	if consent.Status == record.ConsentRevoked {
		return "", record.ErrConsentRevoked.With("consent %s was revoked", consent.Consent)
	}
	if c.now >= consent.Expiry {
		return "", record.ErrConsentExpired.With("consent %s expired at %s", consent.Consent, record.FormatTime(consent.Expiry))
	}
	if err := c.checkParties(consent); err != nil {
		return "", err
	}
	consent.Status, consent.ApprovedAt, consent.ApproveTx = record.ConsentApproved, c.now, c.tx
	if err := c.put(record.ConsentKey(consent.Consent), consent); err != nil {
		return "", err
	}
	c.changed(record.DocumentConsent, "approved", consent.Consent.String())
	return c.done(consent)
}

// checkParties makes sure that owner and requester may still act and have the
// encryption keys for which the tokens were made.
func (c *Context) checkParties(consent *record.Consent) error {
	for _, side := range []struct {
		id  record.PartyID
		key record.EncryptionKey
	}{{consent.Owner, consent.OwnerKey}, {consent.Requester, consent.RequesterKey}} {
		party, err := c.party(side.id)
		if err != nil {
			return err
		}
		if err := active(party); err != nil {
			return err
		}
		if party.Current().Encryption != side.key {
			return record.ErrStaleKeyVersion.With("party %s has rotated its encryption key since the consent", party.ID)
		}
	}
	return nil
}

func (c *Context) namedConsent(name string) (*record.Consent, error) {
	id, err := record.ParseConsentID(name)
	if err != nil {
		return nil, err
	}
	return c.consent(id)
}

// Revoke puts an owner's signed withdrawal on the ledger. A suspended or
// expelled owner may withdraw too.
func (*consents) Revoke(c *Context, revocation, signature string) (string, error) {
	s, err := argument(record.ArgRevocation, revocation, record.DecodeRevokeStatement)
	if err != nil {
		return "", err
	}
	sig, err := record.ParseSignature(signature)
	if err != nil {
		return "", err
	}
	key := revocationKey(s.Consent, s.Owner)
	existing, err := load(c, key, record.DecodeRevocation)
	if err != nil {
		return "", err
	}
	if existing != nil {
		return c.done(existing)
	}
	owner, err := c.party(s.Owner)
	if err != nil {
		return "", err
	}
	if err := first(
		func() error { return policyholder(owner) },
		func() error { return currentVersion(owner, s.OwnerVersion) },
		func() error { return c.verify(owner, s, bls.RoleOwner, sig) },
	); err != nil {
		return "", err
	}
	consent, err := load(c, record.ConsentKey(s.Consent), record.DecodeConsent)
	if err != nil {
		return "", err
	}
	if consent != nil {
		if consent.Owner != s.Owner {
			return "", record.ErrForbidden.With("consent %s is of another owner", s.Consent)
		}
		consent.Status, consent.RevokedAt, consent.RevokeTx = record.ConsentRevoked, c.now, c.tx
		if err := c.put(record.ConsentKey(s.Consent), consent); err != nil {
			return "", err
		}
		c.changed(record.DocumentConsent, "revoked", s.Consent.String())
	}
	document := &record.Revocation{RevokeStatement: *s, OwnerSignature: sig, RecordedAt: c.now, Tx: c.tx}
	if err := c.put(key, document); err != nil {
		return "", err
	}
	c.changed(record.DocumentRevocation, "added", s.Consent.String())
	return c.done(document)
}

// Request answers with one access request.
func (*consents) Request(c *Context, request string) (string, error) {
	id, err := record.ParseRequestID(request)
	if err != nil {
		return "", err
	}
	document, err := load(c, record.RequestKey(id), record.DecodeRequest)
	if err == nil && document == nil {
		err = record.ErrRequestUnknown.With("there is no request %s", id)
	}
	if err != nil {
		return "", err
	}
	return c.done(document)
}

// Consent answers with one consent.
func (*consents) Consent(c *Context, consent string) (string, error) {
	document, err := c.namedConsent(consent)
	if err != nil {
		return "", err
	}
	return c.done(document)
}

// RequestsByOwner lists who asked an owner for what.
func (*consents) RequestsByOwner(c *Context, party, pageSize, bookmark string) (string, error) {
	return listOf(c, party, pageSize, bookmark, record.RequestPrefix, record.DecodeRequest, indexRequestOwner)
}

// RequestsByRequester lists what a party asked for.
func (*consents) RequestsByRequester(c *Context, party, pageSize, bookmark string) (string, error) {
	return listOf(c, party, pageSize, bookmark, record.RequestPrefix, record.DecodeRequest, indexRequester)
}

// ConsentsByOwner lists what an owner consented to.
func (*consents) ConsentsByOwner(c *Context, party, pageSize, bookmark string) (string, error) {
	return listOf(c, party, pageSize, bookmark, record.ConsentPrefix, record.DecodeConsent, indexConsentOwner)
}

// ConsentsByRequester lists what a party was given consent to.
func (*consents) ConsentsByRequester(c *Context, party, pageSize, bookmark string) (string, error) {
	return listOf(c, party, pageSize, bookmark, record.ConsentPrefix, record.DecodeConsent, indexConsentRequester)
}
