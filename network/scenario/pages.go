package scenario

import (
	"strconv"

	"github.com/claimshare/claimshare/chaincode/record"
)

// pagesScenario: lists of several pages, and page arguments that are wrong.
func pagesScenario(s *Stage) {
	const records = 23
	s.ok("a batch", s.batch(s.shop, s.entries(records, s.shop, s.owner)...))
	for _, size := range []int{1, 7, records - 1, records, record.MaxPage} {
		title := "pages of " + strconv.Itoa(size)
		s.pages(title+", by owner", records, size, s.ask(record.TxRecordsByOwner, s.owner.ID.String()))
		s.pages(title+", by issuer", records, size, s.ask(record.TxRecordsByIssuer, s.shop.ID.String()))
	}
	s.pages("an empty list", 0, 10, s.ask(record.TxRecordsByOwner, s.neighbour.ID.String()))
	s.pages("all parties", -1, 20, s.ask(record.TxParties))
	s.pages("all standings", -1, 33, s.ask(record.TxStandings))
	for _, size := range []string{"0", "-1", "101", "x", "", "+5", "05", "1e1"} {
		s.refused("page size "+size, record.ErrPage, s.ask(record.TxRecordsByOwner, s.owner.ID.String(), size, ""))
	}
	for _, bookmark := range []string{"!", "AA", "AHJvAA"} {
		s.refused("bookmark "+bookmark, record.ErrPage, s.ask(record.TxRecordsByOwner, s.owner.ID.String(), "5", bookmark))
		s.refused("bookmark "+bookmark+" of parties", record.ErrPage, s.ask(record.TxParties, "5", bookmark))
	}
}
