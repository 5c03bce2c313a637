package story

import (
	"context"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/crypto/bls"
)

// forge makes a batch of one sealed record whose owner's signature is the
// shop's own, with the shop's good signature under the batch as a whole.
func (t *tale) forge(ctx context.Context, shop *program, owner *record.Party) (record.Batch, error) {
	draft := t.data.Repairs[0].Record
	draft.Attachments = nil
	p, err := client.NewMember(shop.chain, shop.keys, nil).ProposeRepair(ctx, owner, "repair/2026", draft, nil)
	if err != nil {
		return record.Batch{}, err
	}
	if err := p.Close(); err != nil {
		return record.Batch{}, err
	}
	sign := func(role bls.Role, s record.Statement) record.Signature {
		return record.Signature(shop.keys.Signing.Sign(role, s.Hash(shop.chain.Context())))
	}
	batch := record.Batch{Entries: []record.Entry{{
		Statement: p.Statement, OwnerSignature: sign(bls.RoleOwner, &p.Statement), IssuerSignature: sign(bls.RoleIssuer, &p.Statement),
	}}}
	s := record.BatchStatement{Issuer: p.Statement.Issuer, IssuerVersion: p.Statement.IssuerVersion, Entries: batch.EntriesDigest(), Time: time.Now().Unix()}
	batch.Carriage = &record.Carriage{Statement: s, Signature: sign(bls.RoleIssuer, &s)}
	return batch, nil
}

func (t *tale) loseCredit(ctx context.Context, s *Scene) error {
	shop := t.shops[1]
	p, err := t.programOf(ctx, shop.Node)
	if err != nil {
		return err
	}
	owner, err := t.look.Party(ctx, t.holders[t.data.Cast["bystander"]].id())
	if err != nil {
		return err
	}
	standing, err := t.look.Standing(ctx, shop.id())
	if err != nil {
		return err
	}
	s.shown(shop.title()+" begins", "credit %d, %s", standing.Credit, standing.Status)
	credits := []int{standing.Credit}
	manager := p.nodes.Authority(t.nodes.Authority().Party)
	for i := range record.ExpelAt {
		batch, err := t.forge(ctx, p, owner)
		if err != nil {
			return err
		}
		answer, result, err := manager.Carry(ctx, batch)
		if err != nil {
			return err
		}
		if err := expect(answer.Recorded == 0 && answer.Violation != "", "a forged record was stored"); err != nil {
			return err
		}
		if err := t.catchUp(ctx); err != nil {
			return err
		}
		if standing, err = t.look.Standing(ctx, shop.id()); err != nil {
			return err
		}
		credits = append(credits, standing.Credit)
		s.Lines = append(s.Lines, Line{Refused, fmt.Sprintf("forged record %d: not stored", i+1),
			fmt.Sprintf("credit %d, %s, transaction %s", standing.Credit, standing.Status, short(result.TxID))})
	}
	if err := expect(fmt.Sprint(credits) == "[100 75 50 25 0]" && standing.Status == record.StatusExpelled, "credit went %v, %s", credits, standing.Status); err != nil {
		return err
	}
	s.fact("credits", credits)
	return t.afterExpulsion(ctx, s, shop, p, owner)
}

// afterExpulsion is what remains of an expelled shop.
func (t *tale) afterExpulsion(ctx context.Context, s *Scene, shop *organisation, p *program, owner *record.Party) error {
	batch, err := t.forge(ctx, p, owner)
	if err != nil {
		return err
	}
	_, _, err = p.chain.SubmitBatch(ctx, batch)
	if err := s.refused("expelled", "any further submission, good or bad", err, record.ErrExpelled); err != nil {
		return err
	}
	violations, err := t.look.Violations(ctx, shop.id())
	if err != nil {
		return err
	}
	kept, err := t.look.RecordsBy(ctx, shop.id())
	if err != nil {
		return err
	}
	s.done("what it recorded before stays readable", "%d records, %d violations with their evidence on the ledger", len(kept), len(violations))
	s.fact("violations", len(violations))
	return expect(len(violations) == record.ExpelAt, "%d violations", len(violations))
}

func (t *tale) bypass(ctx context.Context, s *Scene) error {
	insurer := t.insurers[0]
	p, err := t.programOf(ctx, insurer.Node)
	if err != nil {
		return err
	}
	request := record.AccessRequest{ID: record.RequestID{1}, Owner: t.claim.owner.id(), Label: "repair/2026", Purpose: "claim"}
	_, err = p.ledger.Submit(ctx, ledger.Call{
		Contract: "consents", Transaction: "RequestAccess", Args: []string{record.EncodeText(request.Encode())},
		Endorsers: []string{"Insurer1MSP"},
	})
	if err := s.refused("insurerAlone", insurer.title()+"'s peer signs instead", err, ledger.ErrEndorsementPolicy); err != nil {
		return err
	}
	_, err = p.chain.Request(ctx, request.ID)
	return s.refused("nothingWritten", "so the transaction changed nothing", err, record.ErrRequestUnknown)
}
