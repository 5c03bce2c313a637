package e2e

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/audit"
	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/pgserver"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/network/claims"
	"github.com/claimshare/claimshare/network/consortium"
	"github.com/claimshare/claimshare/network/programs"
)

// TestBackupAuditErase backs nodes up while claims run, restores the backups into
// empty databases of both engines, and compares these and the running nodes' own
// with the ledger. Then a row is altered by hand, and a record erased, once with
// a node that dies before it has destroyed what the ledger already calls erased.
func TestBackupAuditErase(t *testing.T) {
	t.Parallel()
	points := t.TempDir()
	program, err := programs.FailingClaimShare(t.Context(), checkout(t), nil)
	require.NoError(t, err)
	s := newStage(t, consortium.Options{
		System: "Audits", Submit: node.SubmitDirect, Program: program, Env: []string{"CLAIMSHARE_FAILPOINTS=" + points},
	})
	w := &disturbed{stage: s, points: points}
	w.begin(t, soak(2, 4))
	p := &operations{disturbed: w, program: program}
	p.work(t, soak(2, 20))

	server := pgserver.Run(t, pgserver.Config{})
	kept := map[string]backedUp{}
	for _, n := range []*consortium.Node{w.shop.Node, w.rival.Node, w.Proxy(), w.Authority()} {
		report := p.audit(t, n.Config)
		require.Empty(t, report.Findings, n.Identity)
		require.True(t, report.Complete, "%s: %s", n.Identity, report.Summary())
		file := filepath.Join(t.TempDir(), n.Identity+".age")
		kept[n.Identity] = p.backup(t, n, file)
	}
	p.work(t, 1) // the world goes on
	for _, n := range []*consortium.Node{w.shop.Node, w.rival.Node, w.Proxy(), w.Authority()} {
		address := filepath.Join(t.TempDir(), "restored.sqlite")
		if n == w.shop.Node || n == w.Proxy() {
			address, err = server.NewDatabase(t.Context())
			require.NoError(t, err)
		}
		p.restored(t, n, kept[n.Identity], address)
	}
	w.stop.Store(true)
	w.workers.Wait()
	require.False(t, t.Failed(), "a claim did not come to its end")
	t.Logf("%d claims", w.ended())
	for _, part := range []struct {
		name string
		do   func(*testing.T)
	}{{"altered by hand", p.tampered}, {"erased", p.erased}} {
		began := time.Now()
		part.do(t)
		t.Logf("%s: %v", part.name, time.Since(began).Round(time.Millisecond))
	}
}

// operations is what an operator does with the program.
type operations struct {
	*disturbed
	program string
}

// run runs the program and answers its exit code and what it wrote.
func (p *operations) run(t *testing.T, args ...string) (code int, out, errOut []byte) {
	t.Helper()
	c := exec.CommandContext(t.Context(), p.program, args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		return failed.ExitCode(), stdout.Bytes(), stderr.Bytes()
	}
	require.NoError(t, err)
	return 0, stdout.Bytes(), stderr.Bytes()
}

// work waits until so many more claims have come to their end.
func (p *operations) work(t *testing.T, claims int) {
	t.Helper()
	enough := p.ended() + claims
	deadline := time.Now().Add(time.Duration(claims+1) * persistence)
	for p.ended() < enough {
		require.False(t, t.Failed() || time.Now().After(deadline), "claims do not come to their end")
		time.Sleep(glance)
	}
}

// audit audits a database; the exit code must be what the report says.
func (p *operations) audit(t *testing.T, config string) *audit.Report {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	code, out, errOut := p.run(t, "audit", "--config", config, "--report", file)
	raw, err := os.ReadFile(file)
	require.NoError(t, err, "%s %s", out, errOut)
	var r audit.Report
	require.NoError(t, json.Unmarshal(raw, &r))
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Equal(t, r.Summary(), lines[len(lines)-1])
	require.Len(t, lines, len(r.Findings)+1)
	want := 31
	if r.Complete {
		want = 0
	}
	require.Equal(t, want, code, "%s %s", out, errOut)
	return &r
}

