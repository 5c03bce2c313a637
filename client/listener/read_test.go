package listener

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"iter"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// documents are the contract's test vectors: one document of every kind.
func documents(t *testing.T) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile("../../chaincode/record/testdata/vectors.json")
	require.NoError(t, err)
	var vectors map[string]struct{ Encoding string }
	require.NoError(t, json.Unmarshal(text, &vectors))
	all := map[string][]byte{}
	for name, v := range vectors {
		encoding, err := hex.DecodeString(v.Encoding)
		require.NoError(t, err)
		all[name] = encoding
	}
	return all
}

func TestReaders(t *testing.T) {
	vectors := documents(t)
	party, err := record.DecodeParty(vectors["document party"])
	require.NoError(t, err)
	rec, err := record.DecodeRecord(vectors["document record"])
	require.NoError(t, err)
	request, err := record.DecodeRequest(vectors["document request"])
	require.NoError(t, err)
	consent, err := record.DecodeConsent(vectors["document consent"])
	require.NoError(t, err)
	release, err := record.DecodeRelease(vectors["document release"])
	require.NoError(t, err)
	violation, err := record.DecodeViolation(vectors["document violation"])
	require.NoError(t, err)
	system, err := record.DecodeSystem(vectors["document system"])
	require.NoError(t, err)

	decision, err := record.DecodeDecision(vectors["document decision"])
	require.NoError(t, err)

	base64 := base64.RawURLEncoding.EncodeToString
	var transaction ledger.Transaction
	transaction.Chaincode = chaincode
	for key, value := range map[string][]byte{
		"system":                                   vectors["document system"],
		"p" + base64(party.ID[:]):                  vectors["document party"],
		"r" + base64(rec.ID[:]):                    vectors["document record"],
		"q" + base64(request.ID[:]):                vectors["document request"],
		"c" + base64(consent.Consent[:]):           vectors["document consent"],
		"l" + base64(release.Statement.Release[:]): vectors["document release"],
		"d" + base64(decision.ID[:]):               vectors["document decision"],
		"\x00x\x00" + base64(violation.Party[:]) + "\x000065a0c1e0\x00tx\x00":    vectors["document violation"],
		"\x00ro\x00" + base64(party.ID[:]) + "\x00" + base64(rec.ID[:]) + "\x00": {0},
	} {
		transaction.Writes = append(transaction.Writes, ledger.Write{Namespace: chaincode, Key: key, Value: value})
	}
	c, s := newChain("a"), newStore(t)
	c.add(transaction)

	ctx := t.Context()
	read := func(ctx context.Context, r Reader) {
		requireRead(t, party)(Party(ctx, r, party.ID))
		requireRead(t, rec)(Record(ctx, r, rec.ID))
		requireRead(t, request)(Request(ctx, r, request.ID))
		requireRead(t, consent)(Consent(ctx, r, consent.Consent))
		requireRead(t, release)(Release(ctx, r, release.Statement.Release))
		requireRead(t, decision)(Decision(ctx, r, decision.ID))
		requireRead(t, system)(System(ctx, r))
		_, err = Party(ctx, r, record.NewPartyID("nobody"))
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	handler := WithHandler(func(ctx context.Context, tx store.WorldTx, change Change) error {
		if len(change.Transaction.Writes) > 0 {
			read(ctx, tx)
		}
		written, err := change.Documents()
		require.Len(t, written, 8)
		return err
	})
	require.NoError(t, New(s, chaincode, handler).Apply(ctx, c.blocks[0], c.blocks[1]))
	read(ctx, s)

	requireList(t, Parties(ctx, s), party)
	requireList(t, Records(ctx, s), rec)
	requireList(t, Requests(ctx, s), request)
	requireList(t, Consents(ctx, s), consent)
	requireList(t, Releases(ctx, s), release)
	requireList(t, Decisions(ctx, s), decision)
	requireList(t, Violations(ctx, s, violation.Party), violation)
	requireList(t, Violations(ctx, s, record.NewPartyID("nobody")))
}

func requireRead[T any](t *testing.T, want *T) func(*T, error) {
	return func(got *T, err error) {
		t.Helper()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func requireList[T any](t *testing.T, list iter.Seq2[*T, error], want ...*T) {
	t.Helper()
	var got []*T
	for d, err := range list {
		require.NoError(t, err)
		got = append(got, d)
	}
	require.Equal(t, want, got)
}

// A document that this program does not know is an error of who reads it. The
// state keeps it.
func TestUnknownDocuments(t *testing.T) {
	id := record.NewPartyID("somebody")
	key := record.PartyKey(id)
	newer := []byte{byte(record.DocumentParty), record.SchemaVersion + 1, 1, 2, 3}
	transaction := ledger.Transaction{Chaincode: chaincode, Writes: []ledger.Write{{Namespace: chaincode, Key: key, Value: newer}}}
	c, s := newChain("a"), newStore(t)
	c.add(transaction)
	require.NoError(t, New(s, chaincode).Apply(t.Context(), c.blocks...))
	requireState(t, c, s)
	_, err := Party(t.Context(), s, id)
	require.ErrorIs(t, err, record.ErrMalformed)
	for _, err := range Parties(t.Context(), s) {
		require.ErrorIs(t, err, record.ErrMalformed)
	}
	_, err = Change{transaction}.Documents()
	require.ErrorIs(t, err, record.ErrMalformed)
	require.ErrorContains(t, err, key)
}

func TestEvents(t *testing.T) {
	for name, c := range map[string]struct {
		event *ledger.Event
		want  []record.Change
		err   bool
	}{
		"none":             {nil, nil, false},
		"known":            {&ledger.Event{Name: "claimshare", Payload: []byte(`{"version":1,"changes":[{"document":"record","change":"added","ids":["00"]}]}`)}, []record.Change{{Document: "record", Change: "added", IDs: []string{"00"}}}, false},
		"with more fields": {&ledger.Event{Name: "claimshare", Payload: []byte(`{"version":1,"changes":[],"more":{}}`)}, []record.Change{}, false},
		"a later version":  {&ledger.Event{Name: "claimshare", Payload: []byte(`{"version":2,"changes":{"record":"added"}}`)}, nil, true},
		"no version":       {&ledger.Event{Name: "claimshare", Payload: []byte(`{"changes":[]}`)}, nil, true},
		"another name":     {&ledger.Event{Name: "other", Payload: []byte(`{"version":1}`)}, nil, true},
		"not JSON":         {&ledger.Event{Name: "claimshare", Payload: []byte(`version 1`)}, nil, true},
		"no changes":       {&ledger.Event{Name: "claimshare", Payload: []byte(`{"version":1,"changes":"none"}`)}, nil, true},
	} {
		got, err := Change{ledger.Transaction{Event: c.event}}.Event()
		if c.err {
			require.ErrorIs(t, err, ErrEvent, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, record.Event{Version: 1, Changes: c.want}, got, name)
	}
}

// Neither an unknown event nor an unknown document stops a listener.
func TestUnknownEventsDoNotStopIt(t *testing.T) {
	c, s := newChain("a"), newStore(t)
	c.add(ledger.Transaction{Chaincode: chaincode, Writes: []ledger.Write{{Namespace: chaincode, Key: "k", Value: []byte{99, 99}}},
		Event: &ledger.Event{Chaincode: chaincode, Name: record.EventName, Payload: []byte(`{"version":99}`)}})
	require.NoError(t, New(s, chaincode).Apply(t.Context(), c.blocks...))
	requireState(t, c, s)
	for tx, err := range s.WorldTransactions(t.Context(), store.WorldPlace{Block: 1}, 0) {
		require.NoError(t, err)
		_, err = ParseEvent(tx.Event)
		require.ErrorIs(t, err, ErrEvent)
		require.ErrorContains(t, err, "version 99")
	}
}
