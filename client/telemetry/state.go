package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimshare/claimshare/client/store"
)

// State is how a node is when somebody asks. What is not known is nil or zero,
// and left out.
type State struct {
	Ready        bool
	Checks       map[string]bool // by name: whether it was passed
	Counts       *store.Counts
	Height       *uint64       // blocks that the node has taken over
	PeerHeight   *uint64       // blocks that the peer has
	Lag          time.Duration // since the peer was first seen to have a block that is missing here
	Certificates map[string]time.Time
	StoreBytes   int64
	Free         map[string]uint64 // bytes, by folder: store, payloads
}

// Observe has read asked at every scrape. It must not take longer than a scrape
// may.
func (m *Metrics) Observe(read func() State) {
	m.registry.MustRegister(&observed{read})
}

type observed struct{ read func() State }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

var (
	readyDesc       = describe("ready", "1 when every check is passed: what /readyz says.")
	checkDesc       = describe("check_passed", "1 when the check is passed.", "check")
	queueDesc       = describe("queue_entries", "What waits, or is kept, in the party's database.", "queue")
	heightDesc      = describe("listener_height_blocks", "Blocks that the node has taken over.")
	peerDesc        = describe("peer_height_blocks", "Blocks that the peer has.")
	behindDesc      = describe("listener_lag_blocks", "Blocks that the peer has and the node has not taken over.")
	lagDesc         = describe("listener_lag_seconds", "How long ago the peer was first seen to have a block that the node has not taken over; 0 when there is none.")
	certificateDesc = describe("certificate_expiry_timestamp_seconds", "When the certificate that expires first among those of this kind expires.", "certificate")
	sizeDesc        = describe("store_size_bytes", "Size of the SQLite database's files.")
	freeDesc        = describe("disk_free_bytes", "Free space of the file system with this folder.", "folder")
)

// Describe implements prometheus.Collector.
func (*observed) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{readyDesc, checkDesc, queueDesc, heightDesc, peerDesc, behindDesc, lagDesc, certificateDesc, sizeDesc, freeDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (o *observed) Collect(to chan<- prometheus.Metric) {
	s := o.read()
	put := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	put(readyDesc, one(s.Ready))
	for name, passed := range s.Checks {
		put(checkDesc, one(passed), name)
	}
	if c := s.Counts; c != nil {
		for queue, n := range map[string]uint64{
			"pending": c.Pending, "submitted": c.Submitted, "refused": c.Refused, "records": c.Records, "proposals": c.Proposals,
			"journal": c.Journal, "tokens": c.Tokens, "received": c.Received, "unacknowledged": c.Unacknowledged, "findings": c.Findings,
		} {
			put(queueDesc, float64(n), queue)
		}
	}
	if s.Height != nil {
		put(heightDesc, float64(*s.Height))
	}
	if s.PeerHeight != nil {
		put(peerDesc, float64(*s.PeerHeight))
	}
	if s.Height != nil && s.PeerHeight != nil {
		put(behindDesc, float64(*s.PeerHeight-min(*s.PeerHeight, *s.Height)))
		put(lagDesc, s.Lag.Seconds())
	}
	for name, expires := range s.Certificates {
		put(certificateDesc, float64(expires.Unix()), name)
	}
	if s.StoreBytes > 0 {
		put(sizeDesc, float64(s.StoreBytes))
	}
	for folder, free := range s.Free {
		put(freeDesc, float64(free), folder)
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
