package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// block makes several calls on one state and commits what was accepted as one
// block.
func (r *run) block() error {
	var list []*tried
	r.note("in one block:")
	for _, call := range r.together() {
		t, err := r.try(call)
		if err != nil {
			return err
		}
		if len(t.want.refusals) == 0 {
			list = append(list, t)
		}
	}
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	transactions := make([]*stub.Transaction, len(list))
	for i, t := range list {
		transactions[i] = t.tx
	}
	written := map[string]bool{}
	for i, code := range r.ledger.Commit(transactions...) {
		r.note("  %s: %s", list[i].call.Function, code)
		if err := r.judge(list[i], code, written); err != nil {
			return err
		}
	}
	return nil
}

// together is two to five calls, often of one kind and sometimes the same.
func (r *run) together() []stub.Call {
	first := r.choose()
	calls := []stub.Call{r.next(first)}
	alike := r.chance(60)
	for range 1 + r.IntN(4) {
		switch {
		case r.chance(10):
			calls = append(calls, calls[0])
		case alike && r.chance(80):
			calls = append(calls, r.next(first))
		default:
			calls = append(calls, r.next(r.choose()))
		}
	}
	return calls
}

// judge checks a validation code: valid is what the model accepts after what was
// valid before it, invalid only what has read what these have written.
func (r *run) judge(t *tried, code peer.TxValidationCode, written map[string]bool) error {
	name := t.call.Function
	if code != peer.TxValidationCode_VALID {
		r.report.Invalid[code]++
		if t.want.late(code, written) {
			return nil
		}
		return fmt.Errorf("%s is %s, though nothing it depends on was written in the block", name, code)
	}
	id, err := record.ParseTxID(t.tx.ID)
	if err != nil {
		return err
	}
	t.call.Time = time.Unix(r.now, 0)
	if t.want = r.m.predict(t.call, id); len(t.want.refusals) > 0 {
		return fmt.Errorf("%s is valid, after the others in its block the model says %s", name, codes(t.want.refusals))
	}
	if err := t.compareAnswer(); err != nil {
		return fmt.Errorf("in a block: %w", err)
	}
	for _, key := range t.want.writes() {
		written[key] = true
	}
	r.accept(t)
	return nil
}

// late reports whether keys that were written make the validation code right:
// one of them was read, or lies in a range that was listed.
func (o *outcome) late(code peer.TxValidationCode, written map[string]bool) bool {
	for key := range written {
		switch code {
		case peer.TxValidationCode_MVCC_READ_CONFLICT:
			if o.reads[key] {
				return true
			}
		case peer.TxValidationCode_PHANTOM_READ_CONFLICT:
			if slices.ContainsFunc(o.ranges, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
				return true
			}
		}
	}
	return false
}

// compareState compares every key and value.
func (r *run) compareState() error {
	state := r.ledger.State()
	for _, w := range state {
		want, known := r.m.state[w.Key]
		if !known {
			return fmt.Errorf("the ledger has a key %q that the model has not", w.Key)
		}
		if want != string(w.Value) {
			return fmt.Errorf("under %q the ledger has %x, the model %x", w.Key, w.Value, want)
		}
	}
	if len(state) == len(r.m.state) {
		return nil
	}
	for _, w := range state {
		delete(r.m.state, w.Key)
	}
	return fmt.Errorf("the ledger has no %q", slices.Sorted(maps.Keys(r.m.state)))
}
