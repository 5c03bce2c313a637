package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
)

// suite is every scenario, in the order in which they run. Each has parties of
// its own, so that none depends on another.
var suite = []struct {
	name string
	run  func(*Stage)
}{
	{"records", recordsScenario},
	{"batches", batchesScenario},
	{"amendments", amendmentsScenario},
	{"erasures", erasuresScenario},
	{"keys", keysScenario},
	{"consents", consentsScenario},
	{"scopes", scopesScenario},
	{"paper", paperScenario},
	{"withdrawals", withdrawalsScenario},
	{"times", timesScenario},
	{"disputes", disputesScenario},
	{"decisions", decisionsScenario},
	{"conflicts", conflictsScenario},
	{"pages", pagesScenario},
	{"permissions", permissionsScenario},
	{"malformed", malformedScenario},
}

// Stage is the ledgers with one scenario on them.
type Stage struct {
	*alliance.Deployment
	t       *testing.T
	clock   Clock
	ledgers []Ledger
	books   []*book // of each ledger
	name    string  // of the scenario
	drawn   uint16  // ids that ascend

	insurer, rival, shop, garage, proxy, relay *alliance.Member
	owner, neighbour                           *alliance.Member
}

// Run sets the system up on new ledgers, plays every scenario on all of them at
// once and compares what they have answered.
func Run(t *testing.T, clock Clock, ledgers ...Ledger) {
	t.Helper()
	made := Topology()
	params, err := alliance.NewParameters("scenarios", nil)
	require.NoError(t, err)
	opening := &Stage{
		Deployment: alliance.New(params, made.Channel, made.Chaincode.Name, nil),
		t:          t, clock: clock, ledgers: ledgers, name: "opening",
	}
	for _, l := range ledgers {
		b, err := newBook(l, made)
		require.NoError(t, err)
		opening.books = append(opening.books, b)
	}
	opening.open()
	for _, one := range suite {
		t.Run(one.name, func(t *testing.T) {
			s := *opening
			s.t, s.name = t, one.name
			for _, b := range s.books {
				b.begin()
			}
			defer s.compare()
			s.join()
			one.run(&s)
		})
	}
	t.Logf("%d steps in %d scenarios", opening.books[0].taken, len(suite))
}

// open sets the system up; before that nothing works.
func (s *Stage) open() {
	s.refused("a query before the set-up", record.ErrNotInitialised, s.query(authority, record.TxSystem))
	setup := s.Setup()
	init := s.call(authority, record.TxInitSystem, record.EncodeText(setup.Encode()))
	s.ok("the set-up", init)
	s.refused("a second set-up", record.ErrAlreadyInitialised, init)
	s.ok("the system", s.query("records-visitor", record.TxSystem))
}

// step is a call as it is taken on every ledger.
type step struct {
	Call
	query bool
	// differs makes the arguments for a ledger on which they must differ.
	differs func(Ledger) []string
}

func (s *Stage) call(as, name string, args ...string) step {
	return step{Call: Call{As: as, Name: name, Args: args}}
}

func (s *Stage) query(as, name string, args ...string) step {
	return step{Call: Call{As: as, Name: name, Args: args}, query: true}
}

func (x step) on(l Ledger) Call {
	c := x.Call
	if x.differs != nil {
		c.Args = x.differs(l)
	}
	return c
}

// take takes a step on all ledgers and judges each outcome. It answers with the
// first ledger's payload.
func (s *Stage) take(title string, x step, judge func(Outcome) error) []byte {
	s.t.Helper()
	outcomes := make([]Outcome, len(s.ledgers))
	for i, l := range s.ledgers {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
		call := x.on(l)
		if x.query {
			outcomes[i] = l.Evaluate(ctx, call)
		} else {
			outcomes[i] = l.Submit(ctx, call)
		}
		cancel()
		s.books[i].enter(title, call, outcomes[i])
	}
	for i, o := range outcomes {
		if err := judge(o); err != nil {
			s.t.Fatalf("%s, %s: %v", s.ledgers[i].Name(), title, err)
		}
	}
	return outcomes[0].Payload
}

func (s *Stage) ok(title string, x step) []byte {
	s.t.Helper()
	return s.take(title, x, fine)
}

func fine(o Outcome) error { return o.Err }

func (s *Stage) refused(title string, want *record.Error, x step) {
	s.t.Helper()
	s.take(title, x, func(o Outcome) error { return refusedWith(o, want) })
}

