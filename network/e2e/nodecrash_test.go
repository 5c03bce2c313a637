package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/client/store/pgserver"
	"github.com/claimshare/claimshare/network/claims"
	"github.com/claimshare/claimshare/network/consortium"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/programs"
)

// crashPoints are the points of a claim at which a node can be made to die, with
// a way of submitting. Those of joining are apart: people join rarely.
func crashPoints(submit string) (flow, join []string) {
	both := func(list *[]string, who string, names ...string) {
		for _, name := range names {
			*list = append(*list, who+"."+name+".before", who+"."+name+".after")
		}
	}
	both(&flow, "shop1", "PutProposal", "Countersign", "AcceptProposal", "MarkRecorded", "Candidates", "Deliver", "SendPayload", "Payload")
	both(&flow, "authority", "Approve", "Save.Approve", "Delete.Approve")
	both(&flow, "proxy", "Accept", "PutToken", "Release", "Save.Release", "Delete.Release", "DestroyToken")
	both(&flow, "insurer1", "CarryGrant", "Save.Grant", "Delete.Grant", "CarryRevocation", "Save.Revoke", "Delete.Revoke")
	both(&flow, "insurer2", "Save.RequestAccess", "Delete.RequestAccess", "PutReceived", "Save.Acknowledge", "Delete.Acknowledge", "MarkAcknowledged")
	if submit == node.SubmitAuthority {
		both(&flow, "authority", "SubmitBatch", "Save.SubmitRecords", "Delete.SubmitRecords")
	} else {
		both(&flow, "shop1", "Save.SubmitRecords", "Delete.SubmitRecords")
	}
	both(&join, "authority", "PutInvitation", "Enrol", "Register", "Save.RegisterParty", "Delete.RegisterParty", "UseInvitation")
	return flow, join
}

// TestNodeCrash kills parties' nodes, peers, chaincodes and the orderer while
// claims run: at random moments, and at named points of the flow. Every claim
// must come to its end, and in the end ledger, databases and what the proxy handed
// out must agree, with nothing lost and nothing twice.
//
// The everyday dose is 8 kills, the long one every point once and 28 kills at
// random moments. Who submits records, the issuers or the authority, depends on
// the seed.
func TestNodeCrash(t *testing.T) {
	t.Parallel()
	nodeCrash(t, nil, doses{points: soak(3, everyPoint), joins: soak(1, everyPoint), moments: soak(4, 28)})
}

// everyPoint is a dose: all points there are.
const everyPoint = 1 << 20

// doses is how many things are killed.
type doses struct{ points, joins, moments, databases int }

// nodeCrash is the whole: with every node on a database of one PostgreSQL server,
// or on an SQLite file where there is none.
func nodeCrash(t *testing.T, server *pgserver.Server, dose doses) {
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("CLAIMSHARE_SEED"); given != "" {
		var err error
		seed, err = strconv.ParseUint(given, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("CLAIMSHARE_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	points := t.TempDir()
	program, err := programs.FailingClaimShare(t.Context(), checkout(t), nil)
	require.NoError(t, err)
	submit := []string{node.SubmitAuthority, node.SubmitDirect}[random.IntN(2)]
	t.Logf("submit: %s", submit)
	options := consortium.Options{System: "Crashes", Submit: submit, Program: program, Env: []string{"CLAIMSHARE_FAILPOINTS=" + points}}
	if server != nil {
		options.Database = server.NewDatabase
	}
	w := &disturbed{stage: newStage(t, options), points: points, server: server}
	w.begin(t, soak(2, 3))
	for _, d := range w.plan(random, submit, dose) {
		began := time.Now()
		d.do(t)
		t.Logf("%-36s after %v, %d claims so far", d.name, time.Since(began).Round(time.Millisecond), w.ended())
	}
	w.stop.Store(true)
	w.workers.Wait()
	require.False(t, t.Failed(), "a claim did not come to its end")
	w.check(t)
}

// disturbed is the work that goes on while things are killed.
type disturbed struct {
	*stage
	points string           // folder of the points to die at
	server *pgserver.Server // of the nodes' databases; nil for files

	stop    atomic.Bool
	workers sync.WaitGroup

	mu     sync.Mutex
	claims []crashClaim // that came to their end
}

// crashClaim is what a claim left, for the final comparison.
type crashClaim struct {
	person  record.PartyID
	record  record.RecordID
	consent record.ConsentID
	revoked bool
}

func (w *disturbed) ended() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.claims)
}

// begin starts people who make one claim after the other.
func (w *disturbed) begin(t *testing.T, people int) {
	t.Cleanup(func() { w.stop.Store(true); w.workers.Wait() })
	for i := range people {
		p := w.join(t, fmt.Sprintf("US 900-00-1%03d", i))
		w.workers.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if err := w.policy(ctx, p); err != nil {
				t.Errorf("policy: %v", err)
				return
			}
			for n := 0; !w.stop.Load(); n++ {
				claim, err := w.claim(ctx, p, n%2 == 0)
				if err != nil {
					t.Errorf("claim %d of person %d: %v", n, i, err)
					return
				}
				w.mu.Lock()
				w.claims = append(w.claims, *claim)
				w.mu.Unlock()
			}
		})
	}
}

