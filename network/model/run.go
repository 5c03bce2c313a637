package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/claimshare/claimshare/chaincode/contract"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// Report is what a run has seen.
type Report struct {
	Transactions int
	Accepted     int
	Refused      map[record.Code]int
	Ambiguous    int // refusals for which several rules would do
	Invalid      map[peer.TxValidationCode]int
	Functions    map[string]int // accepted, by transaction
	Queries      int
}

func (r *Report) add(o *Report) {
	r.Transactions += o.Transactions
	r.Accepted += o.Accepted
	r.Ambiguous += o.Ambiguous
	r.Queries += o.Queries
	sum(&r.Refused, o.Refused)
	sum(&r.Invalid, o.Invalid)
	sum(&r.Functions, o.Functions)
}

func sum[K comparable](to *map[K]int, from map[K]int) {
	if *to == nil {
		*to = map[K]int{}
	}
	for k, n := range from {
		(*to)[k] += n
	}
}

// run is one sequence of steps.
type run struct {
	*world
	ledger *stub.Ledger
	report Report
	log    []string
}

// wrapped puts something between a chaincode and its ledger: nil is nothing.
type wrapped func(shim.Chaincode) shim.Chaincode

// newRun sets a ledger up.
func newRun(seed uint64, s system, wrap wrapped) (*run, error) {
	w, err := newWorld(seed, s)
	if err != nil {
		return nil, err
	}
	managers, err := contract.ParseManagers(s.file)
	if err != nil {
		return nil, err
	}
	code, err := contract.New(managers)
	if err != nil {
		return nil, err
	}
	var used shim.Chaincode = code
	if wrap != nil {
		used = wrap(code)
	}
	r := &run{world: w, ledger: stub.NewLedger(channel, chaincode, used)}
	r.report = Report{Refused: map[record.Code]int{}, Invalid: map[peer.TxValidationCode]int{}, Functions: map[string]int{}}
	return r, nil
}

// begin initialises the ledger and registers the first parties.
func (r *run) begin() error {
	r.now = r.ledger.Now().Unix()
	setup := r.Setup()
	calls := []stub.Call{
		r.call(r.manager(), record.TxSuspend, r.outsider().String(), "too early"),
		r.call(r.manager(), record.TxInitSystem, record.EncodeText(setup.Encode())),
		r.call(r.manager(), record.TxInitSystem, record.EncodeText(setup.Encode())),
	}
	for _, mode := range []record.KeyMode{record.ModeScoped, record.ModeScoped, record.ModePaper} {
		for _, role := range []record.Role{record.RoleInsurer, record.RoleRepairShop, record.RolePolicyholder, record.RoleProxy} {
			calls = append(calls, r.registration(r.newcomer(role, mode)))
		}
	}
	for _, call := range calls {
		if err := r.one(call); err != nil {
			return err
		}
	}
	return nil
}

// action is something the world does, and how often of all times.
type action struct {
	weight int
	do     func(*world) stub.Call
}

var actions = []action{
	{4, (*world).register}, {4, (*world).rotate}, {8, (*world).status}, {4, (*world).propose}, {8, (*world).approveDecision},
	{24, (*world).submit}, {10, (*world).amend}, {5, (*world).request}, {14, (*world).grant}, {10, (*world).approve},
	{4, (*world).revoke}, {4, (*world).erase}, {22, (*world).release}, {13, (*world).followUp}, {8, (*world).again}, {2, (*world).foreign},
}

// choose picks an action by weight.
func (w *world) choose() action {
	total := 0
	for _, a := range actions {
		total += a.weight
	}
	n := w.IntN(total)
	for _, a := range actions {
		if n -= a.weight; n < 0 {
			return a
		}
	}
	panic("model: unreachable")
}

// next is one call.
func (w *world) next(a action) stub.Call {
	call := a.do(w)
	w.calls = append(w.calls, call)
	return call
}

// again is a call that was made before.
func (w *world) again() stub.Call {
	if len(w.calls) == 0 {
		return w.submit()
	}
	if len(w.faulty) > 0 && w.chance(30) {
		return w.faulty[len(w.faulty)-1]
	}
	if w.chance(50) { // one of the last
		return w.calls[len(w.calls)-1-w.IntN(min(8, len(w.calls)))]
	}
	return pick(w, w.calls)
}

// foreign is a call by the wrong one.
func (w *world) foreign() stub.Call {
	call := w.again()
	call.Identity = w.somebody()
	if w.chance(10) && len(call.Args) > 0 {
		call.Args = slices.Clone(call.Args)
		call.Args[0] = "?"
	}
	return call
}

// times are by how many seconds the clock is set forward, often little.
var times = []int64{1, 1, 1, 10, 10, 30, 60, 60, 100, 100, 150, 1000, 3600, 90_000, 700_000}

// step does one thing: lets time pass, asks, or calls, alone or in one block
// with others.
func (r *run) step(seed uint64) error {
	r.reseed(seed)
	switch n := r.IntN(100); {
	case n < 8:
		r.advance(pick(r.world, times))
		return nil
	case n < 14:
		return r.ask()
	case n < 17:
		return r.lastMoment()
	case n < 30:
		return r.block()
	}
	return r.one(r.next(r.choose()))
}

