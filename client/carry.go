package client

import (
	"context"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/crypto/bls"
)

// Carrier takes an issuer's signed batches to the ledger (Algorithm 1 of the
// paper): the system manager, or something that speaks with it. A wrong
// signature in a carried batch costs its issuer credit, whether the issuer likes
// it or not.
type Carrier interface {
	// Carry submits a batch that has a carriage and answers what became of it.
	Carry(ctx context.Context, batch record.Batch) (*record.BatchAnswer, ledger.Result, error)
}

// Carry submits another party's batch as it is, right or wrong. The issuer is
// who calls; the transport has made sure. It returns [ErrNotOurs] for a batch
// that is not the issuer's, [record.ErrCarrier] for one without a carriage, and
// the chaincode's errors.
func (a *Authority) Carry(ctx context.Context, issuer record.PartyID, batch record.Batch) (*record.BatchAnswer, ledger.Result, error) {
	if batch.Carriage == nil {
		return nil, ledger.Result{}, record.ErrCarrier.With("the batch has no carriage")
	}
	if by := batch.Carriage.Statement.Issuer; by != issuer {
		return nil, ledger.Result{}, fmt.Errorf("%w: the carriage is signed by %s", ErrNotOurs, by)
	}
	return a.chain.SubmitBatch(ctx, batch)
}

// send takes a batch to the ledger, or gives it to the carrier.
func (m *Member) send(ctx context.Context, batch record.Batch) (*record.BatchAnswer, ledger.Result, error) {
	if m.carrier == nil {
		return m.chain.SubmitBatch(ctx, batch)
	}
	me, err := m.keys.self(ctx, m.chain)
	if err != nil {
		return nil, ledger.Result{}, err
	}
	s := record.BatchStatement{Issuer: me.ID, IssuerVersion: me.Current().Version, Entries: batch.EntriesDigest(), Time: time.Now().Unix()}
	batch.Carriage = &record.Carriage{Statement: s, Signature: m.keys.sign(m.chain, bls.RoleIssuer, &s)}
	answer, result, err := m.carrier.Carry(ctx, batch)
	if err != nil {
		return nil, result, err
	}
	if answer == nil {
		return nil, result, fmt.Errorf("%w: the carrier says nothing", ErrAnswer)
	}
	return answer, result, m.chain.Await(ctx, result.Block)
}
