package story

import (
	"context"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/crypto/pre"
)

func (t *tale) join(ctx context.Context, s *Scene) error {
	if err := t.initialise(ctx); err != nil {
		return err
	}
	params := t.manager.Parameters()
	s.done("the system manager set the ledger up", "parameters %s", short(fmt.Sprintf("%x", params.ID())))
	s.fact("parametersId", fmt.Sprintf("%x", params.ID()))
	if err := t.joinProxy(ctx); err != nil {
		return err
	}
	for _, o := range t.organisations() {
		if err := t.cast.join(ctx, o, pre.ModeScoped); err != nil {
			return err
		}
		s.done(fmt.Sprintf("%s joined", o.title), "%s, pseudo-identity %s", o.role, short(string(o.keys.PID)))
	}
	s.done("the re-encryption proxy joined", "it holds no key that opens anything")

	began := time.Now()
	people := t.data.Policyholders
	t.holders = make([]*holder, len(people))
	err := each(ctx, len(people), func(ctx context.Context, i int) (err error) {
		t.holders[i], err = t.joinHolder(ctx, people[i].Identity, t.insurers[0], pre.ModeScoped)
		return err
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	s.done(fmt.Sprintf("%d policyholders joined", len(people)), "%.0f registrations a second, each in a transaction of its own", float64(len(people))/took.Seconds())
	parties, err := t.manager.Parties(ctx)
	if err != nil {
		return err
	}
	want := len(people) + len(t.organisations()) + 1
	s.fact("parties", len(parties))
	s.fact("policyholders", len(people))
	claimant := t.holders[t.data.Cast["claimant"]]
	s.shown("the system manager's own list says", "%s", claimant.identity)
	s.shown("everybody else sees", "%s", short(string(claimant.keys.PID)))
	return expect(len(parties) == want, "the ledger lists %d parties, not %d", len(parties), want)
}

// short is the beginning of something long.
func short(s string) string {
	const n = 16
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
