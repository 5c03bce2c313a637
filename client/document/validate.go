package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Document is a document that has passed every check. It does not change.
type Document struct {
	kind   record.Kind
	raw    []byte
	policy *Policy
	repair *RepairRecord
}

// Validate checks a JSON document without keeping it. The error is an
// [*Invalid] that lists every problem. Order, references and sums are looked
// at once the schema is satisfied.
func Validate(kind record.Kind, raw []byte) error {
	_, err := Parse(kind, raw)
	return err
}

// Parse checks a JSON document and keeps it, byte for byte. The error is an
// [*Invalid] that lists every problem.
func Parse(kind record.Kind, raw []byte) (*Document, error) {
	if kind != record.KindPolicy && kind != record.KindRepair {
		return nil, fmt.Errorf("documents are policies and repair records, not kind %d", kind)
	}
	if err := checkJSON(raw).err(kind); err != nil {
		return nil, err
	}
	st, err := loadStandard()
	if err != nil {
		return nil, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("read the JSON document: %w", err)
	}
	if err := st.schemas[kind].Validate(value); err != nil {
		var ve *jsonschema.ValidationError
		if !errors.As(err, &ve) {
			return nil, fmt.Errorf("apply the schema: %w", err)
		}
		var ps problems
		st.explain(ve, &ps)
		return nil, ps.err(kind)
	}
	d := &Document{kind: kind, raw: bytes.Clone(raw)}
	var ps problems
	if kind == record.KindPolicy {
		if d.policy, err = decode[Policy](raw); err == nil {
			d.policy.check(&ps)
		}
	} else {
		if d.repair, err = decode[RepairRecord](raw); err == nil {
			d.repair.check(&ps)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("decode the %s: %w", kind, err)
	}
	if err := ps.err(kind); err != nil {
		return nil, err
	}
	return d, nil
}

// NewPolicy encodes and checks a policy. It fills in the schema's identifier.
func NewPolicy(p Policy) (*Document, error) {
	p.Schema = PolicySchema
	p.Coverages = notNil(p.Coverages)
	p.Premium.Taxes = notNil(p.Premium.Taxes)
	return encode(record.KindPolicy, p)
}

// NewRepair encodes and checks a repair record. It fills in the schema's
// identifier.
func NewRepair(r RepairRecord) (*Document, error) {
	r.Schema = RepairSchema
	r.Damage, r.Operations = notNil(r.Damage), notNil(r.Operations)
	r.Parts, r.Materials, r.Taxes = notNil(r.Parts), notNil(r.Materials), notNil(r.Taxes)
	return encode(record.KindRepair, r)
}

// notNil makes an absent list an empty one: the schemas want [] and not null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func encode(kind record.Kind, v any) (*Document, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the %s: %w", kind, err)
	}
	return Parse(kind, b.Bytes())
}

// Kind returns the kind of the document.
func (d *Document) Kind() record.Kind { return d.kind }

// JSON returns a copy of the document as it was written.
func (d *Document) JSON() []byte { return bytes.Clone(d.raw) }

// Policy returns a copy of the policy, or false for another kind of document.
func (d *Document) Policy() (Policy, bool) { return copyOf[Policy](d, record.KindPolicy) }

// Repair returns a copy of the repair record, or false for another kind of
// document.
func (d *Document) Repair() (RepairRecord, bool) { return copyOf[RepairRecord](d, record.KindRepair) }

// copyOf decodes again: a copy that shares nothing with the checked document.
func copyOf[T any](d *Document, kind record.Kind) (v T, ok bool) {
	if d.kind != kind {
		return v, false
	}
	p, err := decode[T](d.raw)
	if err != nil {
		return v, false // it was decoded once already
	}
	return *p, true
}

// Attachments returns what travels with the document, in order.
func (d *Document) Attachments() []Attachment {
	if d.policy != nil {
		return slices.Clone(d.policy.Attachments)
	}
	return slices.Clone(d.repair.Attachments)
}

var english = message.NewPrinter(language.English)

// explain turns the tree of a schema error into problems. Only leaves say
// something; what to do is taken from the schema's own descriptions.
func (st *standard) explain(e *jsonschema.ValidationError, ps *problems) {
	if len(e.Causes) > 0 {
		for _, c := range e.Causes {
			st.explain(c, ps)
		}
		return
	}
	at := pointerTo(e.InstanceLocation...)
	described, _ := st.at(e.SchemaURL)["description"].(string)
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			ps.add(at+pointerTo(name), st.fieldFix(e.SchemaURL, name), "the field is missing")
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			ps.add(at+pointerTo(name), "Remove it, or correct its spelling", "the standard has no such field here")
		}
	case *kind.Enum:
		ps.add(at, "Use one of: "+joined(k.Want), "%s is not in the vocabulary", quoted(k.Got))
	case *kind.Const:
		ps.add(at, fmt.Sprintf("Write %v", k.Want), "%s is not the identifier of this schema", quoted(k.Got))
	case *kind.Format: // says more than the pattern that fails with it
		*ps = slices.DeleteFunc(*ps, func(p Problem) bool { return p.Pointer == at })
		ps.add(at, "Write: "+described, "%v", k.Err)
	case *kind.Pattern:
		if !slices.ContainsFunc(*ps, func(p Problem) bool { return p.Pointer == at }) {
			ps.add(at, "Write: "+described, "%s does not have the right form", quoted(k.Got))
		}
	default:
		ps.add(at, "Write: "+described, "%s", e.ErrorKind.LocalizedString(english))
	}
}

// fieldFix describes the field name of the object at location.
func (st *standard) fieldFix(location, name string) string {
	properties, _ := st.at(location)["properties"].(map[string]any)
	field, _ := properties[name].(map[string]any)
	if text, ok := field["description"].(string); ok {
		return fmt.Sprintf("Add %q: %s", name, text)
	}
	return fmt.Sprintf("Add %q", name)
}

func quoted(v any) string {
	s := fmt.Sprint(v)
	if r := []rune(s); len(r) > 40 {
		s = string(r[:40]) + "..."
	}
	return fmt.Sprintf("%q", s)
}

func joined(values []any) string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = fmt.Sprint(v)
	}
	return strings.Join(list, ", ")
}
