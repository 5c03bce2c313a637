package scenario

import (
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
)

// proposal is what the agencies are to decide about a party; it waits for an
// hour.
func (s *Stage) proposal(action record.Action, about *alliance.Member) record.Proposal {
	s.t.Helper()
	p := record.Proposal{Action: action, Party: about.ID, Reason: "scenario", Expiry: s.clock.Now().Unix() + 3600}
	s.must(s.Draw(p.ID[:]))
	s.ascending(p.ID[:])
	return p
}

func (s *Stage) proposing(as string, p record.Proposal) step {
	return s.call(as, record.TxPropose, record.EncodeText(p.Encode()))
}

func (s *Stage) approving(as string, p record.Proposal) step {
	return s.call(as, record.TxApproveDecision, p.ID.String())
}

// decide has the first agency propose and the second approve.
func (s *Stage) decide(title string, action record.Action, about *alliance.Member) {
	s.t.Helper()
	p := s.proposal(action, about)
	s.ok(title+": the proposal", s.proposing(authority, p))
	s.ok(title+": the approval", s.approving(secondAuthority, p))
}

// decisionsScenario: what needs two of three agencies, and what one may do.
func decisionsScenario(s *Stage) {
	s.nextSecond() // decisions are listed by time, those of earlier scenarios too
	id := s.shop.ID.String()
	status := func(want record.Status) {
		s.t.Helper()
		party := decode[record.Party](s, s.ok("the party", s.ask(record.TxParty, id)))
		require.Equal(s.t, want, party.Status)
	}
	s.refused("an expulsion by one agency", record.ErrDecisionNeeded, s.call(authority, record.TxExpel, id, "alone"))
	s.ok("a suspension by one agency", s.call(secondAuthority, record.TxSuspend, id, "urgent"))
	status(record.StatusSuspended)
	s.refused("while suspended", record.ErrSuspended, s.batch(s.shop, s.entry(s.shop, s.owner)))
	s.refused("suspended again", record.ErrPartyStatus, s.call(authority, record.TxSuspend, id, "urgent"))
	s.refused("a reinstatement by one agency", record.ErrDecisionNeeded, s.call(authority, record.TxReinstate, id, "alone"))

	p := s.proposal(record.ActionReinstate, s.shop)
	s.refused("no proposal yet", record.ErrDecisionUnknown, s.approving(secondAuthority, p))
	s.refused("a party's proposal", record.ErrNotSystemManager, s.proposing(s.as(s.insurer), p))
	s.ok("a proposal", s.proposing(thirdAuthority, p))
	s.ok("again", s.proposing(thirdAuthority, p))
	s.ok("approved again by the proposer", s.approving(thirdAuthority, p))
	other := p
	other.Reason = "another"
	s.refused("another under its id", record.ErrDecisionExists, s.proposing(thirdAuthority, other))
	status(record.StatusSuspended)
	s.refused("a party's approval", record.ErrNotSystemManager, s.approving(s.as(s.shop), p))
	s.ok("the decision as it stands", s.ask(record.TxDecision, p.ID.String()))
	enacted := decode[record.Decision](s, s.ok("the second approval", s.approving(authority, p)))
	require.Equal(s.t, record.DecisionEnacted, enacted.Status)
	require.Len(s.t, enacted.Approvals, 2)
	status(record.StatusActive)
	s.refused("a third approval", record.ErrDecisionOver, s.approving(secondAuthority, p))
	s.ok("works again", s.batch(s.shop, s.entry(s.shop, s.owner)))

	s.refused("what is so already", record.ErrPartyStatus, s.proposing(authority, s.proposal(record.ActionReinstate, s.shop)))
	short := s.proposal(record.ActionExpel, s.shop)
	short.Expiry = s.clock.Now().Unix() + 5
	s.ok("a short proposal", s.proposing(authority, short))
	s.waitUntil(short.Expiry)
	s.refused("too late", record.ErrDecisionOver, s.approving(secondAuthority, short))
	s.refused("proposed too late", record.ErrDecisionOver, s.proposing(authority, s.expired(short)))
	status(record.StatusActive)
	s.decide("expulsion", record.ActionExpel, s.shop)
	status(record.StatusExpelled)
	s.refused("while expelled", record.ErrExpelled, s.batch(s.shop, s.entry(s.shop, s.owner)))

	rules := s.proposal(record.ActionRules, s.shop)
	rules.Party, rules.Rules = record.PartyID{}, record.Rules{RecordWindow: 6 * 24 * 3600, ClockSkew: 100}
	s.ok("new rules", s.proposing(secondAuthority, rules))
	s.ok("approved", s.approving(thirdAuthority, rules))
	system := decode[record.System](s, s.ok("the system", s.ask(record.TxSystem)))
	require.Equal(s.t, rules.Rules, record.Rules{RecordWindow: system.RecordWindow, ClockSkew: system.ClockSkew})
	s.ok("the decision", s.query(s.as(s.insurer), record.TxDecision, rules.ID.String()))
	s.pages("all decisions", -1, 2, s.ask(record.TxDecisions))
}

func (s *Stage) expired(p record.Proposal) record.Proposal {
	s.ascending(p.ID[:])
	return p
}
