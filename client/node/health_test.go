package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/client/telemetry"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// patient is a node under examination, whose surroundings a test breaks.
type patient struct {
	*watch
	store   store.Store
	height  atomic.Uint64
	away    atomic.Bool // no peer answers
	expires atomic.Int64
}

func newPatient(t *testing.T) *patient {
	t.Helper()
	w, err := openWatch(&Config{Name: "shop", Role: "repair-shop", Metrics: MetricsListen{Address: "127.0.0.1:0"}}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(w.close)
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "party.sqlite"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() }) // a test may have done so
	p := &patient{watch: w, store: w.metrics.Store(db)}
	p.expires.Store(time.Now().Add(time.Hour).Unix())
	p.health.cached, p.health.probe = 0, 5*time.Second
	return p
}

// open ends the start.
func (p *patient) open(folders map[string]string) {
	p.mu.Lock()
	p.watch.store = p.store
	p.mu.Unlock()
	p.health.serves = true
	p.health.opened(&examined{
		peers: func(context.Context, time.Duration) (ledger.Probed, error) {
			if p.away.Load() {
				return ledger.Probed{}, errors.New("connection refused")
			}
			return ledger.Probed{Height: p.height.Load()}, nil
		},
		store: p.store, folders: folders,
		expiry: func() ([]Expiry, error) {
			return []Expiry{
				{Kind: MSPRoot, Of: "OtherMSP", NotAfter: time.Now().Add(-time.Hour)}, // another's: it does not count
				{Kind: OwnCertificate, Of: "ShopMSP", Subject: "CN=shop", NotAfter: time.Unix(p.expires.Load(), 0)},
			}, nil
		},
	})
}

func (p *patient) get(t *testing.T, path string) (int, []byte) {
	t.Helper()
	answer, err := http.Get("http://" + p.on.Addr().String() + path)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, body
}

// requireReady makes sure that the node is ready, or is not for the reasons
// that are named, and is alive in any case.
func (p *patient) requireReady(t *testing.T, reasons map[string]string) {
	t.Helper()
	code, body := p.get(t, "/readyz")
	var r readiness
	require.NoError(t, json.Unmarshal(body, &r))
	require.Equal(t, len(reasons) == 0, r.Ready, string(body))
	require.Equal(t, r.Ready, code == http.StatusOK)
	if !r.Ready {
		require.Equal(t, http.StatusServiceUnavailable, code)
	}
	for _, c := range r.Checks {
		reason, bad := reasons[c.Name]
		require.Equal(t, !bad, c.Passed, "%s: %s", c.Name, c.Reason)
		require.Contains(t, c.Reason, reason)
	}
	code, body = p.get(t, "/healthz")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, "alive\n", string(body))
	value := 0.0
	if r.Ready {
		value = 1
	}
	require.Equal(t, value, gaugeOf(t, p.metrics, "claimshare_ready"))
}

func TestReadinessTellsTheTruth(t *testing.T) {
	p := newPatient(t)
	p.requireReady(t, map[string]string{checkNode: starting})
	require.False(t, p.serves(nodev1.WalletService_ServiceDesc.ServiceName))
	p.open(map[string]string{"store": t.TempDir()})
	p.health.serves = false
	p.requireReady(t, map[string]string{checkNode: starting}) // it does not listen yet
	p.health.serves = true
	p.requireReady(t, nil)
	require.True(t, p.serves(""))

	p.away.Store(true)
	p.requireReady(t, map[string]string{checkLedger: "no peer answers: connection refused"})
	require.False(t, p.serves(""))
	require.False(t, p.serves(nodev1.GatewayService_ServiceDesc.ServiceName))
	require.True(t, p.serves(nodev1.WalletService_ServiceDesc.ServiceName), "it needs no ledger")
	p.away.Store(false)
	p.requireReady(t, nil)

	p.expires.Store(time.Now().Add(-time.Minute).Unix())
	p.requireReady(t, map[string]string{checkCertificates: "fabric: CN=shop expired"})
	p.expires.Store(time.Now().Add(time.Hour).Unix())
	p.requireReady(t, nil)

	p.open(map[string]string{"payloads": filepath.Join(t.TempDir(), "missing")})
	p.requireReady(t, map[string]string{checkDisk: "payloads"})
	p.open(map[string]string{"store": t.TempDir()})
	p.requireReady(t, nil)

	require.NoError(t, p.store.Close())
	p.requireReady(t, map[string]string{checkStore: "cannot be read", checkListener: "not known"})
	require.True(t, p.serves(nodev1.GatewayService_ServiceDesc.ServiceName), "it needs no store")
	require.False(t, p.serves(nodev1.CustodyService_ServiceDesc.ServiceName))
}

