package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/trace"
	"github.com/claimshare/claimshare/network/consortium"
	"github.com/claimshare/claimshare/network/programs"
)

// TestNodesAreWatched follows one claim by its request through the logs of all
// the nodes that take part, and reads what they measure of it.
func TestNodesAreWatched(t *testing.T) {
	t.Parallel()
	program, err := programs.ClaimShare(t.Context(), checkout(t), nil)
	require.NoError(t, err)
	s := newStage(t, consortium.Options{System: "Watched", Submit: "direct", Program: program})
	s.issue(t, s.insurer, record.KindPolicy, "policy/2026")
	repair := s.issue(t, s.shop, record.KindRepair, hostileLabel)
	require.NoError(t, s.insurer.Settled(t.Context()))
	require.NoError(t, s.shop.Settled(t.Context()))
	s.caughtUp(t)
	request := s.ask(t)
	consent, err := s.person.Grant(trace.With(t.Context(), "grant-of-the-test"), request, until(3), nil)
	require.NoError(t, err)
	_, err = s.rival.Fetch(t.Context(), record.ConsentID{1})
	require.ErrorIs(t, err, record.ErrConsentUnknown)

	out, exit := run(t, program, "node", "fetch", "--config", s.rival.Node.Config, "--output", "json", consent.String())
	require.Zero(t, exit, out)
	var fetched []struct{ Record, Release, Error, Request string }
	require.NoError(t, json.Unmarshal([]byte(out), &fetched))
	require.Len(t, fetched, 1)
	require.Equal(t, repair.String(), fetched[0].Record)
	require.Empty(t, fetched[0].Error)

	s.requireFollowed(t, fetched[0].Request)
	require.NotEmpty(t, linesOf(t, s.Proxy(), "grant-of-the-test"), "what a wallet asks for has its request too")
	s.requireMeasured(t)
	s.requireStatus(t, program)
}

// run runs the program of nodes and answers what it printed and its exit code.
func run(t *testing.T, program string, args ...string) (out string, exit int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(t.Context(), program, args...)
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		require.NoError(t, err)
	}
	t.Logf("claimshare %s: exit code %d\n%s%s", strings.Join(args[:2], " "), c.ProcessState.ExitCode(), stdout.String(), stderr.String())
	return stdout.String(), c.ProcessState.ExitCode()
}

// linesOf is what a node logged of one request.
func linesOf(t *testing.T, n *consortium.Node, request string) (lines []map[string]any) {
	t.Helper()
	raw, err := os.ReadFile(n.Log)
	require.NoError(t, err)
	for line := range bytes.Lines(raw) {
		var fields map[string]any
		if json.Unmarshal(line, &fields) == nil && fields["request"] == request {
			lines = append(lines, fields)
		}
	}
	return lines
}

// requireFollowed finds a fetch in the logs of requester, proxy and holder, and
// nowhere else.
func (s *stage) requireFollowed(t *testing.T, request string) {
	t.Helper()
	require.NotEmpty(t, request)
	for n, expected := range map[*consortium.Node][]string{
		s.rival.Node:   {"operator " + nodev1.OperatorService_Fetch_FullMethodName, "demanded of a proxy ", "payload of a holder ", "ledger transaction " + record.TxAcknowledge},
		s.Proxy():      {"answered " + nodev1.ProxyService_Release_FullMethodName, "ordered of a holder ", "ledger transaction " + record.TxRelease},
		s.shop.Node:    {"answered " + nodev1.HolderService_Deliver_FullMethodName, "answered " + nodev1.HolderService_SendPayload_FullMethodName},
		s.insurer.Node: nil,
	} {
		var said []string
		for _, line := range linesOf(t, n, request) {
			what, _ := line["transaction"].(string)
			if method, is := line["method"].(string); is {
				what = method
			}
			said = append(said, line["msg"].(string)+" "+what)
			if strings.HasPrefix(line["msg"].(string), "ledger") {
				require.Len(t, line["txId"], 64)
			}
		}
		t.Logf("%s: %v", n.Identity, said)
		require.Subset(t, said, expected, n.Identity)
		require.Equal(t, len(expected) == 0, len(said) == 0, n.Identity)
	}
}

// get is a page of a node's listener for metrics and health.
func get(t *testing.T, n *consortium.Node, path string) (int, []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.Metrics+path, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, body
}

