package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
)

func sample(t testing.TB, kind record.Kind) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + entryName(kind))
	require.NoError(t, err)
	return raw
}

// edited is the sample with one text replaced.
func edited(t testing.TB, kind record.Kind, old, replacement string) []byte {
	t.Helper()
	raw := string(sample(t, kind))
	require.Equal(t, 1, strings.Count(raw, old), "%q must occur once in the sample", old)
	return []byte(strings.Replace(raw, old, replacement, 1))
}

func TestSamplesPass(t *testing.T) {
	for _, kind := range []record.Kind{record.KindPolicy, record.KindRepair} {
		doc, err := Parse(kind, sample(t, kind))
		require.NoError(t, err)
		assert.Equal(t, kind, doc.Kind())
		assert.Equal(t, sample(t, kind), doc.JSON(), "a document is kept byte for byte")
	}
	assert.Error(t, Validate(3, sample(t, record.KindPolicy)))
	assert.Error(t, Validate(record.KindRepair, sample(t, record.KindPolicy)))
}

// The structs have every field of the schemas, and no other.
func TestStructsCarryTheWholeDocument(t *testing.T) {
	policy, err := Parse(record.KindPolicy, sample(t, record.KindPolicy))
	require.NoError(t, err)
	p, ok := policy.Policy()
	require.True(t, ok)
	_, ok = policy.Repair()
	assert.False(t, ok)
	again, err := NewPolicy(p)
	require.NoError(t, err)
	assert.JSONEq(t, string(policy.JSON()), string(again.JSON()))

	repair, err := Parse(record.KindRepair, sample(t, record.KindRepair))
	require.NoError(t, err)
	r, ok := repair.Repair()
	require.True(t, ok)
	r.AddUp() // changes nothing: the sample adds up
	again, err = NewRepair(r)
	require.NoError(t, err)
	assert.JSONEq(t, string(repair.JSON()), string(again.JSON()))
}

