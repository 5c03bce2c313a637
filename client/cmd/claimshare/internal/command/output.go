package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// field is one thing that a command answers.
type field struct {
	name  string // in JSON
	label string // in text; "" keeps it out of there
	value any    // "" and nil are left out
}

// answer is what a command answers, in this order.
type answer []field

func (f field) empty() bool { return f.value == nil || f.value == "" }

// MarshalJSON makes an object with the fields in their order.
func (a answer) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, f := range a {
		if f.empty() {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		value, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", f.name, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// text prints the fields below each other, values aligned.
func (a answer) text(w io.Writer) error {
	width := 0
	for _, f := range a {
		if !f.empty() {
			width = max(width, utf8.RuneCountInString(f.label))
		}
	}
	for _, f := range a {
		if f.label == "" || f.empty() {
			continue
		}
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(f.label))
		if _, err := fmt.Fprintf(w, "%s%s  %v\n", f.label, pad, f.value); err != nil {
			return err
		}
	}
	return nil
}

// print writes an answer in the form that the user asked for.
func (a *app) print(v interface {
	text(io.Writer) error
}) error {
	if a.output == "json" {
		e := json.NewEncoder(a.out)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	return v.text(a.out)
}
