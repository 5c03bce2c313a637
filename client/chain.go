package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/crypto/pre"
)

// Channel is the way to one chaincode on one channel. *[ledger.Ledger] is one;
// a wallet, which has no Fabric certificate, goes through a member's node.
type Channel interface {
	// Evaluate asks for the answer of a query.
	Evaluate(ctx context.Context, contract, transaction string, args ...string) ([]byte, error)
	// Submit returns when the transaction is committed as valid.
	Submit(ctx context.Context, call ledger.Call) (ledger.Result, error)
	// Height is the number of blocks that the peer has which Evaluate asks.
	Height(ctx context.Context) (uint64, error)
	// Connection names channel and chaincode.
	Connection() ledger.Connection
}

// Chain is the ledger as one Fabric identity sees it, with the contract's own
// types. It knows the deployment's parameters, and therefore what statements
// are signed for.
type Chain struct {
	ledger  Channel
	params  *pre.Parameters
	signed  record.Context
	system  *record.System
	reached atomic.Uint64 // a block that this identity's peer is known to have
}

// Initialise sets a new ledger up with the parameters: a system manager's act,
// once. It returns [record.ErrAlreadyInitialised] or
// [record.ErrNotSystemManager].
func Initialise(ctx context.Context, l Channel, params *pre.Parameters) (*Chain, error) {
	setup := record.Setup{Parameters: params.Bytes(), RecordWindow: record.DefaultRecordWindow, ClockSkew: record.DefaultClockSkew}
	if _, _, err := submitCall[record.System](ctx, l, record.TxInitSystem, ledger.Call{Args: []string{record.EncodeText(setup.Encode())}}); err != nil {
		return nil, err
	}
	return OpenChain(ctx, l)
}

// OpenChain reads the deployment's parameters from the ledger. It returns
// [record.ErrNotInitialised], or [ErrSystem] if they do not fit together.
// Compare [Chain.Parameters] with a parameters file that you trust.
func OpenChain(ctx context.Context, l Channel) (*Chain, error) {
	system, err := evaluate[record.System](ctx, l, record.TxSystem)
	if err != nil {
		return nil, err
	}
	params, err := pre.ParseParameters(system.Parameters)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSystem, err)
	}
	signed := system.Context()
	if params.ID() != signed.ParamsID {
		return nil, fmt.Errorf("%w: parameters and their identifier differ", ErrSystem)
	}
	c := l.Connection()
	if signed.Channel != c.Channel || signed.Chaincode != c.Chaincode {
		return nil, fmt.Errorf("%w: it calls itself %s on %s, the connection %s on %s", ErrSystem, signed.Chaincode, signed.Channel, c.Chaincode, c.Channel)
	}
	return &Chain{ledger: l, params: params, signed: signed, system: system}, nil
}

// Parameters are the deployment's public parameters.
func (c *Chain) Parameters() *pre.Parameters { return c.params }

// Context is what statements for this deployment are hashed with.
func (c *Chain) Context() record.Context { return c.signed }

// Ledger is the connection underneath.
func (c *Chain) Ledger() Channel { return c.ledger }

// As is the same deployment seen by another identity.
func (c *Chain) As(l Channel) *Chain {
	return &Chain{ledger: l, params: c.params, signed: c.signed, system: c.system}
}

// Seen is the last block that this identity's peer is known to have. A party
// that tells another what it did on the ledger says so as of this block.
func (c *Chain) Seen() uint64 { return c.reached.Load() }

// waiter is a [Channel] that can wait for a block without asking for the height
// again and again.
type waiter interface {
	// AwaitBlock waits a little and reports whether answers show the block. If
	// not, Height has to be asked.
	AwaitBlock(ctx context.Context, block uint64) bool
}

// Await waits until this identity's peer has a block: peers commit at slightly
// different times, and what one party has seen another may not see yet. It
// returns [ErrBehind] when that takes longer than half a minute.
func (c *Chain) Await(ctx context.Context, block uint64) error {
	if block <= c.Seen() {
		return nil
	}
	patient, cancel := context.WithTimeoutCause(ctx, catchUp, ErrBehind)
	defer cancel()
	w, waits := c.ledger.(waiter)
	if waits && w.AwaitBlock(patient, block) {
		c.has(block)
		return nil
	}
	for {
		height, err := c.ledger.Height(patient)
		if err != nil && patient.Err() == nil {
			return err
		}
		if height > block {
			if waits { // the later blocks were not waited for
				height = block + 1
			}
			c.has(height - 1)
			return nil
		}
		select {
		case <-patient.Done():
			return fmt.Errorf("client: wait for block %d, have %d: %w", block, c.Seen(), context.Cause(patient))
		case <-time.After(catchUpPause):
		}
	}
}

const (
	catchUp      = 30 * time.Second
	catchUpPause = 50 * time.Millisecond
)

