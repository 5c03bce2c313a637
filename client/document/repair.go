package document

// RepairRecord is a repair. The schema repair.json describes every field;
// amounts are integer minor units of Currency.
type RepairRecord struct {
	Schema      string       `json:"schema"`
	Shop        Company      `json:"shop"`
	OrderNumber string       `json:"orderNumber"`
	Customer    Name         `json:"customer"`
	Insurance   *Insurance   `json:"insurance,omitempty"`
	Vehicle     Vehicle      `json:"vehicle"`
	Odometer    Odometer     `json:"odometer"`
	Incident    Incident     `json:"incident"`
	ReceivedAt  string       `json:"receivedAt"`
	CompletedAt string       `json:"completedAt"`
	Currency    string       `json:"currency"`
	Damage      []Damage     `json:"damage"`
	Operations  []Operation  `json:"operations"`
	Parts       []Part       `json:"parts"`
	Materials   []Material   `json:"materials"`
	Taxes       []Tax        `json:"taxes"`
	Totals      Totals       `json:"totals"`
	Technician  Technician   `json:"technician"`
	Attachments []Attachment `json:"attachments,omitempty"`
}

// Insurance names the policy under which a repair is claimed.
type Insurance struct {
	Insurer      string `json:"insurer"`
	PolicyNumber string `json:"policyNumber"`
	ClaimNumber  string `json:"claimNumber,omitempty"`
}

// Odometer is a reading in "km" or "mi".
type Odometer struct {
	Value int64  `json:"value"`
	Unit  string `json:"unit"`
}

// Incident is what happened; Cause is a code of the vocabulary incidentCause.
type Incident struct {
	At          string `json:"at"`
	Cause       string `json:"cause"`
	Place       string `json:"place,omitempty"`
	Description string `json:"description"`
}

// Damage is one damage: codes of the vocabularies damageCode, zone and
// severity.
type Damage struct {
	ID       string `json:"id"`
	Code     string `json:"code"`
	Zone     string `json:"zone"`
	Severity string `json:"severity"`
	Note     string `json:"note,omitempty"`
}

// Operation is one piece of work; Hours is in hundredths of an hour, Rate per
// hour.
type Operation struct {
	ID     string   `json:"id"`
	Code   string   `json:"code"`
	Zone   string   `json:"zone"`
	Damage []string `json:"damage,omitempty"`
	Hours  int64    `json:"hours"`
	Rate   int64    `json:"rate"`
	Amount int64    `json:"amount"`
}

// Part is a fitted part; Operation is the id of the operation that fitted it.
type Part struct {
	Number    string `json:"number"`
	Name      string `json:"name"`
	Operation string `json:"operation,omitempty"`
	Quality   string `json:"quality"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unitPrice"`
	Amount    int64  `json:"amount"`
}

// Material is paint or another material.
type Material struct {
	Name   string `json:"name"`
	Amount int64  `json:"amount"`
}

// Totals are the sums of a repair.
type Totals struct {
	Labour    int64 `json:"labour"`
	Parts     int64 `json:"parts"`
	Materials int64 `json:"materials"`
	Net       int64 `json:"net"`
	Tax       int64 `json:"tax"`
	Total     int64 `json:"total"`
}

// Technician answers for the repair.
type Technician struct {
	Name        Name   `json:"name"`
	Certificate string `json:"certificate"`
}

// AddUp fills in every amount that follows from the others: operations, parts
// and totals. It leaves the taxes as they are.
func (r *RepairRecord) AddUp() {
	var t Totals
	for i := range r.Operations {
		o := &r.Operations[i]
		o.Amount = share(o.Rate, o.Hours, 100)
		t.Labour += o.Amount
	}
	for i := range r.Parts {
		p := &r.Parts[i]
		p.Amount = p.Quantity * p.UnitPrice
		t.Parts += p.Amount
	}
	for _, m := range r.Materials {
		t.Materials += m.Amount
	}
	for _, x := range r.Taxes {
		t.Tax += x.Amount
	}
	t.Net = t.Labour + t.Parts + t.Materials
	t.Total = t.Net + t.Tax
	r.Totals = t
}
