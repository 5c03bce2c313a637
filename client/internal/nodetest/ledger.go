package nodetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// Channel and Chaincode are what every test's deployment is called.
const (
	Channel   = "claims"
	Chaincode = "claimshare"
)

// Ledger is the world state in memory. It is an [Organisations] too.
type Ledger struct {
	Master *pre.MasterKey

	mu            sync.Mutex
	system        *record.System
	parties       map[record.PartyID]record.Party
	order         []record.PartyID
	records       map[record.RecordID]record.Record
	consents      map[record.ConsentID]record.Consent
	releases      map[record.ReleaseID]record.Release
	organisations []ledger.MSP
	height        uint64
	asked         map[string]int
	broken        error
}

// NewLedger is a deployment without parties.
func NewLedger(t testing.TB) *Ledger {
	t.Helper()
	master, err := pre.GenerateMasterKey()
	require.NoError(t, err)
	params, err := pre.NewParameters("test", master.PublicKey())
	require.NoError(t, err)
	l := &Ledger{
		Master: master, height: 1, asked: map[string]int{}, parties: map[record.PartyID]record.Party{}, records: map[record.RecordID]record.Record{},
		consents: map[record.ConsentID]record.Consent{}, releases: map[record.ReleaseID]record.Release{},
	}
	l.system = &record.System{
		ParamsID: params.ID(), Parameters: params.Bytes(), MasterKey: record.EncryptionKeyCompressed(master.PublicKey()), Channel: Channel, Chaincode: Chaincode,
		Managers: record.Digest{1}, Threshold: 1, RecordWindow: record.DefaultRecordWindow, ClockSkew: record.DefaultClockSkew, Time: time.Now().Unix(),
	}
	return l
}

// Change alters what the ledger has.
func (l *Ledger) Change(alter func(l *State)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	alter(&State{Parties: l.parties, Records: l.records, Consents: l.consents, Releases: l.releases, Organisations: &l.organisations, Broken: &l.broken})
	l.height++
}

// State is what [Ledger.Change] can alter.
type State struct {
	Parties       map[record.PartyID]record.Party
	Records       map[record.RecordID]record.Record
	Consents      map[record.ConsentID]record.Consent
	Releases      map[record.ReleaseID]record.Release
	Organisations *[]ledger.MSP
	Broken        *error // what every question is answered with, if not nil
}

// Asked is how often a transaction was evaluated or submitted, or the height or
// the organisations asked for.
func (l *Ledger) Asked(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[name]
}

// Organisations answers the channel's MSPs.
func (l *Ledger) Organisations(context.Context) ([]ledger.MSP, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked["Organisations"]++
	return l.organisations, l.broken
}

// Chain is the ledger as a party sees it.
func (l *Ledger) Chain(t testing.TB, as record.PartyID) *client.Chain {
	t.Helper()
	c, err := client.OpenChain(t.Context(), &view{l, as})
	require.NoError(t, err)
	return c
}

// Join derives keys for a new party and registers it; msp and subject are empty
// for a policyholder.
func (l *Ledger) Join(t testing.TB, role record.Role, name, msp, subject string) *client.Keys {
	t.Helper()
	issuer, err := pseudonym.NewIssuer(l.Master.Bytes())
	require.NoError(t, err)
	pid, err := issuer.Issue(l.system.ParamsID, role.String(), name)
	require.NoError(t, err)
	var seed [32]byte
	_, err = rand.Read(seed[:])
	require.NoError(t, err)
	keys, err := client.DeriveKeys(seed, pid, pre.ModeScoped)
	require.NoError(t, err)
	params, err := pre.ParseParameters(l.system.Parameters)
	require.NoError(t, err)
	r, err := keys.Apply(params, role, msp, subject)
	require.NoError(t, err)
	l.Change(func(s *State) {
		s.Parties[keys.ID()] = record.Party{
			ID: keys.ID(), PID: r.PID, Role: role, MSP: msp, Subject: subject, Status: record.StatusActive,
			Keys: []record.KeyVersion{{Version: 1, Encryption: r.Encryption, Signing: r.Signing, Since: time.Now().Unix(), Tx: txID()}},
		}
		l.order = append(l.order, keys.ID())
	})
	return keys
}