// has notes that the peer has a block.
func (c *Chain) has(block uint64) {
	for {
		old := c.reached.Load()
		if block <= old || c.reached.CompareAndSwap(old, block) {
			return
		}
	}
}

// split cuts "contract:Transaction".
func split(name string) (contract, transaction string) {
	contract, transaction, _ = strings.Cut(name, ":")
	return contract, transaction
}

func evaluate[T any](ctx context.Context, l Channel, name string, args ...string) (*T, error) {
	contract, transaction := split(name)
	answer, err := l.Evaluate(ctx, contract, transaction, args...)
	if err != nil {
		return nil, err
	}
	return decodeAnswer[T](name, answer)
}

func submit[T any](ctx context.Context, c *Chain, name string, args ...string) (*T, error) {
	v, result, err := submitCall[T](ctx, c.ledger, name, ledger.Call{Args: args})
	c.has(result.Block)
	return v, err
}

func submitCall[T any](ctx context.Context, l Channel, name string, call ledger.Call) (*T, ledger.Result, error) {
	call.Contract, call.Transaction = split(name)
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = catchUpPause, 8*catchUpPause
	result, err := backoff.Retry(ctx, func() (ledger.Result, error) {
		result, err := l.Submit(ctx, call)
		if err != nil && !mayLag(err) {
			err = backoff.Permanent(err)
		}
		return result, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(endorserLag))
	if err != nil {
		return nil, result, err
	}
	v, err := decodeAnswer[T](name, result.Payload)
	return v, result, err
}

// endorserLag is how long a refusal is asked again that may only mean that the
// endorsing peer is behind: what this identity's own peer has committed, or
// another party's, the system manager's peer may commit a moment later. A
// refused transaction leaves nothing, so asking again is safe.
const endorserLag = 2 * time.Second

var laggingRefusals = []error{
	record.ErrNotInitialised, record.ErrUnknownCaller, record.ErrPartyUnknown, record.ErrRecordUnknown,
	record.ErrRequestUnknown, record.ErrConsentUnknown, record.ErrConsentUnapproved, record.ErrReleaseUnknown, record.ErrDecisionUnknown,
}

func mayLag(err error) bool {
	return slices.ContainsFunc(laggingRefusals, func(refusal error) bool { return errors.Is(err, refusal) })
}

// decodeAnswer reads what a peer answered. One peer alone answers a query, and
// it may be another party's: its answer is checked like any other input.
func decodeAnswer[T any](name string, answer []byte) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(answer, v); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrAnswer, name, err)
	}
	if err := validAnswer(name, v); err != nil {
		return nil, err
	}
	return v, nil
}

func validAnswer(name string, v any) error {
	document, ok := v.(interface{ Validate() error })
	if !ok {
		return nil
	}
	if err := document.Validate(); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrAnswer, name, err)
	}
	return nil
}

// reader is a [Channel] that has documents itself.
type reader interface {
	// Document answers a query for one document. It is false when a peer has to
	// be asked.
	Document(ctx context.Context, query, id string) (any, bool)
}

// one asks for one document and makes sure that it is the one answered.
func one[T any](ctx context.Context, c *Chain, name string, same func(*T) bool, args ...string) (*T, error) {
	if r, ok := c.ledger.(reader); ok && len(args) == 1 {
		if found, known := r.Document(ctx, name, args[0]); known {
			if v, ok := found.(*T); ok && same(v) {
				return v, nil
			}
		}
	}
	v, err := evaluate[T](ctx, c.ledger, name, args...)
	if err != nil {
		return nil, err
	}
	if !same(v) {
		return nil, fmt.Errorf("%w: %s %s", ErrAnswer, name, args[0])
	}
	return v, nil
}

// maxPages bounds the answer to one query: a million rows.
const maxPages = 1_000_000 / record.MaxPage

// pages goes through a paged query to its end. A peer or gateway that lies does
// not keep it going for ever: every page has at least one row and at most as many
// as were asked for, its bookmark is another one than the last, and there are at
// most maxPages. It returns [ErrAnswer] otherwise.
func pages[T any](ctx context.Context, l Channel, name string, args ...string) ([]T, error) {
	var all []T
	for n, bookmark := 0, ""; ; n++ {
		page, err := evaluate[record.Page[T]](ctx, l, name, append(append([]string{}, args...), strconv.Itoa(record.MaxPage), bookmark)...)
		if err != nil {
			return nil, err
		}
		if n == maxPages || len(page.Items) > record.MaxPage || page.Bookmark != "" && page.Bookmark == bookmark {
			return nil, fmt.Errorf("%w: %s: the pages have no end", ErrAnswer, name)
		}
		for i := range page.Items {
			if err := validAnswer(name, &page.Items[i]); err != nil {
				return nil, err
			}
		}
		all = append(all, page.Items...)
		if bookmark = page.Bookmark; bookmark == "" {
			return all, nil
		}
	}
}