// refusedWith says how an outcome is not the wanted refusal. The code must be
// there for errors.Is, and for whoever reads nothing but the error's text.
func refusedWith(o Outcome, want *record.Error) error {
	if !errors.Is(o.Err, want) {
		return fmt.Errorf("the answer should be %s: %s, %w", want.Code, o.Payload, o.Err)
	}
	read, ok := record.ParseError(o.Err.Error())
	if !ok || read.Code != want.Code {
		return fmt.Errorf("the text %q does not tell %s", o.Err.Error(), want.Code)
	}
	if o.Status != 500 || !strings.HasPrefix(o.Message, string(want.Code)+": ") {
		return fmt.Errorf("the chaincode answered %d %q", o.Status, o.Message)
	}
	return nil
}

// observed takes a step whatever comes of it: the ledgers must agree.
func (s *Stage) observed(title string, x step) {
	s.t.Helper()
	s.take(title, x, func(o Outcome) error {
		if o.Err != nil && o.Status == 0 {
			return o.Err // not the chaincode's
		}
		return nil
	})
}

// together has several calls endorsed before any is ordered.
func (s *Stage) together(title string, calls []step, want ...ledger.ValidationCode) {
	s.t.Helper()
	for i, l := range s.ledgers {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
		var on []Call
		for _, x := range calls {
			on = append(on, x.on(l))
		}
		outcomes := l.Together(ctx, on)
		cancel()
		for k, o := range outcomes {
			s.books[i].enter(fmt.Sprintf("%s, %d", title, k), on[k], o)
			if !o.ordered() || o.Code != want[k] {
				s.t.Fatalf("%s, %s: call %d: the code is %s, it should be %s: %v", l.Name(), title, k, o.Code, want[k], o.Err)
			}
			if o.Code != ledger.Valid && !errors.Is(o.Err, want[k]) {
				s.t.Fatalf("%s, %s: call %d: errors.Is does not find %s in %v", l.Name(), title, k, want[k], o.Err)
			}
		}
	}
}

func repeat(code ledger.ValidationCode, n int) []ledger.ValidationCode {
	all := make([]ledger.ValidationCode, n)
	for i := range all {
		all[i] = code
	}
	return all
}

// pages goes through a list on every ledger, by that ledger's own bookmarks, and
// checks that it has so many rows; a negative number of rows stands for any.
func (s *Stage) pages(title string, rows, size int, x step) {
	s.t.Helper()
	base := x.Args
	bookmarks := make([]string, len(s.ledgers))
	for seen, page := 0, 1; ; page++ {
		x.differs = func(l Ledger) []string {
			for i := range s.ledgers {
				if s.ledgers[i] == l {
					return append(append([]string{}, base...), strconv.Itoa(size), bookmarks[i])
				}
			}
			return nil
		}
		at, last := 0, false
		var items int
		s.take(fmt.Sprintf("%s, page %d", title, page), x, func(o Outcome) error {
			if o.Err != nil {
				return o.Err
			}
			var read record.Page[json.RawMessage]
			if err := json.Unmarshal(o.Payload, &read); err != nil {
				return err
			}
			bookmarks[at], items, last = read.Bookmark, len(read.Items), read.Bookmark == ""
			at++
			return nil
		})
		if seen += items; last {
			if rows >= 0 {
				require.Equal(s.t, rows, seen, title)
			}
			return
		}
		require.Equal(s.t, size, items, title)
	}
}

// compare fails the test when the ledgers' answers in this scenario differ.
func (s *Stage) compare() {
	s.t.Helper()
	for _, other := range s.books[1:] {
		for _, difference := range s.books[0].differences(other) {
			s.t.Error(difference)
		}
	}
}

// now is the time that statements bear. It lies before the first transaction, so
// that no statement's time is taken for a transaction's.
func (s *Stage) now() int64 { return s.clock.Now().Unix() - 1000 }

// nextSecond waits until the ledgers' times, in seconds, have moved on: lists in
// the order of time are then in the same order everywhere.
func (s *Stage) nextSecond() {
	now := s.clock.Now()
	s.clock.Wait(now.Truncate(time.Second).Add(time.Second).Sub(now))
}

func (s *Stage) must(err error) {
	s.t.Helper()
	require.NoError(s.t, err)
}

func decode[T any](s *Stage, payload []byte) (value T) {
	s.t.Helper()
	s.must(json.Unmarshal(payload, &value))
	return value
}
