package fiction

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/claimshare/claimshare/client/document"
)

// repair is a repair record, where it belongs, and what its photos show.
type repair struct {
	holder   *holder
	shop     int
	policy   int // index of the policy in force
	received time.Time
	photos   int
	record   document.RepairRecord
	side     string
}

// makeRepair invents a repair of the holder's car after an incident on a day.
func makeRepair(number int, p *policy, policyIndex, shop int, day time.Time, photos int) repair {
	r := randomFor("repair", number)
	h, reg := p.holder, p.holder.region
	sc := someScenario(r, day)
	side := pick(r, []string{"left", "right"})
	sided := strings.NewReplacer("{s}", side).Replace

	received := day.AddDate(0, 0, r.between(1, 9))
	days := 1 + len(sc.work)/2 + r.between(0, 4)
	completed := received.AddDate(0, 0, days)
	home := pick(r, reg.cities)
	out := repair{holder: h, shop: shop, policy: policyIndex, received: received, photos: photos, side: side}
	out.record = document.RepairRecord{
		Shop:     company(shops[shop], reg, 2+shop),
		Customer: h.person.Name,
		Insurance: &document.Insurance{
			Insurer: p.document.Insurer.Name, PolicyNumber: p.document.PolicyNumber,
			ClaimNumber: fmt.Sprintf("C%02d-%06d", day.Year()%100, 20481+number*113),
		},
		Vehicle:  h.car.Vehicle,
		Odometer: document.Odometer{Value: h.car.odometer(received), Unit: reg.odometer},
		Incident: document.Incident{
			At: reg.clock(day, r.between(6*60, 22*60)), Cause: sc.cause,
			Place: home.name + ", " + pick(r, sc.place), Description: pick(r, sc.says),
		},
		ReceivedAt:  reg.clock(received, r.between(7*60+30, 11*60)),
		CompletedAt: reg.clock(completed, r.between(13*60, 18*60)),
		Currency:    reg.currency,
	}
	rec := &out.record
	for i, d := range sc.damages {
		rec.Damage = append(rec.Damage, document.Damage{ID: fmt.Sprintf("D%d", i+1), Code: d.code, Zone: sided(d.zone), Severity: d.severity, Note: d.note})
	}
	rate := int64(r.between(reg.labour[0], reg.labour[1]) / 50 * 50)
	for i, w := range sc.work {
		op := document.Operation{ID: fmt.Sprintf("O%d", i+1), Code: w.code, Zone: sided(w.zone), Hours: int64(r.between(w.hours[0], w.hours[1]) / 5 * 5), Rate: rate}
		for _, d := range w.damages {
			op.Damage = append(op.Damage, fmt.Sprintf("D%d", d))
		}
		rec.Operations = append(rec.Operations, op)
	}
	// Parts of a dear car cost more: half the price follows its value.
	scale := (50 + 50*h.car.model.value/30000) * reg.price
	for _, q := range sc.parts {
		quality, percent := someQuality(r, h.car.ModelYear, day.Year())
		rec.Parts = append(rec.Parts, document.Part{
			Number: r.fill(fmt.Sprintf("%s-%s####-@##", strings.ToUpper(h.car.VIN[:3]), q.stem)), Name: sided(q.name),
			Operation: fmt.Sprintf("O%d", q.operation), Quality: quality, Quantity: q.quantity,
			UnitPrice: int64(r.around(q.price*scale/100, 8) * percent / 100),
		})
	}
	for _, m := range sc.materials {
		rec.Materials = append(rec.Materials, document.Material{Name: m.name, Amount: int64(r.around(m.price*reg.price, 10))})
	}
	rec.AddUp()
	base := rec.Totals.Parts + rec.Totals.Materials
	if reg.taxLabour {
		base = rec.Totals.Net
	}
	rec.Taxes = []document.Tax{document.TaxOn(reg.repairTax, reg.repairRate, base)}
	rec.AddUp()
	worker := strings.SplitN(pick(r, reg.workers), " ", 2)
	rec.Technician = document.Technician{
		Name:        document.Name{Given: worker[0], Family: worker[1]},
		Certificate: fmt.Sprintf("%s-T%s", reg.country, randomFor(worker[1], 0).digits(5)),
	}
	return out
}

// someScenario draws by weight; ice and hail keep to their seasons.
func someScenario(r *random, day time.Time) scenario {
	list := slices.DeleteFunc(slices.Clone(scenarios), func(s scenario) bool {
		return s.cause == "hail" && (day.Month() < time.April || day.Month() > time.September)
	})
	total := 0
	for _, s := range list {
		total += s.weight
	}
	n := r.below(total)
	for _, s := range list {
		if n -= s.weight; n < 0 {
			return s
		}
	}
	return list[0]
}

// someQuality: young cars get original parts.
func someQuality(r *random, modelYear, year int) (quality string, percent int) {
	n := r.below(100)
	switch age := year - modelYear; {
	case age <= 3 && n < 85, n < 45:
		return "oem", 100
	case n < 75:
		return "oe-equivalent", 82
	case n < 88 && age > 3:
		return "certified-aftermarket", 64
	case age > 6:
		return "recycled", 45
	default:
		return "oe-equivalent", 80
	}
}
