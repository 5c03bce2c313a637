package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peers is the way to a ledger of blocks, and what a peer there answers.
type peers struct {
	mu       sync.Mutex
	blocks   []ledger.Block
	asked    []string // transactions
	compared int
	answer   []byte
	err      error
}

func (p *peers) Evaluate(_ context.Context, contract, transaction string, _ ...string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, contract+":"+transaction)
	return p.answer, p.err
}

func (p *peers) Submit(context.Context, ledger.Call) (ledger.Result, error) {
	return ledger.Result{Block: p.add(nil).Number}, nil
}

func (p *peers) Height(context.Context) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.compared++
	return uint64(len(p.blocks)), p.err
}

func (p *peers) Connection() ledger.Connection {
	return ledger.Connection{Channel: nodetest.Channel, Chaincode: nodetest.Chaincode}
}

// add appends a block with one transaction that writes so.
func (p *peers) add(writes map[string][]byte) ledger.Block {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := ledger.Block{Number: uint64(len(p.blocks))}
	if b.Number > 0 {
		b.PreviousHash = slices.Clone(p.blocks[b.Number-1].Hash[:])
	}
	b.Hash = sha256.Sum256(fmt.Append(nil, "block", b.Number))
	t := ledger.Transaction{TxID: fmt.Sprint("tx", b.Number), Block: b.Number, Chaincode: nodetest.Chaincode, Code: ledger.Valid, Time: time.Unix(1, 0)}
	for key, value := range writes {
		t.Writes = append(t.Writes, ledger.Write{Namespace: nodetest.Chaincode, Key: key, Value: value})
	}
	b.Transactions = []ledger.Transaction{t}
	p.blocks = append(p.blocks, b)
	return b
}

// stage is a channel on a copy of a ledger.
type stage struct {
	*Channel
	peers *peers
	copy  *listener.Listener
}

func newStage(t *testing.T) *stage {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "party.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s := &stage{peers: &peers{answer: []byte("a peer's")}}
	s.copy = listener.New(db, nodetest.Chaincode, listener.WithHandler(func(_ context.Context, _ store.WorldTx, change listener.Change) error {
		s.Changed(change)
		return nil
	}))
	s.Channel = New(s.peers, db, s.copy)
	s.patience = 10 * time.Millisecond
	return s
}

// writes adds a block and, if the copy follows, applies it there.
func (s *stage) writes(t *testing.T, follows bool, writes map[string][]byte) uint64 {
	t.Helper()
	b := s.peers.add(writes)
	if follows {
		require.NoError(t, s.copy.Apply(t.Context(), b))
	}
	return b.Number
}