func TestProblemsNameThePlaceAndTheRemedy(t *testing.T) {
	const policy, repair = record.KindPolicy, record.KindRepair
	for _, tc := range []struct {
		name     string
		kind     record.Kind
		old, new string
		pointer  string
		says     string
	}{
		{"mistyped VIN", repair, "1HGBH41JXMN109186", "1HGBH41JXMN109168", "/vehicle/vin", "check digit"},
		{"VIN with O", policy, "WVWZZZAUZHW123456", "WVWZZZAUZHWO23456", "/vehicle/vin", "'O'"},
		{"short VIN", policy, "WVWZZZAUZHW123456", "WVWZZZ", "/vehicle/vin", "17 characters"},
		{"unknown currency", repair, `"currency": "USD"`, `"currency": "XXX"`, "/currency", "ISO 4217"},
		{"small currency", repair, `"currency": "USD"`, `"currency": "usd"`, "/currency", "ISO 4217"},
		{"unknown country", policy, `"registeredIn": "DE"`, `"registeredIn": "XQ"`, "/vehicle/registeredIn", "ISO 3166-1"},
		{"amount with a point", repair, `"unitPrice": 28640`, `"unitPrice": 286.40`, "/parts/0/unitPrice", "minor units"},
		{"amount with exponent", repair, `"unitPrice": 28640`, `"unitPrice": 1e999999999`, "/parts/0/unitPrice", "plain integer"},
		{"negative amount", repair, `"unitPrice": 28640`, `"unitPrice": -28640`, "/parts/0/unitPrice", "minimum"},
		{"amount as text", repair, `"unitPrice": 28640`, `"unitPrice": "28640"`, "/parts/0/unitPrice", "want integer"},
		{"time without zone", repair, "2026-03-30T08:15:00-04:00", "2026-03-30T08:15:00", "/receivedAt", "RFC 3339"},
		{"time with a fraction", repair, "2026-03-30T08:15:00-04:00", "2026-03-30T08:15:00.5Z", "/receivedAt", "whole seconds"},
		{"time that is none", repair, "2026-03-30T08:15:00-04:00", "2026-02-30T08:15:00Z", "/receivedAt", "RFC 3339"},
		{"date that is none", policy, "1984-08-12", "1984-13-12", "/policyholder/birthDate", "date"},
		{"own damage code", repair, `"code": "crack"`, `"code": "cracked"`, "/damage/0/code", "Use one of: scratch, chip"},
		{"own operation", repair, `"code": "polish"`, `"code": "polishing"`, "/operations/1/code", "vocabulary"},
		{"own coverage", policy, `"type": "collision"`, `"type": "kasko"`, "/coverages/1/type", "vocabulary"},
		{"missing field", repair, `"orderNumber": "RO-2026-0417",`, ``, "/orderNumber", "Add \"orderNumber\": Number of the repair order"},
		{"unknown field", repair, `"orderNumber"`, `"ordernumber"`, "/ordernumber", "no such field"},
		{"other schema", repair, "v1/repair.json", "v2/repair.json", "/schema", "Write https://"},
		{"short evidence", policy, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "AAEC", "/evidence", "32 random bytes"},
		{"evidence with spare bits", policy, "GxwdHh8", "GxwdHh9", "/evidence", "32 random bytes"},
		{"control character", policy, `"grey"`, `"gr\u0007ey"`, "/vehicle/colour", "no control characters"},
		{"null", repair, `"materials": [{ "name": "Polish and consumables", "amount": 1200 }]`, `"materials": null`, "/materials", "want array"},
		{"field twice", repair, `"orderNumber": "RO-2026-0417"`, `"orderNumber": "RO-2026-0417", "orderNumber": "RO-2026-0418"`, "/orderNumber", "occurs twice"},

		{"wrong labour", repair, `"amount": 4688`, `"amount": 4687`, "/operations/1/amount", "Write 4688"},
		{"wrong part", repair, `"quantity": 1`, `"quantity": 2`, "/parts/0/amount", "572.80 USD"},
		{"wrong sum", repair, `"net": 45778`, `"net": 45777`, "/totals/net", "457.78 USD"},
		{"wrong tax", repair, `"rate": 775`, `"rate": 725`, "/taxes/0/amount", "base times rate"},
		{"wrong total", policy, `"total": 71579`, `"total": 71580`, "/premium/total", "net and taxes"},
		{"wrong premium", policy, `"premium": 28900`, `"premium": 28901`, "/premium/net", "601.51 EUR"},
		{"coverage twice", policy, `"type": "collision"`, `"type": "liability-injury"`, "/coverages/1/type", "twice"},
		{"deductible over limit", policy, `"deductible": 50000`, `"deductible": 1200001`, "/coverages/1/deductible", "exceeds"},
		{"period backwards", policy, "2027-02-01T00:00:00+01:00", "2025-02-01T00:00:00+01:00", "/period/until", "not after"},
		{"unborn", policy, "1984-08-12", "2026-08-12", "/policyholder/birthDate", "born after"},
		{"repaired first", repair, "2026-04-01T16:00:00-04:00", "2026-03-30T08:14:59-04:00", "/completedAt", "before the vehicle"},
		{"received first", repair, "2026-03-29T17:40:00-04:00", "2026-03-30T09:15:00-04:00", "/receivedAt", "before the incident"},
		{"no such damage", repair, `["D2"]`, `["D3"]`, "/operations/1/damage/0", "no damage"},
		{"no such operation", repair, `"operation": "O1"`, `"operation": "O9"`, "/parts/0/operation", "no operation"},
		{"identifier twice", repair, `"id": "D2"`, `"id": "D1"`, "/damage/1/id", "twice"},
		{"future model", policy, `"modelYear": 2017`, `"modelYear": 2028`, "/vehicle/modelYear", "2028"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := Validate(tc.kind, edited(t, tc.kind, tc.old, tc.new))
			var invalid *Invalid
			require.ErrorAs(t, err, &invalid)
			var found []string
			for _, p := range invalid.Problems {
				assert.NotEmpty(t, p.Fix)
				if p.Pointer == tc.pointer {
					found = append(found, p.String())
				}
			}
			require.Len(t, found, 1, "one problem at %s, got %v", tc.pointer, err)
			assert.Contains(t, found[0], tc.says)
		})
	}
}

