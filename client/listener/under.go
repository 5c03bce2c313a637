package listener

import (
	"context"
	"encoding/base64"
	"iter"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

// ReleasesUnder lists the ids of a proxy's releases under a consent, oldest
// first. [Release] reads one. The error is record.ErrMalformed for a key that
// is none of that index, or the database's.
func ReleasesUnder(ctx context.Context, w store.World, consent record.ConsentID, proxy record.PartyID) iter.Seq2[record.ReleaseID, error] {
	prefix := record.CompositePrefix(record.ReleasesByProxy, record.KeyPart(consent[:]), record.KeyPart(proxy[:]))
	return func(yield func(record.ReleaseID, error) bool) {
		for v, err := range w.WorldValues(ctx, store.WorldQuery{Prefix: prefix}) {
			var id record.ReleaseID
			if err == nil {
				id, err = lastID(v.Key)
			}
			if !yield(id, err) || err != nil {
				return
			}
		}
	}
}

// lastID is the last attribute of an index key.
func lastID(key string) (id record.ReleaseID, err error) {
	attributes := strings.Split(strings.TrimSuffix(key, "\x00"), "\x00")
	raw, err := base64.RawURLEncoding.DecodeString(attributes[len(attributes)-1])
	if err != nil || len(raw) != len(id) {
		return id, record.ErrMalformed.With("the index key %q ends in no release id", key)
	}
	copy(id[:], raw)
	return id, nil
}
