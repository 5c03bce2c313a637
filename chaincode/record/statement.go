package record

import (
	"github.com/claimshare/claimshare/crypto/tag"
)

// StatementType tells the kinds of statement apart inside the signed hash.
type StatementType byte

const (
	StatementRecord  StatementType = 1
	StatementGrant   StatementType = 2
	StatementRevoke  StatementType = 3
	StatementDeliver StatementType = 4
	StatementTrailer StatementType = 5
	StatementRotate  StatementType = 6
	StatementBatch   StatementType = 7
	StatementErase   StatementType = 8
)

// StatementVersion is the version of every statement body below.
const StatementVersion = 1

// Context is the deployment that a statement is meant for: signed here, it is
// worth nothing anywhere else. registry:System answers with it.
type Context struct {
	ParamsID  [32]byte
	Channel   string
	Chaincode string
}

// Statement is what a party signs.
type Statement interface {
	Type() StatementType
	// Encode is the canonical body.
	Encode() []byte
	// Hash is what is signed: domain, type, version, deployment and body.
	Hash(Context) [32]byte
	Validate() error
}

func (c Context) hash(t StatementType, body []byte) [32]byte {
	return tag.Hash(tag.Stmt,
		[]byte{byte(t), StatementVersion},
		c.ParamsID[:],
		tag.LP(nil, []byte(c.Channel)),
		tag.LP(nil, []byte(c.Chaincode)),
		tag.LP(nil, body))
}

// RecordStatement is signed twice, by the owner and by the issuer of a record,
// each in its own role.
type RecordStatement struct {
	ID            RecordID      `json:"id"`
	Kind          Kind          `json:"kind"`
	Label         string        `json:"label"`
	Owner         PartyID       `json:"owner"`
	OwnerVersion  uint32        `json:"ownerVersion"`
	Issuer        PartyID       `json:"issuer"`
	IssuerVersion uint32        `json:"issuerVersion"`
	OwnerKey      EncryptionKey `json:"ownerKey"`
	Digest        Digest        `json:"digest"`      // of the capsule, C2 left out
	PayloadSize   uint64        `json:"payloadSize"` // bytes of payload ciphertext
	Evidence      Digest        `json:"evidence"`    // H(δ); policies only
	IssuedAt      int64         `json:"issuedAt"`
	Previous      Digest        `json:"previous"` // digest of the version that this one amends
}

func (s *RecordStatement) layout(f *fields) {
	f.fixed("record id", s.ID[:])
	f.u8("kind", (*byte)(&s.Kind))
	f.text("label", &s.Label, 64)
	f.fixed("owner", s.Owner[:])
	f.u32("owner key version", &s.OwnerVersion)
	f.fixed("issuer", s.Issuer[:])
	f.u32("issuer key version", &s.IssuerVersion)
	s.OwnerKey.layout(f)
	f.fixed("digest", s.Digest[:])
	f.u64("payload size", &s.PayloadSize)
	f.fixed("evidence", s.Evidence[:])
	f.time("issue time", &s.IssuedAt)
	f.fixed("previous version", s.Previous[:])
}

// MaxPayloadSize bounds the payload of one record.
const MaxPayloadSize = 1 << 40

func (s *RecordStatement) Validate() error {
	return first(
		requireID("record id", s.ID[:]),
		checkName("record kind", kindNames, s.Kind),
		s.OwnerKey.require("owner's encryption key"),
		s.OwnerKey.checkScope(s.Label),
		requireID("owner", s.Owner[:]),
		requireID("issuer", s.Issuer[:]),
		rule(s.Owner != s.Issuer, "owner and issuer are the same party"),
		rule(s.OwnerVersion > 0 && s.IssuerVersion > 0, "key versions start at 1"),
		requireID("digest", s.Digest[:]),
		rule(s.PayloadSize <= MaxPayloadSize, "the payload is too large"),
		rule(s.Kind == KindPolicy || s.Evidence.IsZero(), "only a policy carries an evidence commitment"),
		rule(s.Kind != KindPolicy || !s.Evidence.IsZero(), "a policy needs its evidence commitment"),
		checkTime("issue time", s.IssuedAt),
		rule(s.Previous != s.Digest, "a version cannot amend itself"),
	)
}

func (s *RecordStatement) Type() StatementType     { return StatementRecord }
func (s *RecordStatement) Encode() []byte          { return encode(nil, s) }
func (s *RecordStatement) Hash(c Context) [32]byte { return c.hash(StatementRecord, s.Encode()) }

// DecodeRecordStatement reads the canonical body.
func DecodeRecordStatement(b []byte) (*RecordStatement, error) {
	return decodeNew[RecordStatement](b)
}

// RevokeStatement withdraws a consent. The owner signs it.
type RevokeStatement struct {
	Consent      ConsentID `json:"consent"`
	Owner        PartyID   `json:"owner"`
	OwnerVersion uint32    `json:"ownerVersion"`
	Time         int64     `json:"time"`
}

func (s *RevokeStatement) layout(f *fields) {
	f.fixed("consent id", s.Consent[:])
	f.fixed("owner", s.Owner[:])
	f.u32("owner key version", &s.OwnerVersion)
	f.time("time", &s.Time)
}

func (s *RevokeStatement) Validate() error {
	return first(
		requireID("consent id", s.Consent[:]),
		requireID("owner", s.Owner[:]),
		rule(s.OwnerVersion > 0, "key versions start at 1"),
		checkTime("time", s.Time),
	)
}

