package client

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
)

// board is a ledger that has nothing but decisions, and answers as its peers
// would, or as tamper makes it.
type board struct {
	t      *testing.T
	list   []record.Decision
	tamper func(*record.Decision)
}

func (b *board) Height(context.Context) (uint64, error) { return 1, nil }
func (b *board) Connection() ledger.Connection          { return ledger.Connection{} }

func (b *board) Submit(_ context.Context, call ledger.Call) (ledger.Result, error) {
	require.Equal(b.t, "registry", call.Contract)
	switch call.Transaction {
	case "Propose":
		encoded, err := record.DecodeText(record.ArgProposal, call.Args[0])
		require.NoError(b.t, err)
		p, err := record.DecodeProposal(encoded)
		require.NoError(b.t, err)
		b.list = append(b.list, record.Decision{
			Proposal: *p, Agency: "AMSP", ProposedAt: 1, ProposeTx: record.TxID{1}, Status: record.DecisionOpen, Threshold: 2,
			Managers: record.Digest{1}, Approvals: []record.Approval{{Decision: p.ID, Agency: "AMSP", Subject: "CN=a", Time: 1, Tx: record.TxID{1}}},
		})
		return ledger.Result{Block: 3, Payload: b.answer(b.list[len(b.list)-1])}, nil
	case "ApproveDecision":
		for i := range b.list {
			d := &b.list[i]
			if d.ID.String() == call.Args[0] {
				d.Approvals = append(d.Approvals, record.Approval{Decision: d.ID, Agency: "BMSP", Subject: "CN=b", Time: 2, Tx: record.TxID{2}})
				d.Status, d.EnactedAt, d.EnactTx = record.DecisionEnacted, 2, record.TxID{2}
				return ledger.Result{Block: 4, Payload: b.answer(*d)}, nil
			}
		}
	}
	return ledger.Result{}, record.ErrDecisionOver.With("no such thing")
}

func (b *board) Evaluate(_ context.Context, _, transaction string, args ...string) ([]byte, error) {
	switch transaction {
	case "Decision":
		return b.answer(b.list[0]), nil
	case "Decisions": // one a page
		require.Equal(b.t, strconv.Itoa(record.MaxPage), args[0])
		at := len(args[1])
		page := record.Page[json.RawMessage]{Items: []json.RawMessage{b.answer(b.list[at])}}
		if at+1 < len(b.list) {
			page.Bookmark = args[1] + "x"
		}
		answer, err := json.Marshal(page)
		require.NoError(b.t, err)
		return answer, nil
	}
	return nil, record.ErrUnknownTransaction.With("%s", transaction)
}

func (b *board) answer(d record.Decision) []byte {
	if b.tamper != nil {
		b.tamper(&d)
	}
	answer, err := json.Marshal(d)
	require.NoError(b.t, err)
	return answer
}

// TestDecisions: proposals and approvals go out as the chaincode reads them, and
// what comes back is checked.
func TestDecisions(t *testing.T) {
	b := &board{t: t}
	c := newChain(t).As(b)
	p := record.Proposal{Action: record.ActionExpel, Party: record.PartyID{1}, Reason: "fraud", Expiry: 1767229200}
	first, err := c.Propose(t.Context(), p)
	require.NoError(t, err)
	require.False(t, first.ID.IsZero(), "an id is drawn")
	require.EqualValues(t, 3, c.Seen())
	p.ID = record.DecisionID{7}
	second, err := c.Propose(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, p, second.Proposal, "an id that is given is kept")

	enacted, err := c.ApproveDecision(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, record.DecisionEnacted, enacted.Status)
	_, err = c.ApproveDecision(t.Context(), record.DecisionID{9})
	require.ErrorIs(t, err, record.ErrDecisionOver)

	all, err := c.Decisions(t.Context())
	require.NoError(t, err)
	require.Equal(t, []record.Decision{*first, *enacted}, all)
	got, err := c.Decision(t.Context(), first.ID)
	require.NoError(t, err)
	require.Equal(t, first, got)
	_, err = c.Decision(t.Context(), p.ID)
	require.ErrorIs(t, err, ErrAnswer, "the peer answers with another decision")

	b.tamper = func(d *record.Decision) { d.Approvals = append(d.Approvals, d.Approvals[0]) }
	_, err = c.Decision(t.Context(), first.ID)
	require.ErrorIs(t, err, ErrAnswer, "an agency stands there twice")
	_, err = c.Decisions(t.Context())
	require.ErrorIs(t, err, ErrAnswer)
	_, err = c.ApproveDecision(t.Context(), p.ID)
	require.ErrorIs(t, err, ErrAnswer)
}
