package record

import (
	"encoding/base64"
	"strings"
)

// Where the chaincode keeps documents in the world state: under a letter and the
// identifier as [KeyPart] has it. Whoever rebuilds the state from blocks finds
// them there.
const (
	SystemKey      = "system"
	PartyPrefix    = "p"
	RecordPrefix   = "r" // the current version
	VersionPrefix  = "v" // a version that was amended
	RequestPrefix  = "q"
	ConsentPrefix  = "c"
	ReleasePrefix  = "l"
	DecisionPrefix = "d"
)

// Names of composite keys, of those that others than the chaincode read; their
// parts are identifiers as [KeyPart] has them, and times.
const (
	ViolationKeys    = "x"  // the violations themselves: party, time, transaction
	ReleasesByProxy  = "lc" // index: consent, proxy, time, release
	compositeDivider = "\x00"
)

func PartyKey(id PartyID) string       { return PartyPrefix + KeyPart(id[:]) }
func RecordKey(id RecordID) string     { return RecordPrefix + KeyPart(id[:]) }
func RequestKey(id RequestID) string   { return RequestPrefix + KeyPart(id[:]) }
func ConsentKey(id ConsentID) string   { return ConsentPrefix + KeyPart(id[:]) }
func ReleaseKey(id ReleaseID) string   { return ReleasePrefix + KeyPart(id[:]) }
func DecisionKey(id DecisionID) string { return DecisionPrefix + KeyPart(id[:]) }

// VersionKey is where a version of a record goes when it is amended.
func VersionKey(v RecordVersion) string {
	return VersionPrefix + KeyPart(v.ID[:]) + KeyPart(v.Digest[:])
}

// KeyPart is an identifier in a key: base64url without padding, which is valid
// UTF-8 as Fabric asks and shorter than hexadecimal. Keys stand in the write
// set, the read set and the database.
func KeyPart(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

// CompositePrefix begins the composite keys of a name whose first parts are
// these, as Fabric joins them.
func CompositePrefix(name string, parts ...string) string {
	return compositeDivider + strings.Join(append([]string{name}, parts...), compositeDivider) + compositeDivider
}
