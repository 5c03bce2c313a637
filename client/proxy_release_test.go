package client_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// play is a claim that has come to where the proxy is asked for a record.
type play struct {
	ledger  *nodetest.Ledger
	proxy   *client.Keys
	insurer *client.Keys

	shopKeys *client.Keys
	holder   *client.Keys
	owner    *client.Keys
	tokens   *countedTokens
	shop     *client.Member
	demand   client.Demand
	consent  record.ConsentID
}

// countedTokens counts how often a key was read.
type countedTokens struct {
	store.Tokens
	read int
}

func (c *countedTokens) Token(ctx context.Context, id record.ConsentID) (*store.Token, error) {
	c.read++
	return c.Tokens.Token(ctx, id)
}

func database(t *testing.T) store.Store {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "party.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

const playLabel = "repair/2026"

func newPlay(t *testing.T) *play {
	t.Helper()
	l := nodetest.NewLedger(t)
	authority := l.Join(t, record.RoleAuthority, "sm", "AuthorityMSP", "CN=sm")
	insurer := l.Join(t, record.RoleInsurer, "insurer", "InsurerMSP", "CN=insurer")
	shop := l.Join(t, record.RoleRepairShop, "shop", "ShopMSP", "CN=shop")
	keys := l.Join(t, record.RolePolicyholder, "Sam Specimen", "", "")
	p := &play{ledger: l, insurer: insurer, shopKeys: shop, proxy: l.Join(t, record.RoleProxy, "proxy", "ProxyMSP", "CN=proxy"), tokens: &countedTokens{Tokens: database(t)}, holder: shop, owner: keys}
	p.shop = client.NewMember(l.Chain(t, shop.ID()), shop, database(t))
	owner := client.NewOwner(l.Chain(t, keys.ID()), keys)
	me, err := p.shop.Chain().Party(t.Context(), keys.ID())
	require.NoError(t, err)
	id := p.repaired(t, owner, me)

	policy, delta := record.RecordID(nodetest.Stranger()), evidence(t)
	l.Change(func(s *nodetest.State) {
		s.Records[policy] = record.Record{RecordStatement: record.RecordStatement{
			ID: policy, Kind: record.KindPolicy, Label: "policy/2026", Owner: me.ID, OwnerVersion: 1, OwnerKey: me.Current().Encryption,
			Issuer: insurer.ID(), IssuerVersion: 1, Digest: record.Digest{1}, PayloadSize: 100, IssuedAt: time.Now().Unix(),
			Evidence: delta.Commit(p.shop.Chain().Parameters().ID(), policy, pseudonym.PID(me.PID)),
		}}
	})
	granted, err := owner.Grant(t.Context(), &record.Request{AccessRequest: record.AccessRequest{
		ID: record.RequestID{1}, Owner: me.ID, Label: playLabel, Purpose: "claim", Claim: "C-90211",
	}, Requester: insurer.ID()}, client.Terms{
		Label: playLabel, PolicyRecord: policy, Evidence: delta, NotBefore: time.Now().Add(-time.Minute), Expiry: time.Now().Add(time.Hour),
		MaxReleases: 10, Proxy: p.proxy.ID(),
	})
	require.NoError(t, err)
	l.Granted(granted)
	require.NoError(t, client.NewProxy(l.Chain(t, p.proxy.ID()), p.proxy, p.tokens).Accept(t.Context(), granted.ToProxy))
	manager, err := client.NewAuthority(l.Chain(t, authority.ID()), l.Master)
	require.NoError(t, err)
	_, err = manager.Approve(t.Context(), granted.ToManager, p.shop)
	require.NoError(t, err)
	p.consent = granted.Statement.Consent
	p.demand = client.Demand{Requester: insurer.ID(), Consent: p.consent, Records: []record.RecordID{id}}
	return p
}

func evidence(t *testing.T) pseudonym.Evidence {
	t.Helper()
	delta, err := pseudonym.NewEvidence()
	require.NoError(t, err)
	return delta
}

// repaired has the shop issue a repair record without attachments.
func (p *play) repaired(t *testing.T, owner *client.Owner, me *record.Party) record.RecordID {
	t.Helper()
	raw, err := os.ReadFile("document/testdata/repair.json")
	require.NoError(t, err)
	parsed, err := document.Parse(record.KindRepair, raw)
	require.NoError(t, err)
	repair, ok := parsed.Repair()
	require.True(t, ok)
	repair.Attachments = nil
	o, err := p.shop.ProposeRepair(t.Context(), me, playLabel, repair, fstest.MapFS{})
	require.NoError(t, err)
	defer o.Close()
	sig, err := owner.Countersign(o, func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
	require.NoError(t, err)
	require.NoError(t, p.shop.Keep(t.Context(), o, me, sig))
	_, err = p.shop.Flush(t.Context(), 1)
	require.NoError(t, err)
	return o.Statement.ID
}

// chain is the ledger as the proxy sees it. After each transaction of its, then
// is called, if not nil.
func (p *play) chain(t *testing.T, then func()) *client.Chain {
	t.Helper()
	c := p.ledger.Chain(t, p.proxy.ID())
	return c.As(&interrupted{c.Ledger(), then})
}

type interrupted struct {
	client.Channel
	then func()
}

func (i *interrupted) Submit(ctx context.Context, call ledger.Call) (ledger.Result, error) {
	result, err := i.Channel.Submit(ctx, call)
	if err == nil && i.then != nil {
		i.then()
	}
	return result, err
}

// stale is a view of the ledger that answers everything as it was asked first.
func (p *play) stale(t *testing.T) *client.Chain {
	t.Helper()
	c := p.ledger.Chain(t, p.proxy.ID())
	return c.As(&frozen{c.Ledger(), map[string][]byte{}})
}

type frozen struct {
	client.Channel
	answers map[string][]byte
}

func (f *frozen) Evaluate(ctx context.Context, contract, transaction string, args ...string) ([]byte, error) {
	key := contract + transaction + args[0]
	if f.answers[key] == nil {
		answer, err := f.Channel.Evaluate(ctx, contract, transaction, args...)
		if err != nil {
			return nil, err
		}
		f.answers[key] = answer
	}
	return f.answers[key], nil
}

// alter changes the consent on the ledger.
func (p *play) alter(how func(*record.Consent)) {
	p.ledger.Change(func(s *nodetest.State) {
		c := s.Consents[p.consent]
		how(&c)
		s.Consents[p.consent] = c
	})
}

func revoked(c *record.Consent) { c.Status, c.RevokedAt = record.ConsentRevoked, time.Now().Unix() }

func approved(c *record.Consent) { c.Status, c.RevokedAt = record.ConsentApproved, 0 }

// What happens to a consent while its release is on the way to the ledger counts,
// whatever the view says that the proxy reads otherwise.
func TestNothingLeavesAfterTheConsentHasEnded(t *testing.T) {
	broken := errors.New("the peer is away")
	for name, one := range map[string]struct {
		meanwhile func(*play)
		want      error
		destroyed bool
	}{
		"nothing":       {func(*play) {}, nil, false},
		"revoked":       {func(p *play) { p.alter(revoked) }, record.ErrConsentRevoked, true},
		"expired":       {func(p *play) { p.alter(func(c *record.Consent) { c.Expiry = time.Now().Unix() - 1 }) }, record.ErrConsentExpired, true},
		"another proxy": {func(p *play) { p.alter(func(c *record.Consent) { c.Proxies = []record.PartyID{{7}} }) }, record.ErrConsentProxy, false},
		"the peer goes": {func(p *play) { p.ledger.Change(func(s *nodetest.State) { *s.Broken = broken }) }, broken, false},
	} {
		for _, viewed := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				p := newPlay(t)
				var options []client.ProxyOption
				if viewed {
					options = append(options, client.WithView(p.stale(t)))
				}
				proxy := client.NewProxy(p.chain(t, func() { one.meanwhile(p) }), p.proxy, p.tokens, options...)
				handovers, err := proxy.Release(t.Context(), p.demand, p.shop)
				require.ErrorIs(t, err, one.want)
				require.Equal(t, one.want == nil, len(handovers) == 1)
				_, err = p.tokens.Token(t.Context(), p.consent)
				require.Equal(t, one.destroyed, errors.Is(err, store.ErrDestroyed), err)
			})
		}
	}
}

