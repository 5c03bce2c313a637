package listener

import (
	"context"
	"fmt"
	"iter"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

// A Reader reads keys of the world state: a [store.World], or a
// [store.WorldTx] in a [Handler].
type Reader interface {
	WorldValue(ctx context.Context, key string) (*store.WorldValue, error)
}

// The readers below answer store.ErrNotFound when the state has no such
// document, record.ErrMalformed when it is of a kind that this program does not
// know, or the database's error.

// System reads the system's document.
func System(ctx context.Context, r Reader) (*record.System, error) {
	return read(ctx, r, record.SystemKey, record.DecodeSystem)
}

// Party reads a party.
func Party(ctx context.Context, r Reader, id record.PartyID) (*record.Party, error) {
	return read(ctx, r, record.PartyKey(id), record.DecodeParty)
}

// Record reads the latest version of a record.
func Record(ctx context.Context, r Reader, id record.RecordID) (*record.Record, error) {
	return read(ctx, r, record.RecordKey(id), record.DecodeRecord)
}

// Request reads a request for access.
func Request(ctx context.Context, r Reader, id record.RequestID) (*record.Request, error) {
	return read(ctx, r, record.RequestKey(id), record.DecodeRequest)
}

// Consent reads a consent.
func Consent(ctx context.Context, r Reader, id record.ConsentID) (*record.Consent, error) {
	return read(ctx, r, record.ConsentKey(id), record.DecodeConsent)
}

// Release reads a release.
func Release(ctx context.Context, r Reader, id record.ReleaseID) (*record.Release, error) {
	return read(ctx, r, record.ReleaseKey(id), record.DecodeRelease)
}

// Decision reads a decision of the agencies, proposed or enacted.
func Decision(ctx context.Context, r Reader, id record.DecisionID) (*record.Decision, error) {
	return read(ctx, r, record.DecisionKey(id), record.DecodeDecision)
}

func read[T any](ctx context.Context, r Reader, key string, decode func([]byte) (*T, error)) (*T, error) {
	v, err := r.WorldValue(ctx, key)
	if err != nil {
		return nil, err
	}
	return decodeValue(v, decode)
}

func decodeValue[T any](v *store.WorldValue, decode func([]byte) (*T, error)) (*T, error) {
	document, err := decode(v.Value)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", v.Key, err)
	}
	return document, nil
}

// The lists below show the state as of one moment, in the order of keys. An
// error ends them. While one is read, an SQLite store cannot shorten its log:
// do not linger.

// Parties lists all parties.
func Parties(ctx context.Context, w store.World) iter.Seq2[*record.Party, error] {
	return list(ctx, w, record.PartyPrefix, record.DecodeParty)
}

// Records lists the latest version of every record.
func Records(ctx context.Context, w store.World) iter.Seq2[*record.Record, error] {
	return list(ctx, w, record.RecordPrefix, record.DecodeRecord)
}

// Requests lists all requests for access.
func Requests(ctx context.Context, w store.World) iter.Seq2[*record.Request, error] {
	return list(ctx, w, record.RequestPrefix, record.DecodeRequest)
}

// Consents lists all consents, whatever has become of them.
func Consents(ctx context.Context, w store.World) iter.Seq2[*record.Consent, error] {
	return list(ctx, w, record.ConsentPrefix, record.DecodeConsent)
}

// Releases lists all releases.
func Releases(ctx context.Context, w store.World) iter.Seq2[*record.Release, error] {
	return list(ctx, w, record.ReleasePrefix, record.DecodeRelease)
}

// Decisions lists all decisions of the agencies.
func Decisions(ctx context.Context, w store.World) iter.Seq2[*record.Decision, error] {
	return list(ctx, w, record.DecisionPrefix, record.DecodeDecision)
}

// Violations lists the violations of a party, oldest first.
func Violations(ctx context.Context, w store.World, party record.PartyID) iter.Seq2[*record.Violation, error] {
	return list(ctx, w, record.CompositePrefix(record.ViolationKeys, record.KeyPart(party[:])), record.DecodeViolation)
}

func list[T any](ctx context.Context, w store.World, prefix string, decode func([]byte) (*T, error)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for v, err := range w.WorldValues(ctx, store.WorldQuery{Prefix: prefix}) {
			var document *T
			if err == nil {
				document, err = decodeValue(v, decode)
			}
			if !yield(document, err) || err != nil {
				return
			}
		}
	}
}
