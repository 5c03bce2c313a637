package telemetry

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is what one node measures. Its methods may be called by many
// goroutines at once.
type Metrics struct {
	registry *prometheus.Registry

	storeOperations *prometheus.CounterVec
	storeDuration   *prometheus.HistogramVec

	submissions        *prometheus.CounterVec
	submissionDuration *prometheus.HistogramVec
	evaluations        *prometheus.CounterVec
	evaluationDuration *prometheus.HistogramVec
	retries            *prometheus.CounterVec

	calls        *prometheus.CounterVec
	callDuration *prometheus.HistogramVec
	inFlight     *prometheus.GaugeVec
	limited      *prometheus.CounterVec
	releases     *prometheus.CounterVec
	errors       *prometheus.CounterVec

	loopRuns    *prometheus.CounterVec
	loopSuccess *prometheus.GaugeVec

	blocks    prometheus.Counter
	lastBlock prometheus.Gauge
}

// Build says which program and what kind of node is measured.
type Build struct {
	Version  string
	Revision string
	Role     string
}

var (
	quick = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}
	slow  = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 180}
)

// New makes the metrics of one node, with those of the process and of Go's
// runtime.
func New(b Build) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),

		storeOperations: counter("store_operations_total", "Operations on the party's database, by outcome: ok or the code of the error.", "operation", "outcome"),
		storeDuration:   histogram("store_operation_duration_seconds", "How long operations on the party's database took.", quick, "operation"),

		submissions:        counter("ledger_submissions_total", "Transactions submitted to the ledger, by outcome: ok or the code of the error.", "transaction", "code"),
		submissionDuration: histogram("ledger_submission_duration_seconds", "From a submission to its commit or failure.", slow, "transaction"),
		evaluations:        counter("ledger_evaluations_total", "Queries to the ledger, by outcome: ok or the code of the error.", "transaction", "code"),
		evaluationDuration: histogram("ledger_evaluation_duration_seconds", "From a query to its answer or failure.", quick, "transaction"),
		retries:            counter("ledger_retries_total", "What was done again: answer is a peer's answer that was not final, endorsement a call endorsed anew, broadcast an envelope sent again.", "kind"),

		calls:        counter("grpc_server_calls_total", "Calls that this node answered, by gRPC's code.", "listener", "method", "code"),
		callDuration: histogram("grpc_server_call_duration_seconds", "From the begin of a call to its end.", slow, "listener", "method"),
		inFlight:     gauge("grpc_server_calls_in_flight", "Calls that this node is answering.", "listener"),
		limited:      counter("rate_limited_total", "Calls turned away because the caller asked for too much.", "listener"),
		releases:     counter("proxy_releases_total", "Records demanded of this proxy, by outcome: released, or the code of the error.", "outcome"),
		errors:       counter("errors_total", "Calls and background work that failed, by the error's code.", "source", "code"),

		loopRuns:    counter("loop_runs_total", "Rounds of background work, by outcome: ok or the code of the error.", "loop", "outcome"),
		loopSuccess: gauge("loop_last_success_timestamp_seconds", "When background work last did not fail.", "loop"),

		blocks:    prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "listener_blocks_received_total", Help: "Blocks received from a peer; after an interruption the last one comes again."}),
		lastBlock: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "listener_last_block_timestamp_seconds", Help: "When the last block was received; 0 before the first one."}),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the labels say which program runs, and as what.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": runtime.Version(), "role": b.Role},
	}, func() float64 { return 1 })
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build,
		m.storeOperations, m.storeDuration, m.submissions, m.submissionDuration, m.evaluations, m.evaluationDuration, m.retries,
		m.calls, m.callDuration, m.inFlight, m.limited, m.releases, m.errors, m.loopRuns, m.loopSuccess, m.blocks, m.lastBlock,
	)
	for _, kind := range []string{retryAnswer, retryEndorsement, retryBroadcast} {
		m.retries.WithLabelValues(kind)
	}
	return m
}

const namespace = "claimshare"

// ok is the outcome of what did not fail.
const ok = "ok"

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}

// Handler answers scrapes: four at a time, ten seconds each.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second, ErrorHandling: promhttp.ContinueOnError})
}

// Gatherer is everything measured, for tests.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Loop notes one round of background work.
func (m *Metrics) Loop(name string, err error) {
	m.loopRuns.WithLabelValues(name, Code(err)).Inc()
	if err != nil {
		m.Failed("loop", err)
		return
	}
	m.loopSuccess.WithLabelValues(name).SetToCurrentTime()
}

// Failed notes that something failed. The source is a listener's name or "loop".
func (m *Metrics) Failed(source string, err error) {
	m.errors.WithLabelValues(source, Code(err)).Inc()
}
