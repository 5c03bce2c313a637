package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
)

// How long loops wait when nothing happens.
const (
	submitEvery = 5 * time.Second
	sweepEvery  = time.Minute
	settleEvery = 15 * time.Second
	retryAfter  = 2 * time.Second
)

// settle finishes what a crash left open: endorsed transactions in the journal
// are sent again. What is pending in the database is submitted by the loop that
// always does so, and the ledger answers "already recorded" for what it has.
func (p *party) settle(ctx context.Context) error {
	var recovered []ledger.Recovered
	err := p.patiently(ctx, "settle what was on its way to the ledger", func(ctx context.Context) (err error) {
		recovered, err = p.ledger.Recover(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("recover transactions: %w", err)
	}
	for _, r := range recovered {
		p.log.Info("a transaction from before the restart is settled", "txId", r.Entry.TxID, "transaction", r.Entry.Transaction, "error", errorText(r.Err))
	}
	open, err := p.store.Submissions(ctx)
	if err != nil {
		return fmt.Errorf("recover submissions: %w", err)
	}
	for _, s := range open {
		if err := p.store.Requeue(ctx, s.Records...); err != nil {
			return fmt.Errorf("recover submission %s: %w", s.Reference, err)
		}
	}
	p.sweepFirst(ctx)
	return nil
}

// sweepFirst destroys the keys of ended consents before anybody can ask for
// anything: a backup that was restored may have brought some back. That it fails
// keeps nobody out, because every release looks at its consent on the ledger.
func (p *party) sweepFirst(ctx context.Context) {
	if p.proxy == nil {
		return
	}
	n, err := p.proxy.Sweep(ctx)
	if n > 0 || err != nil {
		p.log.Info("destroyed re-encryption keys of consents that have ended", "keys", n, "error", errorText(err))
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// follow notes what the ledger says of this party's records and consents, in the
// database transaction that takes the block over.
func (p *party) follow(ctx context.Context, tx store.WorldTx, change listener.Change) error {
	if p.copied != nil {
		p.copied.Changed(change)
	}
	documents, err := change.Documents()
	if err != nil {
		return err
	}
	for _, d := range documents {
		switch document := d.Document.(type) {
		case *record.Record:
			if document.Issuer == p.id() {
				if err := tx.MarkRecorded(ctx, change.Transaction.TxID, change.Transaction.Block, document.ID); err != nil {
					return err
				}
				if document.Erased != 0 && p.erasedByUs(document) {
					p.erasures.add(document.ID)
					nudge(p.erased)
				}
			}
		case *record.Consent:
			if document.Status == record.ConsentRevoked {
				nudge(p.ended)
			}
		case *record.Party, *record.Revocation:
			nudge(p.ended) // a rotation ends consents too
		}
	}
	return nil
}

// submitLoop takes what is pending in the database to the ledger.
func (p *party) submitLoop(ctx context.Context) error {
	return p.repeat(ctx, submitEvery, p.recorded, "submit", "submit records", func(ctx context.Context) error {
		submitted, err := p.member.Flush(ctx, record.MaxBatch)
		for _, s := range submitted {
			p.watch.took(submission{s.TxID, s.Block, s.Answer.Recorded, time.Now()})
			p.log.InfoContext(ctx, "submitted", "txId", s.TxID, "block", s.Block, "entries", s.Answer.Entries, "recorded", s.Answer.Recorded, "violation", s.Answer.Violation != "")
		}
		return err
	})
}

// settleLoop brings transactions to their end that are in the journal and that
// nobody looks after: their outcome could not be noted while the database was
// gone. A restart would do the same.
func (p *party) settleLoop(ctx context.Context) error {
	return p.repeat(ctx, settleEvery, nil, "settle", "settle what was on its way to the ledger", func(ctx context.Context) error {
		recovered, err := p.ledger.Recover(ctx)
		for _, r := range recovered {
			p.log.InfoContext(ctx, "a transaction of open fate is settled", "txId", r.Entry.TxID, "transaction", r.Entry.Transaction, "error", errorText(r.Err))
		}
		return err
	})
}

// sweepLoop destroys the re-encryption keys of consents that have ended.
func (p *party) sweepLoop(ctx context.Context) error {
	return p.repeat(ctx, sweepEvery, p.ended, "sweep", "destroy the keys of ended consents", func(ctx context.Context) error {
		n, err := p.proxy.Sweep(ctx)
		if n > 0 {
			p.log.Info("destroyed re-encryption keys of ended consents", "keys", n)
		}
		return err
	})
}

// followLoop follows the ledger into the database.
func (p *party) followLoop(ctx context.Context) error {
	for {
		err := p.listener.Follow(ctx, p.watch.metrics.Source(p.ledger))
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, listener.ErrOtherLedger) || errors.Is(err, listener.ErrOtherChaincode) || errors.Is(err, listener.ErrGap) || errors.Is(err, store.ErrMoved) {
			return fmt.Errorf("follow the ledger: %w", err)
		}
		p.watch.metrics.Loop("follow", err)
		p.log.Warn("following the ledger was interrupted", "error", errorText(err))
		if !pause(ctx, retryAfter) {
			return nil
		}
	}
}

// repeat does something now, whenever it is woken, and every so often. An error
// is logged, and the work tried again.
func (p *party) repeat(ctx context.Context, every time.Duration, wake <-chan struct{}, loop, what string, work func(context.Context) error) error {
	for {
		wait := every
		err := work(ctx)
		if ctx.Err() == nil {
			p.watch.worked(loop, err)
		}
		if err != nil && ctx.Err() == nil {
			p.log.Warn("could not "+what, "error", err.Error())
			wait = min(wait, retryAfter)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		case <-time.After(wait):
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
