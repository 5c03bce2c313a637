package wallet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// Terms are what the owner decides when granting. Zero values are filled in from
// the request.
type Terms struct {
	Label    string            // the request's, or that of the records
	Records  []record.RecordID // only these; empty: those of the request, or all under the label
	Policy   record.RecordID   // whose δ to show; zero: the latest policy
	From     time.Time         // zero: now
	Until    time.Time         // needed
	Releases uint32            // how often; zero: once for every record covered
	Proxy    record.PartyID    // zero: the only one there is
}

// Draft is a consent that was made and not given: for the owner to look at. It
// leaves the wallet by [Wallet.Grant] alone.
type Draft struct {
	Statement record.GrantStatement
	Request   record.Request
	Requester *record.Party
	Covers    []record.Record // what it opens today
	Proxy     Node

	permission *client.Permission
}

// Prepare makes the consent that would answer a request. It answers [ErrScope],
// [ErrNoPolicy], [ErrDirectory], [ErrDisagree], record.ErrRequestUnknown and the
// errors of [client.Owner.Grant].
func (w *Wallet) Prepare(ctx context.Context, id record.RequestID, t Terms) (*Draft, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.session(ctx)
	if err != nil {
		return nil, err
	}
	request, err := s.chain.Request(ctx, id)
	if err != nil {
		return nil, err
	}
	d := &Draft{Request: *request}
	if d.Requester, err = w.confirm(ctx, s, request.Requester); err != nil {
		return nil, err
	}
	if d.Requester.Status != record.StatusActive {
		return nil, fmt.Errorf("%w: the requester is %s", ErrRole, d.Requester.Status)
	}
	if d.Proxy, err = w.proxyNode(t.Proxy); err != nil {
		return nil, err
	}
	proxy, err := w.confirm(ctx, s, d.Proxy.Party)
	if err != nil {
		return nil, err
	}
	if proxy.Role != record.RoleProxy {
		return nil, fmt.Errorf("%w: %s is %s, not a proxy", ErrRole, proxy.ID, article(proxy.Role))
	}
	// Without, the system manager would not find them. What a holder would not do
	// shows in what the consent gives.
	if _, err := w.catchUp(ctx, s); err != nil {
		return nil, err
	}
	records, err := w.records(ctx, s)
	if err != nil {
		return nil, err
	}
	terms, err := w.terms(ctx, s, request, t, records, d.Proxy.Party)
	if err != nil {
		return nil, err
	}
	terms.Requester = d.Requester // as confirmed: a second answer could be another one
	if d.permission, err = s.owner.Grant(ctx, request, *terms); err != nil {
		return nil, err
	}
	d.Statement = d.permission.Statement
	for _, r := range records {
		if d.Statement.Covers(r.Version(), r.Label, r.Issuer) == nil {
			d.Covers = append(d.Covers, r)
		}
	}
	if n := len(d.Statement.Records); n > 0 && n != len(d.Covers) {
		return nil, fmt.Errorf("%w: of %d records that the consent would name, %d can be shown", ErrScope, n, len(d.Covers))
	}
	return d, nil
}

func (w *Wallet) proxyNode(id record.PartyID) (Node, error) {
	proxies := w.c.Network.proxies()
	if !id.IsZero() {
		proxies = slices.DeleteFunc(proxies, func(n Node) bool { return n.Party != id })
	}
	switch len(proxies) {
	case 0:
		return Node{}, fmt.Errorf("%w: a proxy", ErrDirectory)
	case 1:
		return proxies[0], nil
	}
	return Node{}, fmt.Errorf("%w: there are %d proxies: choose one", ErrScope, len(proxies))
}

