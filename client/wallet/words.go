package wallet

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
)

// Plain words for what a policyholder is about to sign, and has signed. Names
// and texts are other people's: characters that a terminal might obey are left
// out.

// Name is what a party is called: by the system manager's directory, else by its
// role and id.
func (w *Wallet) Name(p *record.Party) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.c.Network.name(p)
}

func (n *network) name(p *record.Party) string {
	if node, ok := n.node(p.ID); ok && node.Name != "" {
		return fmt.Sprintf("%s (%s)", Plain(node.Name), p.Role)
	}
	return fmt.Sprintf("%s %s", p.Role, p.ID)
}

// Plain is a text without what a terminal might obey.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// Describe says what a document is about, in a few lines.
func Describe(doc *document.Document) []string {
	var lines []string
	if p, ok := doc.Policy(); ok {
		lines = describePolicy(&p)
	} else if r, ok := doc.Repair(); ok {
		lines = describeRepair(&r)
	}
	for _, a := range doc.Attachments() {
		line := fmt.Sprintf("Attached: %s, %s, %d bytes", a.Name, a.MediaType, a.Size)
		if a.Caption != "" {
			line += ": " + a.Caption
		}
		lines = append(lines, line)
	}
	for i := range lines {
		lines[i] = Plain(lines[i])
	}
	return lines
}

func describePolicy(p *document.Policy) []string {
	money := func(n int64) string { return document.FormatAmount(n, p.Currency) }
	lines := []string{
		fmt.Sprintf("Insurance policy %s by %s, %s", p.PolicyNumber, p.Insurer.Name, p.Insurer.Branch),
		fmt.Sprintf("For %s, born %s, living in %s", p.Policyholder.Name, p.Policyholder.BirthDate, p.Policyholder.Address.City),
		describeVehicle(&p.Vehicle),
		fmt.Sprintf("From %s until %s", p.Period.From, p.Period.Until),
	}
	for _, c := range p.Coverages {
		lines = append(lines, fmt.Sprintf("Covers %s up to %s, of which you pay the first %s",
			document.Term("coverageType", c.Type), money(c.Limit), money(c.Deductible)))
	}
	return append(lines, fmt.Sprintf("Premium %s in %s", money(p.Premium.Total), many(p.Premium.Instalments, "instalment")))
}

func describeRepair(r *document.RepairRecord) []string {
	money := func(n int64) string { return document.FormatAmount(n, r.Currency) }
	lines := []string{
		fmt.Sprintf("Repair order %s at %s, %s", r.OrderNumber, r.Shop.Name, r.Shop.Branch),
		fmt.Sprintf("For %s", r.Customer),
		describeVehicle(&r.Vehicle) + fmt.Sprintf(", at %d %s", r.Odometer.Value, r.Odometer.Unit),
		fmt.Sprintf("%s: %s on %s", document.Term("incidentCause", r.Incident.Cause), r.Incident.Description, r.Incident.At),
	}
	for _, d := range r.Damage {
		lines = append(lines, fmt.Sprintf("Damage: %s, %s, %s",
			document.Term("zone", d.Zone), document.Term("damageCode", d.Code), document.Term("severity", d.Severity)))
	}
	return append(lines, fmt.Sprintf("%s, %s; labour %s, parts %s, materials %s, tax %s", many(len(r.Operations), "operation"), many(len(r.Parts), "part"),
		money(r.Totals.Labour), money(r.Totals.Parts), money(r.Totals.Materials), money(r.Totals.Tax)),
		fmt.Sprintf("Total %s", money(r.Totals.Total)))
}

func describeVehicle(v *document.Vehicle) string {
	line := fmt.Sprintf("%s %s of %d, VIN %s", v.Make, v.Model, v.ModelYear, v.VIN)
	if v.Plate != "" {
		line += ", plate " + v.Plate
	}
	return line
}

// DescribeProposal says what signing a proposal would mean.
func (w *Wallet) DescribeProposal(r *Reviewed) []string {
	s := &r.Statement
	lines := []string{fmt.Sprintf("%s asks you to sign %s of %s", w.Name(r.Issuer), article(s.Kind), day(s.IssuedAt))}
	lines = append(lines, Describe(r.Document)...)
	return append(lines,
		fmt.Sprintf("It will be kept under the label %q: whoever you let read this label can read it", s.Label),
		"With your signature you confirm that this is about you and that you have read it")
}