func TestEveryProblemIsListed(t *testing.T) {
	raw := string(sample(t, record.KindPolicy))
	raw = strings.Replace(raw, "WVWZZZAUZHW123456", "WVW", 1)
	raw = strings.Replace(raw, `"EUR"`, `"EURO"`, 1)
	raw = strings.Replace(raw, `"Köln",`, `"",`, 1)
	var invalid *Invalid
	require.ErrorAs(t, Validate(record.KindPolicy, []byte(raw)), &invalid)
	assert.Len(t, invalid.Problems, 3)
	assert.Contains(t, invalid.Error(), "in 3 places:\n  /currency: ")
}

func TestWhatIsNotOneDocument(t *testing.T) {
	good := sample(t, record.KindPolicy)
	for name, raw := range map[string][]byte{
		"nothing":       nil,
		"half":          good[:len(good)/2],
		"two":           append(bytes.Clone(good), good...),
		"list":          []byte("[]"),
		"null":          []byte("null"),
		"text":          []byte("policy"),
		"not UTF-8":     append([]byte("{\"schema\":\"\xff"), good...),
		"too large":     append(bytes.Repeat([]byte(" "), MaxSize), good...),
		"deep":          bytes.Repeat([]byte("["), 10000),
		"closing brace": []byte(`{"schema":"x"}}`),
	} {
		var invalid *Invalid
		assert.ErrorAs(t, Validate(record.KindPolicy, raw), &invalid, name)
	}
}

func TestVIN(t *testing.T) {
	for _, vin := range []string{"1HGBH41JXMN109186", "1M8GDM9AXKP042788", "11111111111111111", "WVWZZZAUZHW123456", "JTDKB20U093456789"} {
		assert.NoError(t, CheckVIN(vin), vin)
	}
	for _, vin := range []string{"", "1HGBH41J1MN109186", "1hgbh41jxmn109186", "1HGBH41JXMN10918", "1HGBH41JXMN1091866", "LSVAA49J012345678", "IHGBH41JXMN109186", "1HGBH41JXMN10918Ä"} {
		assert.Error(t, CheckVIN(vin), vin)
	}
}

func TestCurrencies(t *testing.T) {
	for currency, want := range map[string]string{"EUR": "-12,345.67 EUR", "JPY": "-1,234,567 JPY", "KWD": "-1,234.567 KWD", "???": "-1234567 minor units of ???"} {
		assert.Equal(t, want, FormatAmount(-1234567, currency))
	}
	assert.Equal(t, "0.05 USD", FormatAmount(5, "USD"))
	assert.Equal(t, "100 ISK", FormatAmount(100, "ISK"))
	assert.Len(t, minorUnits, 157)
}

func TestEvidence(t *testing.T) {
	var p Policy
	_, err := p.Delta()
	assert.Error(t, err)
	delta := [32]byte{1, 2, 3}
	p.SetEvidence(delta)
	got, err := p.Delta()
	require.NoError(t, err)
	assert.EqualValues(t, delta, got)
}