// backedUp is a backup and what the program said of it.
type backedUp struct {
	file   string
	Blocks uint64 `json:"blocks"`
	Hash   string `json:"hash"`
	Rows   uint64 `json:"rows"`
}

func (p *operations) backup(t *testing.T, n *consortium.Node, file string) backedUp {
	t.Helper()
	code, out, errOut := p.run(t, "backup", "--config", n.Config, "--to", file, "-o", "json")
	require.Zero(t, code, "%s", errOut)
	b := backedUp{file: file}
	require.NoError(t, json.Unmarshal(out, &b))
	require.NotZero(t, b.Blocks)
	require.NotZero(t, b.Rows)
	code, _, _ = p.run(t, "backup", "--config", n.Config, "--to", file)
	require.Equal(t, 4, code, "nothing is overwritten")
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(raw, []byte("age-encryption.org/v1")))
	return b
}

// restored restores a backup into an empty database and audits that: it must be
// complete up to the very block that the backup goes to.
func (p *operations) restored(t *testing.T, n *consortium.Node, b backedUp, address string) {
	t.Helper()
	raw, err := os.ReadFile(n.Config)
	require.NoError(t, err)
	var config node.Config
	require.NoError(t, yaml.Unmarshal(raw, &config))
	config.Store, config.Payloads = address, filepath.Join(t.TempDir(), "payloads")
	if strings.HasPrefix(address, "postgres") {
		config.Store = withoutPassword(t, address)
	}
	config.Operator = filepath.Join(n.Dir, "r.sock")
	raw, err = yaml.Marshal(config)
	require.NoError(t, err)
	path := filepath.Join(n.Dir, "restored.yaml")
	require.NoError(t, os.WriteFile(path, raw, 0o600))
	code, out, errOut := p.run(t, "restore", "--config", path, "--from", b.file, "-o", "json")
	require.Zero(t, code, "%s", errOut)
	var again backedUp
	require.NoError(t, json.Unmarshal(out, &again))
	again.file = b.file
	require.Equal(t, b, again)
	code, _, errOut = p.run(t, "restore", "--config", path, "--from", b.file)
	require.Equal(t, 4, code, "only into an empty place: %s", errOut)
	code, _, errOut = p.run(t, "restore", "--config", n.Config, "--from", b.file)
	require.Equal(t, 47, code, "not while the node runs: %s", errOut)

	r := p.audit(t, path)
	require.Empty(t, r.Findings, n.Identity)
	require.True(t, r.Complete)
	require.Equal(t, b.Blocks, r.Blocks)
	require.Equal(t, b.Hash, r.Hash)
	t.Logf("%s: complete up to block %d in %v", n.Identity, r.Blocks-1, r.Ended.Sub(r.Began).Round(time.Millisecond))
}

// withoutPassword puts a database's password into a file that its URL names: a
// configuration may hold none.
func withoutPassword(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	secret, _ := u.User.Password()
	file := filepath.Join(t.TempDir(), "pgpass")
	line := strings.Join([]string{u.Hostname(), u.Port(), strings.TrimPrefix(u.Path, "/"), u.User.Username(), secret}, ":")
	require.NoError(t, os.WriteFile(file, []byte(line+"\n"), 0o600))
	u.User = url.User(u.User.Username())
	query := u.Query()
	query.Set("passfile", file)
	u.RawQuery = query.Encode()
	return u.String()
}

