package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// patience is how long a node waits for its ledger when it starts, and when it
// says so.
type patience struct{ whole, first, next time.Duration }

var atStart = patience{whole: 3 * time.Minute, first: 2 * time.Second, next: 15 * time.Second}

// patiently does something for which the ledger is needed when the node starts.
// The log says at once what that is and until when it is tried, and while it takes
// long, what is in the way and what to do.
func (p *party) patiently(ctx context.Context, what string, do func(context.Context) error) error {
	return p.during(ctx, atStart, what, do)
}

func (p *party) during(ctx context.Context, t patience, what string, do func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, t.whole)
	defer cancel()
	ended, reminded := make(chan struct{}), make(chan struct{})
	p.log.Info(what, "peers", p.peers(), "for", t.whole.String())
	go func() {
		defer close(reminded)
		p.remind(limited, t, what, ended)
	}()
	err := do(limited)
	close(ended)
	<-reminded
	if err != nil && ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("gave up after %v, is one of the peers %s running, and reachable from here? %s: %w", t.whole, p.peers(), what, err)
	}
	return err
}

// remind says what is waited for until it has ended.
func (p *party) remind(ctx context.Context, t patience, what string, ended <-chan struct{}) {
	until, _ := ctx.Deadline()
	for wait := t.first; ; wait = t.next {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		p.log.Warn("still waiting: "+what, "peers", p.peers(), "trouble", errorText(p.ledger.Trouble()),
			"givesUpIn", time.Until(until).Round(time.Second).String(),
			"whatToDo", "see that one of these peers runs and can be reached from here; \"claimshare doctor --connection FILE\" looks closer")
	}
}

// peers are the peers' addresses.
func (p *party) peers() string {
	var all []string
	for _, peer := range p.ledger.Connection().Peers {
		all = append(all, peer.Endpoint)
	}
	return strings.Join(all, ", ")
}
