package story

import (
	"context"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/crypto/bls"
)

// forge makes a batch of one sealed record whose owner's signature is the
// shop's own.
func (t *tale) forge(ctx context.Context, shop *organisation, owner *holder) (record.Batch, error) {
	draft := t.data.Repairs[0].Record
	draft.Attachments = nil
	p, err := shop.member.ProposeRepair(ctx, owner.party, "repair/2026", draft, nil)
	if err != nil {
		return record.Batch{}, err
	}
	if err := p.Close(); err != nil {
		return record.Batch{}, err
	}
	hash := p.Statement.Hash(shop.chain.Context())
	return record.Batch{Entries: []record.Entry{{
		Statement:       p.Statement,
		OwnerSignature:  record.Signature(shop.keys.Signing.Sign(bls.RoleOwner, hash)),
		IssuerSignature: record.Signature(shop.keys.Signing.Sign(bls.RoleIssuer, hash)),
	}}}, nil
}

func (t *tale) loseCredit(ctx context.Context, s *Scene) error {
	shop, owner := t.shops[1], t.holders[t.data.Cast["bystander"]]
	standing, err := t.manager.Standing(ctx, shop.member.ID())
	if err != nil {
		return err
	}
	s.shown(shop.title+" begins", "credit %d, %s", standing.Credit, standing.Status)
	credits := []int{standing.Credit}
	for i := range record.ExpelAt {
		batch, err := t.forge(ctx, shop, owner)
		if err != nil {
			return err
		}
		answer, result, err := shop.chain.SubmitBatch(ctx, batch)
		if err != nil {
			return err
		}
		if err := expect(answer.Recorded == 0 && answer.Violation != "", "a forged record was stored"); err != nil {
			return err
		}
		if err := t.catchUp(ctx); err != nil {
			return err
		}
		if standing, err = t.manager.Standing(ctx, shop.member.ID()); err != nil {
			return err
		}
		credits = append(credits, standing.Credit)
		s.Lines = append(s.Lines, Line{Refused, fmt.Sprintf("forged record %d: not stored", i+1),
			fmt.Sprintf("credit %d, %s, transaction %s", standing.Credit, standing.Status, short(result.TxID))})
	}
	if err := expect(fmt.Sprint(credits) == "[100 75 50 25 0]" && standing.Status == record.StatusExpelled, "credit went %v, %s", credits, standing.Status); err != nil {
		return err
	}
	batch, err := t.forge(ctx, shop, owner)
	if err != nil {
		return err
	}
	_, _, err = shop.chain.SubmitBatch(ctx, batch)
	if err := s.refused("expelled", "any further submission, good or bad", err, record.ErrExpelled); err != nil {
		return err
	}
	violations, err := t.manager.Violations(ctx, shop.member.ID())
	if err != nil {
		return err
	}
	kept, err := t.manager.RecordsBy(ctx, shop.member.ID())
	if err != nil {
		return err
	}
	s.done("what it recorded before stays readable", "%d records, %d violations with their evidence on the ledger", len(kept), len(violations))
	s.fact("credits", credits)
	s.fact("violations", len(violations))
	return expect(len(violations) == record.ExpelAt, "%d violations", len(violations))
}

func (t *tale) bypass(ctx context.Context, s *Scene) error {
	insurer := t.insurers[0]
	request := record.AccessRequest{ID: record.RequestID{1}, Owner: t.claim.owner.wallet.ID(), Label: "repair/2026", Purpose: "claim"}
	_, err := insurer.chain.Ledger().Submit(ctx, ledger.Call{
		Contract: "consents", Transaction: "RequestAccess", Args: []string{record.EncodeText(request.Encode())},
		Endorsers: []string{"Insurer1MSP"},
	})
	if err := s.refused("insurerAlone", insurer.title+"'s peer signs instead", err, ledger.ErrEndorsementPolicy); err != nil {
		return err
	}
	_, err = insurer.chain.Request(ctx, request.ID)
	return s.refused("nothingWritten", "so the transaction changed nothing", err, record.ErrRequestUnknown)
}
