package e2e

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/pprof/profile"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/network/consortium"
	"github.com/claimshare/claimshare/network/programs"
)

// TestProxyCost tells what a release costs the proxy's node in processor time,
// what for, and how many times the necessary cryptography that is. It is for the long run, and asserts nothing about speed;
// CLAIMSHARE_RELEASES=100 runs it with as many releases.
func TestProxyCost(t *testing.T) {
	n := dose(t, "CLAIMSHARE_RELEASES", 400)
	if n == 0 {
		t.Skip("set CLAIMSHARE_SOAK=1 or CLAIMSHARE_RELEASES")
	}
	program, err := programs.FailingClaimShare(t.Context(), checkout(t), nil)
	require.NoError(t, err)
	profiles := cmp.Or(os.Getenv("CLAIMSHARE_PROFILES"), t.TempDir())
	s := newStage(t, consortium.Options{
		System: "Cost", Submit: "direct", Program: program, Env: []string{"CLAIMSHARE_PROFILES=" + profiles},
	})
	prepared := s.prepareClaims(t, 2*n)
	slices.SortFunc(prepared, func(a, b readyClaim) int { return bytes.Compare(a.consent[:], b.consent[:]) })
	pid, err := s.PID(s.Proxy())
	require.NoError(t, err)
	alone, five := slices.Collect(slices.Chunk(everyOther(prepared, 0), 1)), demands(everyOther(prepared, 1), 5)
	together := s.fetchAll(t, five)
	require.NoError(t, syscall.Kill(pid, syscall.SIGUSR1)) // begins the profile
	const rest = 5 * time.Second
	before := s.processorTime(t, s.Proxy())
	time.Sleep(rest)
	idle := s.processorTime(t, s.Proxy()) - before
	began := time.Now()
	used := s.fetchAll(t, alone)
	took := time.Since(began)
	unused := time.Duration(float64(idle) * float64(took) / float64(rest)) // what it would have used without releases
	least := newNecessary(t).cost(t)
	require.NoError(t, s.Stop(context.WithoutCancel(t.Context())))

	parts := split(t, filepath.Join(profiles, "proxy.pprof"), "ProxyService_Release_Handler")
	perRelease := func(d time.Duration) time.Duration { return (d / time.Duration(n)).Round(10 * time.Microsecond) }
	t.Logf("%d releases in %v: %v of the proxy's processor time each, of which %v it uses without releases too", n, took.Round(time.Second), perRelease(used), perRelease(unused))
	require.Positive(t, parts["cryptography"])
	for _, name := range append(partNames, "anything else") {
		t.Logf("  %-14s %v", name, perRelease(parts[name]))
	}
	t.Logf("%d releases in %d demands for up to 5 records: %v each, %.1f times the necessary", n, len(five), perRelease(together), float64(together)/float64(n)/float64(least))
	t.Logf("the whole is %.1f times the proxy's cryptography, and %.1f times the %v that verifying the delivery, verifying the capsule and re-encrypting take here",
		float64(used)/float64(parts["cryptography"]), float64(used)/float64(n)/float64(least), least.Round(10*time.Microsecond))
}

// everyOther takes every other claim, so that each consent has as many.
func everyOther(all []readyClaim, from int) (out []readyClaim) {
	for i := from; i < len(all); i += 2 {
		out = append(out, all[i])
	}
	return out
}

// demands puts claims under one consent together, at most so many. They are
// sorted by consent.
func demands(all []readyClaim, most int) (out [][]readyClaim) {
	for _, c := range all {
		last := len(out) - 1
		if last < 0 || len(out[last]) == most || out[last][0].consent != c.consent {
			out = append(out, nil)
			last++
		}
		out[last] = append(out[last], c)
	}
	return out
}

// fetchAll makes demands, eight at a time, and answers what processor time the
// proxy needed.
func (s *stage) fetchAll(t *testing.T, all [][]readyClaim) time.Duration {
	t.Helper()
	before := s.processorTime(t, s.Proxy())
	var working errgroup.Group
	working.SetLimit(8)
	for _, demand := range all {
		working.Go(func() error {
			var records []record.RecordID
			for _, c := range demand {
				records = append(records, c.record)
			}
			got, err := s.rival.Fetch(t.Context(), demand[0].consent, records...)
			if err != nil {
				return err
			}
			if len(got) != len(records) {
				return fmt.Errorf("%d of %d records", len(got), len(records))
			}
			for _, one := range got {
				err = errors.Join(err, one.Err)
			}
			return err
		})
	}
	require.NoError(t, working.Wait())
	return s.processorTime(t, s.Proxy()) - before
}

// processorTime is what a node's process has used since it started.
func (s *stage) processorTime(t *testing.T, n *consortium.Node) time.Duration {
	t.Helper()
	pid, err := s.PID(n)
	require.NoError(t, err)
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(raw), ") ")
	require.True(t, found)
	fields := strings.Fields(after)
	const utime, stime, tick = 11, 12, 10 * time.Millisecond // proc(5); Linux has 100 ticks a second
	var sum time.Duration
	for _, field := range []string{fields[utime], fields[stime]} {
		ticks, err := strconv.Atoi(field)
		require.NoError(t, err)
		sum += time.Duration(ticks) * tick
	}
	return sum
}

// parts of a node's work, by what stands in the names of the functions at work;
// the first part that fits counts.
var parts = []struct {
	name      string
	functions []string
}{
	{"cryptography", []string{"claimshare/crypto/", "gnark-crypto"}},
	{"TLS", []string{"crypto/tls.", "crypto/x509."}},
	{"store", []string{"modernc.org/sqlite", "store/internal/sqldb", "database/sql."}},
	{"gateway", []string{"client/ledger.", "fabric-gateway", "client.(*Chain)"}},
	{"gRPC", []string{"google.golang.org/grpc", "golang.org/x/net/http2"}},
	{"runtime", []string{"runtime."}},
}

var partNames = []string{"cryptography", "TLS", "store", "gateway", "gRPC", "runtime"}

// split adds the samples of a processor profile up by part. The profile must
// have seen the function of that name.
func split(t *testing.T, path, seen string) map[string]time.Duration {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	p, err := profile.Parse(file)
	require.NoError(t, err)
	sums := map[string]time.Duration{}
	found := false
	for _, sample := range p.Sample {
		var names []string
		for _, location := range sample.Location {
			for _, line := range location.Line {
				names = append(names, line.Function.Name)
			}
		}
		stack := strings.Join(names, "\n")
		found = found || strings.Contains(stack, seen)
		sums[partOf(stack)] += time.Duration(sample.Value[1])
	}
	require.True(t, found, "the profile is not of a proxy at work")
	return sums
}

func partOf(stack string) string {
	for _, part := range parts {
		for _, function := range part.functions {
			if strings.Contains(stack, function) {
				return part.name
			}
		}
	}
	return "anything else"
}
