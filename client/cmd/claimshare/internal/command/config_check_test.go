package command

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// ward is a node's files, with a peer that is not there.
type ward struct {
	*clinic
	config string
}

const wardFile = `name: shop
role: repair-shop
connection: connection.json
store: shop.db
keys: shop.key
identityFile: identity.txt
directory: directory.yaml
parties:
  address: 127.0.0.1:0
wallets:
  address: 127.0.0.1:0
  certificate: wallets.pem
  key: wallets.key
operator: shop.sock
`

func newWard(t *testing.T) *ward {
	w := &ward{clinic: newClinic(t)}
	w.peer("127.0.0.1:1", "peer0.shop", w.tls)
	w.config = w.write("node.yaml", wardFile)
	text, err := json.Marshal(w.described)
	require.NoError(t, err)
	w.write("connection.json", string(text))
	w.write("directory.yaml", "nodes: [{party: 1f0c5a7e9b3d4c2a8e6f7d5b4a392817, parties: 'shop.example:7051'}]\n")
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	w.write("identity.txt", identity.String()+"\n")
	pid, err := newPID("shop")
	require.NoError(t, err)
	keys := &keyfile.Party{PID: string(pid)}
	keys.Encryption, err = pre.GenerateScopedKey()
	require.NoError(t, err)
	keys.Signing, err = bls.GenerateKey()
	require.NoError(t, err)
	require.NoError(t, keyfile.Create(w.path("shop.key"), &keyfile.Contents{Created: time.Now(), Party: keys}, identity.Recipient()))
	w.shown("wallets.shop", 900*time.Hour)
	return w
}

func (w *ward) path(name string) string { return filepath.Join(w.dir, name) }

func (w *ward) write(name, text string) string {
	require.NoError(w.t, os.WriteFile(w.path(name), []byte(text), 0o600))
	return w.path(name)
}

// shown makes the certificate for wallets.
func (w *ward) shown(host string, left time.Duration) {
	pair := w.tls.issue(host, -time.Hour, left)
	writePEM(w.t, w.path("wallets.pem"), "CERTIFICATE", pair.Certificate[0])
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(w.t, err)
	writePEM(w.t, w.path("wallets.key"), "PRIVATE KEY", der)
}

// check examines with variables.
func (w *ward) check(variables ...string) *diagnosis {
	w.t.Helper()
	e := &examination{patient: patient{now: time.Now(), timeout: 2 * time.Second}, diagnosis: &diagnosis{Healthy: true}}
	e.examine(w.t.Context(), node.Sources{File: w.config, Environment: variables})
	for _, f := range e.Findings {
		require.True(w.t, f.Status == fine || f.Status == skipped || f.Advice != "" || f.Check == "client key", "%+v says what to do", f)
	}
	return e.diagnosis
}

func TestCheckOfASoundConfiguration(t *testing.T) {
	w := newWard(t)
	d := w.check()
	for _, check := range []string{"config", "keys", "operator", "store", "payloads", "directory", "parties", "wallets", "certificate", "connection", "client key"} {
		require1(t, d, check, fine)
	}
	// The network alone is not there.
	require.Equal(t, 1, d.Problems, "%+v", d.Findings)
	require1(t, d, "peer", problem, "nothing listens there")
	require1(t, d, "party", skipped)
	for _, name := range []string{"shop.db", "shop.db.payloads", "shop.sock"} {
		require.NoFileExists(t, w.path(name), "nothing was changed")
	}

	s, err := sqlite.Open(t.Context(), w.path("shop.db"))
	require.NoError(t, err)
	defer s.Close()
	require1(t, w.check(), "store", fine, "schema version")
}

