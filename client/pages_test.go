package client

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
)

// row is a row of an answer.
type row struct{ N int }

// pager answers a paged query as it likes.
type pager struct {
	Channel
	answer func(bookmark string) record.Page[row]
	asked  int
}

func (p *pager) Evaluate(_ context.Context, _, _ string, args ...string) ([]byte, error) {
	p.asked++
	return json.Marshal(p.answer(args[len(args)-1]))
}

func TestPages(t *testing.T) {
	rows := func(n int) []row { return make([]row, n) }
	for name, one := range map[string]struct {
		answer func(bookmark string) record.Page[row]
		rows   int // -1: refused
		asked  int
	}{
		"one page":   {func(string) record.Page[row] { return record.Page[row]{Items: rows(3)} }, 3, 1},
		"nothing":    {func(string) record.Page[row] { return record.Page[row]{} }, 0, 1},
		"three full": {counted(3, record.MaxPage), 3 * record.MaxPage, 3},
		"the same page again and again": {func(string) record.Page[row] {
			return record.Page[row]{Items: rows(1), Bookmark: "a"}
		}, -1, 2},
		"a page that is too large": {counted(1, record.MaxPage+1), -1, 1},
		"pages without end":        {counted(1<<30, 0), -1, maxPages + 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := &pager{answer: one.answer}
			all, err := pages[row](t.Context(), p, record.TxViolations, "x")
			require.Equal(t, one.asked, p.asked)
			if one.rows < 0 {
				require.ErrorIs(t, err, ErrAnswer)
				return
			}
			require.NoError(t, err)
			require.Len(t, all, one.rows)
		})
	}
}

// counted answers so many pages of a size.
func counted(pages, size int) func(string) record.Page[row] {
	return func(bookmark string) record.Page[row] {
		n, _ := strconv.Atoi(bookmark) // the first has none
		page := record.Page[row]{Items: make([]row, size)}
		if n+1 < pages {
			page.Bookmark = strconv.Itoa(n + 1)
		}
		return page
	}
}
