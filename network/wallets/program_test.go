package wallets

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// program is the claimshare command with one wallet.
type program struct {
	t    *testing.T
	path string
	dir  string
	args []string // how the wallet is found and opened
}

// builtIn is the folder of the program; TestMain removes it.
var builtIn string

// built is the program, built once for all tests.
var built = sync.OnceValues(func() (path string, err error) {
	if builtIn, err = os.MkdirTemp("", "claimshare-program-*"); err != nil {
		return "", err
	}
	path = filepath.Join(builtIn, "claimshare")
	build := exec.Command("go", "build", "-o", path, "./cmd/claimshare")
	build.Dir, build.Env = "../../client", append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return path, fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func newProgram(t *testing.T) *program {
	t.Helper()
	path, err := built()
	require.NoError(t, err)
	p := &program{t: t, path: path, dir: t.TempDir()}
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	p.file("identity", id.String()+"\n")
	p.args = []string{"--wallet", filepath.Join(p.dir, "alice.age"), "--identity", filepath.Join(p.dir, "identity")}
	return p
}

func (p *program) file(name, content string) string {
	path := filepath.Join(p.dir, name)
	require.NoError(p.t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// run answers standard output, standard error and the exit code.
func (p *program) run(args ...string) (out, errs string, code int) {
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, p.path, append(append([]string{"wallet"}, args...), p.args...)...)
	c.Dir = p.dir
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal to ask
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if err != nil {
		require.IsType(p.t, &exec.ExitError{}, err)
	}
	return stdout.String(), stderr.String(), c.ProcessState.ExitCode()
}

func (p *program) ok(args ...string) string {
	p.t.Helper()
	out, errs, code := p.run(args...)
	require.Zero(p.t, code, "%v: %s", args, errs)
	return out
}

func (p *program) fails(code int, args ...string) string {
	p.t.Helper()
	_, errs, got := p.run(args...)
	require.Equal(p.t, code, got, "%v: %s", args, errs)
	return errs
}

// The path of docs/wallet.md, with the program itself.
func TestProgram(t *testing.T) {
	w := newWorld(t)
	p := newProgram(t)
	i := w.invite("Alice Example")
	ca, code := p.file("authority.pem", string(i.Authority)), p.file("code", i.Code.Text()+"\n")
	enrol := []string{"enrol", "--authority", i.Address, "--ca", ca, "--code-file", code}
	shop := w.nodes["shop"]
	require.Contains(t, p.fails(47, "enrol", "--authority", shop.address, "--ca", p.file("shop.pem", string(shop.pem)), "--code-file", code),
		"claimshare: "+shop.address+" is not the system manager's node")
	w.nodes["manager"].losing(nodev1.EnrolmentService_Register_FullMethodName, 0, 1)
	require.Contains(t, p.fails(1, enrol...), "manager: ")
	out := p.ok(enrol...)
	require.Contains(t, out, "you are")
	require.Contains(t, p.fails(4, enrol...), "already exists")

	// The rest of the world needs the wallet's id.
	var status struct{ Party string }
	require.NoError(t, json.Unmarshal([]byte(p.ok("status", "-o", "json")), &status))
	id, err := record.ParsePartyID(status.Party)
	require.NoError(t, err)
	alice := &holder{world: w, id: id}

	require.Equal(t, "Nothing waits for your signature.\n", p.ok("proposals"))
	policy, repair := alice.offer("nordhaven", "policy/2026").String(), alice.offer("shop", "repair/2026").String()
	unwanted := alice.offer("shop", "repair/2026").String()
	out = p.ok("proposals")
	require.Contains(t, out, "What waits for your signature:\n  ")
	require.Contains(t, out, policy)
	require.Contains(t, out, repair)
	require.Contains(t, p.fails(2, "sign", repair), "there is no terminal to ask: Sign it?")
	out = p.ok("sign", policy, "--yes")
	require.Contains(t, out, "nordhaven (insurer) asks you to sign a policy")
	require.Contains(t, out, "Insurance policy SPC-2026-000017 by Specimen Mutual, Köln")
	require.Contains(t, out, "Signed.")
	out = p.ok("sign", repair, "--yes", "-o", "json", "--attachments", filepath.Join(p.dir, "first"))
	require.Contains(t, out, `"signed": true`)
	require.FileExists(t, filepath.Join(p.dir, "first", "repair.json"))
	p.ok("decline", unwanted, "--reason", "this is not my car")
	require.Equal(t, "Nothing waits for your signature.\n", p.ok("proposals"))
	require.Contains(t, p.fails(47, "sign", unwanted, "--yes"), "no proposal")

	out = p.ok("records")
	require.Equal(t, 3, strings.Count(out, "\n"), "a heading and two records")
	require.Regexp(t, `(?m)^Your records:$`, out)
	require.Regexp(t, `(?m)^  \d+ \w{3} \d{4} \d\d:\d\d  shop \(repair-shop\): repair `+repair+`, label "repair/2026"$`, out)
	out = p.ok("read", policy, "-o", "json")
	require.Contains(t, out, "SPC-2026-000017")
	require.NotContains(t, out, "evidence")
	out = p.ok("read", repair, "--to", filepath.Join(p.dir, "repair"))
	require.Contains(t, out, "Checked: your signature, that of shop (repair-shop), and every byte.")
	p.fails(4, "read", repair, "--to", filepath.Join(p.dir, "repair"))
	p.fails(47, "read", unwanted)

	require.Equal(t, "Nobody waits for an answer of yours.\n", p.ok("requests"))
	request := alice.asked("suedhaven", "shop", "repair/2026").String()
	out = p.ok("requests")
	require.Contains(t, out, "Request "+request)
	require.Contains(t, out, "suedhaven (insurer) asked on")
	require.Contains(t, out, "repair "+repair)
	out = p.fails(2, "grant", request)
	require.Contains(t, out, "You let suedhaven (insurer) read, for the purpose \"claim\", for claim C-1:")
	require.Contains(t, out, "Allow it?")
	p.fails(46, "grant", request, "--yes", "--label", "policy/2026")
	w.nodes["manager"].losing(nodev1.ManagerService_Approve_FullMethodName, 1, 0)
	p.fails(1, "grant", request, "--yes")
	require.Contains(t, p.ok("grant", request, "--yes"), "Allowed: consent ")
	require.Equal(t, "Nobody waits for an answer of yours.\n", p.ok("requests"))
	require.Contains(t, p.ok("requests", "--all"), "You have answered: consent ")

	var history struct {
		Consents []record.Consent
		Releases []record.Release
	}
	require.NoError(t, json.Unmarshal([]byte(p.ok("history", "-o", "json")), &history))
	require.Len(t, history.Consents, 1, "the interrupted one and no other")
	rid, err := record.ParseRecordID(repair)
	require.NoError(t, err)
	require.NoError(t, alice.fetch("suedhaven", "shop", history.Consents[0].Consent, rid))
	out = p.ok("history", "--via", "nordhaven")
	require.Contains(t, out, "suedhaven (insurer): record "+repair+" from shop (repair-shop)")
	require.Contains(t, out, ": read on ")
	require.Contains(t, out, "in force")
	p.fails(46, "history", "--via", "nobody")

	consent := history.Consents[0].Consent.String()
	require.Contains(t, p.fails(2, "revoke", consent), "Withdraw consent")
	p.ok("revoke", consent, "--yes")
	require.Contains(t, p.ok("history"), "withdrawn on")

	permit := p.file("permit", w.permit(id, "Alice Example").Text()+"\n")
	require.Contains(t, p.fails(2, "rotate", "--code-file", permit), "Replace your keys?")
	out = p.ok("rotate", "--yes", "--code-file", permit)
	require.Contains(t, out, "Your keys are replaced")
	require.Contains(t, out, "Brought along to your new keys: 2 records")
	require.Contains(t, out, "All your records can be shared.")
	require.Contains(t, p.ok("rotate", "--yes", "--code-file", permit), "Your keys are replaced", "asked for again")
	require.Contains(t, p.fails(47, "rotate", "--yes", "--code-file", code), "ask the system manager for a code to replace keys with")
	require.Equal(t, "All your records can be shared.\n", p.ok("sync"))
	sheet := filepath.Join(p.dir, "sheet.txt")
	p.ok("backup", "--to", sheet)
	p.args[1] = filepath.Join(p.dir, "restored.age")
	p.ok("restore", sheet)
	out = p.ok("status")
	require.Contains(t, out, "keys       version 2")
	require.Contains(t, out, "status     active")
	require.Equal(t, 5, strings.Count(out, " answers\n"))
	p.ok("read", repair)
}
