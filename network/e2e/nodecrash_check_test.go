package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/network/programs"
)

// crashPolicy and crashRepair are the specimens, read once.
var (
	crashPolicy = sync.OnceValue(func() []byte { return bare(record.KindPolicy) })
	crashRepair = sync.OnceValue(func() []byte { return bare(record.KindRepair) })
)

// chapters is what the ledger's blocks tell: in which block a thing came to be in
// a state, once for every time it did.
type chapters struct {
	records  map[record.RecordID][]uint64
	releases map[record.ReleaseID]map[record.ReleaseStatus][]uint64
	consents map[record.ConsentID]map[record.ConsentStatus][]uint64
	last     map[record.ReleaseID]record.Release
}

// readBlocks reads every block of the channel.
func readBlocks(t *testing.T, l *ledger.Ledger) *chapters {
	t.Helper()
	c := &chapters{
		map[record.RecordID][]uint64{}, map[record.ReleaseID]map[record.ReleaseStatus][]uint64{},
		map[record.ConsentID]map[record.ConsentStatus][]uint64{}, map[record.ReleaseID]record.Release{},
	}
	height, err := l.Height(t.Context())
	require.NoError(t, err)
	for block, err := range l.Blocks(t.Context(), 0) {
		require.NoError(t, err)
		for _, tx := range block.Transactions {
			if tx.Code == ledger.Valid && tx.Chaincode == l.Connection().Chaincode {
				c.note(t, tx)
			}
		}
		if block.Number+1 >= height {
			break
		}
	}
	return c
}

func (c *chapters) note(t *testing.T, tx ledger.Transaction) {
	t.Helper()
	documents, err := listener.Change{Transaction: tx}.Documents()
	require.NoError(t, err)
	for _, d := range documents {
		switch d := d.Document.(type) {
		case *record.Record:
			c.records[d.ID] = append(c.records[d.ID], tx.Block)
		case *record.Release:
			id := d.Statement.Release
			if c.releases[id] == nil {
				c.releases[id] = map[record.ReleaseStatus][]uint64{}
			}
			c.releases[id][d.Status] = append(c.releases[id][d.Status], tx.Block)
			c.last[id] = *d
		case *record.Consent:
			if c.consents[d.Consent] == nil {
				c.consents[d.Consent] = map[record.ConsentStatus][]uint64{}
			}
			c.consents[d.Consent][d.Status] = append(c.consents[d.Consent][d.Status], tx.Block)
		}
	}
}

// check compares ledger, databases and what was handed out.
func (w *disturbed) check(t *testing.T) {
	t.Helper()
	for _, n := range w.Nodes() {
		require.NoError(t, w.AwaitServing(t.Context(), n))
	}
	require.NoError(t, w.shop.Settled(t.Context()))
	w.caughtUp(t)
	told := readBlocks(t, dial(t, w.network, "authority"))
	require.NotEmpty(t, w.claims)
	releases := map[record.ReleaseID]bool{}
	rival, shop, proxy := database(t, w.rival.Node), database(t, w.shop.Node), database(t, w.Proxy())
	for _, claim := range w.claims {
		require.Len(t, told.records[claim.record], 1, "record %s", claim.record)
		kept, err := shop.Record(t.Context(), claim.record)
		require.NoError(t, err)
		require.Equal(t, store.Recorded, kept.State)
		require.Equal(t, told.records[claim.record][0], kept.Block)

		states := told.consents[claim.consent]
		require.Len(t, states[record.ConsentApproved], 1, "consent %s: %v", claim.consent, states)
		require.Equal(t, claim.revoked, len(states[record.ConsentRevoked]) == 1)
		if claim.revoked {
			requireDestroyed(t, proxy, claim.consent)
		}

		release := w.releaseOf(t, told, claim)
		releases[release] = true
		received := 0
		for r, err := range rival.ReceivedUnder(t.Context(), claim.consent) {
			require.NoError(t, err)
			received++
			require.Equal(t, release, r.Release)
			require.Equal(t, told.last[release].AcknowledgeTx.String(), r.AckTxID)
		}
		require.Equal(t, 1, received, "claim with record %s", claim.record)
		plaintext, err := w.rival.Read(t.Context(), release)
		require.NoError(t, err)
		require.Contains(t, string(plaintext), "RO-2026-0417")
	}
	require.Len(t, told.releases, len(releases), "a release that no claim knows")
	handed := w.checkHandovers(t, told)
	for deadline := time.Now().Add(persistence); ; time.Sleep(glance) { // what a database that was gone has left is settled within seconds
		left := w.pending(t)
		if len(left) == 0 {
			break
		}
		require.True(t, time.Now().Before(deadline), "not settled: %v", left)
	}
	t.Logf("%d claims, %d releases, %d handovers: nothing lost, nothing twice", len(w.claims), len(releases), handed)
}