// A view that is behind does not let anything out, and one that cannot be asked
// neither.
func TestAViewThatIsBehind(t *testing.T) {
	p := newPlay(t)
	view := p.stale(t)
	proxy := client.NewProxy(p.chain(t, nil), p.proxy, p.tokens, client.WithView(view))
	_, err := proxy.Release(t.Context(), p.demand, p.shop)
	require.NoError(t, err)
	p.alter(revoked)
	_, err = proxy.Release(t.Context(), p.demand, p.shop)
	require.ErrorIs(t, err, record.ErrConsentRevoked, "the view still says approved")

	p = newPlay(t)
	away := p.ledger.Chain(t, p.proxy.ID())
	proxy = client.NewProxy(p.chain(t, nil), p.proxy, p.tokens, client.WithView(away.As(&silent{Channel: away.Ledger()})))
	_, err = proxy.Release(t.Context(), p.demand, p.shop)
	require.ErrorIs(t, err, errSilent)
	require.Zero(t, p.ledger.Asked(record.TxRelease))
}

// What a view refuses the ledger may have allowed a moment ago: nobody is refused
// on the view's word alone.
func TestAViewThatHasNotSeenTheApproval(t *testing.T) {
	p := newPlay(t)
	p.alter(func(c *record.Consent) { c.Status = record.ConsentGranted })
	view := p.stale(t)
	proxy := client.NewProxy(p.chain(t, nil), p.proxy, p.tokens, client.WithView(view))
	_, err := proxy.Release(t.Context(), p.demand, p.shop)
	require.ErrorIs(t, err, record.ErrConsentUnapproved)
	p.alter(approved)
	seen, err := view.Consent(t.Context(), p.consent)
	require.NoError(t, err)
	require.Equal(t, record.ConsentGranted, seen.Status)
	handovers, err := proxy.Release(t.Context(), p.demand, p.shop)
	require.NoError(t, err)
	require.Len(t, handovers, 1)
}