// DescribeRequest says who asks for what.
func (w *Wallet) DescribeRequest(a *Asked) []string {
	r := &a.Request
	lines := []string{fmt.Sprintf("%s asked on %s, for the purpose %q%s", w.Name(a.Requester), moment(r.Time), r.Purpose, claim(r.Claim))}
	if a.Requester.Status != record.StatusActive {
		lines = append(lines, fmt.Sprintf("Beware: this party is %s", a.Requester.Status))
	}
	what := "It asks for your records"
	if r.Label != "" {
		what += fmt.Sprintf(" under the label %q", r.Label)
	}
	if len(r.Records) > 0 {
		what += fmt.Sprintf(", only %d of them by name", len(r.Records))
	}
	lines = append(lines, what+w.heldBy(r.Holder)+":")
	lines = append(lines, w.list(a.Covers)...)
	for i := range a.Answers {
		lines = append(lines, "You have answered: "+DescribeConsent(&a.Answers[i], a.Key))
	}
	return lines
}

// wished is what a request is about: a label, records by name, or all there is.
func wished(r *record.AccessRequest) string {
	var what string
	if n := len(r.Records); n > 0 {
		what += ", " + many(n, "record") + " by name"
	}
	if r.Label != "" {
		what += fmt.Sprintf(", label %q", r.Label)
	}
	if what == "" {
		return ", any of your records"
	}
	return what
}

func claim(number string) string {
	if number == "" {
		return ""
	}
	return ", for claim " + number
}

func (w *Wallet) heldBy(id record.PartyID) string {
	if id.IsZero() {
		return ", whoever holds them"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if n, ok := w.c.Network.node(id); ok {
		return " held by " + Plain(n.Name)
	}
	return " held by party " + id.String()
}

func (w *Wallet) list(records []record.Record) []string {
	if len(records) == 0 {
		return []string{"  today, none"}
	}
	var lines []string
	for _, r := range records {
		lines = append(lines, fmt.Sprintf("  %s %s of %s%s", r.Kind, r.ID, day(r.IssuedAt), w.heldBy(r.Issuer)))
	}
	return lines
}

// DescribeRecord is one line of a list of records: when it was issued, by whom,
// which it is, and, unless erased is 0, when its issuer destroyed it.
func (w *Wallet) DescribeRecord(s *record.RecordStatement, erased int64) string {
	line := fmt.Sprintf("%s  %s: %s %s, label %q", moment(s.IssuedAt), w.issuer(s.Issuer), s.Kind, s.ID, s.Label)
	if erased != 0 {
		line += ", erased by its issuer on " + moment(erased)
	}
	return line
}

// issuer is an issuer's name and role in the directory, else its id.
func (w *Wallet) issuer(id record.PartyID) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n, ok := w.c.Network.node(id); ok {
		return fmt.Sprintf("%s (%s)", Plain(n.Name), Plain(n.Role))
	}
	return "party " + id.String()
}

// DescribeDraft says what giving a consent would mean.
func (w *Wallet) DescribeDraft(d *Draft) []string {
	s := &d.Statement
	lines := []string{fmt.Sprintf("You let %s read, for the purpose %q%s:", w.Name(d.Requester), s.Purpose, claim(s.Claim))}
	lines = append(lines, w.list(d.Covers)...)
	if len(s.Records) == 0 {
		lines = append(lines, fmt.Sprintf("and whatever else comes under the label %q until then%s", s.Label, w.heldBy(s.Holder)))
	} else {
		lines = append(lines, fmt.Sprintf("These records and no others. The key that you hand to the proxy could open all of the label %q: the proxy keeps to the list", s.Label))
	}
	return append(lines,
		fmt.Sprintf("From %s until %s, at most %s", moment(s.NotBefore), moment(s.Expiry), many(int(s.MaxReleases), "time")),
		fmt.Sprintf("Through the proxy %s; the system manager is shown the evidence of your policy %s", Plain(d.Proxy.Name), s.PolicyRecord),
		"You can withdraw it at any time; what was read by then stays read")
}