// Each thing that is spoiled is named, with what to do.
func TestCheckNamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		spoil     func(t *testing.T, w *ward)
		variables []string
		check     string
		says      []string
	}{
		"an unknown field":       {func(_ *testing.T, w *ward) { w.write("node.yaml", wardFile+"storr: x\n") }, nil, "config", []string{"did you mean store", "config show"}},
		"an unknown variable":    {nil, []string{"CLAIMSHARE_STOER=x"}, "config", []string{"did you mean CLAIMSHARE_STORE"}},
		"a role that is none":    {nil, []string{"CLAIMSHARE_ROLE=butcher"}, "config", []string{"role is authority"}},
		"no identity file":       {func(t *testing.T, w *ward) { require.NoError(t, os.Remove(w.path("identity.txt"))) }, nil, "unlock", []string{"identity.txt", "correct the name"}},
		"an open identity file":  {func(t *testing.T, w *ward) { require.NoError(t, os.Chmod(w.path("identity.txt"), 0o644)) }, nil, "unlock", []string{"chmod 600"}},
		"another's identity":     {func(t *testing.T, w *ward) { i, _ := age.GenerateX25519Identity(); w.write("identity.txt", i.String()) }, nil, "keys", []string{"with which the file was locked"}},
		"an open key file":       {func(t *testing.T, w *ward) { require.NoError(t, os.Chmod(w.path("shop.key"), 0o640)) }, nil, "keys", []string{"chmod 600"}},
		"no directory":           {func(t *testing.T, w *ward) { require.NoError(t, os.Remove(w.path("directory.yaml"))) }, nil, "directory", []string{"it may be empty"}},
		"a directory of nothing": {func(_ *testing.T, w *ward) { w.write("directory.yaml", "nodes: [{party: x}]") }, nil, "directory", []string{"docs/nodes.md"}},
		"no port":                {nil, []string{"CLAIMSHARE_PARTIES_ADDRESS=localhost"}, "parties", []string{"write host:port"}},
		"another's address":      {nil, []string{"CLAIMSHARE_METRICS_ADDRESS=203.0.113.1:9000"}, "metrics", []string{"an address of this machine"}},
		"a store that cannot be": {nil, []string{"CLAIMSHARE_STORE=/proc/nowhere/shop.db"}, "store", []string{"cannot be made"}},
		"a store that is none": {func(_ *testing.T, w *ward) {
			w.write("shop.db", "not a database at all, but long enough to have a header of a hundred bytes, and then some more of them.")
		}, nil, "store", []string{"restore it"}},
		"payloads in a file": {func(_ *testing.T, w *ward) { w.write("shop.db.payloads", "") }, nil, "payloads", []string{"it is no folder"}},
		"no server":          {nil, []string{"CLAIMSHARE_STORE=postgres://node:swordfish@127.0.0.1:1/claims"}, "store", []string{"start the database's server", `database "claims"`}},
		"no wallet key":      {func(t *testing.T, w *ward) { require.NoError(t, os.Remove(w.path("wallets.key"))) }, nil, "wallets", []string{"wallets.key"}},
		"half a wallet pair": {func(_ *testing.T, w *ward) {
			key, _ := os.ReadFile(w.path("wallets.key"))
			w.shown("wallets.shop", time.Hour)
			w.write("wallets.key", string(key))
		}, nil, "wallets", []string{"the key that was made with it"}},
		"an old wallet pair": {func(_ *testing.T, w *ward) { w.shown("wallets.shop", -time.Minute) }, nil, "certificate", []string{"it expired on"}},
		"no connection":      {func(t *testing.T, w *ward) { require.NoError(t, os.Remove(w.path("connection.json"))) }, nil, "connection", []string{"docs/configuration.md"}},
		"a wrong variable":   {nil, []string{"PEER_ENDPOINT=localhost"}, "connection", []string{"not host:port"}},
		"another key": {func(t *testing.T, w *ward) {
			c := w.described
			w.client(w.org.issue("user", -time.Hour, time.Hour))
			key, _ := os.ReadFile(c.ClientKey)
			w.client(w.org.issue("user", -time.Hour, time.Hour))
			w.write("msp/keystore/key.pem", string(key))
		}, nil, "client key", []string{"does not belong"}},
		"no folder for a socket": {nil, []string{"CLAIMSHARE_OPERATOR=/nowhere/shop.sock"}, "operator", []string{"make the folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWard(t)
			if c.spoil != nil {
				c.spoil(t, w)
			}
			if name == "no server" {
				c.variables = append(c.variables, "CLAIMSHARE_PAYLOADS="+w.path("payloads"))
			}
			d := w.check(c.variables...)
			require.False(t, d.Healthy)
			require1(t, d, c.check, problem, c.says...)
			require.NotContains(t, fmt.Sprint(d.Findings), "swordfish")
		})
	}
}

