package model

import (
	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
)

// What the world does to the registry. Every function makes one call: a valid
// one on the present state most of the time.

func (w *world) register() stub.Call {
	roles := []record.Role{record.RoleInsurer, record.RoleRepairShop, record.RolePolicyholder, record.RolePolicyholder, record.RoleProxy, record.RoleAuthority}
	mode := record.ModeScoped
	if w.chance(25) {
		mode = record.ModePaper
	}
	return w.registration(w.newcomer(pick(w, roles), mode))
}

func (w *world) registration(m *alliance.Member) stub.Call {
	r := must(w.Registration(m))
	if p := w.anybody(); p != nil && w.chance(30) {
		w.spoilRegistration(m, p, &r)
	}
	return w.call(w.manager(), record.TxRegister, record.EncodeText(r.Encode()))
}

// spoilRegistration makes one thing wrong that has to do with another party.
func (w *world) spoilRegistration(m *alliance.Member, p *record.Party, r *record.Registration) {
	other := w.member(p)
	switch w.IntN(8) {
	case 0:
		r.PID = p.PID // whose keys are not proven for it either
	case 1:
		if m.Role != record.RolePolicyholder && p.Role != record.RolePolicyholder {
			taken := *m
			taken.MSP, taken.Subject = p.MSP, p.Subject
			*r = must(w.Registration(&taken))
		}
	case 2:
		r.Signing = p.Keys[0].Signing
	case 3: // a key that is, or was, another's, well proven
		taken := *m
		taken.Signing = w.made[p.ID][0].Signing
		*r = must(w.Registration(&taken))
	case 4:
		if other.Scoped != nil && m.Scoped != nil {
			taken := *m
			taken.Scoped = other.Scoped
			*r = must(w.Registration(&taken))
		}
	case 5:
		if m.Role != record.RolePolicyholder && m.Role != record.RoleAuthority {
			stolen := *m
			stolen.MSP, stolen.Subject = w.managers[0].MSP(), w.managers[0].Subject()
			*r = must(w.Registration(&stolen))
		}
	case 6:
		if m.Role == record.RoleInsurer || m.Role == record.RoleRepairShop {
			r.Role = record.RoleAuthority
		}
	default:
		r.SigningProof = record.Signature{1}
	}
}

func (w *world) rotate() stub.Call {
	p := w.anybody()
	if p == nil {
		return w.register()
	}
	old := w.member(p)
	next := w.note(must(w.Renewed(old)))
	if w.chance(20) { // one of the two keys stays
		next.Signing = old.Signing
	} else if w.chance(20) {
		next.Scoped, next.Paper = old.Scoped, old.Paper
	}
	s := alliance.Rotation(next, w.now)
	signer, prover := *old, *next
	if w.chance(30) {
		w.spoilRotation(&s, &signer, &prover)
	}
	return w.call(w.manager(), record.TxRotateKeys, must(w.RotateArgs(s, &signer, &prover))...)
}

func (w *world) spoilRotation(s *record.RotateStatement, signer, prover *alliance.Member) {
	other := w.member(w.anybody())
	switch w.IntN(8) {
	case 0:
		s.Version++
	case 1, 2:
		s.Time = w.edge()
	case 3:
		signer.Signing = other.Signing
	case 4:
		prover.Signing = other.Signing
	case 5:
		s.Signing = other.SigningKey()
		prover.Signing = other.Signing
	case 6:
		first := w.made[s.Party][0] // a key that was the party's before
		s.Signing, prover.Signing = first.SigningKey(), first.Signing
	default:
		s.Party = w.outsider()
	}
}

var reasons = []string{"inquiry", "fraud", "court order", "audited", "cleared"}

// status suspends, expels or reinstates, by one manager alone.
func (w *world) status() stub.Call {
	p := w.anybody()
	function := pick(w, []string{record.TxSuspend, record.TxSuspend, record.TxExpel, record.TxReinstate, record.TxReinstate})
	outcasts := all(w.m, func(p *record.Party) bool { return p.Status != record.StatusActive })
	if len(outcasts) > 0 && w.chance(80) {
		p = pick(w, outcasts)
		if w.chance(80) {
			function = record.TxReinstate
		}
	}
	name := w.outsider().String()
	if p != nil && !w.chance(4) {
		name = pick(w, []string{p.PID, p.ID.String()})
	}
	reason := pick(w, reasons)
	if w.chance(3) {
		reason = "\t"
	}
	return w.call(w.manager(), function, name, reason)
}

// propose asks the other agencies for a decision.
func (w *world) propose() stub.Call {
	p := record.Proposal{Action: record.ActionExpel, Reason: pick(w, reasons), Expiry: w.now + 1 + int64(w.IntN(5000))}
	must(0, w.Draw(p.ID[:]))
	outcasts := all(w.m, func(p *record.Party) bool { return p.Status != record.StatusActive })
	switch {
	case w.chance(15):
		p.Action = record.ActionRules
		p.Rules = record.Rules{RecordWindow: uint32(3600 * (1 + w.IntN(200))), ClockSkew: uint32(30 + w.IntN(300))}
	case len(outcasts) > 0 && w.chance(88):
		p.Action, p.Party = record.ActionReinstate, pick(w, outcasts).ID
	default:
		p.Party = w.outsider()
		if q := w.anybody(); q != nil && !w.chance(5) {
			p.Party = q.ID
		}
	}
	switch w.IntN(30) {
	case 0:
		p.Expiry = w.now - int64(w.IntN(2))
	case 1:
		p.Expiry = w.now + record.MaxProposalLife + int64(w.IntN(2))
	case 2:
		if d := pick(w, all[record.Decision](w.m, nil)); d != nil {
			p.ID = d.ID
		}
	}
	return w.call(w.manager(), record.TxPropose, record.EncodeText(p.Encode()))
}

func (w *world) approveDecision() stub.Call {
	open := all(w.m, func(d *record.Decision) bool { return d.Status == record.DecisionOpen && w.now < d.Expiry })
	d := pick(w, open)
	if d == nil || w.chance(10) {
		d = pick(w, all[record.Decision](w.m, nil))
	}
	if d == nil || w.chance(2) {
		var id record.DecisionID
		must(0, w.Draw(id[:]))
		return w.call(w.manager(), record.TxApproveDecision, id.String())
	}
	return w.call(w.manager(), record.TxApproveDecision, d.ID.String())
}