func txID() (id record.TxID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

// view is the ledger through one party's peer.
type view struct {
	*Ledger
	caller record.PartyID
}

func (v *view) Connection() ledger.Connection {
	return ledger.Connection{Channel: Channel, Chaincode: Chaincode}
}

func (v *view) Height(context.Context) (uint64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked["Height"]++
	return v.height, v.broken
}

func fail(step ledger.Step, contract, transaction string, err error) error {
	return &ledger.Error{Step: step, Contract: contract, Transaction: transaction, Err: err}
}

func (v *view) Evaluate(ctx context.Context, contract, transaction string, args ...string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	name := contract + ":" + transaction
	v.asked[name]++
	if err := ctx.Err(); err != nil {
		return nil, fail(ledger.StepEvaluate, contract, transaction, err)
	}
	if v.broken != nil {
		return nil, fail(ledger.StepEvaluate, contract, transaction, v.broken)
	}
	answer, err := v.query(name, args)
	if err != nil {
		return nil, fail(ledger.StepEvaluate, contract, transaction, err)
	}
	return json.Marshal(answer)
}

func (v *view) query(name string, args []string) (any, error) {
	switch name {
	case record.TxSystem:
		return v.system, nil
	case record.TxParty:
		return document(v.parties, args[0], record.ErrPartyUnknown)
	case record.TxParties:
		page := record.Page[record.Party]{}
		for _, id := range v.order {
			page.Items = append(page.Items, v.parties[id])
		}
		return page, nil
	case record.TxRecord, record.TxRecordVersion:
		return document(v.records, args[0], record.ErrRecordUnknown)
	case record.TxConsent:
		return document(v.consents, args[0], record.ErrConsentUnknown)
	case record.TxReleaseByID:
		return document(v.releases, args[0], record.ErrReleaseUnknown)
	case record.TxReleasesByConsent:
		page := record.Page[record.Release]{}
		for _, r := range v.releases {
			if r.Statement.Consent.String() == args[0] {
				page.Items = append(page.Items, r)
			}
		}
		return page, nil
	}
	return nil, record.ErrUnknownTransaction.With("%s", name)
}

func document[K interface {
	comparable
	String() string
}, V any](all map[K]V, id string, unknown *record.Error) (*V, error) {
	for k, d := range all {
		if k.String() == id {
			return &d, nil
		}
	}
	return nil, unknown.With("%s", id)
}

func (v *view) Submit(ctx context.Context, call ledger.Call) (ledger.Result, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	name := call.Contract + ":" + call.Transaction
	v.asked[name]++
	refused := func(err error) (ledger.Result, error) {
		return ledger.Result{}, fail(ledger.StepEndorse, call.Contract, call.Transaction, err)
	}
	if v.broken != nil {
		return refused(v.broken)
	}
	tx := txID()
	answer, err := v.apply(name, call, tx)
	if err != nil {
		return refused(err)
	}
	payload, err := json.Marshal(answer)
	if err != nil {
		return refused(err)
	}
	v.height++
	return ledger.Result{TxID: hex.EncodeToString(tx[:]), Block: v.height - 1, Payload: payload}, ctx.Err()
}

func (v *view) apply(name string, call ledger.Call, tx record.TxID) (any, error) {
	switch name {
	case record.TxSubmitRecords:
		return v.submitRecords(call.Transient[record.TransientBatch])
	case record.TxErase:
		return v.erase(call.Args, tx)
	case record.TxRelease:
		return v.release(call.Args[0], tx)
	case record.TxApprove:
		consent, err := document(v.consents, call.Args[0], record.ErrConsentUnknown)
		if err != nil {
			return nil, err
		}
		consent.Status, consent.ApprovedAt, consent.ApproveTx = record.ConsentApproved, time.Now().Unix(), tx
		v.consents[consent.Consent] = *consent
		return consent, nil
	case record.TxAcknowledge:
		release, err := document(v.releases, call.Args[0], record.ErrReleaseUnknown)
		if err != nil {
			return nil, err
		}
		release.Status, release.AcknowledgedAt, release.AcknowledgeTx = record.ReleaseAcknowledged, time.Now().Unix(), tx
		v.releases[release.Statement.Release] = *release
		return release, nil
	}
	return nil, record.ErrUnknownTransaction.With("%s", name)
}

func (v *view) submitRecords(encoded []byte) (any, error) {
	batch, err := record.DecodeBatch(encoded)
	if err != nil {
		return nil, err
	}
	answer := &record.BatchAnswer{Entries: len(batch.Entries), Recorded: len(batch.Entries)}
	for _, e := range batch.Entries {
		v.records[e.Statement.ID] = record.Record{
			RecordStatement: e.Statement, OwnerSignature: e.OwnerSignature, IssuerSignature: e.IssuerSignature, RecordedAt: time.Now().Unix(),
		}
	}
	return answer, nil
}

func (v *view) erase(args []string, tx record.TxID) (any, error) {
	encoded, err := record.DecodeText(record.ArgErasure, args[0])
	if err != nil {
		return nil, err
	}
	s, err := record.DecodeEraseStatement(encoded)
	if err != nil {
		return nil, err
	}
	signature, err := record.ParseSignature(args[1])
	if err != nil {
		return nil, err
	}
	rec, err := document(v.records, s.Record.String(), record.ErrRecordUnknown)
	if err != nil {
		return nil, err
	}
	if s.Issuer != v.caller || rec.Issuer != v.caller {
		return nil, record.ErrForbidden.With("record %s is not the caller's", rec.ID)
	}
	if rec.Erased == 0 {
		rec.Erase(s, signature, time.Now().Unix(), tx)
		v.records[rec.ID] = *rec
	}
	return rec, nil
}

func (v *view) release(arg string, tx record.TxID) (any, error) {
	encoded, err := record.DecodeText("deliveries", arg)
	if err != nil {
		return nil, err
	}
	deliveries, err := record.DecodeDeliveries(encoded)
	if err != nil {
		return nil, err
	}
	var all []record.Release
	for _, d := range deliveries {
		consent := v.consents[d.Statement.Consent]
		r := record.Release{
			Delivery: d, Owner: consent.Owner, Receiver: consent.Requester, Proxy: v.caller, Purpose: consent.Purpose, Claim: consent.Claim,
			Status: record.ReleaseOpen, Time: time.Now().Unix(), Tx: tx,
		}
		v.releases[d.Statement.Release] = r
		all = append(all, r)
	}
	return all, nil
}

// Granted puts an owner's grant onto the ledger.
func (l *Ledger) Granted(p *client.Permission) {
	l.Change(func(s *State) {
		s.Consents[p.Statement.Consent] = record.Consent{
			GrantStatement: p.Statement, OwnerSignature: p.Signature, Status: record.ConsentGranted, GrantedAt: time.Now().Unix(), GrantTx: txID(),
		}
	})
}

// Stranger is an id that no party has.
func Stranger() (id record.PartyID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}
