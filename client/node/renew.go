package node

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// renewEvery is how often the files of certificates are looked at.
const renewEvery = 5 * time.Second

// reading is something that can be read again while the node runs.
type reading struct {
	what string
	// read reports whether it was new. After an error what was read before stays.
	read func() (bool, error)
	// watched says that it looks for changes by itself.
	watched bool
	// complaint is what was said last about it.
	complaint string
}

// readings lists what can be read again.
func (n *process) readings() []*reading {
	all := []*reading{
		{what: "the certificate shown to other nodes", read: n.mutual.Credential.Refresh},
		{what: "the certificate for Fabric", read: n.party.ledger.Renew},
		{what: "the directory", read: n.directory.again, watched: true},
	}
	if n.shown != nil {
		all = append(all, &reading{what: "the certificate shown to wallets", read: n.shown.Refresh})
	}
	return all
}

// hangups is told of SIGHUP, until the returned function is called.
func hangups() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// renewLoop takes renewed certificates over: soon after their files have
// changed, and at once on SIGHUP, which also has the outcome told.
func (n *process) renewLoop(ctx context.Context, hangup <-chan os.Signal) error {
	readings := n.readings()
	for {
		told := false
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			told = true
		case <-time.After(renewEvery):
		}
		for _, r := range readings {
			if told || !r.watched {
				n.again(ctx, r, told)
			}
		}
	}
}

// again reads one thing again. Untold, it speaks of what is new, and once of
// what is wrong.
func (n *process) again(ctx context.Context, r *reading, told bool) {
	another, err := r.read()
	log := n.party.log
	switch {
	case err != nil && (told || r.complaint != err.Error()):
		r.complaint = err.Error()
		log.ErrorContext(ctx, r.what+" cannot be used; the one before stays", "error", err.Error())
	case err != nil:
	case another:
		r.complaint = ""
		log.InfoContext(ctx, r.what+" is new")
	default:
		r.complaint = ""
		if told {
			log.InfoContext(ctx, r.what+" was read again and is as before")
		}
	}
}
