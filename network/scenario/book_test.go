package scenario

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
)

// outcome is of a transaction as one of two ledgers would have it.
func outcome(id record.TxID, at time.Time) Outcome {
	link := &record.Link{Party: record.PartyID{7}}
	return Outcome{
		TxID: id.String(), Time: at, Code: ledger.Valid,
		Payload: fmt.Appendf(nil, `{"tx":%q,"time":%d,"expiry":1800000000,"bookmark":%q}`, id, at.Unix(), id.String()[:9]),
		Event:   &ledger.Event{Name: record.EventName, Payload: []byte(`{"version":1,"changes":[]}`)},
		Writes:  []ledger.Write{{Key: "k1", Value: link.Encode()}, {Key: "\x00x\x00party\x00", Value: []byte{0}}},
	}
}

// differencesOf enters an outcome of each of two ledgers.
func differencesOf(t *testing.T, one, other Outcome) []string {
	t.Helper()
	var books []*book
	for _, o := range []Outcome{one, other} {
		b, err := newBook(newStub(t, RealClock{}), Topology())
		require.NoError(t, err)
		b.enter("a step", Call{As: authority, Name: record.TxSystem}, o)
		books = append(books, b)
	}
	return books[0].differences(books[1])
}

func TestBookLeavesOutWhatMustDiffer(t *testing.T) {
	one := outcome(record.TxID{1}, time.Unix(1_800_000_000, 0))
	other := outcome(record.TxID{2}, time.Unix(1_800_000_007, 0))
	require.Empty(t, differencesOf(t, one, other))
	refused := Outcome{Err: record.ErrTime, Status: 500, Message: "CLAIMSHARE_TIME: it is dated 2026-01-01T00:00:00Z."}
	later := refused
	later.Message = "CLAIMSHARE_TIME: it is dated 2026-01-01T00:00:01Z."
	require.Empty(t, differencesOf(t, refused, later))
}

func TestBookFindsEveryDifference(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	for name, change := range map[string]func(*Outcome){
		"answer":         func(o *Outcome) { o.Payload = []byte(`{"tx":"x"}`) },
		"a signed time":  func(o *Outcome) { o.Payload = []byte(`{"expiry":1800000007}`) },
		"no answer":      func(o *Outcome) { o.Payload = nil },
		"no JSON":        func(o *Outcome) { o.Payload = []byte("{") },
		"end of list":    func(o *Outcome) { o.Payload = []byte(`{"bookmark":""}`) },
		"code":           func(o *Outcome) { o.Code = ledger.ErrMVCCReadConflict },
		"event":          func(o *Outcome) { o.Event = nil },
		"event's name":   func(o *Outcome) { o.Event = &ledger.Event{Name: "other", Payload: o.Event.Payload} },
		"event's change": func(o *Outcome) { o.Event = &ledger.Event{Name: o.Event.Name, Payload: []byte(`{"version":2}`)} },
		"written key":    func(o *Outcome) { o.Writes[0].Key = "k2" },
		"written value":  func(o *Outcome) { o.Writes[0].Value = (&record.Link{Party: record.PartyID{8}}).Encode() },
		"mark":           func(o *Outcome) { o.Writes[1].Value = []byte{1} },
		"deletion":       func(o *Outcome) { o.Writes[1].Deleted = true },
		"fewer writes":   func(o *Outcome) { o.Writes = o.Writes[:1] },
		"a refusal":      func(o *Outcome) { *o = Outcome{Err: record.ErrTime, Status: 500, Message: "CLAIMSHARE_TIME: x"} },
	} {
		changed := outcome(record.TxID{1}, at)
		change(&changed)
		require.NotEmpty(t, differencesOf(t, outcome(record.TxID{1}, at), changed), name)
	}
	refused := Outcome{Err: record.ErrTime, Status: 500, Message: "CLAIMSHARE_TIME: one."}
	for _, other := range []Outcome{
		{Err: record.ErrTime, Status: 500, Message: "CLAIMSHARE_TIME: another."},
		{Err: record.ErrTime, Status: 400, Message: "CLAIMSHARE_TIME: one."},
		{Err: record.ErrPage, Status: 500, Message: "CLAIMSHARE_PAGE: one."},
	} {
		require.NotEmpty(t, differencesOf(t, refused, other))
	}
}

// A refusal must be found by errors.Is and in the text, with its status.
func TestRefusedWith(t *testing.T) {
	good := Outcome{Err: fmt.Errorf("wrapped: %w", record.ErrTime.With("late")), Status: 500, Message: record.ErrTime.With("late").Error()}
	require.NoError(t, refusedWith(good, record.ErrTime))
	require.Error(t, refusedWith(good, record.ErrPage))
	require.Error(t, refusedWith(Outcome{}, record.ErrTime))
	for _, change := range []func(*Outcome){
		func(o *Outcome) { o.Status = 400 },
		func(o *Outcome) { o.Message = "late" },
		func(o *Outcome) { o.Err = silent{o.Err} },
	} {
		bad := good
		change(&bad)
		require.Error(t, refusedWith(bad, record.ErrTime))
	}
}

// silent is an error that says nothing.
type silent struct{ error }

func (silent) Error() string   { return "it failed" }
func (e silent) Unwrap() error { return e.error }
