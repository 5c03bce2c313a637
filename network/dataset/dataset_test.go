package dataset

import (
	"bytes"
	"image/png"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/crypto/pseudonym"
	"github.com/claimshare/claimshare/network/dataset/internal/fiction"
)

func load(t testing.TB) *Dataset {
	t.Helper()
	d, err := Load()
	require.NoError(t, err, "every document passes the standard")
	return d
}

func TestSize(t *testing.T) {
	d := load(t)
	assert.Len(t, d.Insurers, 2)
	assert.Len(t, d.Shops, 2)
	assert.GreaterOrEqual(t, len(d.Policyholders), 200)
	assert.GreaterOrEqual(t, len(d.Policies), 250)
	assert.GreaterOrEqual(t, len(d.Repairs), 120)
	illustrated, perShop, moved := 0, [2]int{}, 0
	for _, r := range d.Repairs {
		perShop[r.Shop]++
		if len(r.Document.Attachments()) > 0 {
			illustrated++
		}
	}
	for _, p := range d.Policies {
		if p.Follows >= 0 && d.Policies[p.Follows].Insurer != p.Insurer {
			moved++
		}
	}
	assert.Greater(t, illustrated, 30)
	assert.Greater(t, min(perShop[0], perShop[1]), 40)
	assert.Greater(t, moved, 30, "policies with an earlier one at the other insurer")
	total := int64(0)
	require.NoError(t, fs.WalkDir(files, "data", func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		total += info.Size()
		return err
	}))
	assert.Less(t, total, int64(3<<20))
	t.Logf("%d policyholders, %d policies (%d moved), %d repairs (%d and %d; %d with photos), %d bytes",
		len(d.Policyholders), len(d.Policies), moved, len(d.Repairs), perShop[0], perShop[1], illustrated, total)
}

func TestEverythingHangsTogether(t *testing.T) {
	d := load(t)
	identities, numbers, vins := map[string]bool{}, map[string]bool{}, map[string]int{}
	for _, h := range d.Policyholders {
		assert.False(t, identities[h.Identity], "%s occurs twice", h.Identity)
		identities[h.Identity] = true
		assert.LessOrEqual(t, len(h.Identity), pseudonym.MaxIdentity)
		assert.True(t, strings.HasSuffix(h.Identity, "/"+h.Name))
	}
	for i, p := range d.Policies {
		name := p.Policy.PolicyNumber
		assert.False(t, numbers[name], "%s occurs twice", name)
		numbers[name] = true
		assert.Empty(t, p.Policy.Evidence, name)
		assert.Equal(t, d.Insurers[p.Insurer].Name, p.Policy.Insurer.Name, name)
		assert.Equal(t, "policy/"+p.Policy.Period.From[:4], p.Label)
		if holder, ok := vins[p.Policy.Vehicle.VIN]; ok {
			assert.Equal(t, holder, p.Holder, "%s insures another's car", name)
		}
		vins[p.Policy.Vehicle.VIN] = p.Holder
		if p.Follows >= 0 {
			earlier := d.Policies[p.Follows]
			assert.Less(t, p.Follows, i)
			assert.Equal(t, earlier.Holder, p.Holder, name)
			assert.Equal(t, earlier.Policy.Period.Until, p.Policy.Period.From, name)
			assert.Equal(t, earlier.Policy.PolicyNumber, p.Policy.PreviousPolicy.PolicyNumber)
		}
	}
	odometer := map[string]int64{}
	for _, r := range d.Repairs {
		name := r.Record.OrderNumber
		assert.False(t, numbers[name], "%s occurs twice", name)
		numbers[name] = true
		p := d.Policies[r.Policy]
		assert.Equal(t, p.Holder, r.Holder, name)
		assert.Equal(t, d.Shops[r.Shop].Name, r.Record.Shop.Name, name)
		assert.Equal(t, p.Policy.PolicyNumber, r.Record.Insurance.PolicyNumber, name)
		assert.Equal(t, p.Policy.Vehicle, r.Record.Vehicle, name)
		assert.Equal(t, p.Policy.Policyholder.Name, r.Record.Customer, name)
		assert.Equal(t, "repair/"+r.Record.CompletedAt[:4], r.Label)
		at := instant(t, r.Record.Incident.At)
		assert.True(t, at.After(instant(t, p.Policy.Period.From)) && at.Before(instant(t, p.Policy.Period.Until)), "%s: the policy was not in force", name)
		assert.True(t, instant(t, r.Record.CompletedAt).Before(time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)), name)
		assert.Greater(t, r.Record.Odometer.Value, odometer[r.Record.Vehicle.VIN], "%s: the odometer runs backwards", name)
		odometer[r.Record.Vehicle.VIN] = r.Record.Odometer.Value
	}
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return v
}

func TestCast(t *testing.T) {
	d := load(t)
	insurers := func(holder int) (list []int) {
		for _, i := range d.PoliciesOf(holder) {
			list = append(list, d.Policies[i].Insurer)
		}
		return list
	}
	labels := func(holder int) map[string][]int { // label to shops
		m := map[string][]int{}
		for _, i := range d.RepairsOf(holder) {
			m[d.Repairs[i].Label] = append(m[d.Repairs[i].Label], d.Repairs[i].Shop)
		}
		return m
	}
	c := d.Cast
	require.Len(t, c, 4)
	assert.Equal(t, "Clara Neumann", d.Policyholders[c["claimant"]].Name)
	assert.Equal(t, []int{0, 1}, insurers(c["claimant"]))
	assert.Equal(t, map[string][]int{"repair/2025": {0, 1}, "repair/2026": {0, 1}}, labels(c["claimant"]))
	assert.Equal(t, []int{0, 1}, insurers(c["mover"]))
	assert.Equal(t, map[string][]int{"repair/2025": {0, 0}}, labels(c["mover"]))
	assert.Equal(t, []int{0}, insurers(c["bystander"]))
	assert.Equal(t, map[string][]int{"repair/2026": {1}}, labels(c["bystander"]))
	assert.Equal(t, []int{0}, insurers(c["paper"]))
	assert.Equal(t, map[string][]int{"repair/2025": {0}}, labels(c["paper"]))
}

// Every record can be packed and unpacked, and its photos are pictures.
func TestPackable(t *testing.T) {
	d := load(t)
	var b bytes.Buffer
	for i := range d.Policies {
		doc, err := d.Policies[i].Issue(pseudonym.Evidence{1, 2, 3})
		require.NoError(t, err)
		b.Reset()
		require.NoError(t, document.Pack(&b, doc, nil))
	}
	for _, r := range d.Repairs {
		b.Reset()
		require.NoError(t, document.Pack(&b, r.Document, r.Files))
		_, err := document.Unpack(&b, document.Limits{}, nil)
		require.NoError(t, err)
		for _, a := range r.Document.Attachments() {
			raw, err := fs.ReadFile(r.Files, a.Name)
			require.NoError(t, err)
			_, err = png.Decode(bytes.NewReader(raw))
			assert.NoError(t, err)
		}
	}
}

// The committed directory is what the generator makes.
func TestNoDrift(t *testing.T) {
	if testing.Short() {
		t.Skip("draws every photo")
	}
	const remedy = "run go generate ./dataset and commit the directory"
	made, err := fiction.Make(os.DirFS("data"))
	require.NoError(t, err)
	require.NoError(t, fs.WalkDir(os.DirFS("data"), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		committed, err := os.ReadFile("data/" + name)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(committed, made[name]), "%s has drifted: %s", name, remedy)
		delete(made, name)
		return nil
	}))
	assert.Empty(t, made, "files are missing: %s", remedy)
}
