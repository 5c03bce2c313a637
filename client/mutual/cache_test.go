package mutual_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/credentials"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/mutual"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

func shown(m *nodetest.Member) credentials.TLSInfo {
	return credentials.TLSInfo{State: tls.ConnectionState{Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{m.Certificate}}}
}

// However often strangers knock, the ledger is asked once in a while.
func TestStrangersCannotMakeUsAsk(t *testing.T) {
	w := newWorld(t)
	timing := mutual.DefaultTiming()
	timing.Fresh, timing.Pause = time.Hour, time.Hour
	insurer := w.node(t, w.insurer, timing)
	organisations := w.ledger.Asked("Organisations")
	member := w.shops.Issue(t, "shop1-intern", nil)
	unknown := nodetest.NewAuthority(t, "NoMSP").Issue(t, "nobody", nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 25 {
				_, err := insurer.Identify(calling(shown(member)))
				if !errors.Is(err, record.ErrUnknownCaller) {
					t.Errorf("a member of no party: %v", err)
				}
				if err := insurer.Accepts(t.Context(), unknown.Certificate); !errors.Is(err, refusal.ErrCertificate) {
					t.Errorf("a stranger: %v", err)
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, 1, w.ledger.Asked(record.TxParties))
	require.Equal(t, organisations, w.ledger.Asked("Organisations"))
}

// A party is asked for at most once in Timing.Status, however many calls it has
// in hand.
func TestStatusIsCached(t *testing.T) {
	w := newWorld(t)
	timing := mutual.DefaultTiming()
	timing.Status = time.Hour
	insurer := w.node(t, w.insurer, timing)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 25 {
				if _, err := insurer.Identify(calling(shown(w.shop))); err != nil {
					t.Errorf("a party: %v", err)
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, 1, w.ledger.Asked(record.TxParty))
	require.Equal(t, 1, w.ledger.Asked(record.TxParties))
}

// Who joined after the node has looked is found; so is a new organisation.
func TestNewcomers(t *testing.T) {
	w := newWorld(t)
	timing := mutual.DefaultTiming()
	timing.Fresh, timing.Pause = time.Hour, 0
	insurer := w.node(t, w.insurer, timing)
	_, err := insurer.Identify(calling(shown(w.shop)))
	require.NoError(t, err)
	proxies := nodetest.NewAuthority(t, "ProxyMSP")
	proxy := proxies.Issue(t, "proxy1", nil)
	_, err = insurer.Identify(calling(shown(proxy)))
	require.ErrorIs(t, err, refusal.ErrCertificate)
	w.publish(t, proxies.Organisation(t))
	_, err = insurer.Identify(calling(shown(proxy)))
	require.ErrorIs(t, err, record.ErrUnknownCaller)
	w.ledger.Join(t, record.RoleProxy, "proxy1", "ProxyMSP", proxy.Certificate.Subject.String())
	require.Eventually(t, func() bool { // looking took a moment; ten times that it waits
		_, err = insurer.Identify(calling(shown(proxy)))
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
}

func TestWithoutTheLedger(t *testing.T) {
	w := newWorld(t)
	timing := quick()
	timing.Stale = 200 * time.Millisecond
	insurer := w.node(t, w.insurer, timing)
	out := errors.New("the peer is down")
	w.ledger.Change(func(s *nodetest.State) { *s.Broken = out })
	require.NoError(t, insurer.Accepts(t.Context(), w.shop.Certificate), "by what was known a moment ago")
	require.Eventually(t, func() bool {
		return errors.Is(insurer.Accepts(t.Context(), w.shop.Certificate), refusal.ErrLedger)
	}, 10*time.Second, 20*time.Millisecond)
	require.ErrorIs(t, insurer.Trust.Refresh(t.Context()), out)
	_, err := mutual.NewTrust(t.Context(), w.ledger, quiet, timing)
	require.ErrorIs(t, err, out, "a node that knows nobody does not start")
	w.ledger.Change(func(s *nodetest.State) { *s.Broken = nil })
	require.NoError(t, insurer.Accepts(t.Context(), w.shop.Certificate))
}

// stuck answers only when it is let.
type stuck struct {
	source mutual.Organisations
	asked  chan struct{}
	let    chan struct{}
}

func (s *stuck) Organisations(ctx context.Context) ([]ledger.MSP, error) {
	s.asked <- struct{}{}
	<-s.let
	return s.source.Organisations(ctx)
}

// While one question hangs, the others go by what is known.
func TestLedgerThatHangs(t *testing.T) {
	w := newWorld(t)
	timing := mutual.DefaultTiming()
	timing.Fresh, timing.Pause = 0, 0
	source := &stuck{w.ledger, make(chan struct{}, 9), make(chan struct{}, 9)}
	source.let <- struct{}{}
	trust, err := mutual.NewTrust(t.Context(), source, quiet, timing)
	require.NoError(t, err)
	<-source.asked
	var first sync.WaitGroup
	first.Go(func() { _, _ = trust.Verify(context.Background(), w.shop.Certificate) })
	<-source.asked
	_, err = trust.Verify(t.Context(), w.shop.Certificate)
	require.NoError(t, err)
	source.let <- struct{}{}
	first.Wait()
}

// A certificate on the list is refused on the connections that it has already.
func TestRevokedMeanwhile(t *testing.T) {
	w := newWorld(t)
	timing := mutual.DefaultTiming()
	insurer := w.node(t, w.insurer, timing)
	m := shake(t, insurer.ServerCredentials(), w.node(t, w.shop, timing).ClientCredentials(w.insurerID, nil))
	_, err := insurer.Identify(calling(m.info))
	require.NoError(t, err)
	w.shops.Revoke(w.shop.Certificate)
	w.publish(t)
	require.NoError(t, insurer.Trust.Refresh(t.Context()))
	_, err = insurer.Identify(calling(m.info))
	require.ErrorIs(t, err, refusal.ErrCertificate)
	require.ErrorContains(t, err, "ShopMSP has revoked it")
}

func TestRenewedWithoutARestart(t *testing.T) {
	w := newWorld(t)
	shop, insurer := w.node(t, w.shop, quick()), w.node(t, w.insurer, quick())
	serial := func() string {
		m := shake(t, shop.ServerCredentials(), insurer.ClientCredentials(w.shopID, nil))
		require.NoError(t, m.client)
		m = shake(t, insurer.ServerCredentials(), shop.ClientCredentials(w.insurerID, nil))
		require.NoError(t, m.server)
		return m.info.(credentials.TLSInfo).State.PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	require.Equal(t, w.shop.Certificate.SerialNumber.String(), first)
	key, err := os.ReadFile(w.shop.Connection.ClientKey)
	require.NoError(t, err)
	w.shops.Renew(t, w.shop, "shop1", nil)
	second := serial()
	require.NotEqual(t, first, second)
	require.Equal(t, w.shop.Certificate.SerialNumber.String(), second)

	require.NoError(t, os.WriteFile(w.shop.Connection.ClientKey, key, 0o600)) // half of the pair before
	require.Equal(t, second, serial(), "what cannot be used does not replace what can")
	require.NoError(t, os.Remove(w.shop.Connection.ClientCert))
	require.Equal(t, second, serial())
	w.shops.Renew(t, w.shop, "shop1", nil)
	require.Equal(t, w.shop.Certificate.SerialNumber.String(), serial())
}

func TestCredentialFiles(t *testing.T) {
	w := newWorld(t)
	for name, spoil := range map[string]func(ledger.Connection){
		"no key":              func(c ledger.Connection) { require.NoError(t, os.Remove(c.ClientKey)) },
		"no certificate":      func(c ledger.Connection) { require.NoError(t, os.Remove(c.ClientCert)) },
		"a key for everybody": func(c ledger.Connection) { require.NoError(t, os.Chmod(c.ClientKey, 0o644)) },
		"another's key": func(c ledger.Connection) {
			other, err := os.ReadFile(w.insurer.Connection.ClientKey)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(c.ClientKey, other, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := w.shops.Issue(t, "shop1", nil)
			spoil(m.Connection)
			_, err := mutual.NewCredential(m.Connection, quiet, quick())
			require.ErrorIs(t, err, ledger.ErrConnection)
		})
	}
}
