// Package dataset is the committed data set of the demonstration: two insurers,
// two repair shops, policyholders of five countries, their policies, and the
// repairs of their cars, some with photos.
//
// Nobody in it is real. A program with a fixed seed has invented every person,
// company, vehicle and event (internal/fiction; "go generate ./dataset" re-makes
// the directory data, and a test checks that it has not drifted). Every document
// passes package document, which is how [Load] reads it.
//
// A policy's evidence δ is missing on purpose: an insurer draws it when it seals
// the policy ([Policy.Issue]).
package dataset

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/crypto/pseudonym"
	"github.com/claimshare/claimshare/network/dataset/internal/index"
)

//go:generate go run ./generate data

//go:embed data
var files embed.FS

// Dataset is everything. Positions in its lists are how parts refer to each
// other; they do not change.
type Dataset struct {
	Insurers      []Organisation // two
	Shops         []Organisation // two
	Policyholders []Policyholder
	Policies      []Policy // of each holder in the order of their periods
	Repairs       []Repair // in the order in which the shops received the cars

	// Cast names the characters of the story by their index in Policyholders:
	//
	//   - claimant has two repair records under each of repair/2025 and
	//     repair/2026, one at each shop; an old policy at the first insurer and a
	//     new one at the second
	//   - mover has an old policy at the first insurer and a new one at the
	//     second, and two repair records at the first shop, both repair/2025
	//   - bystander has a policy at the first insurer and one repair record at
	//     the second shop, and consents to nothing
	//   - paper has a policy at the first insurer and one repair record at the
	//     first shop, for the claim in paper mode
	Cast map[string]int
}

// Organisation is an insurer or a repair shop.
type Organisation = index.Organisation

// Policyholder is an invented person. Identity is what the system manager
// knows: country, a made-up national number, and the name, at most 63 bytes.
type Policyholder = index.Policyholder

// Policy is a policy that lacks its evidence.
type Policy struct {
	Insurer int    // index in Insurers
	Holder  int    // index in Policyholders
	Label   string // suggested label of the sealed record: policy/ and the year
	Follows int    // index of the earlier policy in Policies, or -1
	Policy  document.Policy
}

// Issue completes the policy with the evidence δ.
func (p *Policy) Issue(delta pseudonym.Evidence) (*document.Document, error) {
	issued := p.Policy
	issued.SetEvidence(delta)
	return document.NewPolicy(issued)
}

// Repair is a repair record with its photos.
type Repair struct {
	Shop     int    // index in Shops
	Holder   int    // index in Policyholders
	Policy   int    // index in Policies: the policy in force on the day
	Label    string // suggested label of the sealed record: repair/ and the year
	Record   document.RepairRecord
	Document *document.Document
	Files    fs.FS // the attachments, for document.Pack
}

// Load reads the data set and checks every document.
func Load() (*Dataset, error) {
	data, err := fs.Sub(files, "data")
	if err != nil {
		return nil, err
	}
	table, err := fs.ReadFile(data, index.File)
	if err != nil {
		return nil, fmt.Errorf("read the data set: %w", err)
	}
	var ix index.Index
	if err := json.Unmarshal(table, &ix); err != nil {
		return nil, fmt.Errorf("read the data set's index: %w", err)
	}
	d := &Dataset{
		Insurers: ix.Insurers, Shops: ix.Shops, Policyholders: ix.Policyholders,
		Cast: ix.Cast,
	}
	for _, entry := range ix.Policies {
		doc, err := parse(data, record.KindPolicy, entry.File)
		if err != nil {
			return nil, err
		}
		p := Policy{Insurer: entry.Insurer, Holder: entry.Holder, Label: entry.Label, Follows: entry.Follows}
		p.Policy, _ = doc.Policy()
		d.Policies = append(d.Policies, p)
	}
	for _, entry := range ix.Repairs {
		r := Repair{Shop: entry.Shop, Holder: entry.Holder, Policy: entry.Policy, Label: entry.Label}
		if r.Document, err = parse(data, record.KindRepair, path.Join(entry.Directory, "repair.json")); err != nil {
			return nil, err
		}
		r.Record, _ = r.Document.Repair()
		if r.Files, err = fs.Sub(data, entry.Directory); err != nil {
			return nil, err
		}
		d.Repairs = append(d.Repairs, r)
	}
	return d, nil
}

func parse(data fs.FS, kind record.Kind, name string) (*document.Document, error) {
	raw, err := fs.ReadFile(data, name)
	if err != nil {
		return nil, fmt.Errorf("read the data set: %w", err)
	}
	doc, err := document.Parse(kind, raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return doc, nil
}

// PoliciesOf lists the indexes of a policyholder's policies.
func (d *Dataset) PoliciesOf(holder int) []int {
	var list []int
	for i := range d.Policies {
		if d.Policies[i].Holder == holder {
			list = append(list, i)
		}
	}
	return list
}

// RepairsOf lists the indexes of the repairs of a policyholder's car.
func (d *Dataset) RepairsOf(holder int) []int {
	var list []int
	for i := range d.Repairs {
		if d.Repairs[i].Holder == holder {
			list = append(list, i)
		}
	}
	return list
}