func TestCheckStoreOverTheNetwork(t *testing.T) {
	w := newWard(t)
	check := func(settings string) *diagnosis {
		return w.check("CLAIMSHARE_STORE=postgres://node@nowhere.invalid/claims"+settings, "CLAIMSHARE_PAYLOADS="+w.path("payloads"))
	}
	require1(t, check(""), "store TLS", warning, "sslmode=verify-full")
	for _, f := range check("?sslmode=verify-full").Findings {
		require.NotEqual(t, "store TLS", f.Check)
	}
}

func TestCheckBeforeEnrolment(t *testing.T) {
	w := newWard(t)
	require.NoError(t, os.Remove(w.path("shop.key")))
	require1(t, w.check(), "keys", warning, "claimshare node enrol")
}

func TestCheckOfAddressesInUse(t *testing.T) {
	w := newWard(t)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer other.Close()
	require1(t, w.check("CLAIMSHARE_PARTIES_ADDRESS="+other.Addr().String()), "parties", problem, "another program listens there")
	socket, err := net.Listen("unix", w.path("shop.sock"))
	require.NoError(t, err)
	go func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	defer socket.Close()
	require1(t, w.check(), "operator", problem, "does not answer as a node")
}

// The exit code is doctor's.
func TestCheckAndShowFromTheCommandLine(t *testing.T) {
	w := newWard(t)
	run := func(args ...string) (code int, out, errOut string) {
		var o, e bytes.Buffer
		code = Run(context.Background(), append(args, "--config", w.config), bytes.NewReader(nil), &o, &e)
		return code, o.String(), e.String()
	}
	code, out, _ := run("config", "check", "--timeout", "1s")
	require.Equal(t, 30, code)
	require.Contains(t, out, "nothing listens there")
	code, out, _ = run("config", "check", "--timeout", "1s", "--output", "json", "--directory", w.path("nowhere.yaml"))
	require.Equal(t, 30, code)
	var d diagnosis
	require.NoError(t, json.Unmarshal([]byte(out), &d))
	require1(t, &d, "directory", problem, "nowhere.yaml")

	t.Setenv("CLAIMSHARE_STORE", "postgres://node:swordfish@db.example/claims")
	t.Setenv("CHANNEL_NAME", "mychannel")
	code, out, _ = run("config", "show", "--payloads", "/payloads", "--log-level", "debug")
	require.Equal(t, 0, code)
	for _, line := range []string{
		`name +shop +.*node\.yaml:1`, `store +postgres://node:xxxxx@db\.example/claims +\$CLAIMSHARE_STORE`, `payloads +/payloads +--payloads`,
		`log\.level +debug +--log-level`, `log\.format +json +default`, `master +-\s`, `submit +direct +default`,
		`parties\.address +127\.0\.0\.1:0 +.*node\.yaml:9`, `channel +mychannel +\$CHANNEL_NAME`, `mspId +ShopMSP +.*connection\.json`, `peers\[0\]\.endpoint +127\.0\.0\.1:1`,
	} {
		require.Regexp(t, line, out)
	}
	require.NotContains(t, out, "swordfish")
	code, out, _ = run("config", "show", "--payloads", "/payloads", "--output", "json")
	require.Equal(t, 0, code)
	var shown effective
	require.NoError(t, json.Unmarshal([]byte(out), &shown))
	require.Len(t, shown.Config, len(node.Fields()))
	require.Contains(t, shown.Config, setting{"role", "repair-shop", node.Origin{Source: "file", Name: w.config, Line: 2}})
	require.Contains(t, shown.Config, setting{"log.level", "info", node.Origin{Source: "default"}})
	require.Contains(t, shown.Connection, setting{"channel", "mychannel", node.Origin{Source: "environment", Name: "CHANNEL_NAME"}})

	// What cannot work is shown too, and then said.
	code, out, errOut := run("config", "show")
	require.Equal(t, 48, code)
	require.Contains(t, out, "$CLAIMSHARE_STORE")
	require.Contains(t, errOut, "payloads is missing")
	code, _, errOut = run("config", "show", "--role", "butcher", "--payloads", "/payloads")
	require.Equal(t, 48, code)
	require.Contains(t, errOut, "role is authority, insurer")
}