var errSilent = errors.New("no answer")

type silent struct{ client.Channel }

func (*silent) Evaluate(context.Context, string, string, ...string) ([]byte, error) {
	return nil, errSilent
}

// A demand whose answer was lost is answered again under its open release; one
// that was answered is a new one.
func TestAnOpenReleaseIsUsedAgain(t *testing.T) {
	p := newPlay(t)
	proxy := client.NewProxy(p.chain(t, nil), p.proxy, p.tokens)
	first, err := proxy.Release(t.Context(), p.demand, p.shop)
	require.NoError(t, err)
	again, err := proxy.Release(t.Context(), p.demand, &laterHolder{p})
	require.NoError(t, err)
	require.Equal(t, first[0].Release, again[0].Release)
	require.Equal(t, first[0].Delivery, again[0].Delivery, "as it is on the ledger")

	p.ledger.Change(func(s *nodetest.State) { // of another proxy it is not
		r := s.Releases[first[0].Release]
		r.Proxy = record.PartyID{9}
		s.Releases[first[0].Release] = r
	})
	other, err := proxy.Release(t.Context(), p.demand, p.shop)
	require.NoError(t, err)
	require.NotEqual(t, first[0].Release, other[0].Release)

	p.ledger.Change(func(s *nodetest.State) {
		r := s.Releases[other[0].Release]
		r.Status = record.ReleaseAcknowledged
		s.Releases[other[0].Release] = r
	})
	third, err := proxy.Release(t.Context(), p.demand, p.shop)
	require.NoError(t, err)
	require.NotEqual(t, other[0].Release, third[0].Release)
}

