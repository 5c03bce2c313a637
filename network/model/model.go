package model

import (
	"slices"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/crypto/bls"
)

// model is what the ledger should be: documents by key, and what that makes the
// state, index keys included.
type model struct {
	context   record.Context
	threshold int
	managers  record.Digest       // of system.json
	agencies  map[string][]string // subjects by MSP
	secrets   map[record.SigningKey]*bls.SecretKey

	documents map[string]record.Document
	state     map[string]string
	order     []string                           // keys of documents, in the order in which they came
	parties   map[record.PartyID][]*record.Party // every state of each, newest first
}

// outcome is what the model says about one call.
type outcome struct {
	refusals []*record.Error // one of these; none: accepted
	answer   any
	changes  []record.Change
	reads    map[string]bool // keys it looked at
	ranges   []string        // prefixes of keys that it listed
	puts     []put
}

type put struct {
	key      string
	document record.Document
}

// writes are the keys that the outcome writes, index keys included.
func (o *outcome) writes() []string {
	var keys []string
	for _, p := range o.puts {
		keys = append(append(keys, p.key), indexKeys(p.document)...)
	}
	return keys
}

// transaction is one call in the eyes of the model. Like the ledger's, it does
// not see its own writes.
type transaction struct {
	outcome
	m       *model
	call    stub.Call
	now     int64
	tx      record.TxID
	system  *record.System
	msp     string
	subject string
	manager bool
	party   *record.Party // the caller's, nil for strangers
}

// get is a copy of the document under a key, nil when there is none.
func get[T any, P interface {
	*T
	record.Document
}](t *transaction, key string) *T {
	t.reads[key] = true
	d, ok := t.m.documents[key].(P)
	if !ok {
		return nil
	}
	v := *(*T)(d)
	return &v
}

// list is the documents under a prefix, in the order of their keys.
func (t *transaction) list(prefix string) []record.Document {
	t.ranges = append(t.ranges, prefix)
	return t.m.list(prefix)
}

func (m *model) list(prefix string) []record.Document {
	var keys []string
	for key := range m.documents {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var documents []record.Document
	for _, key := range keys {
		documents = append(documents, m.documents[key])
	}
	return documents
}

// count is how many keys, index keys too, the state has under a prefix.
func (t *transaction) count(prefix string) int {
	t.ranges = append(t.ranges, prefix)
	n := 0
	for key := range t.m.state {
		if strings.HasPrefix(key, prefix) {
			n++
		}
	}
	return n
}

func (t *transaction) put(key string, d record.Document) { t.puts = append(t.puts, put{key, d}) }

func (t *transaction) changed(document record.DocumentType, change string, ids ...string) {
	name := document.String()
	for i := range t.changes {
		if t.changes[i].Document == name && t.changes[i].Change == change {
			t.changes[i].IDs = append(t.changes[i].IDs, ids...)
			return
		}
	}
	t.changes = append(t.changes, record.Change{Document: name, Change: change, IDs: ids})
}

// refuse notes a broken rule; it answers whether it was broken.
func (t *transaction) refuse(broken bool, err *record.Error) bool {
	if broken {
		t.refusals = append(t.refusals, err)
	}
	return broken
}

func (t *transaction) refused() bool { return len(t.refusals) > 0 }

// apply takes an accepted outcome over into the model.
func (m *model) apply(o *outcome) {
	for _, p := range o.puts {
		if m.documents[p.key] == nil {
			m.order = append(m.order, p.key)
		}
		m.documents[p.key] = p.document
		if d, ok := p.document.(*record.Party); ok {
			m.parties[d.ID] = append([]*record.Party{d}, m.parties[d.ID]...)
		}
		m.state[p.key] = string(p.document.Encode())
		for _, key := range indexKeys(p.document) {
			m.state[key] = "\x00"
		}
	}
}

// all is every document of a kind that satisfies a condition, oldest first.
func all[T any, P interface {
	*T
	record.Document
}](m *model, condition func(*T) bool) []*T {
	var list []*T
	for _, key := range m.order {
		if key[0] == 'v' {
			continue // an amended version: the record stands under its own key
		}
		if d, ok := m.documents[key].(P); ok && (condition == nil || condition((*T)(d))) {
			list = append(list, (*T)(d))
		}
	}
	return list
}

// signed reports whether a signature is a party's: a key makes one signature on
// one statement, and the model knows all keys.
func (t *transaction) signed(key record.SigningKey, role bls.Role, s record.Statement, signature record.Signature) bool {
	secret := t.m.secrets[key]
	return secret != nil && record.Signature(secret.Sign(role, s.Hash(t.m.context))) == signature
}

// inTime reports whether a statement is neither too old nor ahead of time.
func (t *transaction) inTime(at int64) bool {
	return at >= t.now-int64(t.system.RecordWindow) && at <= t.now+int64(t.system.ClockSkew)
}

func (t *transaction) partyNamed(name string) (id record.PartyID, ok bool) {
	if len(name) == 139 {
		return record.NewPartyID(name), true
	}
	id, err := record.ParsePartyID(name)
	return id, err == nil
}

// known loads a party and notes when there is none.
func (t *transaction) known(id record.PartyID) *record.Party {
	p := get[record.Party](t, partyKey(id))
	t.refuse(p == nil, record.ErrPartyUnknown)
	return p
}

// mayAct notes that a party is suspended or expelled.
func (t *transaction) mayAct(p *record.Party) {
	t.refuse(p.Status == record.StatusSuspended, record.ErrSuspended)
	t.refuse(p.Status == record.StatusExpelled, record.ErrExpelled)
}

func (t *transaction) hasRole(p *record.Party, err *record.Error, roles ...record.Role) {
	t.refuse(!slices.Contains(roles, p.Role), err)
}

func latest(p *record.Party) record.KeyVersion { return p.Keys[len(p.Keys)-1] }