// persistence is how long a person tries again what does not work.
const persistence = 90 * time.Second

// insist does something again until it works, as people do whose program tells
// them that a node is away.
func insist(ctx context.Context, what string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, persistence)
	defer cancel()
	for {
		err := do(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, err)
		case <-time.After(4 * glance):
		}
	}
}

// record has a clerk issue a specimen, the person sign it, and the ledger take it.
func (w *disturbed) record(ctx context.Context, p *claims.Person, by claims.Clerk, kind record.Kind, label string, document []byte) (id record.RecordID, err error) {
	err = insist(ctx, "issue", func(ctx context.Context) (err error) {
		id, err = by.Issue(ctx, p.Wallet.ID(), kind, label, document, "")
		return err
	})
	if err != nil {
		return id, err
	}
	signed := false
	err = insist(ctx, "sign", func(ctx context.Context) error {
		if err := w.onLedger(ctx, p, id); err == nil {
			return nil
		}
		if signed { // its answer may have been lost, and the ledger takes its time
			return errors.New("it is not on the ledger yet")
		}
		_, err := p.Sign(ctx, id, "")
		signed = err == nil
		return err
	})
	if err != nil {
		return id, err
	}
	return id, insist(ctx, "await the record", func(ctx context.Context) error { return w.onLedger(ctx, p, id) })
}

func (w *disturbed) onLedger(ctx context.Context, p *claims.Person, id record.RecordID) error {
	records, err := p.Wallet.Records(ctx)
	if err != nil {
		return err
	}
	for i := range records {
		if records[i].ID == id {
			return nil
		}
	}
	return fmt.Errorf("record %s is not on the ledger", id)
}

func (w *disturbed) policy(ctx context.Context, p *claims.Person) error {
	_, err := w.record(ctx, p, w.insurer, record.KindPolicy, "policy/2026", crashPolicy())
	return err
}

