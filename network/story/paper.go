package story

import (
	"context"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/crypto/pre"
)

func (t *tale) paperClaim(ctx context.Context, s *Scene) error {
	insurer := &organisation{identity: t.insurers[0].identity + "-paper", title: t.insurers[0].title, role: record.RoleInsurer}
	if err := t.cast.join(ctx, insurer, pre.ModePaper); err != nil {
		return err
	}
	defer insurer.store.Close()
	who := t.data.Policyholders[t.data.Cast["paper"]]
	owner, err := t.joinHolder(ctx, who.Identity, t.insurers[0], pre.ModePaper)
	if err != nil {
		return err
	}
	if err := t.catchUp(ctx); err != nil {
		return err
	}
	if err := insurer.chain.Await(ctx, t.manager.Seen()); err != nil {
		return err
	}
	s.done("owner and insurer join once more", "with paper-mode keys, for this one relationship only")

	shop := t.shops[0]
	item := t.data.Repairs[0]
	for _, r := range t.data.Repairs {
		if r.Holder == t.data.Cast["paper"] {
			item = r
		}
	}
	p, err := shop.member.ProposeRepair(ctx, owner.party, "", item.Record, item.Files)
	if err != nil {
		return err
	}
	if _, err := countersign(ctx, shop, owner, p); err != nil {
		return err
	}
	if _, _, err := flush(ctx, []*organisation{shop}); err != nil {
		return err
	}
	s.done(shop.title+" records a repair", "encrypted as in section 3.4, without a label")

	w := wish{owner: owner, requester: insurer, holder: shop, purpose: "claim", claim: "MM-C-2026-0102", valid: time.Hour, releases: 1}
	request, err := t.request(ctx, w)
	if err != nil {
		return err
	}
	permission, err := t.grant(ctx, w, request)
	if err != nil {
		return err
	}
	found, err := t.authority.Approve(ctx, permission.ToManager, shop.member)
	if err != nil {
		return err
	}
	s.done("request, consent, search and approval", "U1 = g^r', U2 = g2^(1/x_n) H1(Y^r'): %s found", plural(len(found), "record"))

	blinding, challenge, err := owner.wallet.StartRekey()
	if err != nil {
		return err
	}
	response, err := insurer.member.AnswerRekey(challenge)
	if err != nil {
		return err
	}
	t.secret("paper mode, t", blinding.Bytes())
	t.secret("paper mode, t/x_n", challenge.Bytes())
	t.secret("paper mode, x_i t/x_n", response.Bytes())
	if err := t.proxy.AcceptRekey(ctx, permission.Statement.Consent, blinding, response); err != nil {
		return err
	}
	s.done("the three make rk", "owner: t and t/x_n; insurer: x_i t/x_n; proxy: rk = x_i/x_n, checked with PK_n^rk = PK_i")
	readers, receipts, _, err := t.read(ctx, w, permission.Statement.Consent, found)
	if err != nil {
		return err
	}
	repair, _ := readers[0].doc.Repair()
	s.done("the proxy computes C2' = C2^rk", "the record's digest on the ledger stays good")
	s.done("the insurer opens it with its own key", "K = e(C2', g)^(1/x_i), %d checks; order %s, %s", len(receipts[0].Checks), repair.OrderNumber, document.FormatAmount(repair.Totals.Total, repair.Currency))

	_, err = t.release(ctx, insurer, permission.Statement.Consent, found, shop)
	if err := s.refused("exhausted", "a second release under a consent for one", err, record.ErrConsentExhausted); err != nil {
		return err
	}
	scoped := t.holders[t.data.Cast["paper"]]
	_, err = scoped.wallet.Grant(ctx, &record.Request{AccessRequest: record.AccessRequest{Owner: scoped.wallet.ID(), Label: "repair/2026", Purpose: "claim"}, Requester: insurer.member.ID()}, client.Terms{})
	if err := s.refused("modes", "a scoped key for a paper-mode receiver", err, client.ErrMode); err != nil {
		return err
	}
	s.fact("records", found)
	return nil
}
