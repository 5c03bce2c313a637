package record

import "slices"

// Bounds of decisions.
const (
	// MaxAgencies is how many agencies system.json may list.
	MaxAgencies = 64
	// MaxProposalLife is how many seconds a proposal may wait for approvals.
	MaxProposalLife = 90 * 24 * 3600
	// MaxRecordWindow and MaxClockSkew bound, in seconds, what a decision may
	// set the rules to.
	MaxRecordWindow = 366 * 24 * 3600
	MaxClockSkew    = 24 * 3600
)

// Rules are what a decision of the agencies can change, in seconds. See [Setup].
type Rules struct {
	RecordWindow uint32 `json:"recordWindow"`
	ClockSkew    uint32 `json:"clockSkew"`
}

func (r *Rules) check() error {
	return first(
		rule(r.RecordWindow > 0 && r.RecordWindow <= MaxRecordWindow, "the record window must be 1 second to 366 days"),
		rule(r.ClockSkew > 0 && r.ClockSkew <= MaxClockSkew, "the clock skew must be 1 second to 1 day"),
	)
}

// Proposal is the argument of registry:Propose: what the agencies are to
// decide. Nothing in it can be changed afterwards.
type Proposal struct {
	ID     DecisionID `json:"id"` // drawn at random by the proposer
	Action Action     `json:"action"`
	Party  PartyID    `json:"party"` // whom to expel or reinstate, else zero
	Rules  Rules      `json:"rules"` // the new ones, else zero
	Reason string     `json:"reason"`
	Expiry int64      `json:"expiry"` // the first second at which it can no longer be approved
}

func (p *Proposal) layout(f *fields) {
	layoutVersion(f)
	f.fixed("decision id", p.ID[:])
	f.u8("action", (*byte)(&p.Action))
	f.optional("party", p.Party[:])
	f.u32("record window", &p.Rules.RecordWindow)
	f.u32("clock skew", &p.Rules.ClockSkew)
	f.text("reason", &p.Reason, 256)
	f.time("expiry", &p.Expiry)
}

func (p *Proposal) Validate() error {
	if err := first(
		requireID("decision id", p.ID[:]),
		checkName("kind of decision", actionNames, p.Action),
		CheckReason(p.Reason),
		checkTime("expiry", p.Expiry),
	); err != nil {
		return err
	}
	if p.Action == ActionRules {
		return first(rule(p.Party.IsZero(), "a change of the rules names no party"), p.Rules.check())
	}
	return first(requireID("party", p.Party[:]), rule(p.Rules == Rules{}, "only a change of the rules has new ones"))
}

// Encode is the canonical form.
func (p *Proposal) Encode() []byte { return encode(nil, p) }

// DecodeProposal reads the canonical form.
func DecodeProposal(b []byte) (*Proposal, error) {
	return decodeNew[Proposal](b)
}

// Approval is one agency's consent to a decision. The proposal is the
// proposer's. Approvals never change.
type Approval struct {
	Decision DecisionID `json:"decision"`
	Agency   string     `json:"agency"`  // MSP
	Subject  string     `json:"subject"` // of the certificate that approved
	Time     int64      `json:"time"`
	Tx       TxID       `json:"tx"`
}

func (a *Approval) layout(f *fields) {
	f.fixed("decision id", a.Decision[:])
	f.text("agency", &a.Agency, maxMSP)
	f.text("subject", &a.Subject, maxSubject)
	f.time("time", &a.Time)
	f.fixed("transaction", a.Tx[:])
}

func (a *Approval) Validate() error {
	return first(
		requireID("decision id", a.Decision[:]),
		CheckMSP(a.Agency),
		CheckSubject(a.Subject),
		checkTime("time", a.Time),
		requireID("transaction", a.Tx[:]),
	)
}

func (a *Approval) DocumentType() DocumentType { return DocumentApproval }
func (a *Approval) Encode() []byte             { return encodeDocument(a) }

// DecodeApproval reads the document.
func DecodeApproval(b []byte) (*Approval, error) {
	return decodeNewDocument[Approval](b)
}

// Decision is a proposal and what has become of it. While it is open, the
// document on the ledger lists no approvals: each is a document of its own, and
// queries put them together. Once it has taken effect, the document holds all
// that counted.
type Decision struct {
	Proposal
	Agency     string         `json:"agency"` // MSP of the proposer
	ProposedAt int64          `json:"proposedAt"`
	ProposeTx  TxID           `json:"proposeTx"`
	Status     DecisionStatus `json:"status"`
	// Threshold is how many agencies are needed and Managers the SHA-256 of the
	// system.json that says so: of the time of the proposal, and of the time of
	// enactment once it is enacted.
	Threshold uint32     `json:"threshold"`
	Managers  Digest     `json:"managers"`
	EnactedAt int64      `json:"enactedAt"` // zero when it was not
	EnactTx   TxID       `json:"enactTx"`
	Approvals []Approval `json:"approvals"` // ascending by time, then agency
}

func (d *Decision) layout(f *fields) {
	d.Proposal.layout(f)
	f.text("agency", &d.Agency, maxMSP)
	f.time("proposal time", &d.ProposedAt)
	f.fixed("proposal transaction", d.ProposeTx[:])
	f.u8("status", (*byte)(&d.Status))
	f.u32("threshold", &d.Threshold)
	f.fixed("managers", d.Managers[:])
	f.time("enactment time", &d.EnactedAt)
	f.optional("enactment transaction", d.EnactTx[:])
	n := f.count("approvals", len(d.Approvals), MaxAgencies)
	if f.decoding {
		d.Approvals = make([]Approval, n)
	}
	for i := range d.Approvals {
		d.Approvals[i].layout(f)
	}
}

func (d *Decision) Validate() error {
	if err := first(
		d.Proposal.Validate(),
		CheckMSP(d.Agency),
		checkName("decision status", decisionNames, d.Status),
		rule(d.Threshold >= 1 && d.Threshold <= MaxAgencies, "the threshold must be 1 to 64"),
		requireID("managers", d.Managers[:]),
		rule((d.Status == DecisionEnacted) == !d.EnactTx.IsZero(), "status and enactment disagree"),
		rule(d.Status != DecisionEnacted || len(d.Approvals) >= int(d.Threshold), "enacted with too few approvals"),
	); err != nil {
		return err
	}
	agencies := map[string]bool{}
	for i := range d.Approvals {
		a := &d.Approvals[i]
		if err := first(
			a.Validate(),
			rule(a.Decision == d.ID, "an approval is of another decision"),
			rule(!agencies[a.Agency], "an agency approves twice"),
			rule(i == 0 || !a.before(&d.Approvals[i-1]), "approvals must ascend by time"),
		); err != nil {
			return err
		}
		agencies[a.Agency] = true
	}
	return nil
}

func (a *Approval) before(b *Approval) bool {
	return a.Time < b.Time || a.Time == b.Time && a.Agency < b.Agency
}

// SortApprovals puts approvals into the order that a decision lists them in.
func SortApprovals(list []Approval) {
	slices.SortFunc(list, func(a, b Approval) int {
		switch {
		case a.before(&b):
			return -1
		case b.before(&a):
			return 1
		}
		return 0
	})
}

func (d *Decision) DocumentType() DocumentType { return DocumentDecision }
func (d *Decision) Encode() []byte             { return encodeDocument(d) }

// DecodeDecision reads the document.
func DecodeDecision(b []byte) (*Decision, error) {
	return decodeNewDocument[Decision](b)
}