// laterHolder signs each delivery anew, a second later.
type laterHolder struct{ *play }

func (h *laterHolder) ID() record.PartyID { return h.shop.ID() }

func (h *laterHolder) Candidates(ctx context.Context, label string) ([]client.Candidate, error) {
	return h.shop.Candidates(ctx, label)
}

func (h *laterHolder) SendPayload(ctx context.Context, o client.PayloadOrder, dst io.Writer) (*client.Trailer, error) {
	return h.shop.SendPayload(ctx, o, dst)
}

func (h *laterHolder) Deliver(ctx context.Context, o client.Order) (*client.Delivered, error) {
	delivered, err := h.shop.Deliver(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &delivered.Delivery.Statement
	s.Time++
	delivered.Delivery.Signature = record.Signature(h.shopKeys.Signing.Sign(bls.RoleHolder, s.Hash(h.shop.Chain().Context())))
	return delivered, nil
}

// What the proxy itself has done its view has to show, before it orders anew.
func TestTheViewIsWaitedFor(t *testing.T) {
	p := newPlay(t)
	ledger := p.ledger.Chain(t, p.proxy.ID())
	view := &thawing{frozen: &frozen{ledger.Ledger(), map[string][]byte{}}}
	proxy := client.NewProxy(p.chain(t, nil), p.proxy, p.tokens, client.WithView(ledger.As(view)))
	first, err := proxy.Release(t.Context(), p.demand, p.shop)
	require.NoError(t, err)
	require.Zero(t, view.waited)
	again, err := proxy.Release(t.Context(), p.demand, p.shop)
	require.NoError(t, err)
	require.Equal(t, first[0].Release, again[0].Release)
	require.Equal(t, 1, view.waited)
}

// thawing is a view that is behind until somebody waits for a block.
type thawing struct {
	*frozen
	waited int
}

func (w *thawing) AwaitBlock(context.Context, uint64) bool {
	w.waited++
	w.answers = map[string][]byte{}
	return true
}

// The keys that were used last are in memory, until their consent ends.
func TestADestroyedKeyIsForgotten(t *testing.T) {
	p := newPlay(t)
	proxy := client.NewProxy(p.chain(t, nil), p.proxy, p.tokens)
	for range 3 {
		_, err := proxy.Release(t.Context(), p.demand, p.shop)
		require.NoError(t, err)
	}
	require.Equal(t, 1, p.tokens.read)

	p.alter(func(c *record.Consent) { c.MaxReleases++ })
	_, err := proxy.Release(t.Context(), p.demand, p.shop)
	require.ErrorIs(t, err, client.ErrStatement, "a key in memory is for the consent that it was accepted under, too")
	p.alter(func(c *record.Consent) { c.MaxReleases-- })

	p.alter(revoked)
	_, err = proxy.Release(t.Context(), p.demand, p.shop)
	require.ErrorIs(t, err, record.ErrConsentRevoked)
	p.alter(approved) // no ledger does this
	_, err = proxy.Release(t.Context(), p.demand, p.shop)
	require.ErrorIs(t, err, store.ErrDestroyed)

	p = newPlay(t)
	proxy = client.NewProxy(p.chain(t, nil), p.proxy, p.tokens)
	_, err = proxy.Release(t.Context(), p.demand, p.shop)
	require.NoError(t, err)
	p.alter(revoked)
	destroyed, err := proxy.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, destroyed)
	p.alter(approved)
	_, err = proxy.Release(t.Context(), p.demand, p.shop)
	require.ErrorIs(t, err, store.ErrDestroyed, "the sweep forgets it too")
}

