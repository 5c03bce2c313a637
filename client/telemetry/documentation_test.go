package telemetry

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/claimshare/claimshare/client/store"
)

var (
	description = regexp.MustCompile(`fqName: "(claimshare_\w+)".*variableLabels: \{([^}]*)\}`)
	documented  = regexp.MustCompile("(?m)^\\| `(claimshare_\\w+)` \\| (\\w+) \\| ([^|]*)\\|")
	named       = regexp.MustCompile(`claimshare_\w+`)
)

// registered is every metric of a node, with its labels.
func registered(t *testing.T) map[string]string {
	t.Helper()
	m := New(Build{Version: "v1", Revision: "abc", Role: "proxy"})
	m.Observe(func() State { return State{} })
	all := make(chan *prometheus.Desc)
	go func() {
		m.registry.Describe(all)
		close(all)
	}()
	metrics := map[string]string{}
	for d := range all {
		if found := description.FindStringSubmatch(d.String()); found != nil {
			metrics[found[1]] = strings.ReplaceAll(found[2], ",", ", ")
		}
	}
	return metrics
}

func TestEveryMetricIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/observability.md")
	require.NoError(t, err)
	told := map[string]string{}
	for _, row := range documented.FindAllStringSubmatch(string(page), -1) {
		require.NotContains(t, told, row[1], "twice")
		told[row[1]] = strings.TrimSpace(strings.ReplaceAll(row[3], "`", ""))
	}
	require.Equal(t, registered(t), told)
}

func TestAlertsAreAboutMetricsThatThereAre(t *testing.T) {
	raw, err := os.ReadFile("../../docs/prometheus-alerts.yml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	d := yaml.NewDecoder(strings.NewReader(string(raw)))
	d.KnownFields(true)
	require.NoError(t, d.Decode(&file))
	metrics := registered(t)
	rules := 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			rules++
			require.NotEmpty(t, r.Alert)
			require.NotEmpty(t, r.Labels["severity"], r.Alert)
			require.NotEmpty(t, r.Annotations["summary"], r.Alert)
			require.NotEmpty(t, r.Annotations["action"], r.Alert)
			names := named.FindAllString(r.Expr, -1)
			require.True(t, len(names) > 0 || strings.HasPrefix(r.Expr, "up{"), r.Expr)
			for _, name := range names {
				require.Contains(t, metrics, name, r.Alert)
			}
		}
	}
	require.Equal(t, 5, rules)
}

// What the page says of queues is what there is.
func TestEveryQueueIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/observability.md")
	require.NoError(t, err)
	row := regexp.MustCompile("(?m)^\\| `claimshare_queue_entries`.*$").FindString(string(page))
	m := New(Build{})
	m.Observe(func() State { return State{Counts: &store.Counts{}} })
	families, err := m.registry.Gather()
	require.NoError(t, err)
	queues := map[string]bool{}
	for _, f := range families {
		if f.GetName() == "claimshare_queue_entries" {
			for _, metric := range f.Metric {
				queues[metric.Label[0].GetValue()] = true
			}
		}
	}
	for _, queue := range slices.Sorted(maps.Keys(queues)) {
		require.Contains(t, row, "`"+queue+"`")
	}
	require.Len(t, queues, 10)
}

func TestNamesAreAsPrometheusWantsThem(t *testing.T) {
	m := New(Build{Version: "v1"})
	height := uint64(1)
	m.Observe(func() State {
		return State{Counts: &store.Counts{}, Height: &height, PeerHeight: &height, StoreBytes: 1, Free: map[string]uint64{"store": 1}}
	})
	m.Loop("submit", nil)
	m.Failed("loop", store.ErrNotFound)
	m.stored("put", time.Now(), nil)
	problems, err := testutil.GatherAndLint(m.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}
