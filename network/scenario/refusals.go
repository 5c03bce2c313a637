package scenario

import (
	"fmt"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
)

// permissionsScenario: every transaction by every kind of caller, with arguments
// that nobody would take. What each may do is the contract's business; the
// ledgers must say the same.
func permissionsScenario(s *Stage) {
	s.ok("a suspension", s.call(authority, record.TxSuspend, s.garage.ID.String(), "urgent"))
	s.decide("an expulsion", record.ActionExpel, s.rival)
	callers := []string{
		authority, thirdAuthority, s.as(s.insurer), s.as(s.shop), s.as(s.proxy),
		s.as(s.garage) /* suspended */, s.as(s.rival) /* expelled */, s.visitor(), "records-visitor",
	}
	for _, tx := range record.Transactions() {
		args := make([]string, len(tx.Args))
		for i := range args {
			args[i] = "00"
		}
		for _, caller := range callers {
			// Also what changes something: simulated, it is answered before
			// anything would be ordered.
			s.observed("by "+caller, s.query(caller, tx.Name, args...))
		}
	}
	for name, x := range map[string]step{
		"a member registers":      s.from(s.shop, record.TxRegister, "00"),
		"a member suspends":       s.from(s.shop, record.TxSuspend, s.insurer.ID.String(), "no"),
		"a member approves":       s.from(s.insurer, record.TxApprove, record.ConsentID{1}.String()),
		"a member decides":        s.from(s.insurer, record.TxApproveDecision, record.DecisionID{1}.String()),
		"an identity of no agent": s.call(s.visitor(), record.TxExpel, s.insurer.ID.String(), "no"),
	} {
		s.refused(name, record.ErrNotSystemManager, x)
	}
	s.refused("a suspended party submits", record.ErrSuspended, s.batch(s.garage, s.entry(s.garage, s.owner)))
	s.refused("an expelled party submits", record.ErrExpelled, s.batch(s.rival, s.entry(s.rival, s.owner)))
	s.refused("a stranger submits", record.ErrUnknownCaller, s.carry(s.visitor(), record.TxSubmitRecords, &record.Batch{Entries: s.entries(1, s.shop, s.owner)}))
	s.refused("a proxy submits", record.ErrForbidden, s.carry(s.as(s.proxy), record.TxSubmitRecords, &record.Batch{Entries: s.entries(1, s.shop, s.owner)}))
}

// malformedScenario: names that are no transactions and arguments that are no
// arguments, with bytes that are no text among them.
func malformedScenario(s *Stage) {
	const notText = "\xff\xfe\x00\x80"
	for i, name := range []string{
		"", ":", "registry:", "registry:Nothing", "nothing:System", "System", "registry:system", "registry:GetEvaluateTransactions",
		"registry:BeforeTransaction", "org.hyperledger.fabric:Other", notText, "registry:" + notText, strings.Repeat("x", 5000),
	} {
		s.observed(fmt.Sprintf("name %d", i), s.query(authority, name))
		if name != "registry:system" { // a query is fine as a transaction
			s.refused(fmt.Sprintf("submitted, name %d", i), record.ErrUnknownTransaction, s.call(authority, name))
		}
	}
	s.ok("the metadata", s.query(s.visitor(), "org.hyperledger.fabric:GetMetadata"))
	for _, tx := range record.Transactions() {
		n := len(tx.Args)
		for i, arg := range []string{"", notText, "zz", "\x00", strings.Repeat("00", 60), strings.Repeat("f", 64), "🚗"} {
			args := make([]string, n)
			for k := range args {
				args[k] = arg
			}
			s.observed(fmt.Sprintf("argument %d", i), s.query(authority, tx.Name, args...))
		}
		s.refused("one argument more", record.ErrMalformed, s.query(authority, tx.Name, make([]string, n+1)...))
		if n > 0 {
			s.refused("one argument fewer", record.ErrMalformed, s.query(authority, tx.Name, make([]string, n-1)...))
		}
	}
	x := s.batch(s.shop, s.entry(s.shop, s.owner))
	batch := x.Transient[record.TransientBatch]
	for i, spoilt := range [][]byte{nil, []byte(notText), batch[:len(batch)-1], append(append([]byte{}, batch...), 0)} {
		y := x
		y.Args = []string{record.BatchDigest(spoilt).String()}
		y.Transient = map[string][]byte{record.TransientBatch: spoilt}
		s.refused(fmt.Sprintf("batch %d", i), record.ErrMalformed, y)
	}
}
