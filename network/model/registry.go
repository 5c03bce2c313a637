package model

import (
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

func (t *transaction) initSystem(args []string) {
	if t.refuse(t.system != nil, record.ErrAlreadyInitialised) {
		return
	}
	setup, ok := decoded(t, args[0], record.DecodeSetup)
	if !ok {
		return
	}
	params, err := pre.ParseParameters(setup.Parameters)
	if t.refuse(err != nil, record.ErrMalformed) {
		return
	}
	s := &record.System{
		ParamsID: params.ID(), Parameters: setup.Parameters, MasterKey: record.EncryptionKeyCompressed(params.MasterPublicKey()),
		Channel: t.m.context.Channel, Chaincode: t.m.context.Chaincode, Managers: t.m.managers, Threshold: uint32(t.m.threshold),
		RecordWindow: setup.RecordWindow, ClockSkew: setup.ClockSkew, Initial: 100, Penalty: 25, ExpelAt: 4, Time: t.now, Tx: t.tx,
	}
	t.put(systemKey, s)
	t.changed(record.DocumentSystem, "initialised")
	t.answer = s
}

// decoded reads an encoded argument; what it cannot read is malformed.
func decoded[T any](t *transaction, argument string, decode func([]byte) (T, error)) (v T, ok bool) {
	b, err := record.DecodeText("argument", argument)
	if err == nil {
		v, err = decode(b)
	}
	return v, !t.refuse(err != nil, record.ErrMalformed)
}

// parsed reads an argument that is text.
func parsed[T any](t *transaction, argument string, parse func(string) (T, error)) (v T, ok bool) {
	v, err := parse(argument)
	return v, !t.refuse(err != nil, record.ErrMalformed)
}

func (t *transaction) register(args []string) {
	r, ok := decoded(t, args[0], record.DecodeRegistration)
	if !ok {
		return
	}
	listed := slices.Contains(t.m.agencies[r.MSP], r.Subject)
	t.refuse(listed != (r.Role == record.RoleAuthority), record.ErrForbidden)
	id := record.NewPartyID(r.PID)
	t.refuse(get[record.Party](t, partyKey(id)) != nil, record.ErrPartyExists)
	if r.Role != record.RolePolicyholder {
		key := callerKey(r.MSP, r.Subject)
		t.refuse(get[record.Link](t, key) != nil, record.ErrCallerTaken)
		t.put(key, &record.Link{Party: id})
	}
	keys := record.KeyVersion{Version: 1, Encryption: r.Encryption, Signing: r.Signing, Since: t.now, Tx: t.tx}
	raw := t.claim(keys, nil, id, r.PID, r.MSP, r.EncryptionProof, r.SigningProof)
	p := &record.Party{
		ID: id, PID: r.PID, Role: r.Role, MSP: r.MSP, Subject: r.Subject, Status: record.StatusActive, StatusReason: "registered",
		StatusSince: t.now, StatusTx: t.tx, Keys: []record.KeyVersion{keys}, RawSigning: raw,
	}
	t.put(partyKey(id), p)
	t.changed(record.DocumentParty, "registered", id.String())
	t.answer = p
}

// claim checks new keys: proven, nobody's, never used before. Keys that stay are
// proven only.
func (t *transaction) claim(keys record.KeyVersion, before *record.KeyVersion, id record.PartyID, pid, msp string, encryption record.PossessionProof, signing record.Signature) (raw record.RawSigningKey) {
	secret := t.m.secrets[keys.Signing]
	proven := secret != nil && record.Signature(secret.ProvePossession(t.m.context.ParamsID, pid, msp)) == signing
	t.refuse(!proven, record.ErrPossession)
	if secret != nil {
		copy(raw[:], secret.PublicKey().RawBytes())
	}
	t.claimOne(keys.Signing[:], before != nil && before.Signing == keys.Signing, id)
	if keys.Encryption.IsZero() {
		return raw
	}
	key, err := pre.ParsePublicKey(pre.Mode(keys.Encryption.Mode), keys.Encryption.Key[:])
	if t.refuse(err != nil, record.ErrMalformed) {
		return raw
	}
	t.refuse(pre.VerifyPossession(t.m.context.ParamsID, key, pid, msp, encryption[:]) != nil, record.ErrPossession)
	t.refuse(keys.Encryption.Key == t.system.MasterKey, record.ErrKeyTaken)
	t.claimOne(keys.Encryption.Key[:], before != nil && before.Encryption == keys.Encryption, id)
	return raw
}

func (t *transaction) claimOne(key []byte, stays bool, id record.PartyID) {
	if stays {
		return
	}
	t.refuse(get[record.Link](t, publicKey(key)) != nil, record.ErrKeyTaken)
	t.put(publicKey(key), &record.Link{Party: id})
}

func (t *transaction) rotate(args []string) {
	s, ok := decoded(t, args[0], record.DecodeRotateStatement)
	if !ok {
		return
	}
	signature, ok := parsed(t, args[1], record.ParseSignature)
	if !ok {
		return
	}
	signingProof, ok := parsed(t, args[3], record.ParseSignature)
	if !ok {
		return
	}
	var encryptionProof record.PossessionProof
	if !s.Encryption.IsZero() {
		if encryptionProof, ok = parsed(t, args[2], record.ParsePossessionProof); !ok {
			return
		}
	}
	p := t.known(s.Party)
	if p == nil {
		return
	}
	now := latest(p)
	t.refuse(p.Status == record.StatusExpelled, record.ErrExpelled)
	t.refuse(s.Version != now.Version+1, record.ErrStaleKeyVersion)
	t.refuse(s.Encryption.Mode != now.Encryption.Mode, record.ErrKeyMismatch)
	t.refuse(!t.inTime(s.Time), record.ErrTime)
	t.refuse(!t.signed(now.Signing, bls.RoleParty, s, signature), record.ErrSignature)
	keys := record.KeyVersion{Version: s.Version, Encryption: s.Encryption, Signing: s.Signing, Since: t.now, Tx: t.tx}
	p.RawSigning = t.claim(keys, &now, p.ID, p.PID, p.MSP, encryptionProof, signingProof)
	p.Keys = append(slices.Clone(p.Keys), keys)
	t.put(partyKey(p.ID), p)
	t.changed(record.DocumentParty, "keys rotated", p.ID.String())
	t.answer = p
}

// decide is Suspend, Expel and Reinstate by one manager.
func decide(to record.Status, change string, several bool, from ...record.Status) func(*transaction, []string) {
	return func(t *transaction, args []string) {
		id, ok := t.partyNamed(args[0])
		t.refuse(!ok || record.CheckReason(args[1]) != nil, record.ErrMalformed)
		t.refuse(several && t.m.threshold > 1, record.ErrDecisionNeeded)
		if !ok {
			return
		}
		p := t.known(id)
		if p == nil || t.refuse(!slices.Contains(from, p.Status), record.ErrPartyStatus) {
			return
		}
		t.setStatus(p, to, args[1], change)
		t.answer = p
	}
}

func (t *transaction) setStatus(p *record.Party, to record.Status, reason, change string) {
	p.Status, p.StatusReason, p.StatusSince, p.StatusTx = to, reason, t.now, t.tx
	t.put(partyKey(p.ID), p)
	t.changed(record.DocumentParty, change, p.ID.String())
}

// violate counts one violation more against a party; from the fourth on it is
// expelled.
func (t *transaction) violate(p *record.Party, v *record.Violation) (credit int) {
	v.Party, v.Time, v.Tx = p.ID, t.now, t.tx
	n := len(t.list(violations(p.ID))) + 1
	t.put(violationKey(v), v)
	t.changed(record.DocumentViolation, "committed", p.ID.String())
	if n >= 4 && p.Status != record.StatusExpelled {
		t.setStatus(p, record.StatusExpelled, "too many violations", "expelled")
	}
	return creditAfter(n)
}

func creditAfter(violations int) int { return max(0, 100-25*violations) }
