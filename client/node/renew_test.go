package node

import (
	"bytes"
	"context"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/mutual"
)

// logText is a log that is read while it is written.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logText) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// holder is as much of a node as has certificates.
type holder struct {
	*process
	log          *logText
	shops, hosts *nodetest.Authority
	own, wallets *nodetest.Member
}

func newHolder(t *testing.T) *holder {
	t.Helper()
	h := &holder{log: &logText{}, shops: nodetest.NewAuthority(t, "ShopMSP"), hosts: nodetest.NewAuthority(t, "hosts")}
	h.own, h.wallets = h.shops.Issue(t, "shop1", nil), h.hosts.Issue(t, "wallets.example", nil)
	log := slog.New(slog.NewTextHandler(h.log, nil))
	dir := t.TempDir()
	root := filepath.Join(dir, "tls.pem")
	nodetest.Write(t, root, "CERTIFICATE", h.hosts.Certificate.Raw)
	connection := h.own.Connection
	connection.Peers = []ledger.Peer{{Endpoint: "peer0:7051", TLSRootCert: root}, {Endpoint: "peer1:7051", TLSRootCert: root}}
	l, err := ledger.Dial(connection)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	channel := nodetest.NewLedger(t)
	channel.Change(func(s *nodetest.State) { *s.Organisations = []ledger.MSP{h.shops.Organisation(t)} })
	timing := mutual.DefaultTiming()
	credential, err := mutual.NewCredential(connection, log, timing)
	require.NoError(t, err)
	trust, err := mutual.NewTrust(t.Context(), channel, log, timing)
	require.NoError(t, err)
	shown, err := mutual.NewServerCertificate(h.wallets.Connection.ClientCert, h.wallets.Connection.ClientKey, log, timing)
	require.NoError(t, err)
	list := filepath.Join(dir, "directory.yaml")
	require.NoError(t, os.WriteFile(list, nil, 0o600))
	addresses, err := openDirectory(list, log)
	require.NoError(t, err)
	config := &Config{Name: "shop", Directory: list, Wallets: WalletListen{Certificate: h.wallets.Connection.ClientCert}}
	h.process = &process{
		party: &party{config: config, log: log, ledger: l}, shown: shown, directory: addresses,
		mutual: &mutual.Node{Credential: credential, Trust: trust, Log: log},
	}
	return h
}

// run runs the loop until the test ends, and answers how to hang up on it.
func (h *holder) run(t *testing.T) (hangUp func()) {
	t.Helper()
	hangup, deaf := hangups()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.renewLoop(ctx, hangup) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done); deaf() })
	return func() { require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP)) }
}

func (h *holder) says(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		require.Eventually(t, func() bool { return strings.Contains(h.log.String(), text) }, 10*time.Second, 5*time.Millisecond, "%s", text)
	}
}

// SIGHUP has everything read again, and what became of it is told.
func TestSIGHUPReadsEverythingAgain(t *testing.T) {
	h := newHolder(t)
	hangUp := h.run(t)
	hangUp()
	h.says(t, "the certificate shown to other nodes was read again and is as before", "the certificate for Fabric was read again and is as before",
		"the certificate shown to wallets was read again and is as before", "the directory was read again and is as before")
	h.log.take()

	h.shops.Renew(t, h.own, "shop1", nil)
	h.hosts.Renew(t, h.wallets, "wallets.example", nil)
	require.NoError(t, os.WriteFile(h.party.config.Directory, []byte("nodes: [{party: 1f0c5a7e9b3d4c2a8e6f7d5b4a392817, parties: 'shop.example:7051'}]\n"), 0o600))
	hangUp()
	h.says(t, "the certificate shown to other nodes is new", "the certificate for Fabric is new", "the certificate shown to wallets is new", "the directory is new")
	require.Equal(t, h.own.Certificate.Raw, h.mutual.Credential.Current().Leaf.Raw)
	require.Equal(t, h.wallets.Certificate.Raw, h.shown.Current().Leaf.Raw)
	again, err := h.party.ledger.Renew()
	require.NoError(t, err)
	require.False(t, again, "the ledger has it")

	h.log.take()
	good := h.own.Certificate
	h.shops.Renew(t, h.own, "another shop", nil)
	require.NoError(t, os.WriteFile(h.party.config.Directory, []byte("nodes: x\n"), 0o600))
	for range 2 { // it is told as often as it is asked
		hangUp()
		h.says(t, "the certificate shown to other nodes cannot be used; the one before stays", "the certificate for Fabric cannot be used; the one before stays",
			"the directory cannot be used; the one before stays", "the certificate shown to wallets was read again and is as before")
		h.log.take()
	}
	require.Equal(t, good.Raw, h.mutual.Credential.Current().Leaf.Raw)
}

