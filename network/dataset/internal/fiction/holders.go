package fiction

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/claimshare/claimshare/client/document"
)

// holder is an invented policyholder with a car.
type holder struct {
	number   int
	region   *region
	person   document.Person
	identity string
	car      car
	free     int // years without a claim, at the first policy
	first    time.Time
}

// role is a character of the story; everybody else has none.
type role struct {
	name          string
	region        *region
	given, family string
}

// cast are the first policyholders, in this order.
var cast = []role{
	{"claimant", germany, "Clara", "Neumann"},
	{"mover", unitedStates, "Marcus", "Whitfield"},
	{"bystander", france, "Léa", "Fontaine"},
	{"paper", china, "Lihua", "Wang"},
}

// makeHolder invents a policyholder whose first policy begins on first. taken
// keeps names apart.
func makeHolder(number int, first time.Time, taken map[string]bool) (*holder, error) {
	r := randomFor("holder", number)
	reg := someRegion(r)
	name := document.Name{}
	for name.Given == "" || taken[name.String()] {
		name = document.Name{Given: pick(r, reg.given), Family: pick(r, reg.family)}
	}
	if number < len(cast) {
		c := cast[number]
		reg, name = c.region, document.Name{Given: c.given, Family: c.family}
	}
	taken[name.String()] = true
	home, digits := pick(r, reg.cities), strconv.Itoa(number)
	if number < len(cast) {
		home, digits = reg.cities[0], ""
	}
	birth := r.dayBetween(date(1948, 1, 1), date(2004, 12, 31))
	if number < len(cast) {
		birth = r.dayBetween(date(1972, 1, 1), date(1992, 12, 31))
	}
	licensed := birth.AddDate(18, r.between(0, 30), r.between(0, 27))
	car, err := makeCar(r, reg, home, first)
	if err != nil {
		return nil, err
	}
	h := &holder{
		number: number, region: reg, car: car, first: first,
		free: min(r.between(0, 18), first.Year()-licensed.Year()),
		person: document.Person{
			Name:      name,
			BirthDate: birth.Format(time.DateOnly),
			Address: document.Address{
				Street: houseAddress(r, reg, pick(r, home.streets)), City: home.name, Region: home.region,
				PostalCode: r.fill(home.postal), Country: reg.country,
			},
			Email:          fmt.Sprintf("%s.%s%s@%s", plainLetters(name.Given), plainLetters(name.Family), digits, reg.mail),
			DrivingLicence: r.fill(reg.licence),
			LicensedSince:  licensed.Format(time.DateOnly),
		},
	}
	h.identity = fmt.Sprintf("%s/%s/%s", reg.country, r.fill(reg.identity), displayName(reg, name))
	return h, nil
}

func someRegion(r *random) *region {
	n := r.below(100)
	for _, reg := range regions {
		if n -= reg.share; n < 0 {
			return reg
		}
	}
	return regions[0]
}

// displayName puts the family name first where that is the custom.
func displayName(reg *region, n document.Name) string {
	if reg.familyFirst {
		return n.Family + " " + n.Given
	}
	return n.String()
}

func houseAddress(r *random, reg *region, street string) string {
	switch reg {
	case germany, china:
		return fmt.Sprintf("%s %d", street, r.between(1, 160))
	case france:
		return fmt.Sprintf("%d %s", r.between(1, 120), street)
	default:
		return fmt.Sprintf("%d %s", r.between(100, 4900), street)
	}
}

// plainLetters writes a name for the local part of an address.
func plainLetters(s string) string {
	return strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ı", "i", "Y", "y", "é", "e", "è", "e", "É", "e", "ë", "e", "Š", "s", "î", "i", " ", "").
		Replace(strings.ToLower(s))
}
