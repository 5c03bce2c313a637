package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/postgres"
	"github.com/claimshare/claimshare/client/store/sqlite"
	pocket "github.com/claimshare/claimshare/client/wallet"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/network/claims"
	"github.com/claimshare/claimshare/network/consortium"
	"github.com/claimshare/claimshare/network/dataset"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/topology"
)

// found brings a network and its nodes up for one test.
func found(t *testing.T, options consortium.Options) (*launch.Network, *consortium.Consortium) {
	t.Helper()
	made := topology.Development()
	made.Ordering.Batch.Timeout = 100 * time.Millisecond
	network := hold(t, made)
	began := time.Now()
	c, err := consortium.Found(t.Context(), network, options, nil)
	require.NoError(t, err)
	t.Logf("%d nodes were up after %v", len(c.Nodes()), time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			tailLogs(t, c)
		}
	})
	return network, c
}

// tailLogs shows the last things that nodes wrote.
func tailLogs(t *testing.T, c *consortium.Consortium) {
	t.Helper()
	const most = 12 << 10
	for _, n := range c.Nodes() {
		raw, _ := os.ReadFile(n.Log) // what there is
		t.Logf("log of %s:\n%s", n.Identity, raw[max(0, len(raw)-most):])
	}
}

// stage is a claim between processes: who takes part in it, and what they did.
type stage struct {
	network *launch.Network
	*consortium.Consortium
	insurer, rival, shop claims.Clerk
	manager              *client.Chain // the authority's view of the ledger
	person               *claims.Person
}

func newStage(t *testing.T, options consortium.Options) *stage {
	t.Helper()
	network, c := found(t, options)
	chain, err := client.OpenChain(t.Context(), dial(t, network, "authority"))
	require.NoError(t, err)
	s := &stage{
		network: network, Consortium: c, manager: chain,
		insurer: claims.Clerk{Node: c.Node("insurer1")}, rival: claims.Clerk{Node: c.Node("insurer2")}, shop: claims.Clerk{Node: c.Node("shop1")},
	}
	s.person = s.join(t, "US 900-00-0001 Sam Specimen")
	return s
}

// join enrols a person's wallet.
func (s *stage) join(t *testing.T, identity string) *claims.Person {
	t.Helper()
	p, err := claims.Join(t.Context(), s.Consortium, t.TempDir(), identity)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := p.Wallet.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// withPhotos is a repair of the data set, and a folder with its photos.
func withPhotos(t *testing.T) (doc *document.Document, folder string) {
	t.Helper()
	data, err := dataset.Load()
	require.NoError(t, err)
	for i := range data.Repairs {
		r := &data.Repairs[i]
		if len(r.Record.Attachments) == 0 {
			continue
		}
		folder = t.TempDir()
		for _, a := range r.Record.Attachments {
			content, err := fs.ReadFile(r.Files, a.Name)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(folder, a.Name), content, 0o600))
		}
		return r.Document, folder
	}
	require.FailNow(t, "no repair of the data set has photos")
	return nil, ""
}

// issue has a clerk issue a specimen, which the person signs.
func (s *stage) issue(t *testing.T, by claims.Clerk, kind record.Kind, label string) record.RecordID {
	t.Helper()
	id, err := by.Issue(t.Context(), s.person.Wallet.ID(), kind, label, bare(kind), "")
	require.NoError(t, err)
	_, err = s.person.Sign(t.Context(), id, "")
	require.NoError(t, err)
	return id
}

// ask has the rival insurer ask for the person's repairs at the shop.
func (s *stage) ask(t *testing.T) record.RequestID {
	t.Helper()
	id, err := s.rival.Request(t.Context(), record.AccessRequest{
		Owner: s.person.Wallet.ID(), Holder: s.shop.Node.Party, Label: hostileLabel, Purpose: "claim", Claim: "C-90211",
	})
	require.NoError(t, err)
	return id
}

// until is for how long consents hold, and how often.
func until(releases uint32) pocket.Terms {
	return pocket.Terms{Until: time.Now().Add(time.Hour), Releases: releases}
}

// agree is a consent for the rival that is approved and whose key the proxy has.
func (s *stage) agree(t *testing.T, releases uint32) record.ConsentID {
	t.Helper()
	consent, err := s.person.Grant(t.Context(), s.ask(t), until(releases), nil)
	require.NoError(t, err)
	return consent
}

// fetchOne fetches one record under a consent.
func (s *stage) fetchOne(t *testing.T, consent record.ConsentID, id record.RecordID) claims.Fetched {
	t.Helper()
	got, err := s.rival.Fetch(t.Context(), consent, id)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, id, got[0].Record)
	return got[0]
}

