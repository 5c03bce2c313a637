package document

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
)

// schemaBase begins the $id of every schema; the version is part of it.
const schemaBase = "https://github.com/claimshare/claimshare/schema/v1/"

// Identifiers of the schemas, the value of a document's field "schema".
const (
	PolicySchema = schemaBase + "policy.json"
	RepairSchema = schemaBase + "repair.json"
)

//go:embed schema/*.json
var schemaFiles embed.FS

// Schemas returns the published schemas: policy.json, repair.json, and the
// common.json and vocabulary.json that they refer to.
func Schemas() fs.FS {
	sub, err := fs.Sub(schemaFiles, "schema")
	if err != nil {
		panic(err) // the directory is embedded
	}
	return sub
}

// standard is the compiled form of the embedded schemas.
type standard struct {
	schemas map[record.Kind]*jsonschema.Schema
	raw     map[string]any // by $id, to look up descriptions and terms
}

var loadStandard = sync.OnceValues(func() (*standard, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(jsonschema.SchemeURLLoader{}) // the embedded schemas are all there is
	for name, check := range map[string]func(string) error{
		"vin": CheckVIN, "iso-4217": checkCurrency, "iso-3166": checkCountry, "date-time": checkTime, "date": checkDate,
	} {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(v any) error {
			s, ok := v.(string)
			if !ok {
				return nil // the keyword type complains
			}
			return check(s)
		}})
	}
	st := &standard{schemas: make(map[record.Kind]*jsonschema.Schema), raw: make(map[string]any)}
	names, err := fs.Glob(schemaFiles, "schema/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		f, err := schemaFiles.Open(name)
		if err != nil {
			return nil, err
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		id := schemaBase + path.Base(name)
		st.raw[id] = doc
		if err := c.AddResource(id, doc); err != nil {
			return nil, fmt.Errorf("add %s: %w", name, err)
		}
	}
	for kind, id := range map[record.Kind]string{record.KindPolicy: PolicySchema, record.KindRepair: RepairSchema} {
		if st.schemas[kind], err = c.Compile(id); err != nil {
			return nil, fmt.Errorf("compile the schema: %w", err)
		}
	}
	return st, nil
})

// at returns the part of a schema that an absolute location, $id#pointer,
// names; nil if there is none.
func (st *standard) at(location string) map[string]any {
	id, pointer, _ := strings.Cut(location, "#")
	v := st.raw[id]
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if token == "" {
			continue
		}
		if u, err := url.PathUnescape(token); err == nil {
			token = u
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(token)]
	}
	m, _ := v.(map[string]any)
	return m
}

// Term returns the English term for a code of one of the vocabularies of
// vocabulary.json: Term("zone", "hood") is "Hood (bonnet)". An unknown code is
// returned as it is.
func Term(vocabulary, code string) string {
	st, err := loadStandard()
	if err != nil {
		return code
	}
	terms, _ := st.at(schemaBase + "vocabulary.json#/$defs/" + vocabulary + "/x-terms")[code].(string)
	if terms == "" {
		return code
	}
	return terms
}

func checkCurrency(code string) error {
	if _, ok := MinorUnit(code); !ok {
		return fmt.Errorf("%q is not the ISO 4217 code of a currency in use", code)
	}
	return nil
}

func checkCountry(code string) error {
	r, err := language.ParseRegion(code)
	if err != nil || !r.IsCountry() || r.String() != code {
		return fmt.Errorf("%q is not the ISO 3166-1 code of a country", code)
	}
	return nil
}

func checkTime(s string) error {
	if _, err := time.Parse(time.RFC3339, s); err != nil {
		return fmt.Errorf("%q is not an RFC 3339 time", s)
	}
	return nil
}

func checkDate(s string) error {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return fmt.Errorf("%q is not a date of the calendar", s)
	}
	return nil
}

// decode reads raw, which has passed the schema, into a Go struct.
func decode[T any](raw []byte) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(raw, v); err != nil {
		return nil, err
	}
	return v, nil
}
