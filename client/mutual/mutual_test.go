package mutual_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/mutual"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// quick makes answers old at once, but strangers wait.
func quick() mutual.Timing {
	t := mutual.DefaultTiming()
	t.Fresh, t.Status, t.Reload, t.Pause = 0, 0, 0, 0
	return t
}

// world is a channel of two organisations with one party each.
type world struct {
	ledger        *nodetest.Ledger
	insurers      *nodetest.Authority
	shops         *nodetest.Authority
	insurer, shop *nodetest.Member
	insurerID     record.PartyID
	shopID        record.PartyID
}

func newWorld(t *testing.T) *world {
	w := &world{ledger: nodetest.NewLedger(t), insurers: nodetest.NewAuthority(t, "InsurerMSP"), shops: nodetest.NewAuthority(t, "ShopMSP")}
	w.insurer, w.shop = w.insurers.Issue(t, "insurer1", nil), w.shops.Issue(t, "shop1", nil)
	w.insurerID = w.ledger.Join(t, record.RoleInsurer, "insurer1", "InsurerMSP", w.insurer.Certificate.Subject.String()).ID()
	w.shopID = w.ledger.Join(t, record.RoleRepairShop, "shop1", "ShopMSP", w.shop.Certificate.Subject.String()).ID()
	w.publish(t)
	return w
}

// publish puts the organisations as they are now into the configuration.
func (w *world) publish(t *testing.T, more ...ledger.MSP) {
	t.Helper()
	w.ledger.Change(func(s *nodetest.State) {
		*s.Organisations = append([]ledger.MSP{w.insurers.Organisation(t), w.shops.Organisation(t)}, more...)
	})
}

func (w *world) node(t *testing.T, m *nodetest.Member, timing mutual.Timing) *mutual.Node {
	t.Helper()
	cred, err := mutual.NewCredential(m.Connection, quiet, timing)
	require.NoError(t, err)
	trust, err := mutual.NewTrust(t.Context(), w.ledger, quiet, timing)
	require.NoError(t, err)
	return &mutual.Node{Credential: cred, Trust: trust, Registry: mutual.NewRegistry(w.ledger.Chain(t, record.PartyID{}), quiet, timing), Log: quiet}
}

// met is how a handshake ended at both ends, and what was heard.
type met struct {
	server, client error
	info           credentials.AuthInfo
}

// shake lets two sides meet over TCP; the caller then says one byte and waits
// for one, which is when TLS 1.3 tells it that it was refused.
func shake(t *testing.T, server, client credentials.TransportCredentials) met {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	var m met
	var both sync.WaitGroup
	both.Go(func() {
		raw, err := listener.Accept()
		if err != nil {
			m.server = err
			return
		}
		defer raw.Close()
		conn, info, err := server.ServerHandshake(raw)
		if m.server, m.info = err, info; err == nil {
			_, _ = io.Copy(conn, io.LimitReader(conn, 1))
		}
	})
	both.Go(func() {
		raw, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			m.client = err
			return
		}
		defer raw.Close()
		conn, _, err := client.ClientHandshake(t.Context(), "anything.example", raw)
		if m.client = err; err != nil {
			return
		}
		_, err = conn.Write([]byte{1})
		if err == nil {
			_, err = io.ReadFull(conn, make([]byte, 1))
		}
		m.client = err
	})
	both.Wait()
	return m
}

func calling(info credentials.AuthInfo) context.Context {
	return peer.NewContext(context.Background(), &peer.Peer{AuthInfo: info})
}

