package telemetry

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
)

// broken is a store without methods: whatever is called panics, and is measured
// all the same.
type broken struct{ store.Store }

// unmeasured are methods that do nothing in the database, and those that take or
// put back all of it, which a command does with a connection of its own.
var unmeasured = map[string]bool{"Close": true, "Journal": true, "Dump": true, "Restore": true}

func TestEveryStoreOperationIsMeasured(t *testing.T) {
	methods := reflect.TypeFor[store.Store]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		if unmeasured[name] {
			continue
		}
		m := New(Build{})
		provoke(reflect.ValueOf(m.Store(broken{})).MethodByName(name))
		require.Equal(t, 1, testutil.CollectAndCount(m.storeOperations), name)
		require.Equal(t, 1, testutil.CollectAndCount(m.storeDuration), name)
	}
	m := New(Build{})
	journal := reflect.ValueOf((&measured{journalOnly{}, m}).Journal())
	for i := range journal.Type().NumMethod() {
		if name := journal.Type().Method(i).Name; name != "Journal" {
			provoke(journal.Method(i))
			require.Equal(t, i+1, testutil.CollectAndCount(m.storeOperations), name)
		}
	}
}

type journalOnly struct{ store.Store }

func (journalOnly) Journal() ledger.Journal { return nil }

// provoke calls a method with zero values, and goes through what it answers.
func provoke(method reflect.Value) {
	defer func() { _ = recover() }()
	var args []reflect.Value
	for i := range method.Type().NumIn() {
		if t := method.Type().In(i); !method.Type().IsVariadic() || i < method.Type().NumIn()-1 {
			args = append(args, reflect.Zero(t))
		}
	}
	for _, answer := range method.Call(args) {
		if answer.Kind() != reflect.Func {
			continue
		}
		yield := reflect.MakeFunc(answer.Type().In(0), func([]reflect.Value) []reflect.Value {
			return []reflect.Value{reflect.ValueOf(true)}
		})
		answer.Call([]reflect.Value{yield})
	}
}

func TestStoreOperationsByOutcome(t *testing.T) {
	m := New(Build{})
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "party.sqlite"))
	require.NoError(t, err)
	s := m.Store(db)
	require.NoError(t, s.SetValue(t.Context(), "a", []byte("b")))
	_, err = s.Value(t.Context(), "nothing")
	require.ErrorIs(t, err, store.ErrNotFound)
	for range s.Find(t.Context(), store.Query{}) {
		t.Fatal("there is nothing")
	}
	counts, err := s.Counts(t.Context())
	require.NoError(t, err)
	require.Zero(t, counts)
	require.NoError(t, s.Journal().Save(t.Context(), ledger.Entry{TxID: "t", Envelope: []byte("e")}))
	require.NoError(t, s.Close())
	require.Error(t, s.SetValue(t.Context(), "a", nil))
	for _, want := range []struct{ operation, outcome string }{
		{"set_value", ok}, {"value", "STORE_NOT_FOUND"}, {"find", ok}, {"counts", ok}, {"journal_save", ok}, {"set_value", failed},
	} {
		require.Equal(t, 1.0, testutil.ToFloat64(m.storeOperations.WithLabelValues(want.operation, want.outcome)), want)
	}
}

func TestCodesAreBounded(t *testing.T) {
	for err, want := range map[error]string{
		nil: ok, store.ErrNotFound: "STORE_NOT_FOUND", context.Canceled: "CALL_CANCELED", errors.New("whatever"): "NODE_INTERNAL",
		&ledger.CommitError{Code: ledger.ErrMVCCReadConflict}:                           "FABRIC_MVCC_READ_CONFLICT",
		&ledger.Error{Step: ledger.StepEvaluate, Err: errors.New("connection refused")}: "NODE_LEDGER",
	} {
		require.Equal(t, want, Code(err))
	}
}
