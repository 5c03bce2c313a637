package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/telemetry"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// When a node calls itself not ready; docs/observability.md names these.
const (
	probeTime   = 4 * time.Second // for the ledger, and for the store, to answer
	peerTime    = time.Second     // for one peer, at first
	probeCached = 2 * time.Second // an answer is good for so long
	maxLag      = time.Minute     // behind the peer
	maxBehind   = 1000            // blocks behind the peer
	maxFailing  = 2 * time.Minute // of background work
	lowSpace    = 256 << 20       // bytes free, or
	lowShare    = 20              // one part in so many of a small file system
	maxSeen     = 512             // heights of the peer that are remembered
	probeValue  = "health.probe"  // name of the value that is written and read
	starting    = "the node is starting"
)

// Names of the checks.
const (
	checkNode         = "node"
	checkLedger       = "ledger"
	checkListener     = "listener"
	checkStore        = "store"
	checkDisk         = "disk"
	checkCertificates = "certificates"
	checkWork         = "work"
)

// check is one question with its answer.
type check struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	Reason string `json:"reason,omitempty"` // why not, or a remark
}

// report is how the node is at one moment.
type report struct {
	at     time.Time
	checks []check
	height *uint64
	peer   *uint64
	lag    time.Duration
	expiry []Expiry
	free   map[string]uint64
}

func (r *report) ready() bool { return r.passes() }

// passes reports whether the named checks are passed; without names, all.
func (r *report) passes(names ...string) bool {
	for _, c := range r.checks {
		if !c.Passed && (len(names) == 0 || has(names, c.Name)) {
			return false
		}
	}
	return true
}

func has(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// needs is which checks a service does not work without; others need all.
var needs = map[string][]string{
	nodev1.WalletService_ServiceDesc.ServiceName:     {checkNode},
	nodev1.GatewayService_ServiceDesc.ServiceName:    {checkNode, checkLedger, checkCertificates},
	nodev1.EnrolmentService_ServiceDesc.ServiceName:  {checkNode, checkLedger, checkStore, checkDisk, checkCertificates},
	nodev1.ManagerService_ServiceDesc.ServiceName:    {checkNode, checkLedger, checkCertificates},
	nodev1.CustodyService_ServiceDesc.ServiceName:    {checkNode, checkLedger, checkStore, checkDisk, checkCertificates},
	nodev1.DelegationService_ServiceDesc.ServiceName: {checkNode, checkLedger, checkStore, checkDisk, checkCertificates},
	nodev1.HolderService_ServiceDesc.ServiceName:     {checkNode, checkLedger, checkStore, checkCertificates},
	nodev1.ProxyService_ServiceDesc.ServiceName:      {checkNode, checkLedger, checkStore, checkCertificates},
	nodev1.AuthorityService_ServiceDesc.ServiceName:  {checkNode, checkLedger, checkCertificates},
}

// examined is what is asked.
type examined struct {
	peers func(ctx context.Context, each time.Duration) (ledger.Probed, error) // of the ledger
	store interface {
		store.Values
		WorldCheckpoint(context.Context) (store.WorldCheckpoint, error)
	}
	folders map[string]string        // where the node writes
	expiry  func() ([]Expiry, error) // the first to expire first
}

// health finds out whether the node can do its work.
type health struct {
	probe, cached time.Duration

	mu     sync.Mutex // held while asking: one asks for all
	what   *examined  // nil until there is something to ask
	serves bool       // everything listens
	last   *report
	asked  time.Time  // when last was complete
	seen   []sighting // heights of the peer that are missing here, oldest first

	own   sync.Mutex // held for loops
	loops map[string]failing
}

// sighting is a height that the peer was seen to have.
type sighting struct {
	at     time.Time
	height uint64
}

// failing is background work that fails.
type failing struct {
	since time.Time
	err   error
}

func newHealth() *health {
	return &health{probe: probeTime, cached: probeCached, loops: map[string]failing{}}
}

// opened says that there is something to ask.
func (h *health) opened(what *examined) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.what, h.last = what, nil
}

// serving says that everything listens, and which certificates are in use.
func (h *health) serving(certificates func() []Expiry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.serves, h.last = true, nil
	h.what.expiry = func() ([]Expiry, error) { return certificates(), nil }
}

// worked notes one round of background work.
func (h *health) worked(loop string, err error) {
	h.own.Lock()
	defer h.own.Unlock()
	if err == nil {
		delete(h.loops, loop)
		return
	}
	f := h.loops[loop]
	if f.since.IsZero() {
		f.since = time.Now()
	}
	f.err = err
	h.loops[loop] = f
}

// now is a report of the last seconds.
func (h *health) now() *report { return h.ask(h.cached) }

// fresh is a report of this moment.
func (h *health) fresh() *report { return h.ask(0) }

// ask answers a report that is no older than that. It takes as long as a probe
// may.
func (h *health) ask(old time.Duration) *report {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last != nil && time.Since(h.asked) < old {
		return h.last
	}
	if h.what == nil {
		return &report{at: time.Now(), checks: []check{{checkNode, false, starting}}}
	}
	// Who asks may go away: the answer is for others too.
	ctx, cancel := context.WithTimeout(context.Background(), h.probe)
	defer cancel()
	h.last = h.examine(ctx)
	h.asked = time.Now()
	return h.last
}

