package remote_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/mutual"
	"github.com/claimshare/claimshare/client/remote"
	"github.com/claimshare/claimshare/client/serve"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// actor is one party with all that its node has.
type actor struct {
	keys  *client.Keys
	id    record.PartyID
	chain *client.Chain
	ca    *nodetest.Authority
	cert  *nodetest.Member
	node  *mutual.Node
	db    store.Store
	log   *journal // of its server
}

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// cast is a small alliance.
type cast struct {
	ledger    *nodetest.Ledger
	addresses remote.Addresses

	sm, proxy, shop, insurer, rival *actor
	owner                           *client.Owner
}

func newCast(t *testing.T) *cast {
	t.Helper()
	c := &cast{ledger: nodetest.NewLedger(t), addresses: remote.Addresses{}}
	var organisations []ledger.MSP
	for _, a := range []struct {
		actor **actor
		role  record.Role
		name  string
	}{
		{&c.sm, record.RoleAuthority, "sm"}, {&c.proxy, record.RoleProxy, "proxy1"}, {&c.shop, record.RoleRepairShop, "shop1"},
		{&c.insurer, record.RoleInsurer, "insurer1"}, {&c.rival, record.RoleInsurer, "insurer2"},
	} {
		x := &actor{ca: nodetest.NewAuthority(t, a.name+"MSP"), log: &journal{}}
		x.cert = x.ca.Issue(t, a.name, nil)
		x.keys = c.ledger.Join(t, a.role, a.name, x.ca.MSP, x.cert.Certificate.Subject.String())
		x.id = x.keys.ID()
		organisations = append(organisations, x.ca.Organisation(t))
		*a.actor = x
	}
	c.ledger.Change(func(s *nodetest.State) { *s.Organisations = organisations })
	for _, x := range []*actor{c.sm, c.proxy, c.shop, c.insurer, c.rival} {
		x.chain = c.ledger.Chain(t, x.id)
		x.node = c.node(t, x.cert)
		var err error
		x.db, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "node.db"))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, x.db.Close()) })
	}
	keys := c.ledger.Join(t, record.RolePolicyholder, "Sam Specimen", "", "")
	c.owner = client.NewOwner(c.ledger.Chain(t, keys.ID()), keys)
	return c
}

func timing() mutual.Timing {
	t := mutual.DefaultTiming()
	t.Fresh, t.Status, t.Reload, t.Pause = 20*time.Millisecond, 0, 0, 20*time.Millisecond
	return t
}

var quiet = slog.New(slog.DiscardHandler)

func (c *cast) node(t *testing.T, m *nodetest.Member) *mutual.Node {
	t.Helper()
	cred, err := mutual.NewCredential(m.Connection, quiet, timing())
	require.NoError(t, err)
	trust, err := mutual.NewTrust(t.Context(), c.ledger, quiet, timing())
	require.NoError(t, err)
	return &mutual.Node{Credential: cred, Trust: trust, Registry: mutual.NewRegistry(c.ledger.Chain(t, record.PartyID{}), quiet, timing()), Log: quiet}
}

func limits() serve.Limits {
	l := serve.DefaultLimits()
	l.Drain = 5 * time.Second
	l.Ping = 10 * time.Millisecond
	l.Chunk = 64 << 10
	return l
}