func compact(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

func consent(status record.ConsentStatus) (*record.Consent, map[string][]byte) {
	key := record.EncryptionKey{Mode: record.ModeScoped}
	key.Key[0] = 1
	c := &record.Consent{Status: status, GrantTx: record.TxID{1}, GrantedAt: 1, GrantStatement: record.GrantStatement{
		Consent: record.ConsentID{1}, Request: record.RequestID{1}, Owner: record.PartyID{1}, OwnerVersion: 1, OwnerKey: key,
		Requester: record.PartyID{2}, RequesterVersion: 1, RequesterKey: key, Label: "repair/2026", Records: []record.RecordVersion{}, Purpose: "claim", Claim: "C-1",
		PolicyRecord: record.RecordID{1}, NotBefore: 1, Expiry: 2, MaxReleases: 9, Proxies: []record.PartyID{{3}}, Threshold: 1,
		PayloadToken: record.Digest{1}, SearchToken: record.Digest{2},
	}, OwnerSignature: record.Signature{1}}
	return c, map[string][]byte{"c" + compact(c.Consent[:]): c.Encode()}
}

func release(n byte, status record.ReleaseStatus) (record.Release, map[string][]byte) {
	r := record.Release{
		Delivery: record.Delivery{Statement: record.DeliverStatement{
			Release: record.ReleaseID{n}, Consent: record.ConsentID{1}, Record: record.RecordID{n}, Holder: record.PartyID{4}, HolderVersion: 1,
			Digest: record.Digest{1}, Capsule: record.Digest{1}, Time: 1,
		}, Nonce: record.Nonce{n}, Signature: record.Signature{1}},
		Owner: record.PartyID{1}, Receiver: record.PartyID{2}, Proxy: record.PartyID{3}, Purpose: "claim", Claim: "C-1",
		Status: status, Time: 1, Tx: record.TxID{1},
	}
	s := r.Statement
	index := "\x00lc\x00" + compact(s.Consent[:]) + "\x00" + compact(r.Proxy[:]) + "\x00" + fmt.Sprintf("%010x", n) + "\x00" + compact(s.Release[:]) + "\x00"
	return r, map[string][]byte{"l" + compact(s.Release[:]): r.Encode(), index: {0}}
}

// local reports whether the copy answers for the consent.
func (s *stage) local(t *testing.T) bool {
	t.Helper()
	_, known := s.Document(t.Context(), record.TxConsent, record.ConsentID{1}.String())
	return known
}

func TestTheCopyAnswers(t *testing.T) {
	s := newStage(t)
	want, written := consent(record.ConsentApproved)
	s.writes(t, true, written)
	for range 2 { // the second time from memory
		found, known := s.Document(t.Context(), record.TxConsent, record.ConsentID{1}.String())
		require.True(t, known)
		require.Equal(t, want, found)
	}
	for _, q := range [][2]string{
		{record.TxConsent, record.ConsentID{9}.String()}, // not in the copy
		{record.TxConsent, "no id"},
		{record.TxRecord, record.ConsentID{1}.String()},
		{record.TxConsentsByOwner, record.PartyID{1}.String()},
	} {
		_, known := s.Document(t.Context(), q[0], q[1])
		require.False(t, known, q)
	}
	require.Empty(t, s.peers.asked)

	for _, status := range []record.ConsentStatus{record.ConsentRevoked, record.ConsentApproved, record.ConsentRevoked} {
		want, written = consent(status)
		s.writes(t, true, written)
		found, known := s.Document(t.Context(), record.TxConsent, record.ConsentID{1}.String())
		require.True(t, known)
		require.Equal(t, want, found, "what is in memory is no older than the copy")
	}
}

// A value that is read while its successor is on the way is not kept in memory.
func TestAReadWhileTheCopyAdvances(t *testing.T) {
	s := newStage(t)
	_, old := consent(record.ConsentApproved)
	s.writes(t, true, old)
	require.True(t, s.local(t))
	_, next := consent(record.ConsentRevoked)
	b := s.peers.add(next)
	s.Changed(listener.Change{Transaction: b.Transactions[0]}) // told, and not committed yet
	found, known := s.Document(t.Context(), record.TxConsent, record.ConsentID{1}.String())
	require.True(t, known)
	require.Equal(t, record.ConsentRevoked, found.(*record.Consent).Status, "a block is final")

	s = newStage(t)
	s.writes(t, true, old)
	require.True(t, s.compare(t.Context()))
	b = s.peers.add(next)
	s.Changed(listener.Change{Transaction: b.Transactions[0]})
	found, known = s.Document(t.Context(), record.TxConsent, record.ConsentID{1}.String())
	require.True(t, known)
	require.Equal(t, record.ConsentApproved, found.(*record.Consent).Status, "it was not in memory, and the database has not got the block")
	require.NoError(t, s.copy.Apply(t.Context(), b))
	found, _ = s.Document(t.Context(), record.TxConsent, record.ConsentID{1}.String())
	require.Equal(t, record.ConsentRevoked, found.(*record.Consent).Status)

	s = newStage(t)
	s.writes(t, true, old)
	slow := &slowWorld{World: s.recent.world, meanwhile: func() { // told after it was read
		b := s.peers.add(next)
		require.NoError(t, s.copy.Apply(t.Context(), b))
	}}
	s.recent.world = slow
	found, _ = s.Document(t.Context(), record.TxConsent, record.ConsentID{1}.String())
	require.Equal(t, record.ConsentApproved, found.(*record.Consent).Status)
	found, _ = s.Document(t.Context(), record.TxConsent, record.ConsentID{1}.String())
	require.Equal(t, record.ConsentRevoked, found.(*record.Consent).Status)
}

// A list of releases that is read while another is on the way is not kept.
func TestAListWhileTheCopyAdvances(t *testing.T) {
	of := func(s *stage) []record.Release {
		open, known := s.OpenReleases(t.Context(), record.ConsentID{1}, record.PartyID{3})
		require.True(t, known)
		return open
	}
	s := newStage(t)
	s.writes(t, true, nil)
	require.True(t, s.compare(t.Context()))
	_, written := release(1, record.ReleaseOpen)
	b := s.peers.add(written)
	s.Changed(listener.Change{Transaction: b.Transactions[0]}) // nobody had asked for this consent's
	require.Empty(t, of(s))
	require.NoError(t, s.copy.Apply(t.Context(), b))
	require.Len(t, of(s), 1)

	s = newStage(t)
	s.writes(t, true, nil)
	s.recent.world = &slowWorld{World: s.recent.world, meanwhile: func() {
		b := s.peers.add(written)
		require.NoError(t, s.copy.Apply(t.Context(), b))
	}}
	require.Empty(t, of(s))
	require.Len(t, of(s), 1)
}

// slowWorld lets something happen once, after it has read and before it answers.
type slowWorld struct {
	store.World
	meanwhile func()
}

func (w *slowWorld) WorldValue(ctx context.Context, key string) (*store.WorldValue, error) {
	v, err := w.World.WorldValue(ctx, key)
	if w.meanwhile != nil {
		w.meanwhile()
		w.meanwhile = nil
	}
	return v, err
}

func (w *slowWorld) WorldValues(ctx context.Context, q store.WorldQuery) iter.Seq2[*store.WorldValue, error] {
	return func(yield func(*store.WorldValue, error) bool) {
		for v, err := range w.World.WorldValues(ctx, q) {
			if !yield(v, err) {
				return
			}
		}
		if w.meanwhile != nil {
			w.meanwhile()
			w.meanwhile = nil
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	r := &recent{world: &anything{}, has: func(uint64) bool { return true }}
	for n := range 2*maxRecent + 7 {
		_, err := r.WorldValue(t.Context(), fmt.Sprint(n))
		require.NoError(t, err)
		require.LessOrEqual(t, len(r.values), maxRecent)
	}
	kept := len(r.values)
	_, err := r.WorldValue(t.Context(), "large")
	require.NoError(t, err)
	require.Len(t, r.values, kept)
}

// anything is a world with every key.
type anything struct{ store.World }

func (anything) WorldValue(_ context.Context, key string) (*store.WorldValue, error) {
	v := &store.WorldValue{Key: key, Value: []byte("x")}
	if key == "large" {
		v.Value = make([]byte, maxValue+1)
	}
	return v, nil
}

// A copy that is behind is not asked, and asked again when it has caught up.
func TestTheCopyIsBehind(t *testing.T) {
	s := newStage(t)
	_, written := consent(record.ConsentApproved)
	s.writes(t, true, written)
	missing := s.writes(t, false, nil)
	require.False(t, s.local(t), "it lacks a block that the peer had when it was first asked")
	_, known := s.OpenReleases(t.Context(), record.ConsentID{1}, record.PartyID{3})
	require.False(t, known)
	require.NoError(t, s.copy.Apply(t.Context(), s.peers.blocks[missing]))
	require.True(t, s.local(t))
	_, known = s.OpenReleases(t.Context(), record.ConsentID{1}, record.PartyID{3})
	require.True(t, known)

	waited := s.writes(t, false, nil)
	require.True(t, s.local(t), "for two seconds it counts as level")
	require.False(t, s.AwaitBlock(t.Context(), waited))
	require.False(t, s.local(t), "this block was waited for")
	require.NoError(t, s.copy.Apply(t.Context(), s.peers.blocks[waited]))
	require.True(t, s.AwaitBlock(t.Context(), waited))
	require.True(t, s.local(t))

	_, err := s.Submit(t.Context(), ledger.Call{})
	require.NoError(t, err)
	require.False(t, s.local(t), "what it did itself it has to see")
}

func TestTheCopyIsComparedNowAndThen(t *testing.T) {
	s := newStage(t)
	_, written := consent(record.ConsentApproved)
	s.writes(t, true, written)
	for range 10 {
		require.True(t, s.local(t))
	}
	require.Equal(t, 1, s.peers.compared)
	s.writes(t, false, nil)
	s.every = 0
	require.False(t, s.local(t))
	require.Equal(t, 2, s.peers.compared)

	s.peers.err = errors.New("away")
	require.False(t, s.local(t), "nobody knows how fresh the copy is")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, known := s.OpenReleases(gone, record.ConsentID{1}, record.PartyID{3})
	require.False(t, known)
}

// Many that ask at once have the height asked for once.
func TestOneComparisonForAll(t *testing.T) {
	s := newStage(t)
	_, written := consent(record.ConsentApproved)
	s.writes(t, true, written)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, known := s.Document(t.Context(), record.TxConsent, record.ConsentID{1}.String()); !known {
				t.Error("the copy was not asked")
			}
		})
	}
	all.Wait()
	require.Equal(t, 1, s.peers.compared)
}

