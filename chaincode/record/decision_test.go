package record_test

import (
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/stretchr/testify/require"
)

func TestDecisionRules(t *testing.T) {
	type p = *record.Proposal
	checkBroken(t, sampleProposal, []broken[p]{
		{"decision id", func(v p) { v.ID = record.DecisionID{} }},
		{"0 is not a kind of decision", func(v p) { v.Action = 0 }},
		{"4 is not a kind of decision", func(v p) { v.Action = 4 }},
		{"party is missing", func(v p) { v.Party = record.PartyID{} }},
		{"only a change", func(v p) { v.Rules.ClockSkew = 1 }},
		{"reason", func(v p) { v.Reason = "" }},
		{"printable", func(v p) { v.Reason = "\n" }},
		{"expiry", func(v p) { v.Expiry = 0 }},
	})
	checkBroken(t, sampleRules, []broken[p]{
		{"names no party", func(v p) { v.Party[0] = 1 }},
		{"record window", func(v p) { v.Rules.RecordWindow = 0 }},
		{"record window", func(v p) { v.Rules.RecordWindow = record.MaxRecordWindow + 1 }},
		{"clock skew", func(v p) { v.Rules.ClockSkew = 0 }},
		{"clock skew", func(v p) { v.Rules.ClockSkew = record.MaxClockSkew + 1 }},
	})
	type a = *record.Approval
	checkBroken(t, sampleApproval, []broken[a]{
		{"decision id", func(v a) { v.Decision = record.DecisionID{} }},
		{"msp", func(v a) { v.Agency = "" }},
		{"subject", func(v a) { v.Subject = "" }},
		{"UTF-8", func(v a) { v.Subject = "\xff" }},
		{"time", func(v a) { v.Time = 0 }},
		{"transaction", func(v a) { v.Tx = record.TxID{} }},
	})
	type d = *record.Decision
	checkBroken(t, sampleDecision, []broken[d]{
		{"party is missing", func(v d) { v.Party = record.PartyID{} }},
		{"msp", func(v d) { v.Agency = "\x00" }},
		{"decision status", func(v d) { v.Status = 3 }},
		{"threshold", func(v d) { v.Threshold = 0 }},
		{"threshold", func(v d) { v.Threshold = record.MaxAgencies + 1 }},
		{"managers", func(v d) { v.Managers = record.Digest{} }},
		{"disagree", func(v d) { v.EnactTx = record.TxID{} }},
		{"disagree", func(v d) { v.Status = record.DecisionOpen }},
		{"too few", func(v d) { v.Approvals = v.Approvals[:1] }},
		{"another decision", func(v d) { v.Approvals[1].Decision[0]++ }},
		{"approves twice", func(v d) { v.Approvals[1].Agency = v.Approvals[0].Agency }},
		{"ascend", func(v d) { v.Approvals[0], v.Approvals[1] = v.Approvals[1], v.Approvals[0] }},
		{"msp", func(v d) { v.Approvals[1].Agency = "" }},
	})
}

// TestSortApprovals: by time, and by agency within one second.
func TestSortApprovals(t *testing.T) {
	at := func(agency string, time int64) record.Approval { return record.Approval{Agency: agency, Time: time} }
	list := []record.Approval{at("C", 2), at("A", 2), at("B", 1), at("A", 2)}
	record.SortApprovals(list)
	require.Equal(t, []record.Approval{at("B", 1), at("A", 2), at("A", 2), at("C", 2)}, list)
}

func TestDecisionVocabulary(t *testing.T) {
	for _, name := range []string{"expel", "reinstate", "rules"} {
		action, err := record.ParseAction(name)
		require.NoError(t, err)
		require.Equal(t, name, action.String())
	}
	_, err := record.ParseAction("promote")
	require.ErrorIs(t, err, record.ErrMalformed)
	id, err := record.ParseDecisionID("0102030405060708090a0b0c0d0e0f10")
	require.NoError(t, err)
	require.Equal(t, "0102030405060708090a0b0c0d0e0f10", id.String())
	require.False(t, id.IsZero())
	for _, text := range []string{"", "00000000000000000000000000000000", "0102030405060708090A0b0c0d0e0f10", "01"} {
		_, err := record.ParseDecisionID(text)
		require.ErrorIs(t, err, record.ErrMalformed)
	}
	var status record.DecisionStatus
	require.ErrorIs(t, status.UnmarshalText([]byte("closed")), record.ErrMalformed)
}