func TestTwoNodesMeet(t *testing.T) {
	w := newWorld(t)
	shop, insurer := w.node(t, w.shop, mutual.DefaultTiming()), w.node(t, w.insurer, mutual.DefaultTiming())
	var seen *x509.Certificate
	m := shake(t, shop.ServerCredentials(), insurer.ClientCredentials(w.shopID, func(c *x509.Certificate) { seen = c }))
	require.NoError(t, m.server)
	require.NoError(t, m.client)
	require.Equal(t, w.shop.Certificate.Raw, seen.Raw)
	require.Equal(t, uint16(tls.VersionTLS13), m.info.(credentials.TLSInfo).State.Version)

	ctx, err := shop.Identify(calling(m.info))
	require.NoError(t, err)
	caller, err := mutual.From(ctx)
	require.NoError(t, err)
	require.Equal(t, w.insurerID, caller.Party.ID)
	require.Equal(t, "InsurerMSP", caller.MSP)
	require.Equal(t, w.insurer.Certificate.Subject.String(), caller.Subject)
	require.NoError(t, insurer.Accepts(t.Context(), seen))
}

// Who calls, and who is called, with a certificate that does not do.
func TestCertificatesThatAreRefused(t *testing.T) {
	w := newWorld(t)
	strangers := nodetest.NewAuthority(t, "ShopMSP") // calls itself like the real one
	revoked := w.shops.Issue(t, "shop1", nil)
	w.shops.Revoke(revoked.Certificate)
	below := w.shops.Intermediate(t)
	gone := below.Issue(t, "shop1", nil)
	w.shops.Revoke(below.Certificate)
	w.publish(t)
	itself := &nodetest.Member{Connection: w.shop.Connection}
	itself.Connection.ClientCert, itself.Connection.ClientKey = t.TempDir()+"/cert.pem", t.TempDir()+"/key.pem"
	for _, c := range []struct {
		name string
		shop *nodetest.Member
	}{
		{"of no organisation", strangers.Issue(t, "shop1", nil)},
		{"revoked", revoked},
		{"of an authority that the configuration does not name", gone},
		{"not yet in force", w.shops.Issue(t, "shop1", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })},
		{"an authority's", w.shops.Issue(t, "shop1", func(c *x509.Certificate) { c.IsCA = true })},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad, good := w.node(t, c.shop, quick()), w.node(t, w.insurer, quick())
			m := shake(t, good.ServerCredentials(), bad.ClientCredentials(w.insurerID, nil))
			require.ErrorIs(t, m.server, refusal.ErrCertificate, "the caller is refused")
			require.Error(t, m.client)
			m = shake(t, bad.ServerCredentials(), good.ClientCredentials(w.shopID, nil))
			require.ErrorIs(t, m.client, refusal.ErrCertificate, "the called is refused")
		})
	}
}

// Its owner's node would not start with an expired certificate; a hostile one
// does.
func TestExpired(t *testing.T) {
	w := newWorld(t)
	good := w.node(t, w.insurer, quick())
	expired := w.shops.Issue(t, "shop1", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	pair, err := tls.LoadX509KeyPair(expired.Connection.ClientCert, expired.Connection.ClientKey)
	require.NoError(t, err)
	hostile := credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13})
	m := shake(t, good.ServerCredentials(), hostile)
	require.ErrorIs(t, m.server, refusal.ErrCertificate)
	require.ErrorContains(t, m.server, "expired")
	m = shake(t, hostile, good.ClientCredentials(w.shopID, nil))
	require.ErrorIs(t, m.client, refusal.ErrCertificate)
	require.ErrorContains(t, m.client, "expired")
}

func TestHostileHandshakes(t *testing.T) {
	w := newWorld(t)
	good := w.node(t, w.insurer, quick())
	pair, err := tls.LoadX509KeyPair(w.shop.Connection.ClientCert, w.shop.Connection.ClientKey)
	require.NoError(t, err)
	for name, config := range map[string]*tls.Config{
		"TLS 1.2":        {InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}, MaxVersion: tls.VersionTLS12},
		"no certificate": {InsecureSkipVerify: true},
	} {
		t.Run(name, func(t *testing.T) {
			m := shake(t, good.ServerCredentials(), credentials.NewTLS(config))
			require.Error(t, m.server)
			require.Error(t, m.client)
		})
	}
	m := shake(t, good.ServerCredentials(), without{&tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}}})
	require.ErrorContains(t, m.server, "ALPN")
	self := nodetest.NewAuthority(t, "ShopMSP").Issue(t, "shop1", nil)
	m = shake(t, good.ServerCredentials(), w.node(t, self, quick()).ClientCredentials(w.insurerID, nil))
	require.ErrorIs(t, m.server, refusal.ErrCertificate, "signed by an authority of its own making")
}