func TestOpenReleases(t *testing.T) {
	s := newStage(t)
	statuses := []record.ReleaseStatus{record.ReleaseOpen, record.ReleaseAcknowledged, record.ReleaseDisputed, record.ReleaseOpen}
	for i, status := range statuses {
		_, written := release(byte(i+1), status)
		s.writes(t, true, written)
	}
	ids := func() (ids []record.ReleaseID) {
		open, known := s.OpenReleases(t.Context(), record.ConsentID{1}, record.PartyID{3})
		require.True(t, known)
		for _, r := range open {
			ids = append(ids, r.Statement.Release)
		}
		return ids
	}
	for range 2 { // the second time from memory
		require.ElementsMatch(t, []record.ReleaseID{{1}, {4}}, ids())
	}
	_, written := release(4, record.ReleaseAcknowledged)
	s.writes(t, true, written)
	require.Equal(t, []record.ReleaseID{{1}}, ids())
	_, written = release(5, record.ReleaseOpen)
	s.writes(t, true, written)
	require.Equal(t, []record.ReleaseID{{1}, {5}}, ids(), "a new one")
	_, early := release(6, record.ReleaseOpen)
	b := s.peers.add(early)
	s.Changed(listener.Change{Transaction: b.Transactions[0]})
	require.Equal(t, []record.ReleaseID{{1}, {5}, {6}}, ids(), "a block is final")
	require.NoError(t, s.copy.Apply(t.Context(), b))
	require.Equal(t, []record.ReleaseID{{1}, {5}, {6}}, ids(), "told twice")
	for n := byte(1); n <= 6; n++ {
		_, written = release(n, record.ReleaseAcknowledged)
		s.writes(t, true, written)
	}
	require.Empty(t, ids())
	for _, other := range []struct {
		consent record.ConsentID
		proxy   record.PartyID
	}{{record.ConsentID{2}, record.PartyID{3}}, {record.ConsentID{1}, record.PartyID{5}}} {
		open, known := s.OpenReleases(t.Context(), other.consent, other.proxy)
		require.True(t, known)
		require.Empty(t, open)
	}
	s.writes(t, true, map[string][]byte{"\x00lc\x00" + compact(make([]byte, 32)) + "\x00" + compact(make([]byte, 16)) + "\x00no id\x00": {0}})
	_, known := s.OpenReleases(t.Context(), record.ConsentID{}, record.PartyID{})
	require.False(t, known)
}

