package story

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/wallet"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// clock is the time of day, with the date unless it is today's.
func clock(t int64) string {
	at, now := time.Unix(t, 0).UTC(), time.Now().UTC()
	if at.Format(time.DateOnly) != now.Format(time.DateOnly) {
		return at.Format("2 Jan 15:04:05")
	}
	return at.Format(time.TimeOnly)
}

func (t *tale) lookBack(ctx context.Context, s *Scene) error {
	owner := t.claim.owner
	history, err := owner.wallet.History(ctx)
	if err != nil {
		return err
	}
	titles := map[record.PartyID]string{}
	for _, o := range t.organisations() {
		titles[o.id()] = o.title()
	}
	labels := map[record.RecordID]string{}
	for _, r := range history.Records {
		labels[r.ID] = r.Label
	}
	s.done(fmt.Sprintf("%d records, %d requests, %d consents, %d releases", len(history.Records), len(history.Requests), len(history.Consents), len(history.Releases)), "the ledger's own list, times in UTC:")
	type event struct {
		at           int64
		text, detail string
	}
	var events []event
	for _, r := range history.Requests {
		events = append(events, event{r.Time, "asked    " + titles[r.Requester], fmt.Sprintf("%s, %s%s", r.Label, r.Purpose, claimOf(r.Claim))})
	}
	revoked := 0
	for _, c := range history.Consents {
		events = append(events, event{c.GrantedAt, "allowed  " + titles[c.Requester], fmt.Sprintf("%s at %s until %s", c.Label, titles[c.Holder], clock(c.Expiry))})
		if c.Status == record.ConsentRevoked {
			revoked++
			events = append(events, event{c.RevokedAt, "revoked  " + titles[c.Requester], c.Label + " at " + titles[c.Holder]})
		}
	}
	acknowledged := 0
	for _, r := range history.Releases {
		state := "handed out, but never opened"
		if r.AcknowledgedAt != 0 {
			state, acknowledged = "read at "+clock(r.AcknowledgedAt), acknowledged+1
		}
		events = append(events, event{r.Time, "given    " + titles[r.Receiver], fmt.Sprintf("%s, record %s: %s", labels[r.Statement.Record], r.Statement.Record.String()[:8], state)})
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	for _, e := range events {
		s.shown(clock(e.at)+"  "+e.text, "%s", e.detail)
	}
	if err := t.askAnother(ctx, s, owner, history); err != nil {
		return err
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
	return expect(len(quiet.Requests) == 0 && len(quiet.Releases) == 0 && acknowledged > 0 && revoked == 1 && len(history.Releases) == acknowledged,
		"the histories are not what happened")
}

// askAnother compares a history with what another member's node says.
func (t *tale) askAnother(ctx context.Context, s *Scene, owner *holder, first *wallet.Account) error {
	other := t.shops[1]
	if err := owner.wallet.Via(other.id()); err != nil {
		return err
	}
	second, err := owner.wallet.History(ctx)
	if err != nil {
		return err
	}
	s.done("the wallet asks another node", "%s's says the same", other.title())
	return expect(reflect.DeepEqual(first.History, second.History), "two nodes tell different histories")
}

func claimOf(number string) string {
	if number == "" {
		return ""
	}
	return ", claim " + number
}

func (t *tale) trace(ctx context.Context, s *Scene) error {
	subject := t.claim.owner
	traced, err := t.nodes.Authority().Ask.Trace(ctx, &nodev1.TraceRequest{Role: record.RolePolicyholder.String(), Pid: subject.pid})
	if err != nil {
		return err
	}
	s.done("the system manager traces one pseudo-identity", "%s is %s", short(subject.pid), traced.Identity)
	stranger, err := pre.GenerateMasterKey()
	if err != nil {
		return err
	}
	issuer, err := pseudonym.NewIssuer(stranger.Bytes())
	if err != nil {
		return err
	}
	_, err = issuer.Trace(t.look.Parameters().ID(), record.RolePolicyholder.String(), pseudonym.PID(subject.pid))
	if err := s.refused("stranger", "another agency's key cannot trace it", err, pseudonym.ErrUntraceable); err != nil {
		return err
	}
	s.fact("traced", traced.Identity == subject.identity)
	return expect(traced.Identity == subject.identity, "traced to %q", traced.Identity)
}