// without is a caller that does not say which protocol it means to speak.
type without struct{ config *tls.Config }

func (w without) ClientHandshake(ctx context.Context, _ string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn := tls.Client(raw, w.config)
	return conn, nil, conn.HandshakeContext(ctx)
}

func (w without) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, io.EOF
}
func (w without) Info() credentials.ProtocolInfo          { return credentials.ProtocolInfo{} }
func (w without) Clone() credentials.TransportCredentials { return w }
func (w without) OverrideServerName(string) error         { return nil }

// A certificate of the right organisation, but of somebody else there.
func TestAnotherSubject(t *testing.T) {
	w := newWorld(t)
	colleague := w.shops.Issue(t, "shop1-intern", nil)
	insurer, intern := w.node(t, w.insurer, quick()), w.node(t, colleague, quick())
	m := shake(t, intern.ServerCredentials(), insurer.ClientCredentials(w.shopID, nil))
	require.ErrorIs(t, m.client, refusal.ErrCertificate)
	m = shake(t, insurer.ServerCredentials(), intern.ClientCredentials(w.insurerID, nil))
	require.NoError(t, m.server, "the organisation vouches for it")
	_, err := insurer.Identify(calling(m.info))
	require.ErrorIs(t, err, record.ErrUnknownCaller)
	m = shake(t, insurer.ServerCredentials(), insurer.ClientCredentials(w.shopID, nil))
	require.ErrorIs(t, m.client, refusal.ErrCertificate, "the insurer is not the shop")
	m = shake(t, insurer.ServerCredentials(), w.node(t, w.shop, quick()).ClientCredentials(nodetest.Stranger(), nil))
	require.ErrorIs(t, m.client, record.ErrPartyUnknown)
}

func TestIntermediates(t *testing.T) {
	w := newWorld(t)
	below := w.shops.Intermediate(t)
	w.shop = below.Issue(t, "shop1", nil)
	w.ledger.Change(func(s *nodetest.State) {
		*s.Organisations = []ledger.MSP{w.insurers.Organisation(t), below.Organisation(t)}
	})
	shop, insurer := w.node(t, w.shop, quick()), w.node(t, w.insurer, quick())
	require.NoError(t, shake(t, shop.ServerCredentials(), insurer.ClientCredentials(w.shopID, nil)).client)
	w.shops.Revoke(below.Certificate)
	w.ledger.Change(func(s *nodetest.State) {
		*s.Organisations = []ledger.MSP{w.insurers.Organisation(t), below.Organisation(t)}
	})
	m := shake(t, shop.ServerCredentials(), insurer.ClientCredentials(w.shopID, nil))
	require.ErrorIs(t, m.client, refusal.ErrCertificate)
	require.ErrorContains(t, m.client, "revoked")
}

// Another organisation's list says nothing about this one's certificates.
func TestForeignRevocationList(t *testing.T) {
	w := newWorld(t)
	w.insurers.Revoke(w.shop.Certificate)
	own := w.shops.Organisation(t)
	own.Revocations = [][]byte{w.insurers.List(t)}
	w.ledger.Change(func(s *nodetest.State) { *s.Organisations = []ledger.MSP{w.insurers.Organisation(t), own} })
	require.NoError(t, w.node(t, w.insurer, quick()).Accepts(t.Context(), w.shop.Certificate))
}