// A chain on a copy waits for the copy, and in the end for a peer.
func TestAChainOnACopy(t *testing.T) {
	l := nodetest.NewLedger(t)
	s := newStage(t)
	_, written := consent(record.ConsentApproved)
	s.writes(t, true, written)
	chain := l.Chain(t, record.PartyID{}).As(s.Channel)
	require.NoError(t, chain.Await(t.Context(), 0))
	c, err := chain.Consent(t.Context(), record.ConsentID{1})
	require.NoError(t, err)
	require.Equal(t, record.ConsentApproved, c.Status)

	_, written = consent(record.ConsentRevoked)
	s.writes(t, false, written)
	s.writes(t, false, nil)
	require.NoError(t, chain.Await(t.Context(), 1), "the peer has it")
	require.Equal(t, uint64(1), chain.Seen(), "and not the next block, for which the copy was not waited")
	s.peers.answer, err = json.Marshal(c)
	require.NoError(t, err)
	before := len(s.peers.asked)
	_, err = chain.Consent(t.Context(), record.ConsentID{1})
	require.NoError(t, err)
	require.Len(t, s.peers.asked, before+1)

	late := s.peers.blocks[1:]
	require.NoError(t, s.copy.Apply(t.Context(), late...))
	c, err = chain.Consent(t.Context(), record.ConsentID{1})
	require.NoError(t, err)
	require.Equal(t, record.ConsentRevoked, c.Status)
}

// A block that nobody has is waited for half a minute.
func TestABlockThatNeverComes(t *testing.T) {
	l := nodetest.NewLedger(t)
	chain := l.Chain(t, record.PartyID{})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := chain.As(New(&peers{blocks: make([]ledger.Block, 5)}, nil, never{})).Await(t.Context(), 5)
		require.ErrorIs(t, err, client.ErrBehind)
		require.Equal(t, 30*time.Second, time.Since(began))
	})
}

// never is a copy that nothing comes to.
type never struct{}

func (never) Await(ctx context.Context, _ uint64) error { <-ctx.Done(); return ctx.Err() }

func TestBounded(t *testing.T) {
	var b bounded
	id := func(n int) (id record.ReleaseID) {
		copy(id[:], fmt.Sprint(n))
		return id
	}
	for n := range 3*half + 1 {
		b.add(id(n))
	}
	require.False(t, b.has(id(0)))
	require.True(t, b.has(id(2*half)))
	require.True(t, b.has(id(3*half)))
	require.LessOrEqual(t, len(b.young)+len(b.old), 2*half)
}

// A clock that is set back does not let the copy go uncompared until it has caught up.
func TestAClockThatIsSetBack(t *testing.T) {
	s := newStage(t)
	_, granted := consent(record.ConsentApproved)
	s.writes(t, true, granted)
	_, known := s.Document(t.Context(), record.TxConsent, record.ConsentID{1}.String())
	require.True(t, known)
	s.compared.Store(time.Now().Add(time.Hour).UnixNano())
	_, revoked := consent(record.ConsentRevoked)
	s.writes(t, false, revoked)
	_, known = s.Document(t.Context(), record.TxConsent, record.ConsentID{1}.String())
	require.False(t, known, "the peer has a block that the copy has not")
}
