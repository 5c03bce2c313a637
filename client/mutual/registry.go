package mutual

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Parties answers who is registered; *[client.Chain] does.
type Parties interface {
	Parties(ctx context.Context) ([]record.Party, error)
	Party(ctx context.Context, id record.PartyID) (*record.Party, error)
}

// Registry tells which party is behind a certificate, by the ledger.
type Registry struct {
	source Parties
	log    *slog.Logger
	timing Timing

	mu      sync.Mutex
	members map[member]record.PartyID
	known   map[record.PartyID]*entry

	asking sync.Mutex // held while asking for all parties
	asked  time.Time
	took   time.Duration
}

// member is what the ledger binds a party to.
type member struct{ msp, subject string }

// entry is one party as it was at a time.
type entry struct {
	mu    sync.Mutex // held while asking
	party *record.Party
	at    time.Time
}

// maxMembers bounds the parties with certificates that are remembered; one
// costs some kilobytes.
const maxMembers = 10_000

// NewRegistry makes a registry that knows nobody yet.
func NewRegistry(source Parties, log *slog.Logger, t Timing) *Registry {
	return &Registry{source: source, log: log, timing: t, members: map[member]record.PartyID{}, known: map[record.PartyID]*entry{}}
}

// Party is one party, as it was no longer than [Timing.Status] ago. It fails
// when the ledger cannot be asked.
func (r *Registry) Party(ctx context.Context, id record.PartyID) (*record.Party, error) {
	e := r.entry(id)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.party != nil && time.Since(e.at) < r.timing.Status {
		return e.party, nil
	}
	at := time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timing.Patience)
	defer cancel()
	party, err := r.source.Party(ctx, id)
	if err != nil {
		return nil, err
	}
	e.party, e.at = party, at
	return party, nil
}

func (r *Registry) entry(id record.PartyID) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.known[id]
	if e == nil {
		if len(r.known) >= maxMembers {
			clear(r.known)
		}
		e = &entry{}
		r.known[id] = e
	}
	return e
}

// Member is the party to which the ledger binds a subject in one of these MSPs.
// It returns [record.ErrUnknownCaller] for none. Somebody it does not know makes
// it look through the ledger's parties anew, at most once in [Timing.Pause], and
// in ten times what looking takes.
func (r *Registry) Member(ctx context.Context, msps []string, subject string) (*record.Party, error) {
	id, found, err := r.find(msps, subject)
	if err != nil {
		return nil, err
	}
	if !found {
		if err := r.look(ctx); err != nil {
			return nil, err
		}
		if id, found, err = r.find(msps, subject); err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, record.ErrUnknownCaller.With("%s of %v is not registered", subject, msps)
	}
	party, err := r.Party(ctx, id)
	if err != nil {
		return nil, err
	}
	if party.Subject != subject || !slices.Contains(msps, party.MSP) {
		return nil, record.ErrUnknownCaller.With("%s of %v is not party %s", subject, msps, id)
	}
	return party, nil
}

func (r *Registry) find(msps []string, subject string) (id record.PartyID, found bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, msp := range msps {
		next, listed := r.members[member{msp, subject}]
		if listed && found && next != id {
			return id, false, record.ErrUnknownCaller.With("%s is a member of several organisations, %v, and a party in more than one", subject, msps)
		}
		if listed {
			id, found = next, true
		}
	}
	return id, found, nil
}

// look reads all parties, unless that was done a moment ago.
func (r *Registry) look(ctx context.Context) error {
	r.asking.Lock()
	defer r.asking.Unlock()
	if time.Since(r.asked) < max(r.timing.Pause, 10*r.took) {
		return nil
	}
	r.asked = time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 6*r.timing.Patience)
	defer cancel()
	parties, err := r.source.Parties(ctx)
	r.took = time.Since(r.asked)
	if err != nil {
		return fmt.Errorf("mutual: the ledger's parties: %w", err)
	}
	members := map[member]record.PartyID{}
	for i := range parties {
		p := &parties[i]
		if p.MSP == "" {
			continue // policyholders have no certificate
		}
		if len(members) >= maxMembers {
			r.log.Error("the ledger has more parties with certificates than this node can know", "most", maxMembers)
			break
		}
		members[member{p.MSP, p.Subject}] = p.ID
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members = members
	return nil
}
