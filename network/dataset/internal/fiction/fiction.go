// Package fiction invents the data set of the demonstration: people, cars,
// policies, mishaps, repairs and the photos of them. No person, company or
// vehicle in it is real; where a name, a number or an address is someone's, it
// is by chance.
//
// Everything follows from one seed: the same bytes on every machine.
package fiction

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/network/dataset/internal/index"
)

const (
	holders = 210
	repairs = 132
)

// lastIncident leaves time to repair before the data set ends.
var lastIncident = date(2026, 6, 5)

const note = "Invented by a program (go generate ./dataset in the module network). No person, company, vehicle or event in it is real."

// world is the data set in the making.
type world struct {
	holders  []*holder
	policies []policy
	repairs  []repair
}

// Make invents the data set and returns its files. Photos of committed whose
// pixels have not changed are taken over as they are, so that a Go release
// that compresses otherwise changes no digest.
func Make(committed fs.FS) (map[string][]byte, error) {
	w := &world{}
	if err := w.populate(); err != nil {
		return nil, err
	}
	w.damage()
	w.reprice()
	return w.files(committed)
}

// populate invents the policyholders and their policies.
func (w *world) populate() error {
	taken := make(map[string]bool)
	for _, c := range cast {
		taken[document.Name{Given: c.given, Family: c.family}.String()] = true
	}
	for n := range holders {
		r := randomFor("timeline", n)
		first := r.dayBetween(date(2025, 1, 1), date(2026, 2, 28))
		insurer := r.below(2)
		next := -1 // insurer of a second year
		switch chance := r.below(100); {
		case chance < 22:
			next = 1 - insurer
		case chance < 32:
			next = insurer
		}
		if next >= 0 {
			first = r.dayBetween(date(2024, 2, 1), date(2025, 4, 30))
		}
		switch n { // the cast
		case 0:
			first, insurer, next = date(2024, 11, 15), 0, 1
		case 1:
			first, insurer, next = date(2024, 8, 1), 0, 1
		case 2:
			first, insurer, next = date(2025, 6, 1), 0, -1
		case 3:
			first, insurer, next = date(2025, 5, 10), 0, -1
		}
		h, err := makeHolder(n, first, taken)
		if err != nil {
			return err
		}
		w.holders = append(w.holders, h)
		w.policies = append(w.policies, makePolicy(len(w.policies), h, insurer, first, h.free, nil))
		if next >= 0 {
			earlier := len(w.policies) - 1
			p := makePolicy(len(w.policies), h, next, first.AddDate(1, 0, 0), h.free+1, &w.policies[earlier])
			p.follows = earlier
			w.policies = append(w.policies, p)
		}
	}
	return nil
}

// damage lets accidents happen and numbers the repair orders by date.
func (w *world) damage() {
	for _, scene := range []struct {
		holder, shop int
		day          time.Time
		photos       int
	}{
		{0, 0, date(2025, 4, 22), 2}, {0, 1, date(2025, 8, 30), 0}, {0, 0, date(2026, 1, 17), 3}, {0, 1, date(2026, 4, 9), 2},
		{1, 0, date(2025, 6, 11), 2}, {1, 0, date(2025, 10, 3), 0},
		{2, 1, date(2026, 2, 5), 1},
		{3, 0, date(2025, 9, 20), 2},
	} {
		i := slices.IndexFunc(w.policies, func(p policy) bool {
			return p.holder.number == scene.holder && !scene.day.Before(p.from) && scene.day.Before(p.until)
		})
		w.repairs = append(w.repairs, makeRepair(len(w.repairs), &w.policies[i], i, scene.shop, scene.day, scene.photos))
	}
	r := randomFor("accidents", 0)
	used := make(map[int]bool)
	for len(w.repairs) < repairs {
		i := r.below(len(w.policies))
		p := &w.policies[i]
		if used[i] || p.holder.number < len(cast) || !p.covers("collision") {
			continue
		}
		used[i] = true
		last := p.until.AddDate(0, 0, -1)
		if last.After(lastIncident) {
			last = lastIncident
		}
		shop, photos := 0, 0
		if r.percent(46) {
			shop = 1
		}
		if r.percent(30) {
			photos = r.between(1, 3)
		}
		day := r.dayBetween(p.from.AddDate(0, 0, 2), last)
		w.repairs = append(w.repairs, makeRepair(len(w.repairs), p, i, shop, day, photos))
	}
	slices.SortStableFunc(w.repairs, func(a, b repair) int { return a.received.Compare(b.received) })
	orders := [2]int{408, 2211}
	for i := range w.repairs {
		rp := &w.repairs[i]
		orders[rp.shop] += 2 + r.below(9)
		year := rp.received.Year()
		rp.record.OrderNumber = []string{fmt.Sprintf("KC-%02d-%04d", year%100, orders[0]), fmt.Sprintf("FL-%d-%05d", year, orders[1])}[rp.shop]
	}
}

// reprice rewrites the policies that follow one with a claim: whoever has had
// an accident before the new policy was written has no claim-free years.
func (w *world) reprice() {
	for i, p := range w.policies {
		if p.follows >= 0 && slices.ContainsFunc(w.repairs, func(rp repair) bool {
			return rp.policy == p.follows && rp.received.Before(p.issued)
		}) {
			w.policies[i] = makePolicy(p.number, p.holder, p.insurer, p.from, 0, &w.policies[p.follows])
			w.policies[i].follows = p.follows
		}
	}
}

