package fiction

import (
	"fmt"
	"strings"
	"time"

	"github.com/claimshare/claimshare/client/document"
)

type body int

const (
	sedan body = iota
	hatch
	suv
	pickup
)

// model is a model of a make. In the pattern of its VIN '#' is a digit, '*' the
// code of the model year and '?' the check digit. Value is new, in euro.
type model struct {
	make, name, vin string
	body            body
	value           int
}

// yearCodes are the codes of the model years from 2010 on.
const yearCodes = "ABCDEFGHJKLMNPRSTVWXY"

// paints are the colours of the cars, with what the photos use.
var paints = []struct {
	name string
	rgb  [3]uint8
}{
	{"white", [3]uint8{0xe9, 0xeb, 0xec}},
	{"black", [3]uint8{0x33, 0x37, 0x3c}},
	{"silver", [3]uint8{0xb4, 0xbb, 0xc1}},
	{"grey", [3]uint8{0x7c, 0x84, 0x8b}},
	{"blue", [3]uint8{0x2f, 0x5f, 0x9e}},
	{"red", [3]uint8{0xa8, 0x2c, 0x2f}},
	{"green", [3]uint8{0x3d, 0x6b, 0x52}},
	{"beige", [3]uint8{0xc9, 0xb8, 0x97}},
}

// car is a vehicle and what the standard's vehicle has no place for.
type car struct {
	document.Vehicle
	model  model
	paint  [3]uint8
	bought time.Time
	yearly int // distance a year, in the region's unit
}

// makeCar invents a vehicle that has been on the road since before first.
func makeCar(r *random, reg *region, plateCity city, first time.Time) (car, error) {
	m := pick(r, reg.models)
	age := []int{0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 7, 9, 11}[r.below(13)]
	year := first.Year() - age
	registered := date(year, time.Month(r.between(1, 12)), r.between(1, 28))
	if latest := first.AddDate(0, 0, -30); registered.After(latest) { // before the policy is written
		registered = latest.AddDate(0, 0, -r.between(0, 60))
	}
	vin, err := makeVIN(r, m.vin, year)
	if err != nil {
		return car{}, fmt.Errorf("%s %s: %w", m.make, m.name, err)
	}
	paint := pick(r, paints)
	yearly := r.between(8000, 21000)
	if reg.odometer == "mi" {
		yearly = r.between(6500, 15000)
	}
	plate := reg.plate
	if strings.Contains(plate, "%s") {
		plate = fmt.Sprintf(plate, plateCity.plate)
	}
	use := []string{"private", "private", "commuting", "commuting", "commuting", "business"}[r.below(6)]
	return car{
		Vehicle: document.Vehicle{
			VIN: vin, Make: m.make, Model: m.name, ModelYear: year, Colour: paint.name,
			Plate: r.fill(plate), RegisteredIn: reg.country,
			FirstRegistered: registered.Format(time.DateOnly), Use: use,
		},
		model: m, paint: paint.rgb, bought: registered, yearly: yearly,
	}, nil
}

// makeVIN fills in a pattern. The check digit is right wherever the pattern has
// one, also where the standard does not ask for it.
func makeVIN(r *random, pattern string, year int) (string, error) {
	vin := r.fill(strings.Replace(pattern, "*", yearCodes[year-2010:year-2009], 1))
	if !strings.Contains(vin, "?") {
		return vin, document.CheckVIN(vin)
	}
	digit, err := document.VINCheckDigit(strings.Replace(vin, "?", "0", 1))
	if err != nil {
		return "", err
	}
	vin = strings.Replace(vin, "?", string(digit), 1)
	return vin, document.CheckVIN(vin)
}

// odometer is what the car shows on a day.
func (c *car) odometer(day time.Time) int64 {
	return int64(c.yearly)*int64(day.Sub(c.bought).Hours()/24)/365 + 40
}

// value is what the car is worth on a day, in euro.
func (c *car) value(day time.Time) int {
	v := c.model.value
	for range max(0, day.Year()-c.ModelYear) {
		v = v * 86 / 100
	}
	return max(v, 2500) / 100 * 100
}
