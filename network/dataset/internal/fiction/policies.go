package fiction

import (
	"fmt"
	"slices"
	"time"

	"github.com/claimshare/claimshare/client/document"
)

// insurers and shops are the invented companies.
var (
	insurers = []document.Company{{Name: "Meridian Mutual", Licence: "INS-4101"}, {Name: "Northlight Insurance", Licence: "INS-4102"}}
	shops    = []document.Company{{Name: "Kestrel Collision Center", Licence: "4S-7201"}, {Name: "Foundry Lane Autobody", Licence: "4S-7202"}}
)

// policy is a policy and where it belongs.
type policy struct {
	number              int
	holder              *holder
	insurer             int
	follows             int // index of the earlier policy, or -1
	from, until, issued time.Time
	document            document.Policy
}

func (p *policy) covers(kind string) bool {
	return slices.ContainsFunc(p.document.Coverages, func(c document.Coverage) bool { return c.Type == kind })
}

// company is the branch of an insurer (0, 1) or a shop (2, 3) in a region.
func company(c document.Company, reg *region, branch int) document.Company {
	c.Address = reg.branches[branch]
	c.Branch = c.Address.City
	return c
}

// makePolicy writes one policy of a year. number is unique over all policies.
func makePolicy(number int, h *holder, insurer int, from time.Time, claimFree int, previous *policy) policy {
	r := randomFor("policy", number)
	reg := h.region
	until := from.AddDate(1, 0, 0)
	issued := from.AddDate(0, 0, -r.between(3, 28))

	covers := randomFor("covers", h.number) // a holder buys the same again
	var net int64
	var coverages []document.Coverage
	for _, c := range reg.covers {
		bought := covers.percent(c.odds) || h.number < len(cast)
		var limit, deductible int64
		premium := c.premium * 100
		if c.limits == nil {
			value := h.car.value(from) * reg.price
			limit = int64(value / 10000 * 10000)
			premium = value * c.premium / 1000
		} else {
			limit = pick(covers, c.limits) * 100
		}
		deductible = min(pick(covers, c.deductibles)*100, limit)
		if !bought {
			continue
		}
		// Experience makes it cheaper, an insurer has its own view, prices rise.
		premium = premium * (1250 - 25*min(claimFree, 18) + 60*insurer + 45*(from.Year()-2024)) / 1000
		amount := int64(r.around(premium, 6))
		coverages = append(coverages, document.Coverage{Type: c.kind, Limit: limit, Deductible: deductible, Premium: amount})
		net += amount
	}
	taxes := []document.Tax{}
	total := net
	if reg.premiumTax != "" {
		t := document.TaxOn(reg.premiumTax, reg.premRate, net)
		taxes, total = append(taxes, t), net+t.Amount
	}
	p := policy{
		number: number, holder: h, insurer: insurer, follows: -1, from: from, until: until, issued: issued,
		document: document.Policy{
			PolicyNumber: fmt.Sprintf("%s-%d-%06d", []string{"MM", "NL"}[insurer], from.Year(), 100204+number*37),
			Insurer:      company(insurers[insurer], reg, insurer),
			IssuedAt:     reg.clock(issued, r.between(8*60, 18*60)),
			Policyholder: h.person,
			Vehicle:      h.car.Vehicle,
			Period:       document.Period{From: reg.clock(from, 0), Until: reg.clock(until, 0)},
			Currency:     reg.currency, Coverages: coverages,
			Premium:        document.Premium{Net: net, Taxes: taxes, Total: total, Instalments: pick(r, []int{1, 1, 2, 4, 12, 12})},
			ClaimFreeYears: claimFree,
		},
	}
	if previous != nil {
		p.document.PreviousPolicy = &document.PreviousPolicy{
			Insurer: previous.document.Insurer.Name, PolicyNumber: previous.document.PolicyNumber,
		}
	}
	return p
}