// DescribeSynced says what became of older records after a rotation of keys.
func (w *Wallet) DescribeSynced(s *Synced) []string {
	var lines []string
	if n := len(s.Moved); n > 0 {
		lines = append(lines, fmt.Sprintf("Brought along to your new keys: %s", many(n, "record")))
	}
	if len(s.Left) == 0 {
		return append(lines, "All your records can be shared.")
	}
	lines = append(lines, fmt.Sprintf("Not brought along yet, and readable for nobody but you: %s", many(len(s.Left), "record")))
	for i := range s.Left {
		u := &s.Left[i]
		lines = append(lines, w.list([]record.Record{u.Record})...)
		lines = append(lines, "    because: "+Plain(u.Err.Error()))
	}
	return append(lines, `Try again later: "claimshare wallet sync"`)
}

// many is a number of things, such as "1 record" and "2 records".
func many(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// article is a word with its article: "an insurer", "a proxy".
func article(word fmt.Stringer) string {
	s := word.String()
	if s != "" && strings.Contains("aeiou", s[:1]) {
		return "an " + s
	}
	return "a " + s
}

// DescribeConsent is a consent in one line. Present is its owner's key now: a
// consent of former keys has ended.
func DescribeConsent(c *record.Consent, present record.EncryptionKey) string {
	line := "consent " + c.Consent.String()
	if c.Label != "" { // there is none in paper mode
		line += fmt.Sprintf(", label %q", c.Label)
	}
	line += fmt.Sprintf(", until %s, at most %s: ", moment(c.Expiry), many(int(c.MaxReleases), "time"))
	switch {
	case c.Status == record.ConsentRevoked:
		return line + "withdrawn on " + moment(c.RevokedAt)
	case time.Now().Unix() >= c.Expiry:
		return line + "over"
	case c.OwnerKey != present:
		return line + "ended when you replaced your keys"
	case c.Status == record.ConsentApproved:
		return line + "in force"
	}
	return line + "not approved"
}

// DescribeHistory tells a history, oldest first in each part.
func (w *Wallet) DescribeHistory(a *Account) []string {
	name := func(id record.PartyID) string {
		if p := a.Parties[id]; p != nil {
			return w.Name(p)
		}
		return id.String()
	}
	var lines []string
	part := func(title string, n int) {
		if n == 0 {
			title += " nobody and nothing"
		}
		lines = append(lines, title)
	}
	part("Who asked:", len(a.Requests))
	for _, r := range a.Requests {
		lines = append(lines, fmt.Sprintf("  %s  %s, for %q%s%s", moment(r.Time), name(r.Requester), r.Purpose, claim(r.Claim), wished(&r.AccessRequest)))
	}
	part("What you allowed:", len(a.Consents))
	for i := range a.Consents {
		c := &a.Consents[i]
		lines = append(lines, fmt.Sprintf("  %s  %s: %s", moment(c.GrantedAt), name(c.Requester), DescribeConsent(c, a.Key)))
	}
	part("Who was given your records:", len(a.Releases))
	for _, r := range a.Releases {
		s := &r.Statement
		lines = append(lines, fmt.Sprintf("  %s  %s: record %s from %s, for %q%s: %s", moment(r.Time), name(r.Receiver), s.Record, name(s.Holder), r.Purpose, claim(r.Claim), outcome(&r)))
	}
	return lines
}

func outcome(r *record.Release) string {
	switch r.Status {
	case record.ReleaseAcknowledged:
		return "read on " + moment(r.AcknowledgedAt)
	case record.ReleaseOpen:
		return "handed over, not confirmed"
	}
	return r.Status.String()
}

func moment(t int64) string { return time.Unix(t, 0).Local().Format("2 Jan 2006 15:04") }
func day(t int64) string    { return time.Unix(t, 0).Local().Format("2 Jan 2006") }

// Tell writes lines.
func Tell(dst io.Writer, lines []string) error {
	_, err := io.WriteString(dst, strings.Join(append(lines, ""), "\n"))
	return err
}
