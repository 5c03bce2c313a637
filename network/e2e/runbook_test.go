package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/client/store/pgserver"
	"github.com/claimshare/claimshare/network/consortium"
	"github.com/claimshare/claimshare/network/launch"
)

// TestRunbook is a new operator with docs/operations.md: it types every block of
// the page, in order, and compares what is printed with what the page says. So
// the node of one more repair shop joins an alliance that runs, works, is looked
// after, meets with troubles, and leaves.
//
// What happens to the machine from outside (a peer that is gone, a database that
// is), the test does when it comes to the section.
func TestRunbook(t *testing.T) {
	t.Parallel()
	steps := runbookSteps(t, filepath.Join(checkout(t), "docs", "operations.md"))
	r := newRunbook(t)
	began := time.Now()
	section := ""
	for _, s := range steps {
		if s.section != section {
			t.Logf("%-40s after %v", section, time.Since(began).Round(10*time.Millisecond))
			if before := r.before[s.section]; before != nil {
				before(t)
			}
			section, began = s.section, time.Now()
		}
		s.prints = os.Expand(s.prints, func(name string) string { return r.variables[name] })
		s.check(t, r.sessions[s.who].run(t, s))
	}
	for heading := range r.before {
		require.True(t, containsSection(steps, heading), "the runbook has no section %q any more", heading)
	}
}

func containsSection(steps []step, heading string) bool {
	for _, s := range steps {
		if s.section == heading {
			return true
		}
	}
	return false
}

// runbook is the machine, the people and the alliance of a runbook.
type runbook struct {
	*stage
	dir       string // everything of the machine
	member    ledger.Connection
	variables map[string]string // of both sessions
	sessions  map[string]*session
	database  *pgserver.Server
	peer      *gate                       // to the newcomer's own peer
	before    map[string]func(*testing.T) // what happens from outside, by section
}

// newcomerIdentity is the shop that has no node yet.
const newcomerIdentity = "shop2"

func newRunbook(t *testing.T) *runbook {
	t.Helper()
	for _, program := range []string{"bash", "curl", "jq", "make", "openssl", "tar"} {
		_, err := exec.LookPath(program)
		require.NoError(t, err, "the runbook needs %s: install it", program)
	}
	dir, err := os.MkdirTemp("", "claimshare-runbook-") // a short name, which others can go through
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o711)) //nolint:gosec // its parts have modes of their own
	r := &runbook{stage: newStage(t, consortium.Options{System: "Runbook", Submit: node.SubmitDirect, Absent: []string{newcomerIdentity}}), dir: dir}
	r.database = pgserver.Run(t, pgserver.Config{})
	address, err := r.database.NewDatabase(t.Context())
	require.NoError(t, err)
	r.member, err = ledger.LoadConnection(r.network.ConnectionFile(newcomerIdentity))
	require.NoError(t, err)
	r.give(t)
	r.buildMachine(t, address)
	r.before = map[string]func(*testing.T){
		"Rotate the Fabric certificate": r.renew,
		"A peer is gone":                func(*testing.T) { r.peer.shut() },
		"The database is gone": func(t *testing.T) {
			r.peer.open(t)
			require.NoError(t, r.database.Kill9())
		},
	}
	r.signAll(t)
	return r
}

// path is a file or folder of the machine.
func (r *runbook) path(parts ...string) string {
	return filepath.Join(append([]string{r.dir}, parts...)...)
}

