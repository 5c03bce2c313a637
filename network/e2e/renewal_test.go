package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	gateway "github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/consortium"
)

// TestRenewal gives the shop's running node another Fabric certificate, which
// soon expires, and then one that lasts. The node works with the first until it
// has expired and with the second ever after, on the ledger and towards other
// nodes, and was never started again.
func TestRenewal(t *testing.T) {
	t.Parallel()
	s := newStage(t, consortium.Options{System: "Claims of Ruritania", Submit: "direct"})
	shop := s.shop.Node
	pid, err := s.PID(shop)
	require.NoError(t, err)
	s.issue(t, s.insurer, record.KindPolicy, "policy/2026")
	require.NoError(t, s.insurer.Settled(t.Context()))

	const lasts = 75 * time.Second
	brief, err := s.network.RenewIdentity(shop.Identity, time.Now().Add(lasts))
	require.NoError(t, err)
	s.logged(t, "the certificate for Fabric is new", 1)
	kept := s.copyOf(t, shop.Identity)
	s.issue(t, s.shop, record.KindRepair, hostileLabel)
	require.NoError(t, s.shop.Settled(t.Context()))
	require.True(t, time.Now().Before(brief.NotAfter), "this machine was too slow: the record is not from before the end of the certificate")
	require.NoError(t, ask(t.Context(), kept), "the peer takes the brief certificate")

	// A certificate of somebody else's does not take its place.
	other, err := ledger.LoadConnection(s.network.ConnectionFile(s.rival.Node.Identity))
	require.NoError(t, err)
	mine, err := ledger.LoadConnection(s.network.ConnectionFile(shop.Identity))
	require.NoError(t, err)
	place(t, other.ClientKey, mine.ClientKey)
	place(t, other.ClientCert, mine.ClientCert)
	s.logged(t, "the certificate for Fabric cannot be used; the one before stays", 1)
	place(t, kept.ClientKey, mine.ClientKey)
	place(t, kept.ClientCert, mine.ClientCert)

	lasting, err := s.network.RenewIdentity(shop.Identity, time.Time{})
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGHUP))
	s.logged(t, "the certificate for Fabric is new", 2)
	require.NotEqual(t, brief.SerialNumber, lasting.SerialNumber)
	time.Sleep(time.Until(brief.NotAfter) + 2*time.Second)

	require.Error(t, ask(t.Context(), kept), "the peer refuses the certificate that has expired")
	repair := s.issue(t, s.shop, record.KindRepair, hostileLabel)
	require.NoError(t, s.shop.Settled(t.Context()))
	got := s.fetchOne(t, s.agree(t, 1), repair)
	require.NoError(t, got.Err, "the proxy's node knows the shop's by the new certificate")
	still, err := s.PID(shop)
	require.NoError(t, err)
	require.Equal(t, pid, still, "the node was not started again")

	require.NoError(t, syscall.Kill(pid, syscall.SIGHUP))
	s.logged(t, "the certificate for Fabric was read again and is as before", 1)
	s.logged(t, "the certificate shown to wallets was read again and is as before", 1)
	s.requireConfigCheck(t)
}

// logged waits until the shop's node has said something so many times.
func (s *stage) logged(t *testing.T, text string, times int) {
	t.Helper()
	require.Eventually(t, func() bool {
		raw, err := os.ReadFile(s.shop.Node.Log)
		return err == nil && strings.Count(string(raw), `"`+text) >= times
	}, 30*time.Second, 100*time.Millisecond, "%s", text)
}

// copyOf is an identity's connection with copies of its certificate and key.
func (s *stage) copyOf(t *testing.T, name string) ledger.Connection {
	t.Helper()
	c, err := ledger.LoadConnection(s.network.ConnectionFile(name))
	require.NoError(t, err)
	dir := t.TempDir()
	for _, file := range []*string{&c.ClientCert, &c.ClientKey} {
		copied := filepath.Join(dir, filepath.Base(*file))
		place(t, *file, copied)
		*file = copied
	}
	return c
}

// place puts a copy of a file somewhere, at once.
func place(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to+".new", text, 0o600))
	require.NoError(t, os.Rename(to+".new", to))
}

// ask asks a peer for the deployment's parameters, in the name of a certificate
// of which this program does not ask whether it has expired.
func ask(ctx context.Context, c ledger.Connection) error {
	var texts [3][]byte
	for i, file := range []string{c.ClientCert, c.ClientKey, c.Peers[0].TLSRootCert} {
		var err error
		if texts[i], err = os.ReadFile(file); err != nil {
			return err
		}
	}
	certificate, err := identity.CertificateFromPEM(texts[0])
	if err != nil {
		return err
	}
	id, err := identity.NewX509Identity(c.MSPID, certificate)
	if err != nil {
		return err
	}
	key, err := identity.PrivateKeyFromPEM(texts[1])
	if err != nil {
		return err
	}
	sign, err := identity.NewPrivateKeySign(key)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(texts[2])
	connection, err := grpc.NewClient(c.Peers[0].Endpoint, grpc.WithTransportCredentials(credentials.NewTLS(
		&tls.Config{RootCAs: roots, ServerName: c.Peers[0].ServerName, MinVersion: tls.VersionTLS12})))
	if err != nil {
		return err
	}
	defer connection.Close()
	g, err := gateway.Connect(id, gateway.WithSign(sign), gateway.WithClientConnection(connection))
	if err != nil {
		return err
	}
	defer g.Close()
	contract, transaction, _ := strings.Cut(record.TxSystem, ":")
	text, err := g.GetNetwork(c.Channel).GetContractWithName(c.Chaincode, contract).EvaluateWithContext(ctx, transaction)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, new(record.System))
}