// caughtUp waits until the authority's peer has all that any node has done.
func (s *stage) caughtUp(t *testing.T) {
	t.Helper()
	var latest uint64
	for _, n := range s.Nodes() {
		status, err := n.Ask.Status(t.Context(), &nodev1.StatusRequest{Strict: true})
		require.NoError(t, err)
		latest = max(latest, status.PeerHeight)
	}
	require.NoError(t, s.manager.Await(t.Context(), latest-1))
}

// database opens the database of a node that runs.
func database(t *testing.T, n *consortium.Node) store.Store {
	t.Helper()
	open := sqlite.Open
	if postgres.IsURL(n.Store) {
		open = postgres.Open
	}
	db, err := open(t.Context(), n.Store, store.WithPayloads(n.Payloads))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// flipBit alters one bit of a record's payload in a node's database, behind the
// node's back.
func flipBit(t *testing.T, n *consortium.Node, id record.RecordID) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(n.Dir, "party.sqlite")+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	const at = ` FROM payload_chunk WHERE seq = 0 AND payload_id = (SELECT payload_id FROM record WHERE record_id = ?)`
	var chunk []byte
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT content`+at, id[:]).Scan(&chunk))
	chunk[len(chunk)/2] ^= 1
	const alter = `UPDATE payload_chunk SET content = ? WHERE seq = 0 AND payload_id = (SELECT payload_id FROM record WHERE record_id = ?)`
	result, err := db.ExecContext(t.Context(), alter, chunk, id[:])
	require.NoError(t, err)
	rows, err := result.RowsAffected()
	require.NoError(t, err)
	require.EqualValues(t, 1, rows)
}

// TestClaims settles a claim from the first one-time code to a dispute, between
// six nodes and a wallet, each of which has nothing in common with the others but
// the ledger and the wire. Issuers' batches are carried by the system manager.
// The nodes log all they can; at the end everything that was written is
// searched for what must not be there.
func TestClaims(t *testing.T) {
	t.Parallel()
	secrets := &hidden{}
	s := newStage(t, consortium.Options{System: "Claims of Ruritania", Submit: "authority", LogLevel: "debug", Secret: secrets.add})
	repair := s.testClaim(t, secrets)
	s.testRevoked(t, repair, secrets)
	s.testDispute(t)
	s.searchForLeaks(t, secrets)
}

// testClaim is the way without obstacles.
func (s *stage) testClaim(t *testing.T, secrets *hidden) record.RecordID {
	ctx, owner := t.Context(), s.person
	policy := s.issue(t, s.insurer, record.KindPolicy, "policy/2026")
	doc, folder := withPhotos(t)
	repair, err := s.shop.Issue(ctx, owner.Wallet.ID(), record.KindRepair, hostileLabel, doc.JSON(), folder)
	require.NoError(t, err)
	signed, err := owner.Sign(ctx, repair, filepath.Join(t.TempDir(), "photos"))
	require.NoError(t, err)
	require.JSONEq(t, string(doc.JSON()), string(signed.Document.JSON()))
	require.NoError(t, s.insurer.Settled(ctx))
	require.NoError(t, s.shop.Settled(ctx))
	s.caughtUp(t)
	for _, id := range []record.RecordID{policy, repair} {
		listed, err := s.manager.Record(ctx, id)
		require.NoError(t, err)
		require.Equal(t, owner.Wallet.ID(), listed.Owner)
	}
	opened, err := owner.Wallet.Read(ctx, policy, "")
	require.NoError(t, err)
	issued, _ := opened.Document.Policy()
	delta, err := issued.Delta()
	require.NoError(t, err)
	secrets.add("evidence of a policy", delta[:])

	request := s.ask(t)
	asked, err := owner.Wallet.Requests(ctx)
	require.NoError(t, err)
	require.Len(t, asked, 1)
	words := strings.Join(owner.Wallet.DescribeRequest(&asked[0]), "\n")
	for _, expected := range []string{s.rival.Node.Title, "claim C-90211", hostileLabel, s.shop.Node.Title, repair.String()} {
		require.Contains(t, words, expected)
	}
	_, err = s.rival.Fetch(ctx, record.ConsentID{1})
	require.ErrorIs(t, err, record.ErrConsentUnknown)

	consent, err := owner.Grant(ctx, request, until(1), func(lines []string) { words = strings.Join(lines, "\n") })
	require.NoError(t, err)
	require.Contains(t, words, s.rival.Node.Title)
	require.Contains(t, words, repair.String())
	kept, err := database(t, s.Proxy()).Token(ctx, consent)
	require.NoError(t, err)
	secrets.add("re-encryption key", kept.PayloadToken)

	got := s.fetchOne(t, consent, repair)
	require.NoError(t, got.Err)
	require.NotEmpty(t, got.Checks)
	plaintext, err := s.rival.Read(ctx, got.Release)
	require.NoError(t, err)
	photos := 0
	read, err := document.Unpack(bytes.NewReader(plaintext), document.Limits{}, func(a document.Attachment, content io.Reader) error {
		photos++
		want, err := os.ReadFile(filepath.Join(folder, a.Name))
		require.NoError(t, err)
		arrived, err := io.ReadAll(content)
		require.NoError(t, err)
		require.Equal(t, want, arrived)
		secrets.add("photo", want[len(want)/2:len(want)/2+32])
		return nil
	})
	require.NoError(t, err)
	require.NotZero(t, photos)
	require.JSONEq(t, string(doc.JSON()), string(read.JSON()))
	secrets.document(read)

	again, err := s.rival.Fetch(ctx, consent)
	require.NoError(t, err)
	require.Len(t, again, 1)
	require.Equal(t, got.Release, again[0].Release, "what is there is not fetched again")
	s.caughtUp(t)
	release, err := s.manager.Release(ctx, got.Release)
	require.NoError(t, err)
	require.Equal(t, record.ReleaseAcknowledged, release.Status)

	account, err := owner.Wallet.History(ctx)
	require.NoError(t, err)
	require.Len(t, account.Releases, 1)
	history := strings.Join(owner.Wallet.DescribeHistory(account), "\n")
	require.Contains(t, history, s.rival.Node.Title+" (insurer): record "+repair.String()+" from "+s.shop.Node.Title)
	require.Contains(t, history, "read on")
	return repair
}

// testRevoked withdraws a consent, after which nothing is handed over, and its
// key is gone.
func (s *stage) testRevoked(t *testing.T, repair record.RecordID, secrets *hidden) {
	ctx := t.Context()
	consent := s.agree(t, 5)
	kept, err := database(t, s.Proxy()).Token(ctx, consent)
	require.NoError(t, err)
	secrets.add("key of an ended consent", kept.PayloadToken)
	require.NoError(t, s.fetchOne(t, consent, repair).Err)
	_, err = s.insurer.Fetch(ctx, consent, repair)
	require.ErrorContains(t, err, client.ErrNotOurs.Error())
	second := s.issue(t, s.shop, record.KindRepair, hostileLabel)
	require.NoError(t, s.shop.Settled(ctx))

	require.NoError(t, s.person.Wallet.Revoke(ctx, consent))
	_, err = s.rival.Fetch(ctx, consent, second)
	require.ErrorIs(t, err, record.ErrConsentRevoked)
	proxy := database(t, s.Proxy())
	require.Eventually(t, func() bool {
		_, err := proxy.Token(ctx, consent)
		return err != nil
	}, 10*time.Second, glance)
	_, err = proxy.Token(ctx, consent)
	require.ErrorIs(t, err, store.ErrDestroyed)
	under, err := s.manager.ReleasesUnder(ctx, consent)
	require.NoError(t, err)
	require.Len(t, under, 1)
}

// glance is between two looks at something that takes its time.
const glance = 50 * time.Millisecond

// testDispute has somebody alter a payload in the shop's database. The shop's
// node signs for what it sends; that is the evidence against it.
func (s *stage) testDispute(t *testing.T) {
	ctx := t.Context()
	id := s.issue(t, s.shop, record.KindRepair, hostileLabel)
	require.NoError(t, s.shop.Settled(ctx))
	consent := s.agree(t, 5)
	flipBit(t, s.shop.Node, id)
	got := s.fetchOne(t, consent, id)
	require.ErrorContains(t, got.Err, pre.ErrPayloadAltered.Error())
	_, err := s.rival.Read(ctx, got.Release)
	require.ErrorContains(t, err, store.ErrNotFound.Error())

	require.NoError(t, s.rival.Dispute(ctx, got.Release, record.GroundPayload, "the payload is not the recorded one"))
	s.caughtUp(t)
	authority := claims.Clerk{Node: s.Authority()}
	require.NoError(t, authority.Resolve(ctx, got.Release, record.OutcomeUpheld, "the trailer proves it"))
	s.caughtUp(t)
	release, err := s.manager.Release(ctx, got.Release)
	require.NoError(t, err)
	require.Equal(t, record.ReleaseUpheld, release.Status)
	violations, err := s.manager.Violations(ctx, s.shop.Node.Party)
	require.NoError(t, err)
	require.Len(t, violations, 1)
	require.Equal(t, record.OffenceDelivery, violations[0].Offence)
	require.Equal(t, got.Release, violations[0].Release)
}