func (s *RevokeStatement) Type() StatementType     { return StatementRevoke }
func (s *RevokeStatement) Encode() []byte          { return encode(nil, s) }
func (s *RevokeStatement) Hash(c Context) [32]byte { return c.hash(StatementRevoke, s.Encode()) }

// DecodeRevokeStatement reads the canonical body.
func DecodeRevokeStatement(b []byte) (*RevokeStatement, error) {
	return decodeNew[RevokeStatement](b)
}

// DeliverStatement says which capsule the holder hands to a proxy for one
// release. The holder signs it; without it nobody can be blamed for tampering.
type DeliverStatement struct {
	Release       ReleaseID `json:"release"`
	Consent       ConsentID `json:"consent"`
	Record        RecordID  `json:"record"`
	Digest        Digest    `json:"digest"` // of the record version delivered
	Holder        PartyID   `json:"holder"`
	HolderVersion uint32    `json:"holderVersion"`
	Capsule       Digest    `json:"capsule"` // SHA-256 of the whole capsule
	Time          int64     `json:"time"`
}

func (s *DeliverStatement) layout(f *fields) {
	f.fixed("release id", s.Release[:])
	f.fixed("consent id", s.Consent[:])
	f.fixed("record id", s.Record[:])
	f.fixed("record digest", s.Digest[:])
	f.fixed("holder", s.Holder[:])
	f.u32("holder key version", &s.HolderVersion)
	f.fixed("capsule digest", s.Capsule[:])
	f.time("time", &s.Time)
}

func (s *DeliverStatement) Validate() error {
	return first(
		requireID("release id", s.Release[:]),
		requireID("consent id", s.Consent[:]),
		requireID("record id", s.Record[:]),
		requireID("record digest", s.Digest[:]),
		requireID("holder", s.Holder[:]),
		rule(s.HolderVersion > 0, "key versions start at 1"),
		requireID("capsule digest", s.Capsule[:]),
		checkTime("time", s.Time),
	)
}

func (s *DeliverStatement) Type() StatementType     { return StatementDeliver }
func (s *DeliverStatement) Encode() []byte          { return encode(nil, s) }
func (s *DeliverStatement) Hash(c Context) [32]byte { return c.hash(StatementDeliver, s.Encode()) }

// DecodeDeliverStatement reads the canonical body.
func DecodeDeliverStatement(b []byte) (*DeliverStatement, error) {
	return decodeNew[DeliverStatement](b)
}

// TrailerStatement closes a payload stream. The holder signs it.
type TrailerStatement struct {
	Release       ReleaseID `json:"release"`
	Holder        PartyID   `json:"holder"`
	HolderVersion uint32    `json:"holderVersion"`
	Sent          Digest    `json:"sent"`   // SHA-256 of the bytes sent
	Length        uint64    `json:"length"` // how many they were
}

func (s *TrailerStatement) layout(f *fields) {
	f.fixed("release id", s.Release[:])
	f.fixed("holder", s.Holder[:])
	f.u32("holder key version", &s.HolderVersion)
	f.fixed("digest of the bytes sent", s.Sent[:])
	f.u64("length", &s.Length)
}

func (s *TrailerStatement) Validate() error {
	return first(
		requireID("release id", s.Release[:]),
		requireID("holder", s.Holder[:]),
		rule(s.HolderVersion > 0, "key versions start at 1"),
		requireID("digest of the bytes sent", s.Sent[:]),
		rule(s.Length <= MaxPayloadSize, "the payload is too large"),
	)
}

func (s *TrailerStatement) Type() StatementType     { return StatementTrailer }
func (s *TrailerStatement) Encode() []byte          { return encode(nil, s) }
func (s *TrailerStatement) Hash(c Context) [32]byte { return c.hash(StatementTrailer, s.Encode()) }

// DecodeTrailerStatement reads the canonical body.
func DecodeTrailerStatement(b []byte) (*TrailerStatement, error) {
	return decodeNew[TrailerStatement](b)
}

// RotateStatement replaces a party's keys. The party signs it with its old
// signing key, and the system manager carries it to the ledger.
type RotateStatement struct {
	Party      PartyID       `json:"party"`
	Version    uint32        `json:"version"` // the new one: the old one plus 1
	Encryption EncryptionKey `json:"encryption"`
	Signing    SigningKey    `json:"signing"`
	Time       int64         `json:"time"`
}

func (s *RotateStatement) layout(f *fields) {
	f.fixed("party", s.Party[:])
	f.u32("new key version", &s.Version)
	s.Encryption.layout(f)
	f.fixed("signing key", s.Signing[:])
	f.time("time", &s.Time)
}

func (s *RotateStatement) Validate() error {
	return first(
		requireID("party", s.Party[:]),
		rule(s.Version > 1, "a new key version is at least 2"),
		rule(s.Version <= MaxKeyVersions, "a party has at most 1000 key versions: register a new party"),
		s.Encryption.check("encryption key"),
		requireID("signing key", s.Signing[:]),
		checkTime("time", s.Time),
	)
}

func (s *RotateStatement) Type() StatementType     { return StatementRotate }
func (s *RotateStatement) Encode() []byte          { return encode(nil, s) }
func (s *RotateStatement) Hash(c Context) [32]byte { return c.hash(StatementRotate, s.Encode()) }

// DecodeRotateStatement reads the canonical body.
func DecodeRotateStatement(b []byte) (*RotateStatement, error) {
	return decodeNew[RotateStatement](b)
}