// terms fills in what the owner left open, and keeps to what was asked for.
func (w *Wallet) terms(ctx context.Context, s *session, request *record.Request, t Terms, records []record.Record, proxy record.PartyID) (*client.Terms, error) {
	ids := t.Records
	if len(ids) == 0 {
		ids = request.Records
	}
	label, err := scope(request, t.Label, ids, records)
	if err != nil {
		return nil, err
	}
	out := &client.Terms{
		Holder: request.Holder, Label: label, Records: ids, NotBefore: t.From, Expiry: t.Until, MaxReleases: t.Releases, Proxy: proxy,
	}
	if out.NotBefore.IsZero() {
		out.NotBefore = now().Add(-time.Minute) // the proxy's clock may be behind
	}
	if !out.Expiry.After(time.Now()) {
		return nil, fmt.Errorf("%w: it has to end in the future", ErrScope)
	}
	if out.MaxReleases == 0 {
		asked := request.AccessRequest
		asked.Label, asked.Records = label, ids
		out.MaxReleases = uint32(min(max(1, len(covered(&asked, records))), record.MaxGrantReleases))
	}
	policy, err := w.policy(t.Policy, records)
	if err != nil {
		return nil, err
	}
	out.PolicyRecord = policy.ID
	out.Evidence, err = w.evidence(ctx, s, policy)
	return out, err
}

// scope is the label of a consent: the one given, the request's, or that which
// all the records are under. A token always opens a whole label.
func scope(request *record.Request, label string, ids []record.RecordID, records []record.Record) (string, error) {
	if label == "" {
		label = request.Label
	}
	for _, id := range ids {
		i := slices.IndexFunc(records, func(r record.Record) bool { return r.ID == id })
		if i < 0 {
			return "", fmt.Errorf("%w: the ledger lists no record %s of yours", ErrScope, id)
		}
		if label == "" {
			label = records[i].Label
		}
		if records[i].Label != label {
			return "", fmt.Errorf("%w: a consent has one label, and record %s is under %q, not %q", ErrScope, id, records[i].Label, label)
		}
	}
	if label == "" {
		return "", fmt.Errorf("%w: the request names neither a label nor records: choose a label", ErrScope)
	}
	if request.Label != "" && label != request.Label {
		return "", fmt.Errorf("%w: it asks for label %q, not %q", ErrScope, request.Label, label)
	}
	return label, nil
}

// policy is the owner's policy with the given id, or the one recorded last.
func (w *Wallet) policy(id record.RecordID, records []record.Record) (*record.Record, error) {
	var latest *record.Record
	for i := range records {
		r := &records[i]
		switch {
		case r.Kind != record.KindPolicy || !id.IsZero() && r.ID != id:
		case latest == nil || r.RecordedAt >= latest.RecordedAt:
			latest = r
		}
	}
	if latest == nil {
		return nil, ErrNoPolicy
	}
	return latest, nil
}

// Grant gives a consent: it goes to the ledger through a gateway, the
// re-encryption key to the proxy, δ and the search token to the system manager,
// who approves. What was interrupted is taken up again by [Wallet.Resume] and
// [Wallet.Status], also by another run of the program.
func (w *Wallet) Grant(ctx context.Context, d *Draft) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.session(ctx)
	if err != nil {
		return err
	}
	p := d.permission
	delta := secret(p.ToManager.Evidence)
	u := &underway{
		Statement: p.Statement.Encode(), Signature: p.Signature, Evidence: &delta,
		Search: p.ToManager.Search.Bytes(), Token: p.ToProxy.Token.Bytes(),
	}
	w.c.Grants = append(w.c.Grants, u)
	if err := w.save(); err != nil {
		return err
	}
	_, err = w.resume(ctx, s, u)
	return err
}

// Resume takes up every consent of which a part may not have arrived. It answers
// the consents that are complete now, and the error of each that is not.
func (w *Wallet) Resume(ctx context.Context) ([]*record.GrantStatement, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.session(ctx)
	if err != nil {
		return nil, err
	}
	return w.resume(ctx, s, nil)
}

// resume carries only, or all that is on its way. What is done, and what can
// never be done, leaves the file.
func (w *Wallet) resume(ctx context.Context, s *session, only *underway) ([]*record.GrantStatement, error) {
	var done []*record.GrantStatement
	var failed error
	changed := false
	for _, u := range slices.Clone(w.c.Grants) {
		if only != nil && u != only {
			continue
		}
		g, err := u.statement()
		if err != nil {
			return done, err
		}
		err = w.carry(ctx, s, u, g)
		if err == nil {
			done = append(done, g)
		}
		if err == nil || hopeless(err) {
			w.c.drop(g.Consent)
			changed = true
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("consent %s: %w", g.Consent, err))
		}
	}
	if changed {
		failed = errors.Join(failed, w.save())
	}
	return done, failed
}

