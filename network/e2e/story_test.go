package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/network/dataset"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/leak"
	"github.com/claimshare/claimshare/network/story"
	"github.com/claimshare/claimshare/network/topology"
)

// TestStory plays the demonstration and then looks for every secret of it in
// everything that the network and the parties wrote.
func TestStory(t *testing.T) {
	ctx := t.Context()
	network := hold(t, topology.Development())

	var mu sync.Mutex
	var secrets []leak.Secret
	report, err := story.Run(ctx, network, story.Watch{
		LogLevel: "debug",
		Scene:    func(s *story.Scene) { t.Logf("scene %2d  %-14s %5.1f s", s.Number, s.Name, s.Seconds) },
		Secret: func(name string, value []byte) {
			mu.Lock()
			defer mu.Unlock()
			secrets = append(secrets, leak.Secret{Name: name, Value: bytes.Clone(value)})
		},
	})
	require.NoError(t, err)
	checkFacts(t, report)

	canary := plantCanaries(t, ctx, network)
	status, err := network.Status()
	require.NoError(t, err)
	// Peers that start again move their databases' logs into compressed tables.
	require.NoError(t, network.Down(ctx))
	_, err = launch.Hold(ctx, topology.Development(), network.Dir(), nil)
	require.NoError(t, err)
	require.NoError(t, network.Down(ctx))

	// The one thing of a node's that opens what it has locked; an operator keeps
	// it elsewhere.
	identities, err := filepath.Glob(filepath.Join(network.Dir(), story.Parties, "*", "identity.txt"))
	require.NoError(t, err)
	require.Len(t, identities, 6)
	for _, path := range identities {
		require.NoError(t, os.Remove(path))
	}
	roots := []string{filepath.Join(network.Dir(), story.Parties), filepath.Join(network.Dir(), story.Wallets)}
	for _, p := range status.Processes {
		roots = append(roots, p.Log)
		if p.Ledger != "" {
			roots = append(roots, p.Ledger)
		}
	}
	secrets = append(append(secrets, plaintexts(t)...), certificateKeys(t, network)...)
	t.Logf("looking for %d secrets", len(secrets))
	found, err := leak.Search(ctx, roots, append(secrets, leak.Secret{Name: "canary", Value: canary}))
	require.NoError(t, err)
	t.Logf("searched %d files, %d MB, %d tables and logs of LevelDB with %d entries, %d rows of %d SQLite databases",
		found.Files, found.Bytes>>20, found.LevelDB, found.Entries, found.Rows, found.SQLite)

	var canaries []string
	for _, f := range found.Findings {
		if f.Secret != "canary" {
			t.Errorf("leaked: %s", f)
			continue
		}
		canaries = append(canaries, f.String())
	}
	for _, place := range []string{"orderer", "stateLeveldb", "LevelDB value", "blockfile", ".sqlite"} {
		require.True(t, contains(canaries, place), "the canary was not found in %s, so a leak would not have been either: %v", place, canaries)
	}
}