// Register puts a party on the ledger; a system manager's act.
func (c *Chain) Register(ctx context.Context, r record.Registration) (*record.Party, error) {
	return submit[record.Party](ctx, c, record.TxRegister, record.EncodeText(r.Encode()))
}

// Party is one party. It returns [record.ErrPartyUnknown].
func (c *Chain) Party(ctx context.Context, id record.PartyID) (*record.Party, error) {
	return one(ctx, c, record.TxParty, func(p *record.Party) bool { return p.ID == id }, id.String())
}

// Parties is every party.
func (c *Chain) Parties(ctx context.Context) ([]record.Party, error) {
	return pages[record.Party](ctx, c.ledger, record.TxParties)
}

// SubmitBatch records the entries of one issuer. An entry with a wrong
// signature is not an error: the answer says what became of each.
func (c *Chain) SubmitBatch(ctx context.Context, b record.Batch) (*record.BatchAnswer, ledger.Result, error) {
	encoded := b.Encode()
	answer, result, err := submitCall[record.BatchAnswer](ctx, c.ledger, record.TxSubmitRecords, ledger.Call{
		Args:      []string{record.BatchDigest(encoded).String()},
		Transient: map[string][]byte{record.TransientBatch: encoded},
	})
	c.has(result.Block)
	return answer, result, err
}

// Record is the current version of a record. It returns
// [record.ErrRecordUnknown].
func (c *Chain) Record(ctx context.Context, id record.RecordID) (*record.Record, error) {
	return one(ctx, c, record.TxRecord, func(r *record.Record) bool { return r.ID == id }, id.String())
}

// RecordVersion is one version of a record, the current or an amended one. It
// returns [record.ErrRecordUnknown].
func (c *Chain) RecordVersion(ctx context.Context, v record.RecordVersion) (*record.Record, error) {
	return one(ctx, c, record.TxRecordVersion, func(r *record.Record) bool { return r.Version() == v }, v.ID.String(), v.Digest.String())
}

// RecordsOf is the current records of an owner.
func (c *Chain) RecordsOf(ctx context.Context, owner record.PartyID) ([]record.Record, error) {
	return pages[record.Record](ctx, c.ledger, record.TxRecordsByOwner, owner.String())
}

// RecordsBy is the current records of an issuer.
func (c *Chain) RecordsBy(ctx context.Context, issuer record.PartyID) ([]record.Record, error) {
	return pages[record.Record](ctx, c.ledger, record.TxRecordsByIssuer, issuer.String())
}

// RequestAccess puts a request on the ledger.
func (c *Chain) RequestAccess(ctx context.Context, r record.AccessRequest) (*record.Request, error) {
	return submit[record.Request](ctx, c, record.TxRequestAccess, record.EncodeText(r.Encode()))
}

// Request is one access request.
func (c *Chain) Request(ctx context.Context, id record.RequestID) (*record.Request, error) {
	return one(ctx, c, record.TxRequest, func(r *record.Request) bool { return r.ID == id }, id.String())
}

// RequestsTo is who asked an owner for what.
func (c *Chain) RequestsTo(ctx context.Context, owner record.PartyID) ([]record.Request, error) {
	return pages[record.Request](ctx, c.ledger, record.TxRequestsByOwner, owner.String())
}

// CarryGrant puts an owner's signed consent on the ledger: any member may.
func (c *Chain) CarryGrant(ctx context.Context, s record.GrantStatement, sig record.Signature) (*record.Consent, error) {
	return submit[record.Consent](ctx, c, record.TxGrant, record.EncodeText(s.Encode()), sig.String())
}

// CarryRevocation puts an owner's signed withdrawal on the ledger: any member
// may, and also before the consent it withdraws.
func (c *Chain) CarryRevocation(ctx context.Context, s record.RevokeStatement, sig record.Signature) (*record.Revocation, error) {
	return submit[record.Revocation](ctx, c, record.TxRevoke, record.EncodeText(s.Encode()), sig.String())
}

// Approve approves a consent; a system manager's act. Use [Authority.Approve],
// which checks before it approves.
func (c *Chain) Approve(ctx context.Context, id record.ConsentID) (*record.Consent, error) {
	return submit[record.Consent](ctx, c, record.TxApprove, id.String())
}

// Consent is one consent. It returns [record.ErrConsentUnknown].
func (c *Chain) Consent(ctx context.Context, id record.ConsentID) (*record.Consent, error) {
	return one(ctx, c, record.TxConsent, func(r *record.Consent) bool { return r.Consent == id }, id.String())
}

// ConsentsOf is what an owner consented to.
func (c *Chain) ConsentsOf(ctx context.Context, owner record.PartyID) ([]record.Consent, error) {
	return pages[record.Consent](ctx, c.ledger, record.TxConsentsByOwner, owner.String())
}

