package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/network/claims"
	"github.com/claimshare/claimshare/network/consortium"
)

// dose is the number in an environment variable, or else the long dose, or zero
// in the everyday run.
func dose(t *testing.T, variable string, long int) int {
	t.Helper()
	if given := os.Getenv(variable); given != "" {
		n, err := strconv.Atoi(given)
		require.NoError(t, err)
		return n
	}
	return soak(0, long)
}

// peakMemory is the most memory that a node's process has had, in MiB.
func (s *stage) peakMemory(t *testing.T, n *consortium.Node) int {
	t.Helper()
	pid, err := s.PID(n)
	require.NoError(t, err)
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(raw), "VmHWM:")
	require.True(t, found)
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	require.NoError(t, err)
	return kib >> 10
}

// TestNodesUnderLoad settles 1,000 claims at the same time, each for one record
// of about a KiB, of eight policyholders under forty consents. None may fail. It
// is for the long run; CLAIMSHARE_CLAIMS=100 runs it with as many.
func TestNodesUnderLoad(t *testing.T) {
	n := dose(t, "CLAIMSHARE_CLAIMS", 1000)
	if n == 0 {
		t.Skip("set CLAIMSHARE_SOAK=1 or CLAIMSHARE_CLAIMS")
	}
	s := newStage(t, consortium.Options{System: "Load", Submit: "direct"})
	began := time.Now()
	prepared := s.prepareClaims(t, n)
	t.Logf("%d records issued, signed and recorded, consents given: %v", n, time.Since(began).Round(time.Second))

	took := make([]time.Duration, len(prepared))
	began = time.Now()
	var all errgroup.Group
	for i, c := range prepared {
		all.Go(func() error {
			started := time.Now()
			got, err := s.rival.Fetch(t.Context(), c.consent, c.record)
			took[i] = time.Since(started)
			if err == nil && len(got) == 1 {
				err = got[0].Err
			}
			if err != nil {
				return fmt.Errorf("claim %d, after %v: %w", i, took[i], err)
			}
			return nil
		})
	}
	require.NoError(t, all.Wait())
	whole := time.Since(began)
	slices.Sort(took)
	at := func(percent int) time.Duration { return took[(len(took)-1)*percent/100].Round(time.Millisecond) }
	t.Logf("%d claims at once in %v: %.1f a second; median %v, p95 %v, longest %v",
		n, whole.Round(time.Millisecond), float64(n)/whole.Seconds(), at(50), at(95), at(100))
	for _, node := range s.Nodes() {
		t.Logf("%s had at most %d MiB", node.Identity, s.peakMemory(t, node))
	}
	s.caughtUp(t)
	seen := map[record.ConsentID]bool{}
	acknowledged := 0
	for _, c := range prepared {
		if seen[c.consent] {
			continue
		}
		seen[c.consent] = true
		under, err := s.manager.ReleasesUnder(t.Context(), c.consent)
		require.NoError(t, err)
		for _, r := range under {
			require.Equal(t, record.ReleaseAcknowledged, r.Status)
			acknowledged++
		}
	}
	require.Equal(t, n, acknowledged)
}

// readyClaim is a record that may be fetched.
type readyClaim struct {
	record  record.RecordID
	consent record.ConsentID
}

// prepareClaims has so many records issued by the shop, and consents given.
func (s *stage) prepareClaims(t *testing.T, n int) []readyClaim {
	t.Helper()
	const people, labels = 8, 5
	owners := []*claims.Person{s.person}
	for i := 1; i < people; i++ {
		owners = append(owners, s.join(t, fmt.Sprintf("US 900-00-3%03d", i)))
	}
	var mu sync.Mutex
	var all []readyClaim
	work, ctx := errgroup.WithContext(t.Context())
	for i, owner := range owners {
		share := n / people
		if i < n%people {
			share++
		}
		work.Go(func() error {
			mine, err := s.prepareFor(ctx, owner, share, labels)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
			return err
		})
	}
	require.NoError(t, work.Wait())
	require.Len(t, all, n)
	return all
}

