package model

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
)

// The keys under which the model expects documents. They are part of what is
// tested: another key is another state.

func short(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func composite(parts ...string) string { return "\x00" + strings.Join(parts, "\x00") + "\x00" }

func stamp(t int64) string { return fmt.Sprintf("%010x", t) }

const systemKey = "system"

func partyKey(id record.PartyID) string       { return "p" + short(id[:]) }
func recordKey(id record.RecordID) string     { return "r" + short(id[:]) }
func requestKey(id record.RequestID) string   { return "q" + short(id[:]) }
func consentKey(id record.ConsentID) string   { return "c" + short(id[:]) }
func releaseKey(id record.ReleaseID) string   { return "l" + short(id[:]) }
func decisionKey(id record.DecisionID) string { return "d" + short(id[:]) }
func batchKey(d record.Digest) string         { return "b" + short(d[:]) }
func pairKey(id record.PartyID) string        { return "m" + short(id[:]) }

func versionKey(v record.RecordVersion) string { return "v" + short(v.ID[:]) + short(v.Digest[:]) }

func revocationKey(c record.ConsentID, owner record.PartyID) string {
	return "t" + short(c[:]) + short(owner[:])
}

func publicKey(key []byte) string {
	sum := sha256.Sum256(key)
	return "k" + short(sum[:])
}

func callerKey(msp, subject string) string {
	var b []byte
	for _, s := range []string{msp, subject} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	sum := sha256.Sum256(b)
	return "u" + short(sum[:])
}

func violations(id record.PartyID) string { return composite("x", short(id[:])) }

func violationKey(v *record.Violation) string {
	return composite("x", short(v.Party[:]), stamp(v.Time), short(v.Tx[:]))
}

func approvals(id record.DecisionID) string { return composite("a", short(id[:])) }

func approvalKey(a *record.Approval) string {
	sum := sha256.Sum256([]byte(a.Agency))
	return composite("a", short(a.Decision[:]), short(sum[:]))
}

// used is the list of a proxy's releases under a consent.
func used(consent record.ConsentID, proxy record.PartyID) string {
	return composite("lc", short(consent[:]), short(proxy[:]))
}

// indexKeys are the index keys that go with a document.
func indexKeys(d record.Document) []string {
	switch d := d.(type) {
	case *record.Record:
		return []string{composite("ro", short(d.Owner[:]), short(d.ID[:])), composite("ri", short(d.Issuer[:]), short(d.ID[:]))}
	case *record.Request:
		at, id := stamp(d.Time), short(d.ID[:])
		return []string{composite("qo", short(d.Owner[:]), at, id), composite("qr", short(d.Requester[:]), at, id)}
	case *record.Consent:
		at, id := stamp(d.GrantedAt), short(d.Consent[:])
		return []string{composite("co", short(d.Owner[:]), at, id), composite("cr", short(d.Requester[:]), at, id)}
	case *record.Release:
		at, id := stamp(d.Time), short(d.Statement.Release[:])
		return []string{
			composite("lc", short(d.Statement.Consent[:]), short(d.Proxy[:]), at, id),
			composite("lo", short(d.Owner[:]), at, id), composite("lr", short(d.Receiver[:]), at, id),
		}
	case *record.Decision:
		return []string{composite("d", stamp(d.ProposedAt), short(d.ID[:]))}
	}
	return nil
}

// indexed tells index keys from the composite keys of documents.
func indexed(key string) bool {
	return strings.HasPrefix(key, "\x00") && !strings.HasPrefix(key, "\x00x\x00") && !strings.HasPrefix(key, "\x00a\x00")
}
