package document

// Text that the schema calls number, code or time stays a string in Go: a
// document is kept as it was written, and [Parse] has checked it.

// Address is a postal address; Country is ISO 3166-1 alpha-2.
type Address struct {
	Street     string `json:"street"`
	City       string `json:"city"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postalCode"`
	Country    string `json:"country"`
}

// Name is a person's name.
type Name struct {
	Given  string `json:"given"`
	Family string `json:"family"`
}

func (n Name) String() string { return n.Given + " " + n.Family }

// Person is a policyholder as the insurer knows it.
type Person struct {
	Name           Name    `json:"name"`
	BirthDate      string  `json:"birthDate"`
	Address        Address `json:"address"`
	Email          string  `json:"email,omitempty"`
	DrivingLicence string  `json:"drivingLicence,omitempty"`
	LicensedSince  string  `json:"licensedSince,omitempty"`
}

// Company is an insurer or a repair shop, with the branch that issued the
// document.
type Company struct {
	Name    string  `json:"name"`
	Licence string  `json:"licence"`
	Branch  string  `json:"branch"`
	Address Address `json:"address"`
}

// Vehicle is a vehicle; Use is a code of the vocabulary vehicleUse.
type Vehicle struct {
	VIN             string `json:"vin"`
	Make            string `json:"make"`
	Model           string `json:"model"`
	ModelYear       int    `json:"modelYear"`
	Colour          string `json:"colour,omitempty"`
	Plate           string `json:"plate,omitempty"`
	RegisteredIn    string `json:"registeredIn,omitempty"`
	FirstRegistered string `json:"firstRegistered,omitempty"`
	Use             string `json:"use,omitempty"`
}

// Tax is one tax; Rate is in hundredths of a percent.
type Tax struct {
	Name   string `json:"name"`
	Rate   int64  `json:"rate"`
	Base   int64  `json:"base"`
	Amount int64  `json:"amount"`
}

// TaxOn computes the tax on base, rounded as the schema asks.
func TaxOn(name string, rate, base int64) Tax {
	return Tax{Name: name, Rate: rate, Base: base, Amount: share(base, rate, 10000)}
}

// Attachment describes a file that travels with the document. SHA256 is
// lower-case hexadecimal; Damage names the damages that a photo shows.
type Attachment struct {
	Name      string   `json:"name"`
	MediaType string   `json:"mediaType"`
	Size      int64    `json:"size"`
	SHA256    string   `json:"sha256"`
	View      string   `json:"view"`
	Caption   string   `json:"caption,omitempty"`
	TakenAt   string   `json:"takenAt,omitempty"`
	Damage    []string `json:"damage,omitempty"`
}