// hopeless says that a consent will never be complete, however often it is
// carried: the ledger has refused it, or it has ended.
func hopeless(err error) bool {
	for _, e := range []error{
		record.ErrConsentRevoked, record.ErrConsentExpired, record.ErrStaleKeyVersion, record.ErrKeyMismatch, record.ErrSignature,
		record.ErrRequestMismatch, record.ErrMalformed, record.ErrOwnerRole, record.ErrForbidden, record.ErrKeyTaken, record.ErrExpelled,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// carry brings every part of a consent to where it belongs. Each step can be
// done again.
func (w *Wallet) carry(ctx context.Context, s *session, u *underway, g *record.GrantStatement) error {
	asOf, err := w.toLedger(ctx, s, u, g)
	if err != nil {
		return err
	}
	token, err := pre.ParseToken(u.Token)
	if err != nil {
		return err
	}
	for _, id := range g.Proxies {
		if err := w.toProxy(ctx, id, client.ProxyPart{AsOf: asOf, Consent: g.Consent, Token: token}); err != nil {
			return err
		}
	}
	search, err := pre.ParseToken(u.Search)
	if err != nil {
		return err
	}
	part := client.ManagerPart{AsOf: asOf, Consent: g.Consent, Search: search}
	if u.Evidence != nil {
		part.Evidence = pseudonym.Evidence(*u.Evidence)
	}
	approved, err := w.toManager(ctx, part)
	if err != nil {
		return err
	}
	return s.chain.Await(ctx, approved)
}

// toLedger has a gateway carry the consent, and says by which block it is there.
func (w *Wallet) toLedger(ctx context.Context, s *session, u *underway, g *record.GrantStatement) (uint64, error) {
	r := &nodev1.CarryGrantRequest{Statement: u.Statement, Signature: u.Signature[:]}
	answer, err := ask(ctx, s.gate, func(ctx context.Context, c nodev1.GatewayServiceClient) (*nodev1.CarryGrantResponse, error) {
		return c.CarryGrant(ctx, r)
	})
	if err == nil {
		return answer.GetAsOf(), s.chain.Await(ctx, answer.GetAsOf())
	}
	if !errors.Is(err, record.ErrConsentExists) {
		return 0, err
	}
	// Carried before. Whatever block it was in, the gateway's peer has it.
	there, err := s.chain.Consent(ctx, g.Consent)
	if err != nil {
		return 0, err
	}
	if err := there.UsableAt(time.Now().Unix()); errors.Is(err, record.ErrConsentRevoked) || errors.Is(err, record.ErrConsentExpired) {
		return 0, err
	}
	height, err := s.gate.Height(ctx)
	if err != nil {
		return 0, err
	}
	return max(height, 1) - 1, nil
}

func (w *Wallet) toProxy(ctx context.Context, id record.PartyID, p client.ProxyPart) error {
	n, cc, err := w.connection(id)
	if err != nil {
		return err
	}
	ctx, cancel := quick(ctx, callTime)
	defer cancel()
	_, err = nodev1.NewDelegationServiceClient(cc).Accept(ctx, &nodev1.AcceptRequest{AsOf: p.AsOf, Consent: p.Consent[:], Token: p.Token.Bytes()})
	return fromNode(n, err)
}

func (w *Wallet) toManager(ctx context.Context, p client.ManagerPart) (asOf uint64, err error) {
	n, cc, err := w.connection(w.c.Network.Manager)
	if err != nil {
		return 0, err
	}
	ctx, cancel := quick(ctx, approveTime)
	defer cancel()
	answer, err := nodev1.NewManagerServiceClient(cc).Approve(ctx, &nodev1.ApproveRequest{
		AsOf: p.AsOf, Consent: p.Consent[:], Evidence: p.Evidence[:], Search: p.Search.Bytes(),
	})
	return answer.GetAsOf(), fromNode(n, err)
}