// give puts what the member gets from others into a folder, and the alliance's
// directory into a form that can be sent.
func (r *runbook) give(t *testing.T) {
	t.Helper()
	server, err := r.network.ServerFiles(newcomerIdentity)
	require.NoError(t, err)
	authority := r.Authority()
	for name, from := range map[string]string{
		"cert.pem": r.member.ClientCert, "key.pem": r.member.ClientKey, "peer-tls.pem": r.member.Peers[0].TLSRootCert,
		"manager-peer-tls.pem": r.member.Peers[1].TLSRootCert, "enrolment-tls.pem": authority.Server.Authority,
		"wallets.pem": server.Certificate, "wallets.key": server.Key, "wallets-tls.pem": server.Authority,
	} {
		copyFile(t, from, r.path("given", name))
	}
	folder := filepath.Dir(authority.Dir)
	var list node.DirectoryFile
	raw, err := os.ReadFile(filepath.Join(folder, "directory.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(raw, &list))
	for i := range list.Nodes {
		name := fmt.Sprintf("member-%d-tls.pem", i)
		for _, to := range []string{folder, r.path("given", "directory")} {
			copyFile(t, list.Nodes[i].Authority, filepath.Join(to, name))
		}
		list.Nodes[i].Authority = name
	}
	raw, err = yaml.Marshal(list)
	require.NoError(t, err)
	for _, to := range []string{folder, r.path("given", "directory")} {
		require.NoError(t, os.WriteFile(filepath.Join(to, "directory.yaml"), raw, 0o600))
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o700))
	require.NoError(t, os.WriteFile(to, raw, 0o600))
}

// buildMachine prepares the machine: a service manager, a small disk for data,
// and two people at their prompts.
func (r *runbook) buildMachine(t *testing.T, databaseURL string) {
	t.Helper()
	account := "nobody" // the machine of a test gets no new user
	if os.Getuid() != 0 {
		me, err := user.Current()
		require.NoError(t, err)
		account = me.Username
	}
	taken := map[string]bool{}
	var addresses [4]string
	for i := range addresses {
		var err error
		addresses[i], err = launch.FreeAddress(taken)
		require.NoError(t, err)
		taken[addresses[i]] = true
	}
	for _, folder := range []string{"operator", "manager", "log", "data", "bin"} {
		require.NoError(t, os.MkdirAll(r.path(folder), 0o755)) //nolint:gosec // the node's user goes through
	}
	smallDisk(t, r.path("data"), "64m")
	document := r.path("repair.json")
	require.NoError(t, os.WriteFile(document, crashRepair(), 0o644)) //nolint:gosec // an invented one
	own, manager := r.member.Peers[0], r.member.Peers[1]
	r.peer = &gate{from: addresses[3], to: own.Endpoint}
	r.peer.open(t)
	t.Cleanup(r.peer.shut)
	address, err := url.Parse(databaseURL)
	require.NoError(t, err)
	secret, _ := address.User.Password()
	line := strings.Join([]string{address.Hostname(), address.Port(), "*", address.User.Username(), secret}, ":")
	require.NoError(t, os.WriteFile(r.path("given", "pgpass"), []byte(line+"\n"), 0o600))
	address.User = url.User(address.User.Username())
	r.variables = map[string]string{
		"SOURCE": checkout(t), "PREFIX": r.path("local"), "CONF": r.path("etc"), "DATA": r.path("data"), "UNITS": r.path("units"), "BACKUPS": r.path("backups"),
		"NODE": "foundry", "ACCOUNT": account, "GIVEN": r.path("given"), "SENT": r.path("given"),
		"MSP": r.member.MSPID, "PEER": r.peer.from, "PEER_NAME": own.ServerName, "MANAGER_PEER": manager.Endpoint, "MANAGER_PEER_NAME": manager.ServerName,
		"MANAGER_MSP": r.member.Endorsers[0], "CHANNEL": r.member.Channel, "CHAINCODE": r.member.Chaincode,
		"ENROLMENT": r.Authority().Wallets, "PARTIES": addresses[0], "WALLETS": addresses[1], "METRICS": addresses[2], "DATABASE": address.String(),
		"OWNER": r.person.Wallet.ID().String(), "DOCUMENT": document,
		"MEMBER_MSP": r.member.MSPID, "MEMBER_PARTIES": addresses[0], "MEMBER_WALLETS": addresses[1], "DIRECTORY": filepath.Dir(r.Authority().Dir),
	}
	m := &machine{t: t, units: r.path("units"), log: r.path("log"), account: account, special: map[string]func(string) error{"postgresql": r.operateDatabase}}
	m.paths = strings.NewReplacer("/usr/local", r.path("local"), "/etc/claimshare", r.path("etc"), "/var/lib/claimshare", r.path("data"))
	m.serve(r.path("machine.sock"))
	r.tools(t)
	environment := append(os.Environ(), "PATH="+r.path("bin")+":"+r.path("local", "bin")+":"+os.Getenv("PATH"))
	for name, value := range r.variables {
		environment = append(environment, name+"="+value)
	}
	r.sessions = map[string]*session{
		"operator": newSession(t, r.path("operator"), environment),
		"manager":  newSession(t, r.path("manager"), append(environment, "CONFIG="+r.Authority().Config)),
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, name := range []string{r.path("operator", "session.log"), r.path("manager", "session.log"), m.logOf("claimshare-node@foundry")} {
				raw, _ := os.ReadFile(name) // what there is
				t.Logf("%s:\n%s", name, raw[max(0, len(raw)-16<<10):])
			}
		}
	})
}