// Without being told, the loop finds what has changed, and complains once.
func TestARenewedCertificateIsFound(t *testing.T) {
	h := newHolder(t)
	for _, r := range h.readings() {
		h.again(t.Context(), r, false)
	}
	require.Empty(t, h.log.take(), "nothing happened")
	readings := h.readings()
	look := func() string {
		for _, r := range readings {
			h.again(t.Context(), r, false)
		}
		return h.log.take()
	}
	h.shops.Renew(t, h.own, "shop1", nil)
	require.Contains(t, look(), "the certificate for Fabric is new")
	require.Empty(t, look())
	require.NoError(t, os.Chmod(h.own.Connection.ClientKey, 0o644))
	require.Contains(t, look(), "the certificate for Fabric cannot be used")
	require.Empty(t, look())
	h.shops.Renew(t, h.own, "shop1", nil)
	require.Contains(t, look(), "the certificate for Fabric is new")
}

// What the node depends on is listed, whoever issued it, and what ends soon is
// spoken of.
func TestCertificatesThatExpireAreSpokenOf(t *testing.T) {
	h := newHolder(t)
	start := time.Now()
	h.shops.Renew(t, h.own, "shop1", func(c *x509.Certificate) { c.NotAfter = start.Add(20*day - time.Hour) })
	h.hosts.Renew(t, h.wallets, "wallets.example", func(c *x509.Certificate) { c.NotAfter = start.Add(50 * day) })
	_, err := h.mutual.Credential.Refresh()
	require.NoError(t, err)
	_, err = h.shown.Refresh()
	require.NoError(t, err)
	h.log.take()
	list := h.certificates()
	kinds := map[string]Expiry{}
	for i, e := range list {
		kinds[e.Kind] = e
		require.NotEmpty(t, e.Advice)
		require.True(t, i == 0 || !e.NotAfter.Before(list[i-1].NotAfter), "the first to expire comes first")
	}
	require.Len(t, list, 4, "a root that two peers share counts once")
	require.Equal(t, h.own.Certificate.NotAfter, kinds[OwnCertificate].NotAfter)
	require.Equal(t, h.wallets.Certificate.NotAfter, kinds[WalletsCertificate].NotAfter)
	require.Equal(t, h.hosts.Certificate.NotAfter, kinds[PeerRoot].NotAfter)
	require.Equal(t, h.shops.Certificate.NotAfter, kinds[MSPRoot].NotAfter)
	require.Equal(t, "ShopMSP", kinds[MSPRoot].Of)

	own := kinds[OwnCertificate]
	says := func(before time.Duration) string {
		own.warn(t.Context(), h.party.log, own.NotAfter.Add(-before))
		return h.log.take()
	}
	require.Empty(t, says(30*day+time.Hour))
	require.Contains(t, says(30*day-time.Hour), "expires in 30 days")
	text := says(7*day - time.Hour)
	require.Contains(t, text, "expires in 7 days, which is soon")
	for _, part := range []string{"level=WARN", "certificate=fabric", "of=ShopMSP", "shop1", h.own.Connection.ClientCert, own.NotAfter.UTC().Format(time.RFC3339), "have the authority of ShopMSP issue a new one"} {
		require.Contains(t, text, part)
	}
	require.Contains(t, says(day-time.Hour), `level=ERROR msg="a certificate expires within a day"`)
	require.Contains(t, says(-time.Hour), `level=ERROR msg="a certificate has expired"`)
}