// serve starts a party's node; its address goes into the directory.
func (c *cast) serve(t *testing.T, x *actor, l serve.Limits, register func(grpc.ServiceRegistrar)) *serve.Server {
	t.Helper()
	s := serve.NewServer(serve.Config{
		Credentials: x.node.ServerCredentials(), Identify: x.node.Identify, Caller: serve.PartyCaller, Limits: l,
		Log: slog.New(slog.NewTextHandler(x.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	register(s)
	c.addresses[x.id] = run(t, s)
	return s
}

func run(t *testing.T, s *serve.Server) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	t.Cleanup(func() {
		s.Close(context.Background())
		require.NoError(t, <-ended)
	})
	return listener.Addr().String()
}

func options() remote.Options {
	o := remote.DefaultOptions()
	o.Patience, o.FirstPause, o.LongestPause = 500*time.Millisecond, 5*time.Millisecond, 50*time.Millisecond
	return o
}

// calls is the other nodes as a party sees them.
func (c *cast) calls(t *testing.T, x *actor, o remote.Options) *remote.Nodes {
	t.Helper()
	n := remote.New(x.node, c.addresses, o)
	t.Cleanup(n.Close)
	return n
}

// all serves everything that is honest.
func (c *cast) all(t *testing.T) {
	t.Helper()
	shop := client.NewMember(c.shop.chain, c.shop.keys, c.shop.db)
	c.serve(t, c.shop, limits(), func(r grpc.ServiceRegistrar) { nodev1.RegisterHolderServiceServer(r, serve.NewHolder(shop, limits())) })
	holders := c.calls(t, c.proxy, options())
	proxy := client.NewProxy(c.proxy.chain, c.proxy.keys, c.proxy.db)
	c.serve(t, c.proxy, limits(), func(r grpc.ServiceRegistrar) {
		nodev1.RegisterProxyServiceServer(r, serve.NewProxy(proxy, c.proxy.chain, func(id record.PartyID) client.Holder { return holders.Holder(id) }))
	})
	authority, err := client.NewAuthority(c.sm.chain, c.ledger.Master)
	require.NoError(t, err)
	c.serve(t, c.sm, limits(), func(r grpc.ServiceRegistrar) { nodev1.RegisterAuthorityServiceServer(r, serve.NewAuthority(authority)) })
}

const label = "repair/2026"

// repaired has the shop issue a repair record with an attachment of some size,
// and puts it on the ledger through the system manager.
func (c *cast) repaired(t *testing.T, attachment int) record.RecordID {
	t.Helper()
	raw, err := os.ReadFile("../document/testdata/repair.json")
	require.NoError(t, err)
	doc, err := document.Parse(record.KindRepair, raw)
	require.NoError(t, err)
	repair, ok := doc.Repair()
	require.True(t, ok)
	content := make([]byte, attachment)
	_, _ = rand.Read(content)
	copy(content, "%PDF-1.7\n")
	sum := sha256.Sum256(content)
	repair.Attachments = []document.Attachment{{
		Name: "photos.pdf", MediaType: "application/pdf", Size: int64(attachment), SHA256: hex.EncodeToString(sum[:]), View: "overview",
	}}
	owner, err := c.shop.chain.Party(t.Context(), c.owner.ID())
	require.NoError(t, err)
	shop := client.NewCarriedMember(c.shop.chain, c.shop.keys, c.shop.db, c.calls(t, c.shop, options()).Authority(c.sm.id))
	p, err := shop.ProposeRepair(t.Context(), owner, label, repair, fstest.MapFS{"photos.pdf": {Data: content}})
	require.NoError(t, err)
	defer p.Close()
	sig, err := c.owner.Countersign(p, func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
	require.NoError(t, err)
	require.NoError(t, shop.Keep(t.Context(), p, owner, sig))
	_, err = shop.Flush(t.Context(), 10)
	require.NoError(t, err)
	return p.Statement.ID
}

// policy puts a policy of the owner onto the ledger.
func (c *cast) policy(t *testing.T) (record.RecordID, pseudonym.Evidence) {
	t.Helper()
	delta, err := pseudonym.NewEvidence()
	require.NoError(t, err)
	owner, err := c.insurer.chain.Party(t.Context(), c.owner.ID())
	require.NoError(t, err)
	s := record.RecordStatement{
		ID: record.RecordID(nodetest.Stranger()), Kind: record.KindPolicy, Label: "policy/2026", Owner: owner.ID, OwnerVersion: 1,
		OwnerKey: owner.Current().Encryption, Issuer: c.insurer.id, IssuerVersion: 1, Digest: record.Digest{1}, PayloadSize: 100, IssuedAt: time.Now().Unix(),
	}
	s.Evidence = delta.Commit(c.insurer.chain.Parameters().ID(), s.ID, pseudonym.PID(owner.PID))
	c.ledger.Change(func(l *nodetest.State) { l.Records[s.ID] = record.Record{RecordStatement: s} })
	return s.ID, delta
}

// granted is a consent for the insurer.
func (c *cast) granted(t *testing.T) *client.Permission {
	t.Helper()
	request := &record.Request{AccessRequest: record.AccessRequest{
		ID: record.RequestID{1}, Owner: c.owner.ID(), Label: label, Purpose: "claim", Claim: "C-90211",
	}, Requester: c.insurer.id}
	policy, delta := c.policy(t)
	p, err := c.owner.Grant(t.Context(), request, client.Terms{
		Label: label, PolicyRecord: policy, Evidence: delta, NotBefore: time.Now().Add(-time.Minute), Expiry: time.Now().Add(time.Hour), MaxReleases: 10, Proxy: c.proxy.id,
	})
	require.NoError(t, err)
	c.ledger.Granted(p)
	return p
}

func (c *cast) setStatus(id record.PartyID, status record.Status) {
	c.ledger.Change(func(s *nodetest.State) {
		p := s.Parties[id]
		p.Status = status
		s.Parties[id] = p
	})
}

// ledgerEntry is a record as it was submitted.
func (c *cast) ledgerEntry(t *testing.T, id record.RecordID) record.Entry {
	t.Helper()
	r, err := c.shop.chain.Record(t.Context(), id)
	require.NoError(t, err)
	return r.Entry()
}

func isErr(err, want error) bool { return errors.Is(err, want) }

// listen starts a server that is not this project's.
func listen(t *testing.T, s *grpc.Server) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	t.Cleanup(func() { s.Stop(); <-ended })
	return listener.Addr().String()
}
