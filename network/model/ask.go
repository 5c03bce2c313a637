package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
)

// ask compares one paged query, or one about a single document, with the model.
func (r *run) ask() error {
	p := r.anybody()
	if p == nil {
		return nil
	}
	if r.chance(40) {
		return r.askOne(p)
	}
	lists := r.m.listings(p.ID)
	var states []any
	for _, state := range r.m.parties[p.ID] {
		states = append(states, state)
	}
	lists = append(lists, listing{record.TxPartyHistory, []string{p.ID.String()}, states})
	if rec := pick(r.world, all[record.Record](r.m, nil)); rec != nil {
		lists = append(lists, listing{record.TxRecordHistory, []string{rec.ID.String()}, r.m.versions(rec.ID)})
	}
	if c := pick(r.world, all[record.Consent](r.m, nil)); c != nil {
		lists = append(lists, listing{record.TxReleasesByConsent, []string{c.Consent.String()}, r.m.under(composite("lc", short(c.Consent[:])))})
	}
	return r.askPages(pick(r.world, lists), 1+r.IntN(4))
}

func (r *run) evaluate(function string, args ...string) ([]byte, error) {
	r.report.Queries++
	return r.ledger.Evaluate(stub.Call{Identity: r.managers[0], Function: function, Args: args})
}

// askPages reads a list from its first page to its last.
func (r *run) askPages(l listing, size int) error {
	r.note("%s %v, pages of %d", l.function, l.args, size)
	bookmark := ""
	for at := 0; ; at += size {
		answer, err := r.evaluate(l.function, append(slices.Clone(l.args), strconv.Itoa(size), bookmark)...)
		if err != nil {
			return fmt.Errorf("%s: %w", l.function, err)
		}
		var page record.Page[json.RawMessage]
		if err := json.Unmarshal(answer, &page); err != nil {
			return err
		}
		want := l.items[min(at, len(l.items)):min(at+size, len(l.items))]
		if err := sameItems(page.Items, want); err != nil {
			return fmt.Errorf("%s from row %d: %w", l.function, at, err)
		}
		if more := at+size < len(l.items); more != (page.Bookmark != "") {
			return fmt.Errorf("%s of %d rows: after row %d the bookmark is %q", l.function, len(l.items), at+size, page.Bookmark)
		}
		if bookmark = page.Bookmark; bookmark == "" {
			return nil
		}
	}
}

func sameItems(items []json.RawMessage, want []any) error {
	if len(items) != len(want) {
		return fmt.Errorf("%d rows, the model has %d", len(items), len(want))
	}
	for i, item := range items {
		text, err := json.Marshal(want[i])
		if err != nil {
			return err
		}
		if !bytes.Equal(item, text) {
			return fmt.Errorf("row %d is\n%s\nthe model has\n%s", i, item, text)
		}
	}
	return nil
}

// askOne asks for one document.
func (r *run) askOne(p *record.Party) error {
	n := len(r.m.list(violations(p.ID)))
	type question struct {
		function string
		args     []string
		want     any
	}
	questions := []question{
		{record.TxParty, []string{p.PID}, p},
		{record.TxStanding, []string{p.ID.String()}, record.Standing{Party: p.ID, Role: p.Role, Status: p.Status, Violations: n, Credit: creditAfter(n)}},
		{record.TxSystem, nil, r.m.documents[systemKey]},
	}
	if rec := pick(r.world, all[record.Record](r.m, nil)); rec != nil {
		v := pick(r.world, r.m.versions(rec.ID)).(*record.Record)
		questions = append(questions, question{record.TxRecord, []string{rec.ID.String()}, rec},
			question{record.TxRecordVersion, []string{v.ID.String(), v.Digest.String()}, v})
	}
	if d := pick(r.world, all[record.Request](r.m, nil)); d != nil {
		questions = append(questions, question{record.TxRequest, []string{d.ID.String()}, d})
	}
	if d := pick(r.world, all[record.Consent](r.m, nil)); d != nil {
		questions = append(questions, question{record.TxConsent, []string{d.Consent.String()}, d})
	}
	if d := pick(r.world, all[record.Release](r.m, nil)); d != nil {
		questions = append(questions, question{record.TxReleaseByID, []string{d.Statement.Release.String()}, d})
	}
	if d := pick(r.world, r.m.decided()); d != nil {
		questions = append(questions, question{record.TxDecision, []string{d.(*record.Decision).ID.String()}, d})
	}
	q := pick(r.world, questions)
	r.note("%s %v", q.function, q.args)
	answer, err := r.evaluate(q.function, q.args...)
	if err != nil {
		return fmt.Errorf("%s: %w", q.function, err)
	}
	text, err := json.Marshal(q.want)
	if err != nil {
		return err
	}
	if !bytes.Equal(answer, text) {
		return fmt.Errorf("%s answers\n%s\nthe model\n%s", q.function, answer, text)
	}
	return nil
}
