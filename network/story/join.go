package story

import (
	"context"
	"fmt"
	"time"
)

func (t *tale) join(ctx context.Context, s *Scene) error {
	if err := t.found(ctx, t.logLevel); err != nil {
		return err
	}
	params := t.look.Parameters()
	s.done("the system manager set the ledger up", "parameters %s", short(fmt.Sprintf("%x", params.ID())))
	s.fact("parametersId", fmt.Sprintf("%x", params.ID()))
	for _, o := range t.organisations() {
		s.done(o.title()+" joined", "%s, pseudo-identity %s", o.Node.Role, short(o.Node.PID))
	}
	s.done("the re-encryption proxy joined", "it holds no key that opens anything")
	processes := map[int]bool{}
	for _, n := range t.nodes.Nodes() {
		pid, err := t.nodes.PID(n)
		if err != nil {
			return err
		}
		processes[pid] = true
	}
	s.done(fmt.Sprintf("%d nodes run", len(processes)), "a process of each organisation, with a database and keys of its own; they talk over mutual TLS")
	s.fact("nodes", len(processes))

	began := time.Now()
	people := t.data.Policyholders
	t.holders = make([]*holder, len(people))
	err := each(ctx, len(people), func(ctx context.Context, i int) (err error) {
		t.holders[i], err = t.joinHolder(ctx, people[i].Identity, fmt.Sprintf("policyholder-%03d", i+1))
		return err
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	s.done(fmt.Sprintf("%d policyholders joined", len(people)), "each with a one-time code and a wallet of its own; %.0f registrations a second", float64(len(people))/took.Seconds())
	parties, err := t.look.Parties(ctx)
	if err != nil {
		return err
	}
	want := len(people) + len(t.nodes.Nodes())
	s.fact("parties", len(parties))
	s.fact("policyholders", len(people))
	claimant := t.holders[t.data.Cast["claimant"]]
	s.shown("the system manager's own list says", "%s", claimant.identity)
	s.shown("everybody else sees", "%s", short(claimant.pid))
	return expect(len(parties) == want && len(processes) == len(t.nodes.Nodes()), "the ledger lists %d parties, not %d, and %d nodes run", len(parties), want, len(processes))
}

// short is the beginning of something long.
func short(s string) string {
	const n = 16
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