// Every property of every schema is described, every object is closed, and
// every code has its term.
func TestSchemasAreDescribed(t *testing.T) {
	st, err := loadStandard()
	require.NoError(t, err)
	require.Len(t, st.raw, 4)
	var walk func(where string, v any)
	walk = func(where string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		if m["type"] == "object" {
			assert.Equal(t, false, m["additionalProperties"], "%s is open", where)
		}
		properties, _ := m["properties"].(map[string]any)
		for name, p := range properties {
			assert.NotEmpty(t, p.(map[string]any)["description"], "%s/%s is not described", where, name)
		}
		if terms, ok := m["x-terms"].(map[string]any); ok {
			codes := m["enum"].([]any)
			assert.Len(t, terms, len(codes), where)
			for _, c := range codes {
				assert.NotEmpty(t, terms[c.(string)], "%s: %s has no term", where, c)
			}
		}
		for name, child := range m {
			walk(where+"/"+name, child)
		}
	}
	for id, doc := range st.raw {
		assert.Equal(t, id, doc.(map[string]any)["$id"])
		walk(id, doc)
	}
	assert.Equal(t, "Hood (bonnet)", Term("zone", "hood"))
	assert.Equal(t, "no-such", Term("zone", "no-such"))
	assert.Equal(t, "hood", Term("no-such", "hood"))
}

// The manual lists every code with its term.
func TestManualListsTheVocabulary(t *testing.T) {
	manual, err := os.ReadFile("../../docs/documents.md")
	require.NoError(t, err)
	var vocabulary struct {
		Defs map[string]struct {
			Enum  []string          `json:"enum"`
			Terms map[string]string `json:"x-terms"`
		} `json:"$defs"`
	}
	raw, err := schemaFiles.ReadFile("schema/vocabulary.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &vocabulary))
	for name, v := range vocabulary.Defs {
		for _, code := range v.Enum {
			assert.Contains(t, string(manual), "`"+code+"` | "+v.Terms[code], name)
		}
	}
}

func FuzzVIN(f *testing.F) {
	f.Add("1HGBH41JXMN109186")
	f.Add("WVWZZZAUZHW123456")
	f.Add("LSVAA49J012345678")
	f.Fuzz(func(t *testing.T, vin string) {
		digit, err := VINCheckDigit(vin)
		if CheckVIN(vin) == nil {
			require.NoError(t, err)
			assert.Len(t, vin, 17)
			assert.False(t, strings.ContainsAny(vin, "IOQ"))
		}
		if err == nil {
			assert.NoError(t, CheckVIN(vin[:8]+string(digit)+vin[9:]))
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(sample(f, record.KindPolicy))
	f.Add(sample(f, record.KindRepair))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, kind := range []record.Kind{record.KindPolicy, record.KindRepair} {
			doc, err := Parse(kind, raw)
			var invalid *Invalid
			if err != nil {
				require.True(t, errors.As(err, &invalid), "%v", err)
				require.NotEmpty(t, invalid.Problems)
				continue
			}
			// What passes in one reading passes when it is written again.
			if p, ok := doc.Policy(); ok {
				_, err = NewPolicy(p)
			} else {
				r, _ := doc.Repair()
				_, err = NewRepair(r)
			}
			require.NoError(t, err)
		}
	})
}

// What a draft says and a policy has no place for would be lost: it is refused.
func TestDraftPolicy(t *testing.T) {
	raw := sample(t, record.KindPolicy)
	p, err := DraftPolicy(raw)
	require.NoError(t, err)
	require.Equal(t, "SPC-2026-000017", p.PolicyNumber)
	for name, change := range map[string]func(fields map[string]any){
		"unknown field":           func(fields map[string]any) { fields["remark"] = "please call first" },
		"unknown field within":    func(fields map[string]any) { fields["vehicle"].(map[string]any)["wings"] = "two" },
		"a field of another kind": func(fields map[string]any) { fields["policyNumber"] = 17 },
	} {
		fields := map[string]any{}
		require.NoError(t, json.Unmarshal(raw, &fields))
		change(fields)
		draft, err := json.Marshal(fields)
		require.NoError(t, err)
		_, err = DraftPolicy(draft)
		require.Error(t, err, name)
	}
	_, err = DraftPolicy(raw[:len(raw)/2])
	require.Error(t, err)
}