// tools are programs of the machine that the test answers for.
func (r *runbook) tools(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	for _, name := range []string{"systemctl", "journalctl"} {
		script := fmt.Sprintf("#!/bin/sh\n%s=%s exec %s %s \"$@\"\n", machineVariable, r.path("machine.sock"), self, name)
		require.NoError(t, os.WriteFile(r.path("bin", name), []byte(script), 0o755)) //nolint:gosec // a program
	}
	if os.Getuid() != 0 { // one user does everything
		require.NoError(t, os.WriteFile(r.path("bin", "runuser"), []byte("#!/bin/sh\nshift 3\nexec \"$@\"\n"), 0o755)) //nolint:gosec // a program
	}
}

// signAll is a policyholder who signs whatever comes.
func (r *runbook) signAll(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	t.Cleanup(func() { cancel(); <-ended })
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			waiting, _ := r.person.Wallet.Proposals(ctx) // a node that is away has none
			for _, p := range waiting {
				_, _ = r.person.Sign(ctx, p.Statement.ID, "") // it comes again
			}
			time.Sleep(4 * glance)
		}
	}()
}

// operateDatabase is the unit of PostgreSQL.
func (r *runbook) operateDatabase(verb string) error {
	switch verb {
	case "start":
		return r.database.Restart(context.Background())
	case "stop":
		return r.database.Halt()
	}
	return fmt.Errorf("PostgreSQL cannot %s", verb)
}

// gate is an address that leads to another one while it is open.
type gate struct {
	from, to string
	listener net.Listener
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

func (g *gate) open(t *testing.T) {
	t.Helper()
	var err error
	g.listener, err = net.Listen("tcp", g.from)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel = cancel
	g.running.Go(func() {
		for {
			conn, err := g.listener.Accept()
			if err != nil {
				return
			}
			g.running.Go(func() { pipe(ctx, conn, g.to) })
		}
	})
}

// shut ends all connections and takes no new ones.
func (g *gate) shut() {
	_ = g.listener.Close() // twice does no harm
	g.cancel()
	g.running.Wait()
}

// renew is the certificate authority: a new certificate and key for the same
// subject lie in the folder.
func (r *runbook) renew(t *testing.T) {
	t.Helper()
	_, domain, _ := strings.Cut(r.member.Peers[0].ServerName, ".")
	folder := filepath.Join(r.network.Dir(), "crypto", "peerOrganizations", domain, "ca")
	issuer, err := tls.LoadX509KeyPair(filepath.Join(folder, "ca."+domain+"-cert.pem"), filepath.Join(folder, "priv_sk"))
	require.NoError(t, err)
	old, err := r.member.Certificate()
	require.NoError(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), RawSubject: old.RawSubject, NotBefore: time.Now().Add(-time.Minute),
		NotAfter: time.Now().Add(365 * 24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.Leaf, key.Public(), issuer.PrivateKey)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{"new-cert.pem": {Type: "CERTIFICATE", Bytes: der}, "new-key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		require.NoError(t, os.WriteFile(r.path("given", name), pem.EncodeToMemory(block), 0o600))
	}
}