// claim is one claim from a repair to a plaintext, and perhaps a withdrawal.
func (w *disturbed) claim(ctx context.Context, p *claims.Person, revoke bool) (*crashClaim, error) {
	c := &crashClaim{person: p.Wallet.ID(), revoked: revoke}
	err := p.Wallet.Via(w.insurer.Node.Party) // it went elsewhere if that was away
	if err != nil {
		return nil, err
	}
	if c.record, err = w.record(ctx, p, w.shop, record.KindRepair, hostileLabel, crashRepair()); err != nil {
		return nil, err
	}
	var request record.RequestID
	err = insist(ctx, "ask", func(ctx context.Context) (err error) {
		request, err = w.rival.Request(ctx, record.AccessRequest{
			Owner: c.person, Holder: w.shop.Node.Party, Label: hostileLabel, Records: []record.RecordID{c.record}, Purpose: "claim", Claim: "C-90211",
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	if c.consent, err = w.consent(ctx, p, request); err != nil {
		return nil, err
	}
	err = insist(ctx, "fetch", func(ctx context.Context) error {
		got, err := w.rival.Fetch(ctx, c.consent)
		for _, f := range got {
			err = errors.Join(err, f.Err)
		}
		if err == nil && len(got) != 1 {
			return fmt.Errorf("%d records, not 1", len(got))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !revoke {
		return c, nil
	}
	return c, insist(ctx, "revoke", func(ctx context.Context) error { return p.Wallet.Revoke(ctx, c.consent) })
}

// consent gives a consent for exactly one release, and brings every part of it to
// its place.
func (w *disturbed) consent(ctx context.Context, p *claims.Person, request record.RequestID) (id record.ConsentID, err error) {
	given := false
	err = insist(ctx, "grant", func(ctx context.Context) error {
		if given {
			_, err := p.Wallet.Resume(ctx)
			return err
		}
		draft, err := p.Wallet.Prepare(ctx, request, until(1))
		if err != nil {
			return err
		}
		id, given = draft.Statement.Consent, true // from here on the wallet has it
		return p.Wallet.Grant(ctx, draft)
	})
	return id, err
}

// disturbance is one thing to kill.
type disturbance struct {
	name string
	do   func(t *testing.T)
}

// plan draws what to kill.
func (w *disturbed) plan(random *rand.Rand, submit string, dose doses) []disturbance {
	var all []disturbance
	points, joins := crashPoints(submit)
	random.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	random.Shuffle(len(joins), func(i, j int) { joins[i], joins[j] = joins[j], joins[i] })
	for _, point := range points[:min(dose.points, len(points))] {
		all = append(all, disturbance{point, func(t *testing.T) { w.killAt(t, point, nil) }})
	}
	for _, point := range joins[:min(dose.joins, len(joins))] {
		all = append(all, disturbance{point, func(t *testing.T) { w.killAt(t, point, w.newcomer) }})
	}
	for i := range dose.moments {
		after := time.Duration(random.Int64N(int64(1500 * time.Millisecond)))
		pick := random.Uint64()
		switch i % 4 {
		case 0:
			n := w.Nodes()[pick%uint64(len(w.Nodes()))]
			all = append(all, disturbance{"node of " + n.Identity, func(t *testing.T) {
				time.Sleep(after)
				require.NoError(t, w.Kill(n))
				require.NoError(t, w.AwaitServing(t.Context(), n))
			}})
		case 1:
			all = append(all, w.killProcess(launch.PeerProcess, pick, after))
		case 2:
			all = append(all, w.killProcess(launch.ChaincodeProcess, pick, after))
		case 3:
			all = append(all, w.killProcess(launch.OrdererProcess, pick, after))
		}
	}
	for i := range dose.databases {
		after := time.Duration(random.Int64N(int64(1500 * time.Millisecond)))
		if i%2 == 0 {
			all = append(all, w.killServer(after, time.Duration(random.Int64N(int64(3*time.Second)))))
		} else {
			all = append(all, w.killBackend(random.Uint64(), after))
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func (w *disturbed) killProcess(kind string, pick uint64, after time.Duration) disturbance {
	return disturbance{kind, func(t *testing.T) {
		time.Sleep(after)
		status, err := w.network.Status()
		require.NoError(t, err)
		var alive []launch.Process
		for _, p := range status.Processes {
			if p.Kind == kind && p.PID != 0 {
				alive = append(alive, p)
			}
		}
		require.NotEmpty(t, alive)
		p := alive[pick%uint64(len(alive))]
		t.Logf("killing %s", p.Name)
		require.NoError(t, syscall.Kill(p.PID, syscall.SIGKILL))
	}}
}

// killAt has a node die at a point, and waits until it has.
func (w *disturbed) killAt(t *testing.T, point string, meanwhile func(*testing.T)) {
	t.Helper()
	path := filepath.Join(w.points, point)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	if meanwhile != nil {
		meanwhile(t)
	}
	deadline := time.Now().Add(persistence)
	for {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			break
		}
		if time.Now().After(deadline) || t.Failed() {
			require.FailNow(t, "nobody came by", point)
		}
		time.Sleep(glance)
	}
	for _, n := range w.Nodes() {
		if strings.HasPrefix(point, n.Identity+".") {
			require.NoError(t, w.AwaitServing(t.Context(), n))
		}
	}
}

// newcomer joins while the authority's node dies.
func (w *disturbed) newcomer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), persistence)
	defer cancel()
	p, err := claims.Join(ctx, w.Consortium, t.TempDir(), "US 900-00-2000")
	require.NoError(t, err)
	require.NoError(t, insist(ctx, "the newcomer's first question", func(ctx context.Context) error {
		_, err := p.Wallet.Records(ctx)
		return err
	}))
	require.NoError(t, p.Wallet.Close())
}