// An organisation whose part of the configuration is damaged is shut out, and
// it alone.
func TestDamagedOrganisation(t *testing.T) {
	w := newWorld(t)
	for _, damage := range []func(*ledger.MSP){
		func(m *ledger.MSP) { m.Roots[0] = []byte("?") },
		func(m *ledger.MSP) { m.Revocations = [][]byte{[]byte("?")} },
	} {
		bad := w.shops.Organisation(t)
		damage(&bad)
		w.ledger.Change(func(s *nodetest.State) { *s.Organisations = []ledger.MSP{w.insurers.Organisation(t), bad} })
		node := w.node(t, w.insurer, quick())
		require.ErrorIs(t, node.Accepts(t.Context(), w.shop.Certificate), refusal.ErrCertificate)
		require.NoError(t, node.Accepts(t.Context(), w.insurer.Certificate))
	}
}

// An organisation can list another's authority as its own. That makes nobody
// another party.
func TestAuthorityListedTwice(t *testing.T) {
	w := newWorld(t)
	thief := w.shops.Organisation(t)
	thief.ID = "ThiefMSP"
	w.publish(t, thief)
	insurer := w.node(t, w.insurer, quick())
	m := shake(t, insurer.ServerCredentials(), w.node(t, w.shop, quick()).ClientCredentials(w.insurerID, nil))
	ctx, err := insurer.Identify(calling(m.info))
	require.NoError(t, err)
	caller, err := mutual.From(ctx)
	require.NoError(t, err)
	require.Equal(t, w.shopID, caller.Party.ID)
	w.ledger.Join(t, record.RoleProxy, "thief", "ThiefMSP", w.shop.Certificate.Subject.String())
	_, err = w.node(t, w.insurer, quick()).Identify(calling(m.info))
	require.ErrorIs(t, err, record.ErrUnknownCaller, "two parties claim the certificate: neither has it")
}

func TestStatusOfTheCaller(t *testing.T) {
	w := newWorld(t)
	insurer := w.node(t, w.insurer, quick())
	info := shake(t, insurer.ServerCredentials(), w.node(t, w.shop, quick()).ClientCredentials(w.insurerID, nil)).info
	set := func(alter func(*record.Party)) {
		w.ledger.Change(func(s *nodetest.State) {
			p := s.Parties[w.shopID]
			alter(&p)
			s.Parties[w.shopID] = p
		})
	}
	for _, c := range []struct {
		name  string
		alter func(*record.Party)
		want  error
	}{
		{"active", func(*record.Party) {}, nil},
		{"suspended", func(p *record.Party) { p.Status = record.StatusSuspended }, record.ErrSuspended},
		{"expelled", func(p *record.Party) { p.Status = record.StatusExpelled }, record.ErrExpelled},
		{"a system manager", func(p *record.Party) { p.Role = record.RoleAuthority; p.Keys[0].Encryption = record.EncryptionKey{} }, nil},
		{"with another certificate", func(p *record.Party) { p.Subject = "CN=other" }, record.ErrUnknownCaller},
	} {
		set(c.alter)
		_, err := insurer.Identify(calling(info))
		require.ErrorIs(t, err, c.want, c.name)
	}
	out := errors.New("the peer is down")
	w.ledger.Change(func(s *nodetest.State) { *s.Broken = out })
	_, err := insurer.Identify(calling(info))
	require.ErrorIs(t, err, out, "who cannot be checked is not let in")
}

func TestNobodyIdentified(t *testing.T) {
	w := newWorld(t)
	insurer := w.node(t, w.insurer, quick())
	for _, ctx := range []context.Context{t.Context(), calling(nil), calling(credentials.TLSInfo{})} {
		_, err := insurer.Identify(ctx)
		require.ErrorIs(t, err, refusal.ErrCertificate)
		_, err = mutual.From(ctx)
		require.ErrorIs(t, err, record.ErrUnknownCaller)
	}
}
