package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/pre"
)

// Config says what is compared with what.
type Config struct {
	Party     record.PartyID // whose database it is
	Store     Database
	Chaincode string
	Blocks    listener.Source

	// Folder is where the copy of the ledger is made, and removed again; the
	// system's folder for temporary files when empty.
	Folder string
	// Progress is told how far it is, often; it may be nil.
	Progress func(Progress)
	// Found is told of every finding; it may be nil.
	Found func(Finding)
	// Patience is how long what is on its way may take, such as a peer's next
	// block or the destruction of a key by the running node; DefaultPatience
	// when zero.
	Patience time.Duration
}

// Database is a store as an audit needs it. Every store of this module is one.
type Database interface {
	store.Inspector
	// OpenPayloadFile opens a payload that is a file, or answers fs.ErrNotExist.
	OpenPayloadFile(id []byte) (io.ReadCloser, error)
	// StrangePayloadFiles names what is in the folder of payloads and belongs to
	// no payload.
	StrangePayloadFiles() ([]string, error)
}

// DefaultPatience is enough for a node and a peer that are at work.
const DefaultPatience = 30 * time.Second

// Progress is how far an audit is.
type Progress struct {
	Step  string // "replay the ledger", or the table that is compared
	Done  uint64 // blocks or rows
	Total uint64
}

// ErrRestarted: the database's copy of the ledger was begun anew meanwhile.
var ErrRestarted = errors.New("the database has begun to read the ledger anew during the audit: run it again")

// Auditor audits one database, any number of times. It is for one goroutine.
type Auditor struct {
	Config
	copy *copied
}

// New prepares an audit. Close the Auditor after use.
func New(ctx context.Context, c Config) (*Auditor, error) {
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	made, err := newCopied(ctx, c.Folder, c.Chaincode, c.Blocks)
	if err != nil {
		return nil, err
	}
	return &Auditor{Config: c, copy: made}, nil
}

// Close removes the copy of the ledger.
func (a *Auditor) Close() error { return a.copy.close() }

// run is one audit.
type run struct {
	*Auditor
	report  Report
	params  *pre.Parameters
	signed  record.Context
	parties *lru.Cache[record.PartyID, *record.Party]

	fixed   *uint64          // the height to compare at when the checkpoint cannot be trusted
	again   map[string][]key // rows on their way, by table
	seen    *seen            // payloads
	patient bool             // false while rows are looked at for the last time
	named   map[string]bool  // rows of the page at hand that something was found about
}

// key is a row's key, as the database has it.
type key = []any

// pageSize is how many rows are looked at as of one moment.
const pageSize = 500

// Run compares everything. The error is of something that kept it from
// comparing: ErrBehind, the database's, the peer's, listener.ErrOtherLedger. What
// it found is in the report, and is no error.
func (a *Auditor) Run(ctx context.Context) (*Report, error) {
	r := &run{Auditor: a, again: map[string][]key{}, patient: true}
	r.report = Report{Party: a.Party.String(), Chaincode: a.Chaincode, Began: time.Now().UTC(), Rows: map[string]uint64{}, Findings: []Finding{}}
	var err error
	if r.parties, err = lru.New[record.PartyID, *record.Party](10_000); err != nil {
		return nil, err
	}
	if r.seen, err = newSeen(ctx, a.copy.folder); err != nil {
		return nil, err
	}
	defer func() { _ = r.seen.close() }() // nothing of it is kept
	if err := r.all(ctx); err != nil {
		return nil, err
	}
	r.report.Ended = time.Now().UTC()
	r.report.Blocks, r.report.Hash = a.copy.height, hex.EncodeToString(a.copy.hash[:])
	r.report.Complete = r.report.Found == 0 && r.report.Blocks > 0
	return &r.report, nil
}

func (r *run) all(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	if err := r.deployment(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{r.world, r.collect, r.tables, r.seals, r.issued, r.consents, r.acknowledged, r.onceMore, r.nameless} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// deployment reads from the ledger what capsules and signatures are checked with.
func (r *run) deployment(ctx context.Context) error {
	if r.copy.height == 0 {
		return nil
	}
	system, err := listener.System(ctx, r.copy.store)
	if errors.Is(err, store.ErrNotFound) {
		return nil // the node has followed no further than that
	}
	if err != nil {
		return fmt.Errorf("audit: the ledger's parameters: %w", err)
	}
	if r.params, err = pre.ParseParameters(system.Parameters); err != nil {
		return fmt.Errorf("audit: the ledger's parameters: %w", err)
	}
	r.signed, r.report.Channel = system.Context(), system.Channel
	return nil
}

// moment shows the database and the ledger's copy at the same height.
func (r *run) moment(ctx context.Context, f func(m *moment) error) error {
	return r.Store.Inspect(ctx, func(in store.Inspection) error {
		height, err := r.height(ctx, in)
		if err != nil {
			return err
		}
		if height < r.copy.height {
			return ErrRestarted
		}
		if height > r.copy.height {
			r.parties.Purge()
		}
		if err := r.copy.advance(ctx, height, r.Patience, func(uint64) {}); err != nil {
			return err
		}
		return f(&moment{Inspection: in, run: r})
	})
}

// moment is the database as of one moment, with the ledger's copy at its height.
type moment struct {
	store.Inspection
	*run
}

func (r *run) progress(step string, done, total uint64) {
	r.Progress(Progress{Step: step, Done: done, Total: max(done, total)})
}

// find notes a finding.
func (r *run) find(f Finding) {
	r.report.Found++
	if r.named != nil {
		r.named[f.Row] = true
	}
	if len(r.report.Findings) < MaxFindings {
		r.report.Findings = append(r.report.Findings, f)
	}
	if r.Found != nil {
		r.Found(f)
	}
}

// wrong notes a finding about a row that is here.
func (r *run) wrong(row *store.Row, kind Kind, column, do, what string, args ...any) {
	table, key := at(row)
	r.find(Finding{Kind: kind, Table: table, Row: key, Column: column, What: fmt.Sprintf(what, args...), Do: do})
}

// gone notes a finding about a row that is not here.
func (r *run) gone(table string, key key, do, what string, args ...any) {
	r.find(Finding{Kind: Missing, Table: table, Row: store.KeyText(key), What: fmt.Sprintf(what, args...), Do: do})
}

// later puts a row off that may be on its way, and says whether it did: the
// caller then finds nothing wrong with it for now.
func (r *run) later(table string, key key) bool {
	if !r.patient || len(r.again[table]) >= MaxFindings {
		return false
	}
	r.again[table] = append(r.again[table], key)
	return true
}

// party reads a party from the ledger's copy; nil when it has none.
func (r *run) party(ctx context.Context, id record.PartyID) (*record.Party, error) {
	if p, known := r.parties.Get(id); known {
		return p, nil
	}
	p, err := listener.Party(ctx, r.copy.store, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		r.parties.Add(id, p)
	}
	return p, err
}
