package load

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/progress"
)

// PageSize is how many rows the queries ask for.
const PageSize = 50

// A QueryTime compares one query on a small and a large ledger, in milliseconds.
type QueryTime struct {
	Query string  `json:"query"`
	Rows  int     `json:"rows"` // 0 for a query of one document
	Small float64 `json:"smallMs"`
	Large float64 `json:"largeMs"`
	// SmallP95 and LargeP95 are the slowest twentieth.
	SmallP95 float64 `json:"smallP95Ms"`
	LargeP95 float64 `json:"largeP95Ms"`
	Ratio    float64 `json:"ratio"` // of the medians
}

// question is one query with its arguments, and how many rows to expect.
type question struct {
	name string
	rows int
	args func() []string
}

// questions are one query of every kind of document, and a page of every list
// that a ledger can fill: violations are the exception, since the fourth expels.
func (q *subjects) questions(bookmark string) []question {
	p := q.parties
	page := func(name, bookmark string, args ...string) question {
		args = append(args, strconv.Itoa(PageSize), bookmark)
		return question{name, PageSize, func() []string { return args }}
	}
	owner, insurer, other := p.Owners[0].ID.String(), p.Insurer.ID.String(), p.Other.ID.String()
	fixed := func(args ...string) func() []string { return func() []string { return args } }
	anyOwner := func() []string { return []string{p.Owners[rand.IntN(len(p.Owners))].ID.String()} }
	return []question{
		{record.TxSystem, 0, fixed()},
		{record.TxRecord, 0, func() []string { return []string{q.records[rand.IntN(len(q.records))].String()} }},
		{record.TxRecordHistory, 1, func() []string {
			return []string{q.records[rand.IntN(len(q.records))].String(), strconv.Itoa(PageSize), ""}
		}},
		{record.TxParty, 0, anyOwner},
		{record.TxStanding, 0, anyOwner},
		{record.TxRequest, 0, fixed(q.request.String())},
		{record.TxConsent, 0, fixed(q.consent.String())},
		{record.TxReleaseByID, 0, fixed(q.release.String())},
		page(record.TxRecordsByOwner, "", owner),
		page(record.TxRecordsByIssuer, "", insurer),
		{record.TxRecordsByIssuer + " (11th page)", PageSize, fixed(insurer, strconv.Itoa(PageSize), bookmark)},
		page(record.TxRequestsByOwner, "", owner),
		page(record.TxRequestsByRequester, "", other),
		page(record.TxConsentsByOwner, "", owner),
		page(record.TxConsentsByRequester, "", other),
		page(record.TxReleasesByConsent, "", q.consent.String()),
		page(record.TxReleasesByOwner, "", owner),
		page(record.TxReleasesByReceiver, "", other),
		page(record.TxParties, ""),
		page(record.TxStandings, ""),
	}
}

// pageAfter is the bookmark behind so many pages of the insurer's records.
func (q *subjects) pageAfter(ctx context.Context, l *ledger.Ledger, pages int) (string, error) {
	bookmark := ""
	for range pages {
		contract, transaction := split(record.TxRecordsByIssuer)
		answer, err := l.Evaluate(ctx, contract, transaction, q.parties.Insurer.ID.String(), strconv.Itoa(PageSize), bookmark)
		if err != nil {
			return "", err
		}
		var page record.Page[json.RawMessage]
		if err := json.Unmarshal(answer, &page); err != nil {
			return "", err
		}
		bookmark = page.Bookmark
	}
	return bookmark, nil
}

// asker asks one site its questions.
type asker struct {
	ledger    *ledger.Ledger
	questions []question
	times     [][]float64 // per question, in milliseconds
}

func newAsker(ctx context.Context, s *Site, q *subjects) (*asker, error) {
	l, err := s.Ledger(q.parties.insurer)
	if err != nil {
		return nil, err
	}
	const before = 10
	bookmark, err := q.pageAfter(ctx, l, before)
	if err != nil {
		return nil, err
	}
	a := &asker{ledger: l, questions: q.questions(bookmark)}
	a.times = make([][]float64, len(a.questions))
	return a, nil
}

func (a *asker) ask(ctx context.Context, i int, counts bool) error {
	question := a.questions[i]
	contract, transaction := split(question.name)
	transaction, _, _ = strings.Cut(transaction, " ") // what follows is for people
	args := question.args()
	began := time.Now()
	answer, err := a.ledger.Evaluate(ctx, contract, transaction, args...)
	took := time.Since(began)
	if err != nil {
		return fmt.Errorf("%s: %w", question.name, err)
	}
	if question.rows > 0 {
		var page record.Page[json.RawMessage]
		if err := json.Unmarshal(answer, &page); err != nil {
			return fmt.Errorf("%s: %w", question.name, err)
		}
		if len(page.Items) != question.rows {
			return fmt.Errorf("%s: %d rows, not %d", question.name, len(page.Items), question.rows)
		}
	}
	if counts {
		a.times[i] = append(a.times[i], float64(took.Microseconds())/1000)
	}
	return nil
}

// compareQueries asks both sites the same questions in turns, so that whatever
// else the machine does falls on both.
func compareQueries(ctx context.Context, small, large *asker, samples int, phase *progress.Phase) ([]QueryTime, error) {
	const warm = 5
	for round := range warm + samples {
		phase.Detail("round %d of %d", round+1, warm+samples)
		for i := range small.questions {
			pair := []*asker{small, large}
			if round%2 == 1 {
				slices.Reverse(pair)
			}
			for _, a := range pair {
				if err := a.ask(ctx, i, round >= warm); err != nil {
					return nil, err
				}
			}
		}
	}
	var all []QueryTime
	for i, question := range small.questions {
		slices.Sort(small.times[i])
		slices.Sort(large.times[i])
		t := QueryTime{
			Query: question.name, Rows: question.rows,
			Small: quantile(small.times[i], 0.5), Large: quantile(large.times[i], 0.5),
			SmallP95: quantile(small.times[i], 0.95), LargeP95: quantile(large.times[i], 0.95),
		}
		t.Ratio = t.Large / t.Small
		all = append(all, t)
	}
	return all, nil
}

// quantile of a sorted list.
func quantile(sorted []float64, q float64) float64 {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