func (h *health) examine(ctx context.Context) *report {
	r := &report{at: time.Now(), free: map[string]uint64{}}
	var peers, db, listener check
	var both sync.WaitGroup
	both.Go(func() { peers = h.askLedger(ctx, r) })
	both.Go(func() { db = h.askStore(ctx, r) })
	both.Wait()
	listener = h.compare(r)
	node := check{Name: checkNode, Passed: true}
	if !h.serves {
		node = check{checkNode, false, starting}
	}
	r.checks = []check{node, peers, listener, db, h.askDisk(r), h.askCertificates(r), h.askWork()}
	return r
}

func verdict(name string, err error) check {
	if err != nil {
		return check{name, false, err.Error()}
	}
	return check{Name: name, Passed: true}
}

// askLedger asks every peer, and is content when one answers.
func (h *health) askLedger(ctx context.Context, r *report) check {
	found, err := h.what.peers(ctx, peerTime)
	if err != nil {
		return verdict(checkLedger, fmt.Errorf("no peer answers: %w", err))
	}
	r.peer = &found.Height
	if len(found.Silent) > 0 {
		return check{checkLedger, true, "another peer answers, but not " + strings.Join(found.Silent, ", ")}
	}
	return verdict(checkLedger, nil)
}

// askStore writes something, and reads it.
func (h *health) askStore(ctx context.Context, r *report) check {
	at, err := h.what.store.WorldCheckpoint(ctx)
	if err != nil {
		return verdict(checkStore, fmt.Errorf("it cannot be read: %w", err))
	}
	r.height = &at.Height
	written := rand.Text()
	if err := h.what.store.SetValue(ctx, probeValue, []byte(written)); err != nil {
		return verdict(checkStore, fmt.Errorf("it cannot be written: %w", err))
	}
	read, err := h.what.store.Value(ctx, probeValue)
	if err == nil && string(read) != written {
		err = errors.New("it has something else than was written")
	}
	if err != nil {
		return verdict(checkStore, fmt.Errorf("it cannot be read: %w", err))
	}
	return verdict(checkStore, nil)
}

// compare tells how far the listener is behind the peer.
func (h *health) compare(r *report) check {
	switch {
	case r.height == nil:
		return check{checkListener, false, "how far it has come is not known: the store does not answer"}
	case r.peer == nil:
		return check{checkListener, true, "the peer's height is not known"}
	}
	if len(h.seen) < maxSeen {
		h.seen = append(h.seen, sighting{r.at, *r.peer})
	}
	for len(h.seen) > 0 && h.seen[0].height <= *r.height {
		h.seen = h.seen[1:]
	}
	if len(h.seen) > 0 {
		r.lag = r.at.Sub(h.seen[0].at)
	}
	if behind := *r.peer - min(*r.peer, *r.height); behind > maxBehind || r.lag > maxLag {
		return check{checkListener, false, fmt.Sprintf("%d blocks behind the peer, for %v or longer", behind, r.lag.Round(time.Second))}
	}
	return check{Name: checkListener, Passed: true}
}

// askDisk looks whether there is room.
func (h *health) askDisk(r *report) check {
	var low []string
	for name, folder := range h.what.folders {
		size, free, err := space(folder)
		if errors.Is(err, errors.ErrUnsupported) {
			return check{checkDisk, true, "free space is not known on this system"}
		}
		if err != nil {
			low = append(low, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		r.free[name] = free
		if free < min(lowSpace, size/lowShare) {
			low = append(low, fmt.Sprintf("%s: %d MiB free", name, free>>20))
		}
	}
	if len(low) > 0 {
		return check{checkDisk, false, strings.Join(low, "; ")}
	}
	return check{Name: checkDisk, Passed: true}
}

// askCertificates looks at dates.
func (h *health) askCertificates(r *report) check {
	var err error
	if r.expiry, err = h.what.expiry(); err != nil {
		return verdict(checkCertificates, err)
	}
	var bad []string
	for _, e := range r.expiry {
		// Whether others' are good, the ledger check tells, or they are told.
		if own := e.Kind == OwnCertificate || e.Kind == WalletsCertificate; own && !r.at.Before(e.NotAfter) {
			bad = append(bad, fmt.Sprintf("%s: %s expired %s", e.Kind, e.Subject, e.NotAfter.UTC().Format(time.RFC3339)))
		}
	}
	if len(bad) > 0 {
		return check{checkCertificates, false, strings.Join(bad, "; ")}
	}
	return check{Name: checkCertificates, Passed: true}
}

// askWork looks for background work that has been failing for long. The error's text
// may name records and consents, and is for the log: who asks may be anybody.
func (h *health) askWork() check {
	h.own.Lock()
	defer h.own.Unlock()
	for name, f := range h.loops {
		if lasted := time.Since(f.since); lasted > maxFailing {
			return check{checkWork, false, fmt.Sprintf("%s has been failing for %v: %s, the log says more", name, lasted.Round(time.Second), telemetry.Code(f.err))}
		}
	}
	return check{Name: checkWork, Passed: true}
}
