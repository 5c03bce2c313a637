package contract

import (
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// registry is who takes part.
type registry struct{ contract }

// System answers with what the deployment was set up with.
func (*registry) System(c *Context) (string, error) { return c.done(c.setUp) }

// InitSystem sets the deployment up.
func (*registry) InitSystem(c *Context, setup string) (string, error) {
	if c.setUp != nil {
		return "", record.ErrAlreadyInitialised.With("the system was set up at %s", record.FormatTime(c.setUp.Time))
	}
	s, err := argument(record.ArgSetup, setup, record.DecodeSetup)
	if err != nil {
		return "", err
	}
	parameters, err := pre.ParseParameters(s.Parameters)
	if err != nil {
		return "", record.ErrMalformed.With("parameters: %v", err)
	}
	name, err := c.chaincodeName()
	if err != nil {
		return "", err
	}
	system := &record.System{
		ParamsID:     parameters.ID(),
		Parameters:   s.Parameters,
		MasterKey:    record.EncryptionKeyCompressed(parameters.MasterPublicKey()),
		Channel:      c.GetStub().GetChannelID(),
		Chaincode:    name,
		Managers:     c.managers.digest,
		Threshold:    c.managers.threshold,
		RecordWindow: s.RecordWindow,
		ClockSkew:    s.ClockSkew,
		Initial:      record.CreditInitial,
		Penalty:      record.CreditPenalty,
		ExpelAt:      record.ExpelAt,
		Time:         c.now,
		Tx:           c.tx,
	}
	if err := c.put(record.SystemKey, system); err != nil {
		return "", err
	}
	c.changed(record.DocumentSystem, "initialised")
	return c.done(system)
}

// RegisterParty adds a party.
func (*registry) RegisterParty(c *Context, registration string) (string, error) {
	r, err := argument(record.ArgRegistration, registration, record.DecodeRegistration)
	if err != nil {
		return "", err
	}
	isManager := c.managers.include(r.MSP, r.Subject)
	if isManager != (r.Role == record.RoleAuthority) {
		return "", record.ErrForbidden.With("system.json and the role disagree on whether %q of %q is a system manager", r.Subject, r.MSP)
	}
	id := record.NewPartyID(r.PID)
	existing, err := load(c, record.PartyKey(id), record.DecodeParty)
	if err != nil {
		return "", err
	}
	if existing != nil {
		if existing.PID != r.PID {
			return "", record.ErrPartyCollision.With("party id %s is taken", id)
		}
		return "", record.ErrPartyExists.With("party %s is registered", id)
	}
	if r.Role != record.RolePolicyholder {
		if err := c.claimCaller(r.MSP, r.Subject, id); err != nil {
			return "", err
		}
	}
	keys := record.KeyVersion{Version: 1, Encryption: r.Encryption, Signing: r.Signing, Since: c.now, Tx: c.tx}
	raw, err := c.claimKeys(&keys, nil, id, r.PID, r.MSP, r.EncryptionProof, r.SigningProof)
	if err != nil {
		return "", err
	}
	party := &record.Party{
		ID: id, PID: r.PID, Role: r.Role, MSP: r.MSP, Subject: r.Subject,
		Status: record.StatusActive, StatusReason: "registered", StatusSince: c.now, StatusTx: c.tx,
		Keys: []record.KeyVersion{keys}, RawSigning: raw,
	}
	if err := c.put(record.PartyKey(id), party); err != nil {
		return "", err
	}
	c.changed(record.DocumentParty, "registered", id.String())
	return c.done(party)
}

// claimCaller links a certificate subject to a party.
func (c *Context) claimCaller(msp, subject string, id record.PartyID) error {
	key := callerKey(msp, subject)
	link, err := load(c, key, record.DecodeLink)
	if err != nil {
		return err
	}
	if link != nil {
		return record.ErrCallerTaken.With("%s of %s belongs to party %s", subject, msp, link.Party)
	}
	return c.put(key, &record.Link{Party: id})
}

// claimKeys checks new keys and their proofs of possession, links the keys to
// the party and returns the signing key uncompressed. Keys that equal the
// present ones stay as they are.
func (c *Context) claimKeys(keys, present *record.KeyVersion, id record.PartyID, pid, msp string, encryptionProof record.PossessionProof, signingProof record.Signature) (raw record.RawSigningKey, err error) {
	signing, err := bls.ParsePublicKey(keys.Signing[:])
	if err != nil {
		return raw, record.ErrMalformed.With("signing key: %v", err)
	}
	if err := bls.VerifyPossession(c.setUp.ParamsID, signing, pid, msp, bls.Signature(signingProof)); err != nil {
		return raw, record.ErrPossession.With("signing key: %v", err)
	}
	if present == nil || present.Signing != keys.Signing {
		if err := c.claimKey(keys.Signing[:], id); err != nil {
			return raw, err
		}
	}
	copy(raw[:], signing.RawBytes())
	if keys.Encryption.IsZero() {
		return raw, nil
	}
	encryption, err := pre.ParsePublicKey(pre.Mode(keys.Encryption.Mode), keys.Encryption.Key[:])
	if err != nil {
		return raw, record.ErrMalformed.With("encryption key: %v", err)
	}
	if err := pre.VerifyPossession(c.setUp.ParamsID, encryption, pid, msp, encryptionProof[:]); err != nil {
		return raw, record.ErrPossession.With("encryption key: %v", err)
	}
	if keys.Encryption.Key == c.setUp.MasterKey {
		return raw, record.ErrKeyTaken.With("the encryption key is the system manager's")
	}
	if present == nil || present.Encryption != keys.Encryption {
		err = c.claimKey(keys.Encryption.Key[:], id)
	}
	return raw, err
}

func (c *Context) claimKey(key []byte, id record.PartyID) error {
	link, err := load(c, publicKeyKey(key), record.DecodeLink)
	if err != nil {
		return err
	}
	if link != nil {
		return record.ErrKeyTaken.With("the key is, or was, party %s's", link.Party)
	}
	return c.put(publicKeyKey(key), &record.Link{Party: id})
}

// RotateKeys replaces a party's keys. Whoever stole the old signing key can
// sign the statement; hence the system manager has to be the caller.
func (*registry) RotateKeys(c *Context, rotation, signature, encryptionProof, signingProof string) (string, error) {
	s, err := argument(record.ArgRotation, rotation, record.DecodeRotateStatement)
	if err != nil {
		return "", err
	}
	sig, err := record.ParseSignature(signature)
	if err != nil {
		return "", err
	}
	proof, err := record.ParseSignature(signingProof)
	if err != nil {
		return "", err
	}
	var possession record.PossessionProof
	if !s.Encryption.IsZero() {
		if possession, err = record.ParsePossessionProof(encryptionProof); err != nil {
			return "", err
		}
	}
	party, err := c.party(s.Party)
	if err != nil {
		return "", err
	}
	present := *party.Current()
	switch {
	case party.Status == record.StatusExpelled:
		return "", active(party)
	case s.Version != present.Version+1:
		return "", record.ErrStaleKeyVersion.With("party %s is at key version %d, the statement makes version %d", party.ID, present.Version, s.Version)
	case s.Encryption.Mode != present.Encryption.Mode:
		return "", record.ErrKeyMismatch.With("party %s has a key of mode %s: a mode never changes", party.ID, present.Encryption.Mode)
	}
	if err := c.inWindow("the rotation", s.Time); err != nil {
		return "", err
	}
	if err := c.verify(party, s, bls.RoleParty, sig); err != nil {
		return "", err
	}
	keys := record.KeyVersion{Version: s.Version, Encryption: s.Encryption, Signing: s.Signing, Since: c.now, Tx: c.tx}
	raw, err := c.claimKeys(&keys, &present, party.ID, party.PID, party.MSP, possession, proof)
	if err != nil {
		return "", err
	}
	party.Keys = append(party.Keys, keys)
	party.RawSigning = raw
	if err := c.put(record.PartyKey(party.ID), party); err != nil {
		return "", err
	}
	c.changed(record.DocumentParty, "keys rotated", party.ID.String())
	return c.done(party)
}

// Suspend makes an active party suspended.
func (*registry) Suspend(c *Context, party, reason string) (string, error) {
	return c.decide(party, reason, record.StatusSuspended, "suspended", record.StatusActive)
}

// Expel makes a party expelled, where one agency decides alone.
func (*registry) Expel(c *Context, party, reason string) (string, error) {
	return c.decide(party, reason, record.StatusExpelled, "expelled", expellable...)
}

// Reinstate makes a suspended or expelled party active, where one agency decides
// alone.
func (*registry) Reinstate(c *Context, party, reason string) (string, error) {
	return c.decide(party, reason, record.StatusActive, "reinstated", reinstatable...)
}

// What a party may be before it is expelled or reinstated.
var (
	expellable   = []record.Status{record.StatusActive, record.StatusSuspended}
	reinstatable = []record.Status{record.StatusSuspended, record.StatusExpelled}
)

func (c *Context) decide(name, reason string, to record.Status, change string, from ...record.Status) (string, error) {
	if err := record.CheckReason(reason); err != nil {
		return "", record.ErrMalformed.With("%v", err)
	}
	party, err := c.namedParty(name)
	if err != nil {
		return "", err
	}
	if err := hasStatus(party, from); err != nil {
		return "", err
	}
	if err := c.setStatus(party, to, reason, change); err != nil {
		return "", err
	}
	return c.done(party)
}

func hasStatus(party *record.Party, wanted []record.Status) error {
	if slices.Contains(wanted, party.Status) {
		return nil
	}
	return record.ErrPartyStatus.With("party %s is %s", party.ID, party.Status)
}

func (c *Context) setStatus(party *record.Party, status record.Status, reason, change string) error {
	party.Status, party.StatusReason, party.StatusSince, party.StatusTx = status, reason, c.now, c.tx
	c.changed(record.DocumentParty, change, party.ID.String())
	return c.put(record.PartyKey(party.ID), party)
}

// Party answers with one party.
func (*registry) Party(c *Context, party string) (string, error) {
	p, err := c.namedParty(party)
	if err != nil {
		return "", err
	}
	return c.done(p)
}

// Parties answers with a page of the parties.
func (*registry) Parties(c *Context, pageSize, bookmark string) (string, error) {
	p, err := parsePage(pageSize, bookmark)
	if err != nil {
		return "", err
	}
	parties, next, err := c.partyPage(p)
	if err != nil {
		return "", err
	}
	return c.done(record.Page[*record.Party]{Items: parties, Bookmark: next})
}

// PartyHistory answers with a page of the states that a party's document has
// had, newest first. The bookmark is the transaction of the last one answered.
func (*registry) PartyHistory(c *Context, party, pageSize, bookmark string) (string, error) {
	id, err := partyArgument(party)
	if err != nil {
		return "", err
	}
	p, err := parsePage(pageSize, "")
	if err != nil {
		return "", err
	}
	if bookmark != "" {
		if _, err := record.ParseTxID(bookmark); err != nil {
			return "", record.ErrPage.With("the bookmark is not a transaction")
		}
	}
	page, err := c.history(record.PartyKey(id), int(p.size), bookmark)
	if err != nil {
		return "", err
	}
	if len(page.Items) == 0 {
		return "", record.ErrPartyUnknown.With("there is no party %s", id)
	}
	return c.done(page)
}

// history reads the states of a key from the one before the transaction after
// on, or from the newest.
func (c *Context) history(key string, size int, after string) (page *record.Page[*record.Party], err error) {
	rows, err := c.GetStub().GetHistoryForKey(key)
	if err != nil {
		return nil, internal("history", err)
	}
	defer func() {
		if closeErr := rows.Close(); err == nil && closeErr != nil {
			err = internal("close query", closeErr)
		}
	}()
	page = &record.Page[*record.Party]{Items: []*record.Party{}}
	found, last := after == "", ""
	for rows.HasNext() {
		row, err := rows.Next()
		if err != nil {
			return nil, internal("history", err)
		}
		if !found {
			found = row.GetTxId() == after
			continue
		}
		if len(page.Items) == size {
			page.Bookmark = last
			break
		}
		party, err := decodeState(key, row.GetValue(), record.DecodeParty)
		if err != nil {
			return nil, err
		}
		page.Items, last = append(page.Items, party), row.GetTxId()
	}
	if after != "" && len(page.Items) == 0 {
		return nil, record.ErrPage.With("the bookmark is not of this party's history")
	}
	return page, nil
}
