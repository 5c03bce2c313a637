package node

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/telemetry"
	"github.com/claimshare/claimshare/client/wire/trace"
)

// watch is how a node is watched: metrics, health, and what status tells.
type watch struct {
	config  *Config
	log     *slog.Logger
	metrics *telemetry.Metrics
	health  *health
	began   time.Time
	build   telemetry.Build

	on     net.Listener // nil without an address for metrics
	server *http.Server

	mu        sync.Mutex
	store     store.Store // nil while the node starts
	counts    store.Counts
	countedAt time.Time
	submitted *submission
	problem   *problem
}

// submission is what was last taken to the ledger from the database.
type submission struct {
	txID    string
	block   uint64
	records int
	at      time.Time
}

// problem is a line of the log.
type problem struct {
	at      time.Time
	text    string
	request string
}

// openWatch makes a node's watch, which listens at once when the configuration
// says where: a node that cannot start is alive and not ready.
func openWatch(config *Config, log *slog.Logger) (*watch, error) {
	w := &watch{config: config, health: newHealth(), began: time.Now(), build: telemetry.Build{Role: config.Role}}
	w.build.Version, w.build.Revision = BuildVersion()
	w.log = trace.Logger(slog.New(&noting{log.Handler(), w.note}))
	w.metrics = telemetry.New(w.build)
	w.metrics.Observe(w.state)
	if config.Metrics.Address == "" {
		return w, nil
	}
	on, err := net.Listen("tcp", config.Metrics.Address)
	if err != nil {
		return nil, listenError("metrics.address", err)
	}
	w.on = on
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", w.metrics.Handler())
	mux.HandleFunc("GET /healthz", w.alive)
	mux.HandleFunc("GET /readyz", w.ready)
	w.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(w.log.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := w.server.Serve(netutil.LimitListener(on, maxScrapers)); !errors.Is(err, http.ErrServerClosed) {
			w.log.Error("the listener for metrics ended", "error", errorText(err))
		}
	}()
	return w, nil
}

// maxScrapers is how many connections for metrics there are at once.
const maxScrapers = 64

// BuildVersion says which program this is: its version and the revision of its
// source.
func BuildVersion() (version, revision string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)", ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return info.Main.Version, revision
}

func (w *watch) close() {
	if w.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if w.server.Shutdown(ctx) != nil {
		_ = w.server.Close() // a scrape that hangs is cut off
	}
}

// opened says that the party's parts are there to be asked.
func (w *watch) opened(p *party) {
	w.mu.Lock()
	w.store = p.store
	w.mu.Unlock()
	connection := p.ledger.Connection()
	w.health.opened(&examined{
		peers: p.ledger.Probe, store: p.store, folders: w.config.folders(),
		expiry: func() ([]Expiry, error) { return expiries(w.config, connection) },
	})
}

// alive answers that the process is.
func (w *watch) alive(out http.ResponseWriter, _ *http.Request) {
	out.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(out, "alive\n")
}

// readiness is the answer of /readyz.
type readiness struct {
	Ready  bool    `json:"ready"`
	Checks []check `json:"checks"`
}

func (w *watch) ready(out http.ResponseWriter, _ *http.Request) {
	r := w.health.now()
	out.Header().Set("Content-Type", "application/json")
	out.Header().Set("Cache-Control", "no-store")
	if !r.ready() {
		out.WriteHeader(http.StatusServiceUnavailable)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	_ = e.Encode(readiness{r.ready(), r.checks}) // who asked may have gone
}

// serves says whether a service works, for gRPC's health service; "" is the
// whole node.
func (w *watch) serves(service string) bool { return w.health.now().passes(needs[service]...) }

// worked notes one round of background work.
func (w *watch) worked(loop string, err error) {
	w.metrics.Loop(loop, err)
	w.health.worked(loop, err)
}

// took notes what went to the ledger.
func (w *watch) took(s submission) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.submitted = &s
}

func (w *watch) note(p problem) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problem = &p
}

// countedFor is how long counts are good for scrapes.
const countedFor = probeCached

// count asks the database, or answers what it said some seconds ago.
func (w *watch) count(ctx context.Context, old time.Duration) (store.Counts, error) {
	w.mu.Lock()
	db, counts, at := w.store, w.counts, w.countedAt
	w.mu.Unlock()
	if db == nil {
		return counts, errors.New(starting)
	}
	if time.Since(at) < old {
		return counts, nil
	}
	counts, err := db.Counts(ctx)
	if err != nil {
		return counts, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts, w.countedAt = counts, time.Now()
	return counts, nil
}

// state is what a scrape tells.
func (w *watch) state() telemetry.State {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	r := w.health.now()
	s := telemetry.State{
		Ready: r.ready(), Checks: map[string]bool{}, Height: r.height, PeerHeight: r.peer, Lag: r.lag,
		Certificates: map[string]time.Time{}, StoreBytes: w.config.storeBytes(), Free: r.free,
	}
	if c, err := w.count(ctx, countedFor); err == nil {
		s.Counts = &c
	}
	for _, c := range r.checks {
		s.Checks[c.Name] = c.Passed
	}
	for _, e := range r.expiry {
		if _, sooner := s.Certificates[e.Kind]; !sooner {
			s.Certificates[e.Kind] = e.NotAfter
		}
	}
	return s
}

// noting remembers the last line that says that something is wrong.
type noting struct {
	slog.Handler
	note func(problem)
}

// Enabled implements slog.Handler: what is remembered need not be logged.
func (n *noting) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || n.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (n *noting) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		p := problem{at: r.Time, text: r.Message, request: trace.ID(ctx)}
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "error" {
				p.text += ": " + a.Value.String()
			}
			return true
		})
		n.note(p)
	}
	if !n.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return n.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (n *noting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &noting{n.Handler.WithAttrs(attrs), n.note}
}

// WithGroup implements slog.Handler.
func (n *noting) WithGroup(name string) slog.Handler {
	return &noting{n.Handler.WithGroup(name), n.note}
}
