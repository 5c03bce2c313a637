// Package index is the table of contents of the committed data set: the
// generator writes it, package dataset reads it. Parties are named by their
// position.
package index

// File is the name of the table within the data directory.
const File = "index.json"

// Index says who belongs to what.
type Index struct {
	Note          string         `json:"note"`
	Insurers      []Organisation `json:"insurers"`
	Shops         []Organisation `json:"shops"`
	Policyholders []Policyholder `json:"policyholders"`
	Policies      []Policy       `json:"policies"`
	Repairs       []Repair       `json:"repairs"`
	Cast          map[string]int `json:"cast"` // character to policyholder
}

// Organisation is an insurer or a repair shop.
type Organisation struct {
	Name    string `json:"name"`
	Licence string `json:"licence"`
}

// Policyholder is an invented person.
type Policyholder struct {
	Identity string `json:"identity"`
	Name     string `json:"name"`
	Country  string `json:"country"`
}

// Policy is a policy's file; Follows is the earlier policy, or -1.
type Policy struct {
	File    string `json:"file"`
	Insurer int    `json:"insurer"`
	Holder  int    `json:"holder"`
	Label   string `json:"label"`
	Follows int    `json:"follows"`
}

// Repair is the directory of a repair record and its photos; Policy is the one
// in force on the day.
type Repair struct {
	Directory string `json:"directory"`
	Shop      int    `json:"shop"`
	Holder    int    `json:"holder"`
	Policy    int    `json:"policy"`
	Label     string `json:"label"`
}