// scrape reads a node's metrics: values by the series' name with its labels.
func scrape(t *testing.T, n *consortium.Node) map[string]float64 {
	t.Helper()
	code, page := get(t, n, "/metrics")
	require.Equal(t, http.StatusOK, code)
	problems, err := promlint.New(bytes.NewReader(page)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
	values := map[string]float64{}
	for line := range strings.Lines(string(page)) {
		name, number, found := strings.Cut(strings.TrimSpace(line), "} ")
		if found {
			name += "}"
		} else {
			name, number, _ = strings.Cut(strings.TrimSpace(line), " ")
		}
		if value, err := strconv.ParseFloat(number, 64); err == nil && !strings.HasPrefix(name, "#") {
			values[name] = value
		}
	}
	return values
}

// requireMeasured reads what each node measured of the one claim.
func (s *stage) requireMeasured(t *testing.T) {
	t.Helper()
	holder := func(method string) string {
		return `claimshare_grpc_server_calls_total{code="OK",listener="parties",method="` + method + `"}`
	}
	submitted := func(transaction string) string {
		return `claimshare_ledger_submissions_total{code="ok",transaction="` + transaction + `"}`
	}
	for n, expected := range map[*consortium.Node]map[string]float64{
		s.Proxy(): {
			`claimshare_proxy_releases_total{outcome="released"}`: 1, submitted(record.TxRelease): 1,
			holder(nodev1.ProxyService_Release_FullMethodName): 1, `claimshare_queue_entries{queue="tokens"}`: 1,
			`claimshare_store_operations_total{operation="put_token",outcome="ok"}`: 1,
		},
		s.rival.Node: {
			submitted(record.TxAcknowledge): 1, submitted(record.TxRequestAccess): 1, `claimshare_queue_entries{queue="received"}`: 1,
			`claimshare_errors_total{code="CLAIMSHARE_CONSENT_UNKNOWN",source="operator"}`: 1,
			`claimshare_queue_entries{queue="unacknowledged"}`:                             0,
		},
		s.shop.Node: {
			holder(nodev1.HolderService_Deliver_FullMethodName): 1, holder(nodev1.HolderService_SendPayload_FullMethodName): 1,
			submitted(record.TxSubmitRecords): 1, `claimshare_queue_entries{queue="records"}`: 1, `claimshare_queue_entries{queue="pending"}`: 0,
			`claimshare_queue_entries{queue="journal"}`: 0,
		},
		s.insurer.Node: {submitted(record.TxSubmitRecords): 1, `claimshare_queue_entries{queue="records"}`: 1},
		s.Authority():  {submitted(record.TxInitSystem): 0},
	} {
		values := scrape(t, n)
		for until := time.Now().Add(10 * time.Second); !agree(values, expected) && time.Now().Before(until); values = scrape(t, n) {
			time.Sleep(glance) // what waits is counted every few seconds
		}
		for series, value := range expected {
			require.Equal(t, value, values[series], "%s: %s", n.Identity, series)
		}
		require.Positive(t, values["claimshare_listener_height_blocks"], n.Identity)
		require.Positive(t, values["claimshare_peer_height_blocks"], n.Identity)
		require.Greater(t, values[`claimshare_certificate_expiry_timestamp_seconds{certificate="fabric"}`], float64(time.Now().Unix()), n.Identity)
		require.Positive(t, values["process_resident_memory_bytes"], n.Identity)

		code, body := get(t, n, "/healthz")
		require.Equal(t, http.StatusOK, code, n.Identity)
		require.Equal(t, "alive\n", string(body))
		s.awaitStatus(t, n, func(a *nodev1.StatusResponse) bool { return a.Ready })
		code, body = get(t, n, "/readyz")
		require.Equal(t, http.StatusOK, code, "%s: %s", n.Identity, body)
		require.Equal(t, 1.0, scrape(t, n)["claimshare_ready"], n.Identity)
	}
}

// agree reports whether the values are as expected.
func agree(values, expected map[string]float64) bool {
	for series, value := range expected {
		if values[series] != value {
			return false
		}
	}
	return true
}

// requireStatus has the command tell of a node that runs, and of the same when
// it does not.
func (s *stage) requireStatus(t *testing.T, program string) {
	t.Helper()
	shop := s.shop.Node
	status := func() (a struct {
		Running, Ready bool
		Name, Party    string
		Height         uint64
		Records        uint64
		LastSubmission struct{ TxID string }
		Certificates   []struct {
			Name     string
			DaysLeft int
		}
		StoreKind string
		Notes     []string
	}, exit int) {
		out, exit := run(t, program, "status", "--config", shop.Config, "--output", "json")
		require.NoError(t, json.Unmarshal([]byte(out), &a))
		return a, exit
	}
	a, exit := status()
	require.Zero(t, exit)
	require.True(t, a.Running && a.Ready)
	require.Equal(t, shop.Identity, a.Name)
	require.Equal(t, shop.Party.String(), a.Party)
	require.Positive(t, a.Height)
	require.EqualValues(t, 1, a.Records)
	require.Len(t, a.LastSubmission.TxID, 64)
	require.NotEmpty(t, a.Certificates)
	require.Positive(t, a.Certificates[0].DaysLeft)
	require.Equal(t, "sqlite", a.StoreKind)
	text, exit := run(t, program, "status", "--config", shop.Config)
	require.Zero(t, exit)
	require.Regexp(t, `(?m)^status +ready$`, text)

	require.NoError(t, s.Stop(context.WithoutCancel(t.Context())))
	a, exit = status()
	require.Equal(t, 30, exit)
	require.False(t, a.Running || a.Ready)
	require.NotEmpty(t, a.Notes)
	require.NotEmpty(t, a.Certificates)
	text, exit = run(t, program, "status", "--config", shop.Config)
	require.Equal(t, 30, exit)
	require.Regexp(t, `(?m)^status +does not run$`, text)
}
