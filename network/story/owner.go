package story

import (
	"context"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

func clock(t int64) string { return time.Unix(t, 0).UTC().Format("15:04:05") }

func (t *tale) lookBack(ctx context.Context, s *Scene) error {
	owner := t.claim.owner
	history, err := owner.wallet.History(ctx)
	if err != nil {
		return err
	}
	titles := map[record.PartyID]string{}
	for _, o := range t.organisations() {
		titles[o.member.ID()] = o.title
	}
	labels := map[record.RecordID]string{}
	for _, r := range history.Records {
		labels[r.ID] = r.Label
	}
	s.done(fmt.Sprintf("%d records, %d requests, %d consents, %d releases", len(history.Records), len(history.Requests), len(history.Consents), len(history.Releases)), "the ledger's own list, times in UTC")
	for _, r := range history.Requests {
		s.shown(clock(r.Time)+"  asked  "+titles[r.Requester], "%s, %s%s", r.Label, r.Purpose, claimOf(r.Claim))
	}
	acknowledged := 0
	for _, r := range history.Releases {
		state := "handed out, never acknowledged"
		if r.AcknowledgedAt != 0 {
			state, acknowledged = "read at "+clock(r.AcknowledgedAt), acknowledged+1
		}
		s.shown(clock(r.Time)+"  given  "+titles[r.Receiver], "%s record %s: %s", labels[r.Statement.Record], r.Statement.Record.String()[:8], state)
	}
	revoked := 0
	for _, c := range history.Consents {
		if c.Status == record.ConsentRevoked {
			revoked++
		}
	}
	s.fact("requests", len(history.Requests))
	s.fact("consents", len(history.Consents))
	s.fact("revoked", revoked)
	s.fact("releases", history.Releases)
	bystander := t.holders[t.data.Cast["bystander"]]
	quiet, err := bystander.wallet.History(ctx)
	if err != nil {
		return err
	}
	s.done("another policyholder looks too", "%d records, and nobody has asked", len(quiet.Records))
	return expect(len(quiet.Requests) == 0 && len(quiet.Releases) == 0 && acknowledged > 0 && revoked == 1 && len(history.Releases) > acknowledged,
		"the histories are not what happened")
}

func claimOf(number string) string {
	if number == "" {
		return ""
	}
	return ", claim " + number
}

func (t *tale) trace(_ context.Context, s *Scene) error {
	subject := t.claim.owner
	identity, err := t.authority.Trace(record.RolePolicyholder, subject.keys.PID)
	if err != nil {
		return err
	}
	s.done("the system manager traces one pseudo-identity", "%s is %s", short(string(subject.keys.PID)), identity)
	stranger, err := pre.GenerateMasterKey()
	if err != nil {
		return err
	}
	issuer, err := pseudonym.NewIssuer(stranger.Bytes())
	if err != nil {
		return err
	}
	_, err = issuer.Trace(t.manager.Parameters().ID(), record.RolePolicyholder.String(), subject.keys.PID)
	if err := s.refused("stranger", "anybody else's key", err, pseudonym.ErrUntraceable); err != nil {
		return err
	}
	s.fact("traced", identity == subject.identity)
	return expect(identity == subject.identity, "traced to %q", identity)
}
