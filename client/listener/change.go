package listener

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// A Handler is told of every valid transaction that concerns the chaincode, in
// the order of the ledger, after its writes have been applied and before the
// next one's. What it does through tx becomes part of the same database
// transaction as the writes and the checkpoint: it happens exactly once. What
// it does elsewhere may happen again, when a later transaction of the batch
// fails or the process dies before the commit; let it leave a note through tx,
// and do the rest afterwards.
//
// An error undoes the whole batch and ends Apply and Follow. A Handler must not
// use the store itself, only tx: it would wait for itself. It must not call
// Apply or Await.
type Handler func(ctx context.Context, tx store.WorldTx, change Change) error

// A Change is a transaction of the chaincode, or of another one that wrote in
// its namespace. Its writes are those in the namespace.
type Change struct {
	Transaction ledger.Transaction
}

// ErrEvent: a transaction's event is not of a kind that this program knows. The
// world state does not depend on events and is complete without them.
var ErrEvent = errors.New("an event of an unknown kind")

// Event is what the transaction announced; without changes if it announced
// nothing. The error is ErrEvent.
func (c Change) Event() (record.Event, error) { return ParseEvent(c.Transaction.Event) }

// ParseEvent reads an event of the contract; nil has no changes. It accepts
// what a later release may add to events of a known version. The error is
// ErrEvent, for another name, another version, or what is not an event at all.
func ParseEvent(e *ledger.Event) (record.Event, error) {
	if e == nil {
		return record.Event{Version: record.EventVersion}, nil
	}
	if e.Name != record.EventName {
		return record.Event{}, fmt.Errorf("%w: its name is %q", ErrEvent, e.Name)
	}
	var parsed record.Event
	err := json.Unmarshal(e.Payload, &parsed)
	// A later version may give the fields other types: its number counts.
	var version struct{ Version int }
	if json.Unmarshal(e.Payload, &version) == nil && version.Version != record.EventVersion {
		return record.Event{}, fmt.Errorf("%w: version %d, this program knows %d", ErrEvent, version.Version, record.EventVersion)
	}
	if err != nil {
		return record.Event{}, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	return parsed, nil
}

// A Document is a document that a transaction wrote, under its key.
type Document struct {
	Key      string
	Document record.Document
}

// isIndex tells the value of an index key from a document, which has two bytes
// at least.
func isIndex(value []byte) bool { return len(value) == 1 && value[0] == 0 }

// Documents are those that the transaction wrote, in the order of its writes;
// keys of indexes and deletions are left out. The error is record.ErrMalformed
// for a document that this program does not know.
func (c Change) Documents() ([]Document, error) {
	var all []Document
	for _, w := range c.Transaction.Writes {
		if w.Deleted || isIndex(w.Value) {
			continue
		}
		d, err := record.DecodeDocument(w.Value)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", w.Key, err)
		}
		all = append(all, Document{w.Key, d})
	}
	return all, nil
}
