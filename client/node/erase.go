package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/bls"
)

// eraseEvery is how often it is looked whether something is to be destroyed that
// could not be before.
const eraseEvery = time.Minute

// maxReason is how long the reason of an erasure may be, in bytes.
const maxReason = 256

// told is the reason in the database of an erasure of which the ledger told.
const told = "the ledger says that it was erased"

// Erase implements nodev1.OperatorServiceServer. The ledger is told first: what a
// crash keeps from being destroyed then, the erase loop destroys at the next
// start.
func (o *operator) Erase(ctx context.Context, r *nodev1.EraseRequest) (*nodev1.EraseResponse, error) {
	if err := o.forMembers(); err != nil {
		return nil, err
	}
	ids, err := recordIDs([][]byte{r.Record})
	if err != nil {
		return nil, err
	}
	if r.Reason == "" || len(r.Reason) > maxReason {
		return nil, record.ErrMalformed.With("a reason has 1 to %d bytes", maxReason)
	}
	p, id := o.party, ids[0]
	p.erasures.because(id, r.Reason) // the loop may be faster
	erased, err := p.member.Erase(ctx, id)
	if errors.Is(err, record.ErrRecordUnknown) {
		return nil, p.unrecorded(ctx, id, err)
	}
	if err != nil {
		return nil, err
	}
	// The caller may have gone; what the ledger knows is seen to its end.
	ctx = context.WithoutCancel(ctx)
	if err := p.store.Erase(ctx, id, r.Reason); err != nil {
		p.erasures.add(id) // and tried again
		nudge(p.erased)
		return nil, fmt.Errorf("the ledger says now that the record is erased; to destroy it here failed and is tried again: %w", err)
	}
	p.log.InfoContext(ctx, "erased a record", "record", id.String())
	return &nodev1.EraseResponse{Erased: erased.Erased}, nil
}

// unrecorded says why a record cannot be erased that the ledger does not have.
func (p *party) unrecorded(ctx context.Context, id record.RecordID, unknown error) error {
	e, err := p.store.Record(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return unknown
	case err != nil:
		return err
	case e.State == store.Refused:
		return status.Errorf(codes.FailedPrecondition, "record %s was refused by the ledger: %s", id, e.Reason)
	}
	return status.Errorf(codes.FailedPrecondition, "record %s is on its way to the ledger: erase it when it is recorded", id)
}

// uncovered says why a consent does not give access to a record.
func (p *party) uncovered(ctx context.Context, id record.RecordID) error {
	listed, err := p.chain.Record(ctx, id)
	if err == nil && listed.Erased != 0 {
		return record.ErrRecordErased.With("record %s was erased at %s", id, record.FormatTime(listed.Erased))
	}
	return record.ErrConsentScope.With("record %s", id)
}

// erasures are records of which the ledger says that they are erased, and which
// are to be destroyed here.
type erasures struct {
	mu      sync.Mutex
	open    map[record.RecordID]bool
	reasons map[record.RecordID]string // of those that were asked for here
	all     bool                       // the ledger's copy has been looked through
}

// because notes the reason of an erasure that is about to be told to the ledger.
func (e *erasures) because(id record.RecordID, reason string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reasons == nil {
		e.reasons = map[record.RecordID]string{}
	}
	e.reasons[id] = reason
}

// reason is why a record is erased, as far as this process knows.
func (e *erasures) reason(id record.RecordID) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return cmp.Or(e.reasons[id], told)
}

func (e *erasures) add(ids ...record.RecordID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open == nil {
		e.open = map[record.RecordID]bool{}
	}
	for _, id := range ids {
		e.open[id] = true
	}
}

func (e *erasures) list() []record.RecordID {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []record.RecordID
	for id := range e.open {
		all = append(all, id)
	}
	return all
}

func (e *erasures) done(id record.RecordID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.open, id)
	delete(e.reasons, id)
}

// eraseLoop destroys what the ledger says is erased: what a crash has kept from
// being destroyed, and what comes back with a backup.
func (p *party) eraseLoop(ctx context.Context) error {
	return p.repeat(ctx, eraseEvery, p.erased, "erase", "destroy erased records", func(ctx context.Context) error {
		if !p.erasures.all {
			if err := p.findErasures(ctx); err != nil {
				return err
			}
			p.erasures.all = true // this goroutine's alone
		}
		for _, id := range p.erasures.list() {
			if err := p.destroy(ctx, id); err != nil {
				return err
			}
			p.erasures.done(id)
		}
		return nil
	})
}

// findErasures looks for erased records in the copy of the ledger.
func (p *party) findErasures(ctx context.Context) error {
	for listed, err := range listener.Records(ctx, p.store) {
		if err != nil {
			return err
		}
		if listed.Issuer != p.id() || listed.Erased == 0 {
			continue
		}
		e, err := p.store.Record(ctx, listed.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if e.Erased.IsZero() && p.erasedByUs(listed) {
			p.erasures.add(listed.ID)
		}
	}
	return nil
}

// erasedByUs says whether an erasure that the ledger tells of is signed with this
// party's own keys. What is destroyed does not come back, so no peer's word is enough
// for it, and no row in the database.
func (p *party) erasedByUs(listed *record.Record) bool {
	s := listed.EraseStatement()
	if s != nil && bls.Verify(p.keys.Signing.PublicKey(), bls.RoleIssuer, s.Hash(p.chain.Context()), bls.Signature(listed.Erasure.Signature)) == nil {
		return true
	}
	p.log.Warn("the ledger says that a record is erased, and these keys have not signed it; it is not destroyed: if it is to be, run claimshare node erase", "record", listed.ID.String())
	return false
}

// destroy destroys a record here. One whose row says so already may have left a file
// or old pages, because something was in the way: to erase it again finishes that.
func (p *party) destroy(ctx context.Context, id record.RecordID) error {
	e, err := p.store.Record(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := p.store.Erase(ctx, id, p.erasures.reason(id)); err != nil {
		return err
	}
	if e.Erased.IsZero() {
		p.log.Info("destroyed a record that the ledger says is erased", "record", id.String())
	}
	return nil
}