func contains(list []string, part string) bool {
	for _, s := range list {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

// checkFacts holds the machine-readable report to what the story promises.
func checkFacts(t *testing.T, report *story.Report) {
	var buffer bytes.Buffer
	require.NoError(t, report.WriteJSON(&buffer))
	var read struct {
		Scenes []struct {
			Name  string
			Facts map[string]json.RawMessage
			Lines []story.Line
		}
	}
	require.NoError(t, json.Unmarshal(buffer.Bytes(), &read))
	facts := map[string]map[string]json.RawMessage{}
	for _, s := range read.Scenes {
		require.NotEmpty(t, s.Lines, s.Name)
		facts[s.Name] = s.Facts
	}
	for scene, names := range map[string][]string{
		"join": {"parties", "policyholders"}, "policies": {"policies"}, "repairs": {"repairs", "photos"}, "claim": {"checks"},
		"sharing":   {"repairOrder", "policyNumber"},
		"refusals":  {"wrongEvidence", "withoutConsent", "otherLabel", "otherInsurer", "intercepted", "interceptedKey", "revoked", "tokenDestroyed", "expired"},
		"tampering": {"ownProgram", "capsule", "payload"}, "policyholder": {"releases"}, "tracing": {"traced", "stranger"},
		"credit": {"credits", "expelled"}, "endorsement": {"insurerAlone"}, "paper-mode": {"exhausted", "modes"},
	} {
		for _, name := range names {
			require.Contains(t, facts[scene], name, scene)
		}
	}
	require.JSONEq(t, `[100,75,50,25,0]`, string(facts["credit"]["credits"]))
}

// plantCanaries writes the same random text onto the ledger, through an access
// request's claim number, and into a party's database.
func plantCanaries(t *testing.T, ctx context.Context, network *launch.Network) []byte {
	var random [16]byte
	_, err := rand.Read(random[:])
	require.NoError(t, err)
	canary := "canary-" + hex.EncodeToString(random[:])
	connection, err := ledger.LoadConnection(network.ConnectionFile("insurer1"))
	require.NoError(t, err)
	l, err := ledger.Dial(connection)
	require.NoError(t, err)
	defer l.Close()
	chain, err := client.OpenChain(ctx, l)
	require.NoError(t, err)
	parties, err := chain.Parties(ctx)
	require.NoError(t, err)
	for _, p := range parties {
		if p.Role == record.RolePolicyholder {
			request := record.AccessRequest{ID: record.RequestID(random), Owner: p.ID, Label: "repair/2026", Purpose: "claim", Claim: canary}
			_, err := chain.RequestAccess(ctx, request)
			require.NoError(t, err)
			break
		}
	}
	config, err := node.LoadConfig(filepath.Join(network.Dir(), story.Parties, "shop1", "node.yaml"))
	require.NoError(t, err)
	db, err := config.OpenStore(ctx)
	require.NoError(t, err)
	require.NoError(t, db.SetValue(ctx, "canary", []byte(canary)))
	require.NoError(t, db.Close())
	return []byte(canary)
}

// certificateKeys lists the private keys of the parties' Fabric certificates.
func certificateKeys(t *testing.T, network *launch.Network) []leak.Secret {
	var out []leak.Secret
	for _, who := range network.Topology().Identities() {
		connection, err := network.Connection(who.Name)
		require.NoError(t, err)
		raw, err := os.ReadFile(connection.ClientKey)
		require.NoError(t, err)
		block, _ := pem.Decode(raw)
		require.NotNil(t, block)
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		require.NoError(t, err)
		scalar, err := key.(*ecdsa.PrivateKey).Bytes()
		require.NoError(t, err)
		out = append(out, leak.Secret{Name: "certificate key of " + who.Name, Value: scalar})
	}
	return out
}

// plaintexts lists what identifies people and what stands in records.
func plaintexts(t *testing.T) []leak.Secret {
	data, err := dataset.Load()
	require.NoError(t, err)
	var out []leak.Secret
	seen := map[string]bool{}
	add := func(name, value string) {
		if len(value) >= 10 && !seen[value] {
			seen[value] = true
			out = append(out, leak.Secret{Name: name, Value: []byte(value)})
		}
	}
	for _, p := range data.Policyholders {
		add("identity", p.Identity)
		add("name", p.Name)
	}
	for i := range data.Policies {
		p := &data.Policies[i].Policy
		add("policy number", p.PolicyNumber)
		add("policyholder", p.Policyholder.Name.String())
		add("VIN", p.Vehicle.VIN)
		add("plain policy", `"policyNumber":"`+p.PolicyNumber)
	}
	for i := range data.Repairs {
		r := &data.Repairs[i]
		add("order number", r.Record.OrderNumber)
		add("description", r.Record.Incident.Description)
		add("certificate", r.Record.Technician.Certificate)
		for _, d := range r.Record.Damage {
			add("note", d.Note)
		}
		if i%4 == 0 {
			raw := r.Document.JSON()
			add("middle of a document", string(raw[len(raw)/2:len(raw)/2+40]))
		}
		for _, a := range r.Record.Attachments {
			content, err := fs.ReadFile(r.Files, a.Name)
			require.NoError(t, err)
			add("photo", string(content[len(content)/2:len(content)/2+32]))
		}
	}
	return out
}
