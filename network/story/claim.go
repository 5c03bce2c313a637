package story

import (
	"context"
	"io"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
)

// settled is a consent that has gone all the way.
type settled struct {
	owner     *holder
	requester *organisation
	holder    *organisation
	consent   record.ConsentID
	records   []record.RecordID
	handovers []client.Handover
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

// request puts the wish on the ledger.
func (t *tale) request(ctx context.Context, w wish) (*record.Request, error) {
	return w.requester.member.Ask(ctx, record.AccessRequest{
		Owner: w.owner.wallet.ID(), Holder: w.holder.member.ID(), Label: w.label, Purpose: w.purpose, Claim: w.claim,
	})
}

// grant has the owner sign a consent and the requester carry it to the ledger.
func (t *tale) grant(ctx context.Context, w wish, request *record.Request) (*client.Permission, error) {
	now := time.Now()
	p, err := w.owner.wallet.Grant(ctx, request, client.Terms{
		Holder: w.holder.member.ID(), Label: w.label, PolicyRecord: w.policy.id, Evidence: w.policy.delta,
		NotBefore: now.Add(-time.Minute), Expiry: now.Add(w.valid), MaxReleases: w.releases, Proxy: t.proxy.ID(),
	})
	if err != nil {
		return nil, err
	}
	_, err = w.requester.chain.CarryGrant(ctx, p.Statement, p.Signature)
	p.ToManager.AsOf, p.ToProxy.AsOf = w.requester.chain.Seen(), w.requester.chain.Seen()
	return p, err
}

// release has the requester demand records of the proxy.
func (t *tale) release(ctx context.Context, requester *organisation, consent record.ConsentID, records []record.RecordID, holder *organisation) ([]client.Handover, error) {
	return t.proxy.Release(ctx, client.Demand{
		AsOf: t.manager.Seen(), Requester: requester.member.ID(), Consent: consent, Records: records,
	}, holder.member)
}

// agree is request, grant, approval, and the proxy's acceptance of the key.
func (t *tale) agree(ctx context.Context, w wish) (record.ConsentID, []record.RecordID, error) {
	request, err := t.request(ctx, w)
	if err != nil {
		return record.ConsentID{}, nil, err
	}
	p, err := t.grant(ctx, w, request)
	if err != nil {
		return record.ConsentID{}, nil, err
	}
	found, err := t.authority.Approve(ctx, p.ToManager, w.holder.member)
	if err != nil {
		return record.ConsentID{}, nil, err
	}
	return p.Statement.Consent, found, t.proxy.Accept(ctx, p.ToProxy)
}

// read releases the records and has the requester open each.
func (t *tale) read(ctx context.Context, w wish, consent record.ConsentID, records []record.RecordID) ([]*reader, []*client.Receipt, *settled, error) {
	handovers, err := t.release(ctx, w.requester, consent, records, w.holder)
	if err != nil {
		return nil, nil, nil, err
	}
	var readers []*reader
	var receipts []*client.Receipt
	for _, h := range handovers {
		seen := &reader{}
		receipt, err := w.requester.member.Receive(ctx, h, w.holder.member, seen.inspect)
		if err != nil {
			return nil, nil, nil, err
		}
		readers, receipts = append(readers, seen), append(receipts, receipt)
	}
	return readers, receipts, &settled{w.owner, w.requester, w.holder, consent, records, handovers}, nil
}

// policyOf finds the policy of an owner at an insurer.
func (t *tale) policyOf(owner *holder, insurer *organisation) (issued, error) {
	list := where(t.policies, func(x issued) bool { return x.owner == owner && x.issuer == insurer })
	if len(list) == 0 {
		return issued{}, expect(false, "the claimant has no policy at %s", insurer.title)
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
	s.done(w.requester.title+" asks for repair records", "claim %s, label %s, held by %s", w.claim, w.label, w.holder.title)
	p, err := t.grant(ctx, w, request)
	if err != nil {
		return err
	}
	s.done("the policyholder consents", "until %s, at most %d times, signed in the wallet", time.Unix(p.Statement.Expiry, 0).UTC().Format("2 Jan 15:04 MST"), p.Statement.MaxReleases)

	found, err := t.authority.Approve(ctx, p.ToManager, w.holder.member)
	if err != nil {
		return err
	}
	all, err := w.holder.member.Candidates(ctx, w.label)
	if err != nil {
		return err
	}
	s.done("the system manager approves", "a secret inside the policy, δ, proves that there is one; a search among the shop's %d records under %s found %d of this owner, without reading any", len(all), w.label, len(found))
	if err := t.proxy.Accept(ctx, p.ToProxy); err != nil {
		return err
	}
	s.done("the proxy takes the re-encryption key", "made by the policyholder for this insurer and label; checked against the consent")
	readers, receipts, done, err := t.read(ctx, w, p.Statement.Consent, found)
	if err != nil {
		return err
	}
	t.claim = done
	own := where(t.repairs, func(x issued) bool { return x.owner == w.owner && x.issuer == w.holder && x.label == w.label })
	if err := expect(len(own) == len(readers) && len(own) > 0, "the insurer read %d records, the claimant has %d there", len(readers), len(own)); err != nil {
		return err
	}
	everything := where(t.repairs, func(x issued) bool { return x.owner == w.owner })
	s.done("the insurer opens exactly what was granted", "%s of the %d that two shops keep of this car, after %d checks:", plural(len(readers), "record"), len(everything), len(receipts[0].Checks))
	for _, check := range receipts[0].Checks {
		s.done("  "+check, "")
	}
	for _, r := range readers {
		repair, _ := r.doc.Repair()
		s.shown("order "+repair.OrderNumber, "%s %s, %s, %d operations, %d photos", repair.Vehicle.Make, repair.Vehicle.Model,
			document.FormatAmount(repair.Totals.Total, repair.Currency), len(repair.Operations), r.photos)
	}
	s.fact("consent", p.Statement.Consent)
	s.fact("records", found)
	s.fact("checks", receipts[0].Checks)
	s.fact("capsulesSearched", len(all))
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
	other := t.shops[1]
	shopWish := wish{owner: claimant, requester: other, holder: t.shops[0], label: "repair/2025", purpose: "repair", claim: "",
		policy: current, valid: 24 * time.Hour, releases: 10}
	consent, found, err := t.agree(ctx, shopWish)
	if err != nil {
		return err
	}
	readers, _, _, err := t.read(ctx, shopWish, consent, found)
	if err != nil {
		return err
	}
	repair, _ := readers[0].doc.Repair()
	s.done(other.title+" reads an earlier repair", "%s under repair/2025 at %s: order %s", plural(len(readers), "record"), t.shops[0].title, repair.OrderNumber)

	policyWish := wish{owner: claimant, requester: t.insurers[1], holder: t.insurers[0], label: former.label, purpose: "underwriting",
		policy: former, valid: 24 * time.Hour, releases: 1}
	if consent, found, err = t.agree(ctx, policyWish); err != nil {
		return err
	}
	if readers, _, _, err = t.read(ctx, policyWish, consent, found); err != nil {
		return err
	}
	policy, isPolicy := readers[0].doc.Policy()
	s.done(t.insurers[1].title+" reads an old policy", "number %s of %s, %d claim-free years", policy.PolicyNumber, t.insurers[0].title, policy.ClaimFreeYears)
	s.fact("repairOrder", repair.OrderNumber)
	s.fact("policyNumber", policy.PolicyNumber)
	return expect(isPolicy, "the new insurer did not get a policy")
}

// ignore reads a plaintext that the test of a refusal never expects to see.
func ignore(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