func TestBehindThePeer(t *testing.T) {
	p := newPatient(t)
	p.open(nil)
	p.height.Store(3)
	p.requireReady(t, nil) // three blocks, since just now
	require.Equal(t, 3.0, gaugeOf(t, p.metrics, "claimshare_listener_lag_blocks"))
	p.health.mu.Lock()
	p.health.seen[0].at = time.Now().Add(-maxLag - time.Second)
	p.health.mu.Unlock()
	p.requireReady(t, map[string]string{checkListener: "3 blocks behind the peer"})
	require.Greater(t, gaugeOf(t, p.metrics, "claimshare_listener_lag_seconds"), maxLag.Seconds())
	p.height.Store(0)
	p.health.mu.Lock()
	p.health.seen = nil
	p.health.mu.Unlock()
	p.requireReady(t, nil)
	p.height.Store(maxBehind + 1)
	p.requireReady(t, map[string]string{checkListener: "1001 blocks"})
}

// The oldest height of the peer that is missing here is what lag is counted
// from; while blocks arrive it is small, however many are under way.
func TestLagIsThatOfTheOldestMissingBlock(t *testing.T) {
	h := newHealth()
	local := uint64(0)
	began := time.Now()
	at := func(seconds int, peer uint64) time.Duration {
		r := &report{at: began.Add(time.Duration(seconds) * time.Second), height: &local, peer: &peer}
		h.compare(r)
		return r.lag
	}
	require.Zero(t, at(0, 0))
	require.Zero(t, at(10, 5))
	require.Equal(t, 10*time.Second, at(20, 6))
	local = 5
	require.Equal(t, 10*time.Second, at(30, 7))
	local = 7
	require.Zero(t, at(40, 7))
	require.Zero(t, at(50, 6), "a peer may itself be behind")
}

func TestWorkThatFailsForLong(t *testing.T) {
	p := newPatient(t)
	p.open(nil)
	id := record.RecordID{7}
	broken := fmt.Errorf("record %s of Sam Specimen: %w", id, store.ErrFull) // who asks does not learn whose
	p.worked("submit", broken)
	p.requireReady(t, nil)
	p.health.own.Lock()
	f := p.health.loops["submit"]
	f.since = time.Now().Add(-maxFailing - time.Second)
	p.health.loops["submit"] = f
	p.health.own.Unlock()
	p.worked("submit", broken)
	p.requireReady(t, map[string]string{checkWork: "submit has been failing for 2m1s: STORE_FULL, the log says more"})
	p.worked("submit", nil)
	p.requireReady(t, nil)
}

// Probes cost little: one answer is good for many.
func TestProbesAreFew(t *testing.T) {
	p := newPatient(t)
	asked := atomic.Int64{}
	p.open(nil)
	what := *p.health.what
	what.peers = func(context.Context, time.Duration) (ledger.Probed, error) {
		asked.Add(1)
		return ledger.Probed{}, nil
	}
	p.health.opened(&what)
	p.health.cached = time.Hour
	for range 20 {
		p.get(t, "/readyz")
		p.get(t, "/metrics")
		p.serves("")
	}
	require.EqualValues(t, 1, asked.Load())
}

func TestALedgerThatHangs(t *testing.T) {
	p := newPatient(t)
	p.open(nil)
	what := *p.health.what
	what.peers = func(ctx context.Context, _ time.Duration) (ledger.Probed, error) {
		<-ctx.Done()
		return ledger.Probed{}, context.Cause(ctx)
	}
	p.health.opened(&what)
	p.health.probe = 200 * time.Millisecond
	began := time.Now()
	p.requireReady(t, map[string]string{checkLedger: "deadline exceeded"})
	require.Less(t, time.Since(began), 5*time.Second)
}

// One peer that hangs leaves a node ready, which says so.
func TestAPeerThatHangs(t *testing.T) {
	p := newPatient(t)
	p.open(nil)
	what := *p.health.what
	what.peers = func(_ context.Context, each time.Duration) (ledger.Probed, error) {
		require.Less(t, each, probeTime, "there is time for another peer")
		return ledger.Probed{Height: 7, Silent: []string{"a:7051", "b:7051"}}, nil
	}
	p.health.opened(&what)
	p.requireReady(t, nil)
	r := p.health.fresh()
	require.Contains(t, r.checks, check{checkLedger, true, "another peer answers, but not a:7051, b:7051"})
	require.EqualValues(t, 7, *r.peer)
}

func TestTheLastProblemIsRemembered(t *testing.T) {
	p := newPatient(t)
	p.log.With("a", 1).Warn("could not do it", "error", errors.New("no room"))
	p.log.Info("all is well")
	s := &nodev1.StatusResponse{}
	p.describe(s)
	require.Equal(t, "could not do it: no room", s.LastProblem.Text)
}

// gaugeOf is the value of a metric without labels.
func gaugeOf(t *testing.T, m *telemetry.Metrics, name string) float64 {
	t.Helper()
	families, err := m.Gatherer().Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.Metric[0].GetGauge().GetValue()
		}
	}
	require.Fail(t, name)
	return 0
}