// requireDestroyed waits for the proxy to destroy the key of an ended consent.
func requireDestroyed(t *testing.T, proxy store.Store, id record.ConsentID) {
	t.Helper()
	const longest = 2 * time.Minute // a sweep comes once a minute
	deadline := time.Now().Add(longest)
	for {
		_, err := proxy.Token(t.Context(), id)
		if err != nil || time.Now().After(deadline) {
			require.ErrorIs(t, err, store.ErrDestroyed)
			return
		}
		time.Sleep(glance)
	}
}

// releaseOf is the one release of a claim, which was acknowledged once.
func (w *disturbed) releaseOf(t *testing.T, told *chapters, claim crashClaim) record.ReleaseID {
	t.Helper()
	var found []record.ReleaseID
	for id, r := range told.last {
		if r.Statement.Consent == claim.consent && r.Statement.Record == claim.record {
			found = append(found, id)
		}
	}
	require.Len(t, found, 1, "releases of record %s", claim.record)
	states := told.releases[found[0]]
	require.Len(t, states[record.ReleaseOpen], 1)
	require.Len(t, states[record.ReleaseAcknowledged], 1)
	return found[0]
}

// checkHandovers makes sure that whatever the proxy was about to hand out was
// released in a block that it had seen.
func (w *disturbed) checkHandovers(t *testing.T, told *chapters) int {
	t.Helper()
	file, err := os.Open(filepath.Join(w.points, "handovers"))
	require.NoError(t, err)
	defer file.Close()
	n := 0
	for lines := bufio.NewScanner(file); lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		require.Len(t, words, 2)
		id, err := record.ParseReleaseID(words[0])
		require.NoError(t, err)
		seen, err := strconv.ParseUint(words[1], 10, 64)
		require.NoError(t, err)
		committed := told.releases[id][record.ReleaseOpen]
		require.Len(t, committed, 1, "handed over, and not on the ledger")
		require.LessOrEqual(t, committed[0], seen)
	}
	require.GreaterOrEqual(t, n, len(w.claims))
	return n
}

// pending is what nodes still have to tell the ledger.
func (w *disturbed) pending(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, n := range w.Nodes() {
		s, err := n.Ask.Status(t.Context(), &nodev1.StatusRequest{Strict: true})
		require.NoError(t, err)
		if s.Pending+s.Refused > 0 {
			all = append(all, n.Identity)
		}
		left, err := database(t, n).Journal().Pending(t.Context())
		require.NoError(t, err)
		for _, entry := range left {
			all = append(all, n.Identity+": "+entry.Transaction)
		}
	}
	return all
}

// bare is a specimen as a clerk writes it: without attachments, and without δ.
func bare(kind record.Kind) []byte {
	root, err := programs.Checkout()
	if err != nil {
		panic(err)
	}
	raw, err := os.ReadFile(filepath.Join(root, "client", "document", "testdata", kind.String()+".json"))
	if err != nil {
		panic(err)
	}
	doc, err := document.Parse(kind, raw)
	if err != nil {
		panic(err)
	}
	var v any
	if policy, ok := doc.Policy(); ok {
		policy.Attachments, policy.Evidence = nil, ""
		v = policy
	} else {
		repair, _ := doc.Repair()
		repair.Attachments = nil
		v = repair
	}
	if raw, err = json.Marshal(v); err != nil {
		panic(err)
	}
	return raw
}