// AnnounceRelease commits what a proxy is about to hand out; a proxy's act.
func (c *Chain) AnnounceRelease(ctx context.Context, d record.Deliveries) ([]record.Release, error) {
	list, err := submit[[]record.Release](ctx, c, record.TxRelease, record.EncodeText(d.Encode()))
	if err != nil {
		return nil, err
	}
	return *list, nil
}

// Release is one release. It returns [record.ErrReleaseUnknown].
func (c *Chain) Release(ctx context.Context, id record.ReleaseID) (*record.Release, error) {
	return one(ctx, c, record.TxReleaseByID, func(r *record.Release) bool { return r.Statement.Release == id }, id.String())
}

// ConsentsTo is what a requester was given consent to.
func (c *Chain) ConsentsTo(ctx context.Context, requester record.PartyID) ([]record.Consent, error) {
	return pages[record.Consent](ctx, c.ledger, record.TxConsentsByRequester, requester.String())
}

// RequestsBy is what a requester asked for.
func (c *Chain) RequestsBy(ctx context.Context, requester record.PartyID) ([]record.Request, error) {
	return pages[record.Request](ctx, c.ledger, record.TxRequestsByRequester, requester.String())
}

// ReleasesUnder is what was handed out under a consent.
func (c *Chain) ReleasesUnder(ctx context.Context, consent record.ConsentID) ([]record.Release, error) {
	return pages[record.Release](ctx, c.ledger, record.TxReleasesByConsent, consent.String())
}

// openLister is a [Channel] that knows which releases are open.
type openLister interface {
	// OpenReleases lists a proxy's releases under a consent that their receiver
	// has not answered yet. It is false when the channel cannot tell.
	OpenReleases(ctx context.Context, consent record.ConsentID, proxy record.PartyID) ([]record.Release, bool)
}

// openReleases is a proxy's releases under a consent that their receiver has not
// answered yet.
func (c *Chain) openReleases(ctx context.Context, consent record.ConsentID, proxy record.PartyID) ([]record.Release, error) {
	if l, ok := c.ledger.(openLister); ok {
		if open, known := l.OpenReleases(ctx, consent, proxy); known {
			return open, nil
		}
	}
	all, err := c.ReleasesUnder(ctx, consent)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(r record.Release) bool { return r.Proxy != proxy || r.Status != record.ReleaseOpen }), nil
}

// CoveredBy is the records that a consent gives access to, as they are now. An
// owner's later record under the consent's label is one of them; an erased one is
// not.
func (c *Chain) CoveredBy(ctx context.Context, consent *record.Consent) ([]record.Record, error) {
	all, err := c.RecordsOf(ctx, consent.Owner)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(r record.Record) bool {
		return r.Erased != 0 || consent.Covers(r.Version(), r.Label, r.Issuer) != nil
	}), nil
}

// ReleasesOf is who read what of an owner, and when.
func (c *Chain) ReleasesOf(ctx context.Context, owner record.PartyID) ([]record.Release, error) {
	return pages[record.Release](ctx, c.ledger, record.TxReleasesByOwner, owner.String())
}

// Acknowledge says that a release was opened; the receiver's act.
func (c *Chain) Acknowledge(ctx context.Context, id record.ReleaseID) (*record.Release, error) {
	return submit[record.Release](ctx, c, record.TxAcknowledge, id.String())
}

// Dispute complains about a release; the receiver's act. The trailer is nil
// where the complaint is about the capsule.
func (c *Chain) Dispute(ctx context.Context, id record.ReleaseID, ground record.Ground, reason string, t *Trailer) (*record.Release, error) {
	statement, signature := "", ""
	if t != nil {
		statement, signature = record.EncodeText(t.Statement.Encode()), t.Signature.String()
	}
	return submit[record.Release](ctx, c, record.TxDispute, id.String(), ground.String(), reason, statement, signature)
}

// Resolve decides a dispute; a system manager's act. Upheld, it is a violation
// of the holder's.
func (c *Chain) Resolve(ctx context.Context, id record.ReleaseID, upheld bool, reason string) (*record.Release, error) {
	outcome := record.OutcomeDismissed
	if upheld {
		outcome = record.OutcomeUpheld
	}
	return submit[record.Release](ctx, c, record.TxResolve, id.String(), outcome, reason)
}

// Standing is a party's credit and status.
func (c *Chain) Standing(ctx context.Context, id record.PartyID) (*record.Standing, error) {
	return evaluate[record.Standing](ctx, c.ledger, record.TxStanding, id.String())
}

// Violations is a party's violations with their evidence.
func (c *Chain) Violations(ctx context.Context, id record.PartyID) ([]record.Violation, error) {
	return pages[record.Violation](ctx, c.ledger, record.TxViolations, id.String())
}
