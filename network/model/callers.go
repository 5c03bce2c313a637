package model

import (
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
)

// Who may call what, as the manual's first table has it.
type class int

const (
	anyone class = iota
	manager
	reader // registered, of any status, or a manager
	issuer // an active insurer or repair shop, or a manager
	member // an active party, or a manager
	asker  // an active insurer or repair shop
	relay  // an active proxy
	eraser // an insurer or repair shop, of any status
)

// rule is a transaction of the model.
type rule struct {
	class class
	arity int
	do    func(*transaction, []string)
}

func (m *model) begin(call stub.Call, tx record.TxID) *transaction {
	t := &transaction{m: m, call: call, now: call.Time.Unix(), tx: tx, msp: call.Identity.MSP(), subject: call.Identity.Subject()}
	t.reads = map[string]bool{}
	return t
}

// predict says what becomes of a call.
func (m *model) predict(call stub.Call, tx record.TxID) *outcome {
	t := m.begin(call, tx)
	r, listed := rules[call.Function]
	if t.refuse(!listed, record.ErrUnknownTransaction) || t.refuse(len(call.Args) != r.arity, record.ErrMalformed) {
		return &t.outcome
	}
	t.system = get[record.System](t, systemKey)
	if t.refuse(t.system == nil && call.Function != record.TxInitSystem, record.ErrNotInitialised) {
		return &t.outcome
	}
	t.manager = slices.Contains(m.agencies[t.msp], t.subject)
	if r.class != anyone {
		if link := get[record.Link](t, callerKey(t.msp, t.subject)); link != nil {
			t.party = get[record.Party](t, partyKey(link.Party))
		}
	}
	if t.admit(r.class); !t.refused() {
		r.do(t, call.Args)
	}
	return &t.outcome
}

// admit notes why the caller may not call.
func (t *transaction) admit(c class) {
	managers := c == manager || c == reader || c == issuer || c == member
	switch {
	case c == anyone, t.manager && managers:
		return
	case c == manager:
		t.refuse(true, record.ErrNotSystemManager)
		return
	case t.party == nil:
		t.refuse(true, record.ErrUnknownCaller)
		return
	case c == reader:
		return
	case c == eraser:
		t.hasRole(t.party, record.ErrForbidden, record.RoleInsurer, record.RoleRepairShop)
		return
	}
	t.mayAct(t.party)
	if t.refused() {
		return
	}
	switch c {
	case issuer, asker:
		t.hasRole(t.party, record.ErrForbidden, record.RoleInsurer, record.RoleRepairShop)
	case relay:
		t.hasRole(t.party, record.ErrForbidden, record.RoleProxy)
	}
}
