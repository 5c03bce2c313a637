package story

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/wallet"
	"github.com/claimshare/claimshare/network/claims"
)

// settled is a consent that has gone all the way.
type settled struct {
	owner    *holder
	consent  record.ConsentID
	records  []record.RecordID
	releases []record.ReleaseID
}

// wish is what a party wants to read and the owner's conditions.
type wish struct {
	owner     *holder
	requester *organisation
	holder    *organisation
	label     string
	purpose   string
	claim     string
	policy    issued // whose δ the owner shows
	valid     time.Duration
	releases  uint32
}

// request has the requester's node put the wish on the ledger.
func (t *tale) request(ctx context.Context, w wish) (record.RequestID, error) {
	id, err := w.requester.Request(ctx, record.AccessRequest{
		Owner: w.owner.id(), Holder: w.holder.id(), Label: w.label, Purpose: w.purpose, Claim: w.claim,
	})
	if err != nil {
		return id, fmt.Errorf("request: %w", err)
	}
	return id, t.catchUp(ctx)
}

// draft has a wallet make the consent that the request is answered with.
func (w wish) draft(ctx context.Context, owner *wallet.Wallet, request record.RequestID) (*wallet.Draft, error) {
	return owner.Prepare(ctx, request, wallet.Terms{Policy: w.policy.id, Until: time.Now().Add(w.valid), Releases: w.releases})
}

// agree is request, grant, approval, and the proxy's acceptance of the key.
func (t *tale) agree(ctx context.Context, w wish) (*wallet.Draft, error) {
	request, err := t.request(ctx, w)
	if err != nil {
		return nil, err
	}
	draft, err := w.draft(ctx, w.owner.wallet, request)
	if err != nil {
		return nil, fmt.Errorf("prepare a consent: %w", err)
	}
	if err := w.owner.wallet.Grant(ctx, draft); err != nil {
		return nil, fmt.Errorf("grant: %w", err)
	}
	return draft, t.catchUp(ctx)
}

// got is what the requester's node has after it fetched and read records.
type got struct {
	settled
	readers []*reader
	checks  []string
}

// read has the requester's node fetch records under a consent, and opens each.
func (t *tale) read(ctx context.Context, w wish, consent record.ConsentID, only ...record.RecordID) (*got, error) {
	fetched, err := w.requester.Fetch(ctx, consent, only...)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	all := &got{settled: settled{owner: w.owner, consent: consent}}
	for _, f := range fetched {
		if f.Err != nil {
			return nil, fmt.Errorf("fetch record %s: %w", f.Record, f.Err)
		}
		seen, err := open(ctx, w.requester.Clerk, f.Release)
		if err != nil {
			return nil, fmt.Errorf("read release %s: %w", f.Release, err)
		}
		all.readers, all.checks = append(all.readers, seen), f.Checks
		all.records, all.releases = append(all.records, f.Record), append(all.releases, f.Release)
	}
	return all, expect(len(all.readers) > 0, "nothing was fetched")
}

func open(ctx context.Context, c claims.Clerk, release record.ReleaseID) (*reader, error) {
	plaintext, err := c.Read(ctx, release)
	if err != nil {
		return nil, err
	}
	seen := &reader{}
	return seen, seen.inspect(bytes.NewReader(plaintext))
}

// policyOf finds the policy of an owner at an insurer.
func (t *tale) policyOf(owner *holder, insurer *organisation) (issued, error) {
	list := where(t.policies, func(x issued) bool { return x.owner == owner && x.issuer == insurer })
	if len(list) == 0 {
		return issued{}, expect(false, "the claimant has no policy at %s", insurer.title())
	}
	return list[len(list)-1], nil
}

// claimWish is the claim of the story: the claimant's present insurer wants to
// see this year's repairs at the first shop.
func (t *tale) claimWish() (wish, error) {
	owner := t.holders[t.data.Cast["claimant"]]
	insurer, shop := t.insurers[1], t.shops[0]
	policy, err := t.policyOf(owner, insurer)
	return wish{
		owner: owner, requester: insurer, holder: shop, label: "repair/2026", purpose: "claim", claim: "NL-C-2026-0417",
		policy: policy, valid: 72 * time.Hour, releases: 20,
	}, err
}

