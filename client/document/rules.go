package document

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// This file holds what a schema cannot say. The functions run on documents that
// have passed the schema: times parse, and no sum can overflow.

// at joins pointers with indexes: at("/parts", 3, "/amount").
func at(prefix string, i int, suffix string) string {
	return prefix + "/" + strconv.Itoa(i) + suffix
}

func instant(s string) time.Time {
	t, _ := time.Parse(time.RFC3339, s)
	return t
}

func day(s string) time.Time {
	t, _ := time.Parse(time.DateOnly, s)
	return t
}

func (p *Policy) check(ps *problems) {
	issued := instant(p.IssuedAt)
	if !instant(p.Period.From).Before(instant(p.Period.Until)) {
		ps.add("/period/until", "Correct one of the two times", "the period ends at %s, not after it begins at %s", p.Period.Until, p.Period.From)
	}
	if !day(p.Policyholder.BirthDate).Before(issued) {
		ps.add("/policyholder/birthDate", "Correct the date of birth or the time of issue", "the policyholder is born after the policy was issued")
	}
	if s := p.Policyholder.LicensedSince; s != "" && (!day(s).Before(issued) || !day(p.Policyholder.BirthDate).Before(day(s))) {
		ps.add("/policyholder/licensedSince", "Correct the date", "the driving licence is not between birth and the issue of the policy")
	}
	var net int64
	seen := make(map[string]bool)
	for i, c := range p.Coverages {
		if seen[c.Type] {
			ps.add(at("/coverages", i, "/type"), "Join the two coverages", "the coverage %q occurs twice", c.Type)
		}
		seen[c.Type] = true
		if c.Deductible > c.Limit {
			ps.add(at("/coverages", i, "/deductible"), "Correct the deductible or the limit", "the deductible %s exceeds the limit %s", FormatAmount(c.Deductible, p.Currency), FormatAmount(c.Limit, p.Currency))
		}
		net += c.Premium
	}
	sum(ps, "/premium/net", "the sum of the coverages' premiums", p.Premium.Net, net, p.Currency)
	tax := checkTaxes(ps, "/premium/taxes", p.Premium.Taxes, p.Currency)
	sum(ps, "/premium/total", "net and taxes", p.Premium.Total, p.Premium.Net+tax, p.Currency)
	checkVehicle(ps, p.Vehicle, issued)
	checkAttachments(ps, p.Attachments, nil)
}

func (r *RepairRecord) check(ps *problems) {
	incident, received, completed := instant(r.Incident.At), instant(r.ReceivedAt), instant(r.CompletedAt)
	if received.Before(incident) {
		ps.add("/receivedAt", "Correct one of the two times", "the vehicle was received at %s, before the incident at %s", r.ReceivedAt, r.Incident.At)
	}
	if completed.Before(received) {
		ps.add("/completedAt", "Correct one of the two times", "the repair was complete at %s, before the vehicle was received at %s", r.CompletedAt, r.ReceivedAt)
	}
	checkVehicle(ps, r.Vehicle, received)

	damages := make(map[string]bool)
	for i, d := range r.Damage {
		unique(ps, at("/damage", i, "/id"), damages, d.ID)
	}
	operations := make(map[string]bool)
	var labour, parts, materials int64
	for i, o := range r.Operations {
		unique(ps, at("/operations", i, "/id"), operations, o.ID)
		references(ps, at("/operations", i, "/damage"), damages, o.Damage)
		sum(ps, at("/operations", i, "/amount"), "hours times rate", o.Amount, share(o.Rate, o.Hours, 100), r.Currency)
		labour += o.Amount
	}
	for i, p := range r.Parts {
		if p.Operation != "" && !operations[p.Operation] {
			ps.add(at("/parts", i, "/operation"), "Name the id of an operation of this record", "there is no operation %q", p.Operation)
		}
		sum(ps, at("/parts", i, "/amount"), "quantity times unit price", p.Amount, p.Quantity*p.UnitPrice, r.Currency)
		parts += p.Amount
	}
	for _, m := range r.Materials {
		materials += m.Amount
	}
	tax := checkTaxes(ps, "/taxes", r.Taxes, r.Currency)
	t := r.Totals
	sum(ps, "/totals/labour", "the sum of the operations", t.Labour, labour, r.Currency)
	sum(ps, "/totals/parts", "the sum of the parts", t.Parts, parts, r.Currency)
	sum(ps, "/totals/materials", "the sum of the materials", t.Materials, materials, r.Currency)
	sum(ps, "/totals/net", "labour, parts and materials", t.Net, t.Labour+t.Parts+t.Materials, r.Currency)
	sum(ps, "/totals/tax", "the sum of the taxes", t.Tax, tax, r.Currency)
	sum(ps, "/totals/total", "net and tax", t.Total, t.Net+t.Tax, r.Currency)
	checkAttachments(ps, r.Attachments, damages)
}

// sum reports an amount that is not what it should be.
func sum(ps *problems, pointer, meaning string, got, want int64, currency string) {
	if got != want {
		ps.add(pointer, fmt.Sprintf("Write %d, or correct the amounts that it is made of", want),
			"%s is not %s, which is %s", FormatAmount(got, currency), meaning, FormatAmount(want, currency))
	}
}

func checkTaxes(ps *problems, pointer string, taxes []Tax, currency string) (total int64) {
	for i, t := range taxes {
		sum(ps, at(pointer, i, "/amount"), "base times rate", t.Amount, TaxOn(t.Name, t.Rate, t.Base).Amount, currency)
		total += t.Amount
	}
	return total
}

func checkVehicle(ps *problems, v Vehicle, now time.Time) {
	if v.ModelYear > now.Year()+1 {
		ps.add("/vehicle/modelYear", "Correct the model year", "model year %d is more than a year after the document", v.ModelYear)
	}
	if v.FirstRegistered != "" && day(v.FirstRegistered).After(now) {
		ps.add("/vehicle/firstRegistered", "Correct the date", "the vehicle was first registered after the document")
	}
}

func unique(ps *problems, pointer string, seen map[string]bool, id string) {
	if seen[id] {
		ps.add(pointer, "Give each its own", "the identifier %q occurs twice", id)
	}
	seen[id] = true
}

func references(ps *problems, pointer string, known map[string]bool, ids []string) {
	for i, id := range ids {
		if !known[id] {
			ps.add(at(pointer, i, ""), "Name the id of a damage of this record", "there is no damage %q", id)
		}
	}
}

func checkAttachments(ps *problems, list []Attachment, damages map[string]bool) {
	for i, a := range list {
		if slices.ContainsFunc(list[:i], func(b Attachment) bool { return a.Name == b.Name }) {
			ps.add(at("/attachments", i, "/name"), "Give each attachment its own name", "the name %q occurs twice", a.Name)
		}
		references(ps, at("/attachments", i, "/damage"), damages, a.Damage)
	}
}
