package audit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

const label = "repair/2026"

// chain is the fake ledger's documents as blocks.
type chain struct {
	mu     sync.Mutex
	blocks []ledger.Block
	known  map[string][]byte
}

var _ listener.Source = (*chain)(nil)

// Blocks implements listener.Source.
func (c *chain) Blocks(ctx context.Context, from uint64) iter.Seq2[ledger.Block, error] {
	return func(yield func(ledger.Block, error) bool) {
		for n := from; ; n++ {
			for n >= c.height() {
				select {
				case <-ctx.Done():
					yield(ledger.Block{}, ctx.Err())
					return
				case <-time.After(time.Millisecond):
				}
			}
			c.mu.Lock()
			b := c.blocks[n]
			c.mu.Unlock()
			if !yield(b, nil) {
				return
			}
		}
	}
}

func (c *chain) height() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return uint64(len(c.blocks))
}

// Height implements listener.Source.
func (c *chain) Height(context.Context) (uint64, error) { return c.height(), nil }

// add makes a block of whatever has changed, one transaction for each document.
func (c *chain) add(documents map[string][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := ledger.Block{Number: uint64(len(c.blocks))}
	sum := sha256.New()
	if b.Number > 0 {
		previous := c.blocks[b.Number-1].Hash
		b.PreviousHash = previous[:]
		sum.Write(previous[:])
	}
	for _, key := range slices.Sorted(maps.Keys(documents)) {
		if bytes.Equal(c.known[key], documents[key]) {
			continue
		}
		c.known[key] = documents[key]
		id := sha256.Sum256(fmt.Append(nil, b.Number, key))
		t := ledger.Transaction{
			TxID: hex.EncodeToString(id[:]), Block: b.Number, Index: len(b.Transactions), Code: ledger.Valid, Creator: "ShopMSP",
			Time: time.Unix(1_700_000_000+int64(b.Number), 0).UTC(), Chaincode: nodetest.Chaincode, Function: "registry:Whatever",
			Writes: []ledger.Write{{Namespace: nodetest.Chaincode, Key: key, Value: documents[key]}},
		}
		t.Event = &ledger.Event{TxID: t.TxID, Block: b.Number, Index: t.Index, Time: t.Time, Chaincode: nodetest.Chaincode,
			Name: record.EventName, Payload: []byte(`{"version":1,"changes":[]}`)}
		fmt.Fprintln(sum, t.TxID)
		b.Transactions = append(b.Transactions, t)
	}
	b.Hash = [32]byte(sum.Sum(nil))
	c.blocks = append(c.blocks, b)
}

// actor is a party with its database.
type actor struct {
	keys  *client.Keys
	chain *client.Chain
	db    store.Store
	raw   *rawDB
	next  *listener.Listener
}

// stage is an alliance of which every database has rows in every table that its
// role fills.
type stage struct {
	ledger               *nodetest.Ledger
	blocks               *chain
	shop, insurer, proxy *actor
	owner                *client.Owner
}

// opener opens a new database: as a store, and below it.
type opener func(t *testing.T) (store.Store, *rawDB)

func newStage(t *testing.T, open opener) *stage {
	t.Helper()
	s := &stage{ledger: nodetest.NewLedger(t), blocks: &chain{known: map[string][]byte{}}}
	for _, a := range []struct {
		actor **actor
		role  record.Role
		name  string
	}{{&s.shop, record.RoleRepairShop, "shop"}, {&s.insurer, record.RoleInsurer, "insurer"}, {&s.proxy, record.RoleProxy, "proxy"}} {
		*a.actor = s.actor(t, s.ledger.Join(t, a.role, a.name, a.name+"MSP", "CN="+a.name), open)
	}
	keys := s.ledger.Join(t, record.RolePolicyholder, "Sam Specimen", "", "")
	s.owner = client.NewOwner(s.ledger.Chain(t, keys.ID()), keys)
	s.commit(t)
	return s
}

// actor is a party with a new database.
func (s *stage) actor(t *testing.T, keys *client.Keys, open opener) *actor {
	t.Helper()
	x := &actor{keys: keys, chain: s.ledger.Chain(t, keys.ID())}
	x.db, x.raw = open(t)
	x.next = listener.New(x.db, nodetest.Chaincode, listener.WithHandler(x.follow))
	return x
}

// follow is what a node does.
func (x *actor) follow(ctx context.Context, tx store.WorldTx, change listener.Change) error {
	documents, err := change.Documents()
	for _, d := range documents {
		if r, ok := d.Document.(*record.Record); ok && r.Issuer == x.keys.ID() && err == nil {
			err = tx.MarkRecorded(ctx, change.Transaction.TxID, change.Transaction.Block, r.ID)
		}
	}
	return err
}

// commit makes a block of what has changed on the ledger, and has every party
// follow.
func (s *stage) commit(t *testing.T) {
	t.Helper()
	s.blocks.add(s.documents(t))
	for _, x := range []*actor{s.shop, s.insurer, s.proxy} {
		require.NoError(t, x.next.Apply(t.Context(), s.blocks.blocks...))
	}
}

// documents is the ledger's state under the contract's keys.
func (s *stage) documents(t *testing.T) map[string][]byte {
	t.Helper()
	answer, err := s.shop.chain.Ledger().Evaluate(t.Context(), "registry", "System")
	require.NoError(t, err)
	var system record.System
	require.NoError(t, json.Unmarshal(answer, &system))
	all := map[string][]byte{"system": system.Encode()}
	s.ledger.Change(func(l *nodetest.State) {
		for id, d := range l.Parties {
			all["p"+compact(id[:])] = d.Encode()
		}
		for id, d := range l.Records {
			all["r"+compact(id[:])] = d.Encode()
		}
		for id, d := range l.Consents {
			all["c"+compact(id[:])] = d.Encode()
		}
		for id, d := range l.Releases {
			all["l"+compact(id[:])] = d.Encode()
		}
	})
	return all
}

func compact(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

func (s *stage) member(x *actor) *client.Member { return client.NewMember(x.chain, x.keys, x.db) }

// propose has the shop seal a record with an attachment of some size.
func (s *stage) propose(t *testing.T, attachment int) *client.Proposal {
	t.Helper()
	raw, err := os.ReadFile("../document/testdata/repair.json")
	require.NoError(t, err)
	doc, err := document.Parse(record.KindRepair, raw)
	require.NoError(t, err)
	repair, ok := doc.Repair()
	require.True(t, ok)
	content := make([]byte, attachment)
	_, _ = rand.Read(content) // never fails
	copy(content, "%PDF-1.7\n")
	sum := sha256.Sum256(content)
	repair.Attachments = []document.Attachment{{
		Name: "photos.pdf", MediaType: "application/pdf", Size: int64(attachment), SHA256: hex.EncodeToString(sum[:]), View: "overview",
	}}
	owner, err := s.shop.chain.Party(t.Context(), s.owner.ID())
	require.NoError(t, err)
	p, err := s.member(s.shop).ProposeRepair(t.Context(), owner, label, repair, fstest.MapFS{"photos.pdf": {Data: content}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func read(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }

// keep has the shop issue a record and the owner sign it; it is not on the ledger.
func (s *stage) keep(t *testing.T, attachment int) record.RecordID {
	t.Helper()
	p := s.propose(t, attachment)
	sig, err := s.owner.Countersign(p, read)
	require.NoError(t, err)
	owner, err := s.shop.chain.Party(t.Context(), s.owner.ID())
	require.NoError(t, err)
	require.NoError(t, s.member(s.shop).Keep(t.Context(), p, owner, sig))
	return p.Statement.ID
}

// submit puts kept records onto the ledger.
func (s *stage) submit(t *testing.T, ids ...record.RecordID) {
	t.Helper()
	for _, id := range ids {
		e, err := s.shop.db.Record(t.Context(), id)
		require.NoError(t, err)
		statement, err := record.DecodeRecordStatement(e.Statement)
		require.NoError(t, err)
		s.ledger.Change(func(l *nodetest.State) {
			l.Records[id] = record.Record{
				RecordStatement: *statement, OwnerSignature: record.Signature(e.OwnerSignature),
				IssuerSignature: record.Signature(e.IssuerSignature), RecordedAt: time.Now().Unix(),
			}
		})
	}
	s.commit(t)
}

// grant is a consent in force for the insurer, with the key at the proxy.
func (s *stage) grant(t *testing.T) record.ConsentID {
	t.Helper()
	delta, err := pseudonym.NewEvidence()
	require.NoError(t, err)
	request := &record.Request{AccessRequest: record.AccessRequest{
		ID: record.RequestID{1}, Owner: s.owner.ID(), Label: label, Purpose: "claim", Claim: "C-90211",
	}, Requester: s.insurer.keys.ID()}
	p, err := s.owner.Grant(t.Context(), request, client.Terms{
		Label: label, PolicyRecord: record.RecordID{7}, Evidence: delta, NotBefore: time.Now().Add(-time.Minute), Expiry: time.Now().Add(time.Hour),
		MaxReleases: 10, Proxy: s.proxy.keys.ID(),
	})
	require.NoError(t, err)
	s.ledger.Granted(p)
	proxy := client.NewProxy(s.proxy.chain, s.proxy.keys, s.proxy.db)
	require.NoError(t, proxy.Accept(t.Context(), p.ToProxy))
	s.consent(p.Statement.Consent, func(c *record.Consent) { c.Status, c.ApprovedAt = record.ConsentApproved, time.Now().Unix() })
	s.commit(t)
	return p.Statement.Consent
}

func (s *stage) consent(id record.ConsentID, alter func(*record.Consent)) {
	s.ledger.Change(func(l *nodetest.State) {
		c := l.Consents[id]
		alter(&c)
		l.Consents[id] = c
	})
}

// fetch has the insurer receive a record under a consent.
func (s *stage) fetch(t *testing.T, consent record.ConsentID, id record.RecordID) record.ReleaseID {
	t.Helper()
	proxy, holder := client.NewProxy(s.proxy.chain, s.proxy.keys, s.proxy.db), s.member(s.shop)
	demand := client.Demand{Requester: s.insurer.keys.ID(), Consent: consent, Records: []record.RecordID{id}}
	handovers, err := proxy.Release(t.Context(), demand, holder)
	require.NoError(t, err)
	_, err = s.member(s.insurer).Receive(t.Context(), handovers[0], holder, read)
	require.NoError(t, err)
	s.commit(t)
	return handovers[0].Release
}

// fill makes rows of every kind.
func (s *stage) fill(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	small, large := s.keep(t, 2000), s.keep(t, 400_000)
	gone := s.keep(t, 2000)
	s.submit(t, small, large, gone)
	s.keep(t, 500) // is not submitted
	refused := s.keep(t, 500)
	require.NoError(t, s.shop.db.MarkRefused(ctx, "", "the owner was suspended", refused))
	declined := s.propose(t, 500)
	require.NoError(t, s.member(s.shop).Offer(ctx, declined))
	require.NoError(t, s.shop.db.DeclineProposal(ctx, declined.Statement.ID, "not mine"))
	require.NoError(t, s.member(s.shop).Offer(ctx, s.propose(t, 500)))

	consent := s.grant(t)
	release := s.fetch(t, consent, small)
	s.fetch(t, consent, large)
	ended := s.grant(t)
	s.consent(ended, func(c *record.Consent) { c.Status, c.RevokedAt = record.ConsentRevoked, time.Now().Unix() })
	s.commit(t)
	require.NoError(t, s.proxy.db.DestroyToken(ctx, ended, "withdrawn"))

	s.erase(t, gone)
	require.NoError(t, s.shop.db.Erase(ctx, gone, "the owner asked"))

	trailer := &record.TrailerStatement{Release: release, Holder: s.shop.keys.ID(), HolderVersion: 1, Sent: record.Digest{9}, Length: 10}
	require.NoError(t, s.insurer.db.PutEvidence(ctx, store.Evidence{
		Release: release, Trailer: trailer.Encode(), Finding: "altered",
		TrailerSignature: s.shop.keys.Signing.Sign(bls.RoleHolder, trailer.Hash(s.shop.chain.Context())),
	}))
	for _, x := range []*actor{s.shop, s.insurer, s.proxy} {
		require.NoError(t, x.db.SetValue(ctx, "something", []byte("small")))
		require.NoError(t, x.db.PutInvitation(ctx, store.Invitation{Code: record.Digest{1}, Role: record.RoleProxy, PID: "pid", MSP: "M", Expires: time.Now()}))
		require.NoError(t, x.db.Journal().Save(ctx, ledger.Entry{
			TxID: "tx", Channel: "c", Contract: "x", Transaction: "T", Reference: "r", Envelope: []byte("e"), Saved: time.Now(),
		}))
	}
}

// erase has the ledger say that a record was erased.
func (s *stage) erase(t *testing.T, id record.RecordID) {
	t.Helper()
	s.ledger.Change(func(l *nodetest.State) {
		r := l.Records[id]
		r.Erase(&record.EraseStatement{Record: id, Issuer: r.Issuer, IssuerVersion: 1, Time: time.Now().Unix()}, record.Signature{1}, time.Now().Unix(), record.TxID{1})
		l.Records[id] = r
	})
	s.commit(t)
}
