package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/network/consortium"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/leak"
)

// hidden is what must not be found anywhere.
type hidden struct {
	mu   sync.Mutex
	list []leak.Secret
	seen map[string]bool
}

// add notes a secret; short ones, which chance would find, are left out.
func (c *hidden) add(name string, value []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(value) < leak.MinLength || c.seen[string(value)] {
		return
	}
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	c.seen[string(value)] = true
	c.list = append(c.list, leak.Secret{Name: name, Value: bytes.Clone(value)})
}

// document notes what stands in a repair record.
func (c *hidden) document(d *document.Document) {
	raw := d.JSON()
	c.add("middle of a document", raw[len(raw)/2:len(raw)/2+40])
	r, _ := d.Repair()
	c.add("order number", []byte(r.OrderNumber))
	c.add("description", []byte(r.Incident.Description))
	c.add("VIN", []byte(r.Vehicle.VIN))
	c.add("customer", []byte(r.Customer.String()))
}

// partyKeys opens a node's key file.
func partyKeys(t *testing.T, n *consortium.Node) *keyfile.Party {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(n.Dir, "identity.txt"))
	require.NoError(t, err)
	identity, err := age.ParseX25519Identity(strings.TrimSpace(string(raw)))
	require.NoError(t, err)
	contents, err := keyfile.Open(filepath.Join(n.Dir, "party.key"), identity)
	require.NoError(t, err)
	return contents.Party
}

// keysOf notes the secret keys in a node's key file.
func (c *hidden) keysOf(t *testing.T, n *consortium.Node) {
	t.Helper()
	p := partyKeys(t, n)
	c.add("signing key of "+n.Identity, p.Signing.Bytes())
	if scoped, ok := p.Encryption.(*pre.ScopedSecretKey); ok {
		c.add("encryption key of "+n.Identity, scoped.Bytes())
	}
}

// secretsOfRun completes the list: the keys of nodes and certificates, the
// wallet's seed, the identities, the documents.
func (s *stage) secretsOfRun(t *testing.T, secrets *hidden) {
	t.Helper()
	for _, n := range s.Nodes() {
		secrets.keysOf(t, n)
	}
	for _, k := range certificateKeys(t, s.network) {
		secrets.add(k.Name, k.Value)
	}
	sheet, err := s.person.Wallet.Backup()
	require.NoError(t, err)
	for _, line := range strings.Split(sheet, "\n") {
		if words := strings.Fields(line); len(words) > 4 {
			secrets.add("line of a wallet's backup", []byte(strings.TrimSpace(line)))
		}
	}
	secrets.add("identity", []byte("Sam Specimen"))
	for _, kind := range []record.Kind{record.KindPolicy, record.KindRepair} {
		doc, err := document.Parse(kind, specimenWithEvidence(t, kind))
		require.NoError(t, err)
		if kind == record.KindRepair {
			secrets.document(doc)
			continue
		}
		p, _ := doc.Policy()
		secrets.add("policy number", []byte(p.PolicyNumber))
		secrets.add("plain policy", []byte(`"policyNumber":"`+p.PolicyNumber))
	}
}

func specimenWithEvidence(t *testing.T, kind record.Kind) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(checkout(t), "client", "document", "testdata", kind.String()+".json"))
	require.NoError(t, err)
	return raw
}

// searchForLeaks ends everything and looks for the secrets of the run in all
// that nodes, peers and orderers have written. A canary in the same places shows
// that what is there is found.
func (s *stage) searchForLeaks(t *testing.T, secrets *hidden) {
	t.Helper()
	ctx := t.Context()
	s.secretsOfRun(t, secrets)
	var random [16]byte
	_, _ = rand.Read(random[:])
	canary := "canary-" + hex.EncodeToString(random[:])
	_, err := s.rival.Request(ctx, record.AccessRequest{Owner: s.person.Wallet.ID(), Label: hostileLabel, Purpose: "claim", Claim: canary})
	require.NoError(t, err)
	s.caughtUp(t)
	status, err := s.network.Status()
	require.NoError(t, err)
	require.NoError(t, s.Stop(ctx))
	// Peers that start again move their databases' logs into compressed tables.
	require.NoError(t, s.network.Down(ctx))
	_, err = launch.Hold(ctx, s.network.Topology(), s.network.Dir(), nil)
	require.NoError(t, err)
	require.NoError(t, s.network.Down(ctx))

	var roots []string
	for _, n := range s.Nodes() {
		require.NoError(t, os.WriteFile(filepath.Join(n.Dir, "canary.log"), []byte(canary), 0o600))
		for _, pattern := range []string{"*.log", "party.sqlite*", "*.yaml"} {
			files, err := filepath.Glob(filepath.Join(n.Dir, pattern))
			require.NoError(t, err)
			roots = append(roots, files...)
		}
	}
	for _, p := range status.Processes {
		roots = append(roots, p.Log)
		if p.Ledger != "" {
			roots = append(roots, p.Ledger)
		}
	}
	report, err := leak.Search(ctx, roots, append(secrets.list, leak.Secret{Name: "canary", Value: []byte(canary)}))
	require.NoError(t, err)
	t.Logf("searched %d files, %d MB, %d rows of %d SQLite databases, %d entries of LevelDB for %d secrets",
		report.Files, report.Bytes>>20, report.Rows, report.SQLite, report.Entries, len(secrets.list))
	var canaries []string
	for _, f := range report.Findings {
		switch {
		case f.Secret == "canary":
			canaries = append(canaries, f.String())
		case f.Secret == "re-encryption key" && strings.Contains(f.Path, filepath.Join("proxy", "party.sqlite")):
			// The one who is to have it, until the consent ends.
		default:
			t.Errorf("leaked: %s", f)
		}
	}
	for _, place := range []string{"orderer", "stateLeveldb", "blockfile", "party.sqlite", "canary.log"} {
		require.True(t, contains(canaries, place), "the canary was not found in %s, so a leak would not have been either: %v", place, canaries)
	}
	if s.shop.Node == nil || report.SQLite < len(s.Nodes()) {
		t.Errorf("%d databases were searched", report.SQLite)
	}
}