// Whose records are demanded decides who is asked for them.
func TestReleaseFrom(t *testing.T) {
	p := newPlay(t)
	proxy := client.NewProxy(p.chain(t, nil), p.proxy, p.tokens)
	var asked []record.PartyID
	holders := func(id record.PartyID) client.Holder {
		asked = append(asked, id)
		return p.shop
	}
	handovers, err := proxy.ReleaseFrom(t.Context(), p.demand, holders)
	require.NoError(t, err)
	require.Len(t, handovers, 1)
	require.Equal(t, []record.PartyID{p.shop.ID()}, asked)

	var unknown record.RecordID
	_, _ = rand.Read(unknown[:])
	p.demand.Records = []record.RecordID{unknown}
	_, err = proxy.ReleaseFrom(t.Context(), p.demand, holders)
	require.ErrorIs(t, err, record.ErrRecordUnknown)
	require.Len(t, asked, 1)
}

// altering answers consents as somebody has altered them in the proxy's database.
type altering struct {
	client.Channel
	alter func(*record.Consent)
}

func (a *altering) Evaluate(ctx context.Context, contract, transaction string, args ...string) ([]byte, error) {
	answer, err := a.Channel.Evaluate(ctx, contract, transaction, args...)
	if err != nil || contract+":"+transaction != record.TxConsent {
		return answer, err
	}
	c := new(record.Consent)
	if err := json.Unmarshal(answer, c); err != nil {
		return nil, err
	}
	a.alter(c)
	return json.Marshal(c)
}

// Who may write the proxy's database, tokens and copy of the ledger, does not get
// handed out what a consent gives to somebody else.
func TestAViewThatWasAltered(t *testing.T) {
	p := newPlay(t)
	thief := p.shopKeys.ID()
	chain := p.ledger.Chain(t, p.proxy.ID())
	for name, alter := range map[string]func(*record.Consent){
		"requester": func(c *record.Consent) { c.Requester = thief },
	} {
		listed, err := chain.Consent(t.Context(), p.consent)
		require.NoError(t, err)
		alter(listed)
		kept, err := p.tokens.Token(t.Context(), p.consent)
		require.NoError(t, err)
		kept.Grant = listed.Statement().Encode()
		view := chain.As(&altering{chain.Ledger(), alter})
		proxy := client.NewProxy(p.chain(t, nil), p.proxy, &planted{p.tokens, kept}, client.WithView(view))
		p.demand.Requester = thief
		handovers, err := proxy.Release(t.Context(), p.demand, p.shop)
		require.ErrorIs(t, err, client.ErrStatement, name)
		require.Empty(t, handovers)
	}
}

// planted is a database with one key for every consent.
type planted struct {
	store.Tokens
	token *store.Token
}

func (p *planted) Token(context.Context, record.ConsentID) (*store.Token, error) { return p.token, nil }

// stuck is a database that destroys, and cannot clean up after it.
type stuck struct {
	store.Tokens
	in    bool
	asked int
}

var errStuck = errors.New("old pages may still hold it")

func (s *stuck) DestroyToken(ctx context.Context, id record.ConsentID, reason string) error {
	s.asked++
	if err := s.Tokens.DestroyToken(ctx, id, reason); err != nil || !s.in {
		return err
	}
	return errStuck
}

// A key that may still be in old pages of the database is destroyed again, though it
// is not among the live ones any more.
func TestAKeyThatWasNotQuiteDestroyed(t *testing.T) {
	p := newPlay(t)
	db := &stuck{Tokens: p.tokens, in: true}
	proxy := client.NewProxy(p.chain(t, nil), p.proxy, db)
	p.alter(revoked)
	for range 2 {
		_, err := proxy.Sweep(t.Context())
		require.ErrorIs(t, err, errStuck)
	}
	require.Equal(t, 2, db.asked)
	db.in = false
	_, err := proxy.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, db.asked)
	_, err = proxy.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, db.asked)
}