func (s *stage) prepareFor(ctx context.Context, owner *claims.Person, n, labels int) ([]readyClaim, error) {
	policy, err := s.insurer.Issue(ctx, owner.Wallet.ID(), record.KindPolicy, "policy/2026", bare(record.KindPolicy), "")
	if err != nil {
		return nil, err
	}
	if _, err := owner.Sign(ctx, policy, ""); err != nil {
		return nil, err
	}
	all := make([]readyClaim, n)
	byLabel := make([][]int, labels)
	for i := range all {
		byLabel[i%labels] = append(byLabel[i%labels], i)
		id, err := s.shop.Issue(ctx, owner.Wallet.ID(), record.KindRepair, loadLabel(i%labels), bare(record.KindRepair), "")
		if err != nil {
			return nil, err
		}
		if all[i].record = id; (i+1)%50 == 0 || i+1 == n { // before a list becomes long
			if err := signAll(ctx, owner); err != nil {
				return nil, err
			}
		}
	}
	for _, clerk := range []claims.Clerk{s.insurer, s.shop} {
		if err := clerk.Settled(ctx); err != nil {
			return nil, err
		}
	}
	for label, mine := range byLabel {
		if len(mine) == 0 {
			continue
		}
		request, err := s.rival.Request(ctx, record.AccessRequest{
			Owner: owner.Wallet.ID(), Holder: s.shop.Node.Party, Label: loadLabel(label), Purpose: "claim", Claim: "C-90211",
		})
		if err != nil {
			return nil, err
		}
		consent, err := owner.Grant(ctx, request, until(uint32(len(mine))), nil)
		if err != nil {
			return nil, err
		}
		for _, i := range mine {
			all[i].consent = consent
		}
	}
	return all, nil
}

func loadLabel(i int) string { return fmt.Sprintf("repair/load-%d", i) }

// signAll reads and signs everything that waits.
func signAll(ctx context.Context, p *claims.Person) error {
	waiting, err := p.Wallet.Proposals(ctx)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		read, err := p.Wallet.Review(ctx, w, "")
		if err != nil {
			return err
		}
		if err := p.Wallet.Countersign(ctx, read); err != nil {
			return err
		}
	}
	return nil
}

// TestNodesLargePayload sends a record of one GiB from node to node. The
// connection breaks in the middle, and no node may ever have 100 MiB of memory.
// It is for the long run; CLAIMSHARE_PAYLOAD=64 runs it with as many MiB.
func TestNodesLargePayload(t *testing.T) {
	const mib = 1 << 20
	size := int64(dose(t, "CLAIMSHARE_PAYLOAD", 1024)) * mib
	if size == 0 {
		t.Skip("set CLAIMSHARE_SOAK=1 or CLAIMSHARE_PAYLOAD")
	}
	ctx := t.Context()
	s := newStage(t, consortium.Options{System: "Bulk", Submit: "direct"})
	s.issue(t, s.insurer, record.KindPolicy, "policy/2026")
	doc, folder := bulky(t, size)
	step := func(what string, do func() error) {
		t.Helper()
		began := time.Now()
		require.NoError(t, do(), what)
		took := time.Since(began)
		t.Logf("%-10s %6.1f s, %5.1f MiB/s", what, took.Seconds(), float64(size/mib)/took.Seconds())
	}
	var id record.RecordID
	step("issue", func() (err error) {
		id, err = s.shop.Issue(ctx, s.person.Wallet.ID(), record.KindRepair, hostileLabel, doc, folder)
		return err
	})
	step("sign", func() error {
		_, err := s.person.Sign(ctx, id, "")
		return err
	})
	require.NoError(t, s.insurer.Settled(ctx))
	require.NoError(t, s.shop.Settled(ctx))
	consent := s.agree(t, 1)

	cable := s.stretch(t, s.shop.Node, size/2)
	var got claims.Fetched
	step("fetch", func() error {
		all, err := s.rival.Fetch(ctx, consent, id)
		if err == nil && len(all) == 1 {
			got, err = all[0], all[0].Err
		}
		return err
	})
	require.True(t, cable.broke(), "the connection was to break")
	step("read", func() error { return s.readsAs(t, got.Release, size) })
	for _, n := range s.Nodes() {
		peak := s.peakMemory(t, n)
		t.Logf("%s had at most %d MiB", n.Identity, peak)
		require.Less(t, peak, 100, n.Identity)
	}
}

// bulky is a repair record with one attachment of so many bytes, in a folder.
func bulky(t *testing.T, size int64) (doc []byte, folder string) {
	t.Helper()
	folder = t.TempDir()
	digest, err := noise(filepath.Join(folder, "scan.pdf"), size)
	require.NoError(t, err)
	parsed, err := document.Parse(record.KindRepair, bare(record.KindRepair))
	require.NoError(t, err)
	repair, _ := parsed.Repair()
	repair.Attachments = []document.Attachment{{Name: "scan.pdf", MediaType: "application/pdf", Size: size, SHA256: digest, View: "overview"}}
	made, err := document.NewRepair(repair)
	require.NoError(t, err)
	return made.JSON(), folder
}

// source is bytes that nothing can compress, which pass for a PDF.
func source() io.Reader {
	return io.MultiReader(strings.NewReader("%PDF-1.7\n"), rand.NewChaCha8([32]byte{1}))
}