// tampered alters, deletes and adds rows of running nodes' databases by hand: the
// audit names them.
func (p *operations) tampered(t *testing.T) {
	t.Helper()
	shop, err := sql.Open("sqlite", "file:"+p.shop.Node.Store+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	defer func() { require.NoError(t, shop.Close()) }()
	id := p.claims[0].record
	for _, one := range []struct {
		what, undo string
		find       audit.Finding
	}{
		{`UPDATE record SET label = 'health/2026' WHERE record_id = $1`, `UPDATE record SET label = '` + hostileLabel + `' WHERE record_id = $1`,
			audit.Finding{Kind: audit.Altered, Table: "record", Row: id.String(), Column: "label"}},
		{`UPDATE record SET block = block + 1 WHERE record_id = $1`, `UPDATE record SET block = block - 1 WHERE record_id = $1`,
			audit.Finding{Kind: audit.Altered, Table: "record", Row: id.String(), Column: "block"}},
		{`INSERT INTO value SELECT 'by hand', record_id FROM record WHERE record_id = $1`, `DELETE FROM value WHERE name = 'by hand' AND content = $1`,
			audit.Finding{Kind: audit.Extra, Table: "value", Row: "by hand"}},
	} {
		_, err := shop.ExecContext(t.Context(), one.what, id[:])
		require.NoError(t, err)
		r := p.audit(t, p.shop.Node.Config)
		require.Len(t, r.Findings, 1, one.what)
		f := r.Findings[0]
		require.NotEmpty(t, f.What)
		require.NotEmpty(t, f.Do)
		f.What, f.Do = "", ""
		require.Equal(t, one.find, f)
		_, err = shop.ExecContext(t.Context(), one.undo, id[:])
		require.NoError(t, err)
	}
	require.True(t, p.audit(t, p.shop.Node.Config).Complete)
}

// erased erases records, one of them with a node that dies after it has told the
// ledger.
func (p *operations) erased(t *testing.T) {
	t.Helper()
	person := p.join(t, "US 900-00-3000")
	require.NoError(t, p.policy(t.Context(), person))
	repair := func() record.RecordID {
		id, err := p.record(t.Context(), person, p.shop, record.KindRepair, hostileLabel, crashRepair())
		require.NoError(t, err)
		return id
	}
	first, second := repair(), repair()
	consent := p.consentTo(t, person)
	erase := func(id record.RecordID) (int, []byte) {
		code, _, errOut := p.run(t, "node", "erase", id.String(), "--config", p.shop.Node.Config, "--reason", "the owner asked")
		return code, errOut
	}
	code, errOut := erase(first)
	require.Zero(t, code, "%s", errOut)
	code, errOut = erase(first)
	require.Zero(t, code, "done twice it is done once: %s", errOut)

	require.NoError(t, os.WriteFile(filepath.Join(p.points, "shop1.Erase.before"), nil, 0o600))
	code, _ = erase(second)
	require.NotZero(t, code, "the node died")
	require.NoError(t, p.AwaitServing(t.Context(), p.shop.Node))
	db := database(t, p.shop.Node)
	require.Eventually(t, func() bool {
		e, err := db.Record(t.Context(), second)
		return err == nil && !e.Erased.IsZero() && len(e.Capsule) == 0
	}, persistence, glance)
	for _, id := range []record.RecordID{first, second} {
		require.ErrorIs(t, db.Payload(t.Context(), id, new(bytes.Buffer)), store.ErrErased)
		_, err := p.rival.Fetch(t.Context(), consent, id)
		require.ErrorIs(t, err, record.ErrRecordErased)
		_, err = person.Wallet.Read(t.Context(), id, "")
		require.ErrorIs(t, err, store.ErrErased)
	}
	all, err := person.Wallet.Records(t.Context())
	require.NoError(t, err)
	gone := 0
	for i := range all {
		if all[i].Erased != 0 {
			gone++
		}
	}
	require.Equal(t, 2, gone)
	r := p.audit(t, p.shop.Node.Config)
	require.Empty(t, r.Findings)
	code, _, errOut = p.run(t, "node", "erase", strings.Repeat("01", len(first)), "--config", p.shop.Node.Config, "--reason", "x")
	require.Equal(t, 47, code)
	require.Contains(t, string(errOut), string(record.ErrRecordUnknown.Code))
}

// consentTo is a person's consent for the rival to all repairs.
func (p *operations) consentTo(t *testing.T, person *claims.Person) record.ConsentID {
	t.Helper()
	asked, err := p.rival.Node.Ask.Ask(t.Context(), &nodev1.AskRequest{
		Owner: person.Wallet.ID().String(), Holder: p.shop.Node.Party.String(), Label: hostileLabel, Purpose: "claim", Claim: "C-90211",
	})
	require.NoError(t, err)
	id, err := p.consent(t.Context(), person, record.RequestID(asked.Request))
	require.NoError(t, err)
	return id
}