func (t *tale) settleClaim(ctx context.Context, s *Scene) error {
	w, err := t.claimWish()
	if err != nil {
		return err
	}
	request, err := t.request(ctx, w)
	if err != nil {
		return err
	}
	s.done(w.requester.title()+" asks for repair records", "claim %s, label %s, held by %s", w.claim, w.label, w.holder.title())
	asked, err := w.owner.wallet.Requests(ctx)
	if err != nil {
		return err
	}
	if err := expect(len(asked) == 1 && asked[0].Request.ID == request, "the wallet shows %d requests", len(asked)); err != nil {
		return err
	}
	s.shown("the wallet shows the request", "from %s, for %s: %s", w.owner.wallet.Name(asked[0].Requester), asked[0].Request.Purpose, plural(len(asked[0].Covers), "record"))
	draft, err := w.draft(ctx, w.owner.wallet, request)
	if err != nil {
		return err
	}
	if err := w.owner.wallet.Grant(ctx, draft); err != nil {
		return err
	}
	if err := t.catchUp(ctx); err != nil {
		return err
	}
	g := &draft.Statement
	s.done("the policyholder consents", "until %s, at most %d times, signed in the wallet", time.Unix(g.Expiry, 0).UTC().Format("2 Jan 15:04 MST"), g.MaxReleases)
	capsules := len(where(t.repairs, func(x issued) bool { return x.issuer == w.holder && x.label == w.label }))
	s.done("the system manager approves", "a secret inside the policy, δ, proves that there is one; a search among the shop's %d records under %s found the owner's, without reading any", capsules, w.label)
	s.done("the proxy takes the re-encryption key", "made by the policyholder for this insurer and label; checked against the consent")
	if err := t.openClaim(ctx, s, w, g.Consent); err != nil {
		return err
	}
	s.fact("consent", g.Consent)
	s.fact("records", t.claim.records)
	s.fact("capsulesSearched", capsules)
	return nil
}

// openClaim has the insurer fetch what was granted, no more and no less.
func (t *tale) openClaim(ctx context.Context, s *Scene, w wish, consent record.ConsentID) error {
	done, err := t.read(ctx, w, consent)
	if err != nil {
		return err
	}
	t.claim = &done.settled
	own := where(t.repairs, func(x issued) bool { return x.owner == w.owner && x.issuer == w.holder && x.label == w.label })
	if err := expect(len(own) == len(done.readers), "the insurer read %d records, the claimant has %d there", len(done.readers), len(own)); err != nil {
		return err
	}
	everything := where(t.repairs, func(x issued) bool { return x.owner == w.owner })
	s.done("the insurer opens exactly what was granted", "%s of the %d that two shops keep of this car, after %d checks:", plural(len(done.readers), "record"), len(everything), len(done.checks))
	for _, check := range done.checks {
		s.done("  "+check, "")
	}
	for _, r := range done.readers {
		repair, _ := r.doc.Repair()
		s.shown("order "+repair.OrderNumber, "%s %s, %s, %d operations, %d photos", repair.Vehicle.Make, repair.Vehicle.Model,
			document.FormatAmount(repair.Totals.Total, repair.Currency), len(repair.Operations), r.photos)
	}
	s.fact("checks", done.checks)
	return nil
}

func (t *tale) shareMore(ctx context.Context, s *Scene) error {
	claimant := t.holders[t.data.Cast["claimant"]]
	current, err := t.policyOf(claimant, t.insurers[1])
	if err != nil {
		return err
	}
	former, err := t.policyOf(claimant, t.insurers[0])
	if err != nil {
		return err
	}
	shopWish := wish{owner: claimant, requester: t.shops[1], holder: t.shops[0], label: "repair/2025", purpose: "repair",
		policy: current, valid: 24 * time.Hour, releases: 10}
	seen, err := t.share(ctx, shopWish)
	if err != nil {
		return err
	}
	repair, _ := seen.readers[0].doc.Repair()
	s.done(t.shops[1].title()+" reads an earlier repair", "%s under repair/2025 at %s: order %s", plural(len(seen.readers), "record"), t.shops[0].title(), repair.OrderNumber)

	policyWish := wish{owner: claimant, requester: t.insurers[1], holder: t.insurers[0], label: former.label, purpose: "underwriting",
		policy: former, valid: 24 * time.Hour, releases: 1}
	if seen, err = t.share(ctx, policyWish); err != nil {
		return err
	}
	policy, isPolicy := seen.readers[0].doc.Policy()
	s.done(t.insurers[1].title()+" reads an old policy", "number %s of %s, %d claim-free years", policy.PolicyNumber, t.insurers[0].title(), policy.ClaimFreeYears)
	s.fact("repairOrder", repair.OrderNumber)
	s.fact("policyNumber", policy.PolicyNumber)
	return expect(isPolicy, "the new insurer did not get a policy")
}

// share is a wish from the request to the records read.
func (t *tale) share(ctx context.Context, w wish) (*got, error) {
	draft, err := t.agree(ctx, w)
	if err != nil {
		return nil, err
	}
	return t.read(ctx, w, draft.Statement.Consent)
}
