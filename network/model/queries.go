package model

import (
	"cmp"
	"slices"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
)

// rules are the transactions that change something.
var rules = map[string]rule{
	record.TxInitSystem:      {manager, 1, (*transaction).initSystem},
	record.TxRegister:        {manager, 1, (*transaction).register},
	record.TxRotateKeys:      {manager, 4, (*transaction).rotate},
	record.TxSuspend:         {manager, 2, decide(record.StatusSuspended, "suspended", false, record.StatusActive)},
	record.TxExpel:           {manager, 2, decide(record.StatusExpelled, "expelled", true, record.StatusActive, record.StatusSuspended)},
	record.TxReinstate:       {manager, 2, decide(record.StatusActive, "reinstated", true, record.StatusSuspended, record.StatusExpelled)},
	record.TxPropose:         {manager, 1, (*transaction).propose},
	record.TxApproveDecision: {manager, 1, (*transaction).approveDecision},
	record.TxSubmitRecords:   {issuer, 1, submit(false)},
	record.TxAmend:           {issuer, 1, submit(true)},
	record.TxErase:           {eraser, 2, (*transaction).erase},
	record.TxRequestAccess:   {asker, 1, (*transaction).request},
	record.TxGrant:           {member, 2, (*transaction).grant},
	record.TxApprove:         {manager, 1, (*transaction).approve},
	record.TxRevoke:          {member, 2, (*transaction).revoke},
	record.TxRelease:         {relay, 1, (*transaction).release},
	record.TxAcknowledge:     {asker, 1, (*transaction).acknowledge},
	record.TxDispute:         {asker, 5, (*transaction).dispute},
	record.TxResolve:         {manager, 3, (*transaction).resolve},
}

// listing is what a paged query should answer, all pages together.
type listing struct {
	function string
	args     []string // without page size and bookmark
	items    []any
}

// under is the documents whose index keys begin with a prefix, in their order.
func (m *model) under(prefix string) []any {
	type row struct {
		key      string
		document record.Document
	}
	var rows []row
	for name, d := range m.documents {
		if name[0] == 'v' {
			continue
		}
		for _, key := range indexKeys(d) {
			if strings.HasPrefix(key, prefix) {
				rows = append(rows, row{key, d})
			}
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.key, b.key) })
	items := make([]any, len(rows))
	for i, r := range rows {
		items[i] = r.document
	}
	return items
}

// listings are all paged queries about a party, and those about everybody.
func (m *model) listings(id record.PartyID) []listing {
	at := short(id[:])
	var parties, standings []any
	for _, d := range m.list("p") {
		p := d.(*record.Party)
		n := len(m.list(violations(p.ID)))
		parties = append(parties, p)
		standings = append(standings, record.Standing{Party: p.ID, Role: p.Role, Status: p.Status, Violations: n, Credit: creditAfter(n)})
	}
	var against []any
	for _, v := range m.list(violations(id)) {
		against = append(against, v)
	}
	party := []string{id.String()}
	return []listing{
		{record.TxParties, nil, parties},
		{record.TxStandings, nil, standings},
		{record.TxDecisions, nil, m.decided()},
		{record.TxViolations, party, against},
		{record.TxRecordsByOwner, party, m.under(composite("ro", at))},
		{record.TxRecordsByIssuer, party, m.under(composite("ri", at))},
		{record.TxRequestsByOwner, party, m.under(composite("qo", at))},
		{record.TxRequestsByRequester, party, m.under(composite("qr", at))},
		{record.TxConsentsByOwner, party, m.under(composite("co", at))},
		{record.TxConsentsByRequester, party, m.under(composite("cr", at))},
		{record.TxReleasesByOwner, party, m.under(composite("lo", at))},
		{record.TxReleasesByReceiver, party, m.under(composite("lr", at))},
	}
}

// decided is all decisions, open ones with their approvals so far.
func (m *model) decided() []any {
	items := m.under("\x00d\x00")
	for i, item := range items {
		d := *item.(*record.Decision)
		if d.Status == record.DecisionOpen {
			d.Approvals = []record.Approval{}
			for _, a := range m.list(approvals(d.ID)) {
				d.Approvals = append(d.Approvals, *a.(*record.Approval))
			}
			byTime(d.Approvals)
		}
		items[i] = &d
	}
	return items
}

// versions is a record's history, newest first.
func (m *model) versions(id record.RecordID) []any {
	var items []any
	for rec, ok := m.documents[recordKey(id)].(*record.Record); ok && rec != nil; {
		items = append(items, rec)
		rec, ok = m.documents[versionKey(record.RecordVersion{ID: id, Digest: rec.Previous})].(*record.Record)
	}
	return items
}