func (r *run) advance(seconds int64) {
	r.ledger.Advance(time.Duration(seconds) * time.Second)
	r.now += seconds
	r.note("time passes: %d s", seconds)
}

// lastMoment waits for the second at which a consent begins or ends, or for the one
// before, and uses it; or for the last second of a proposal.
func (r *run) lastMoment() error {
	second := -int64(r.IntN(2))
	if d := pick(r.world, all(r.m, func(d *record.Decision) bool { return d.Status == record.DecisionOpen && r.now < d.Expiry-1 })); d != nil && r.chance(30) {
		r.advance(d.Expiry + second - r.now)
		return r.one(r.call(r.manager(), record.TxApproveDecision, d.ID.String()))
	}
	c := pick(r.world, all(r.m, func(c *record.Consent) bool {
		return c.Status != record.ConsentRevoked && r.now < c.Expiry-1 && c.Expiry < r.now+200_000 && r.mayAct(c.Owner) && r.mayAct(c.Requester)
	}))
	if c == nil {
		return nil
	}
	at := c.Expiry
	if r.now < c.NotBefore-1 {
		at = c.NotBefore
	}
	r.advance(at + second - r.now)
	if c.Status == record.ConsentGranted {
		return r.one(r.call(r.manager(), record.TxApprove, c.Consent.String()))
	}
	return r.one(r.releaseUnder(c))
}

func (r *run) note(format string, args ...any) { r.log = append(r.log, fmt.Sprintf(format, args...)) }

// tried is a call that was simulated.
type tried struct {
	call stub.Call
	tx   *stub.Transaction
	want *outcome
}

// try simulates a call and compares what it answers with the model.
func (r *run) try(call stub.Call) (*tried, error) {
	call.Time = time.Unix(r.now, 0)
	tx, err := r.ledger.Simulate(call)
	r.report.Transactions++
	var refusal *stub.ResponseError
	if tx == nil || err != nil && !errors.As(err, &refusal) {
		return nil, fmt.Errorf("%s: %w", call.Function, err)
	}
	id, parseErr := record.ParseTxID(tx.ID)
	if parseErr != nil {
		return nil, parseErr
	}
	t := &tried{call, tx, r.m.predict(call, id)}
	r.note("%s by %s of %s: %s", call.Function, call.Identity.Subject(), call.Identity.MSP(), t.verdict())
	return t, r.compare(t)
}

func (t *tried) verdict() string {
	if t.tx.Response.GetStatus() == shim.OK {
		return "accepted"
	}
	return t.tx.Response.GetMessage()
}

// compare checks refusal or acceptance, answer and event.
func (r *run) compare(t *tried) error {
	name := t.call.Function
	if t.tx.Response.GetStatus() != shim.OK {
		refusal, coded := record.ParseError(t.tx.Response.GetMessage())
		if !coded {
			return fmt.Errorf("%s: no code in %q", name, t.tx.Response.GetMessage())
		}
		if !slices.ContainsFunc(t.want.refusals, func(e *record.Error) bool { return e.Code == refusal.Code }) {
			return fmt.Errorf("%s answers %s, the model %s", name, refusal.Code, codes(t.want.refusals))
		}
		r.report.Refused[refusal.Code]++
		if codes(t.want.refusals) != string(refusal.Code) {
			r.report.Ambiguous++
		}
		return nil
	}
	if len(t.want.refusals) > 0 {
		return fmt.Errorf("%s is accepted, the model says %s", name, codes(t.want.refusals))
	}
	return t.compareAnswer()
}

func (t *tried) compareAnswer() error {
	answer, err := json.Marshal(t.want.answer)
	if err != nil {
		return err
	}
	if string(answer) != string(t.tx.Response.GetPayload()) {
		return fmt.Errorf("%s answers\n%s\nthe model\n%s", t.call.Function, t.tx.Response.GetPayload(), answer)
	}
	var event []byte
	if len(t.want.changes) > 0 {
		if event, err = json.Marshal(record.Event{Version: record.EventVersion, Changes: t.want.changes}); err != nil {
			return err
		}
	}
	if string(event) != string(t.tx.Event.GetPayload()) {
		return fmt.Errorf("%s announces\n%s\nthe model\n%s", t.call.Function, t.tx.Event.GetPayload(), event)
	}
	return nil
}

// codes lists the codes of refusals, each once.
func codes(list []*record.Error) string {
	set := map[string]bool{}
	for _, e := range list {
		set[string(e.Code)] = true
	}
	if len(set) == 0 {
		return "nothing"
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), " or ")
}

// one makes a call in a block of its own.
func (r *run) one(call stub.Call) error {
	t, err := r.try(call)
	if err != nil || len(t.want.refusals) > 0 {
		return err
	}
	if code := r.ledger.Commit(t.tx)[0]; code != peer.TxValidationCode_VALID {
		return fmt.Errorf("%s, alone in its block, is %s", call.Function, code)
	}
	r.accept(t)
	return nil
}

// accept takes a valid transaction over into the model.
func (r *run) accept(t *tried) {
	r.m.apply(t.want)
	r.report.Accepted++
	r.report.Functions[t.call.Function]++
}