// files writes everything out.
func (w *world) files(committed fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{"README.md": []byte("# Invented data\n\n" + note + "\n")}
	ix := index.Index{Note: note, Cast: make(map[string]int)}
	for i, c := range cast {
		ix.Cast[c.name] = i
	}
	for _, c := range insurers {
		ix.Insurers = append(ix.Insurers, index.Organisation{Name: c.Name, Licence: c.Licence})
	}
	for _, c := range shops {
		ix.Shops = append(ix.Shops, index.Organisation{Name: c.Name, Licence: c.Licence})
	}
	for _, h := range w.holders {
		ix.Policyholders = append(ix.Policyholders, index.Policyholder{Identity: h.identity, Name: displayName(h.region, h.person.Name), Country: h.region.country})
	}
	for _, p := range w.policies {
		doc, err := document.NewPolicy(p.document)
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", p.document.PolicyNumber, err)
		}
		file := fmt.Sprintf("insurer-%d/%s.json", p.insurer+1, p.document.PolicyNumber)
		files[file] = doc.JSON()
		ix.Policies = append(ix.Policies, index.Policy{File: file, Insurer: p.insurer, Holder: p.holder.number, Label: "policy/" + p.document.Period.From[:4], Follows: p.follows})
	}
	for i := range w.repairs {
		rp := &w.repairs[i]
		directory := fmt.Sprintf("shop-%d/%s", rp.shop+1, rp.record.OrderNumber)
		for _, ph := range rp.takePhotos() {
			data, err := encodePhoto(committed, path.Join(directory, ph.about.Name), ph.image)
			if err != nil {
				return nil, err
			}
			described, err := document.Describe(ph.about.Name, ph.about.View, bytes.NewReader(data))
			if err != nil {
				return nil, err
			}
			ph.about.MediaType, ph.about.Size, ph.about.SHA256 = described.MediaType, described.Size, described.SHA256
			rp.record.Attachments = append(rp.record.Attachments, ph.about)
			files[path.Join(directory, ph.about.Name)] = data
		}
		doc, err := document.NewRepair(rp.record)
		if err != nil {
			return nil, fmt.Errorf("repair %s: %w", rp.record.OrderNumber, err)
		}
		files[path.Join(directory, "repair.json")] = doc.JSON()
		ix.Repairs = append(ix.Repairs, index.Repair{Directory: directory, Shop: rp.shop, Holder: rp.holder.number, Policy: rp.policy, Label: "repair/" + rp.record.CompletedAt[:4]})
	}
	table, err := json.MarshalIndent(ix, "", " ")
	if err != nil {
		return nil, err
	}
	files[index.File] = append(table, '\n')
	return files, nil
}

// photo is a picture that still lacks size and digest.
type photo struct {
	about document.Attachment
	image *image.Paletted
}

// takePhotos draws as many photos as the shop took: all of the car, the worst
// damage, the finished repair.
func (rp *repair) takePhotos() []photo {
	rec := &rp.record
	var ids []string
	for _, d := range rec.Damage {
		ids = append(ids, d.ID)
	}
	worst := slices.MaxFunc(rec.Damage, func(a, b document.Damage) int {
		return cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity))
	})
	at := slices.IndexFunc(rec.Damage, func(d document.Damage) bool { return d.ID == worst.ID })
	var list []photo
	if rp.photos > 0 {
		list = append(list, photo{document.Attachment{Name: "overview.png", View: "overview", Caption: "All damages, " + rp.side + " side", TakenAt: rec.ReceivedAt, Damage: ids}, overview(rp)})
	}
	if rp.photos > 1 {
		list = append(list, photo{document.Attachment{Name: "detail-" + strings.ToLower(worst.ID) + ".png", View: "detail", Caption: document.Term("zone", worst.Zone), TakenAt: rec.ReceivedAt, Damage: []string{worst.ID}}, detail(rp, at)})
	}
	if rp.photos > 2 {
		list = append(list, photo{document.Attachment{Name: "after-repair.png", View: "after-repair", Caption: "Ready for delivery", TakenAt: rec.CompletedAt}, repaired(rp)})
	}
	return list
}

var severities = []string{"minor", "moderate", "severe", "beyond-repair"}

// encodePhoto takes over the committed file if it shows the same.
func encodePhoto(committed fs.FS, name string, img *image.Paletted) ([]byte, error) {
	if old, err := fs.ReadFile(committed, name); err == nil {
		if shown, err := png.Decode(bytes.NewReader(old)); err == nil && samePixels(shown, img) {
			return old, nil
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img); err != nil {
		return nil, fmt.Errorf("encode %s: %w", name, err)
	}
	return b.Bytes(), nil
}

func samePixels(a image.Image, b *image.Paletted) bool {
	if a.Bounds() != b.Bounds() {
		return false
	}
	for y := range b.Rect.Dy() {
		for x := range b.Rect.Dx() {
			r1, g1, b1, a1 := a.At(x, y).RGBA()
			r2, g2, b2, a2 := b.At(x, y).RGBA()
			if r1 != r2 || g1 != g2 || b1 != b2 || a1 != a2 {
				return false
			}
		}
	}
	return true
}
