package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// MaxSize is the size of the longest JSON document that is looked at.
const MaxSize = 1 << 20

// maxDepth is more than any schema here allows and little enough for any stack.
const maxDepth = 16

// integer is the only form of number in the standard. Fractions and exponents
// are kept out before anything computes with them: 1e999999999 is nine
// characters and a gigabyte.
var integer = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,15})$`)

// checkJSON finds what a decoder would pass over in silence: names that occur
// twice (two readers may see two documents), invalid UTF-8, text after the
// document, and numbers that are not plain integers.
func checkJSON(raw []byte) problems {
	var ps problems
	if len(raw) > MaxSize {
		ps.add("", "Put large content into attachments", "the JSON document has %d bytes, at most %d are read", len(raw), MaxSize)
		return ps
	}
	if !utf8.Valid(raw) {
		ps.add("", "Write the document in UTF-8", "the text is not valid UTF-8")
		return ps
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	w := walker{dec: dec, problems: &ps}
	if err := w.value(nil); err != nil {
		ps.add(pointerTo(w.at...), "Write one well-formed JSON document", "%v", err)
		return ps
	}
	if _, err := dec.Token(); err != io.EOF {
		ps.add("", "Remove everything after the closing brace", "text follows the document")
	}
	return ps
}

type walker struct {
	dec      *json.Decoder
	problems *problems
	at       []string // where a syntax error was met
}

func (w *walker) value(at []string) error {
	w.at = at
	if len(at) > maxDepth {
		return fmt.Errorf("values are nested more than %d deep", maxDepth)
	}
	tok, err := w.dec.Token()
	if err != nil {
		return plain(err)
	}
	switch v := tok.(type) {
	case json.Number:
		if !integer.MatchString(v.String()) {
			s := v.String()
			if len(s) > 24 {
				s = s[:24] + "..."
			}
			w.problems.add(pointerTo(at...), "Write an integer without fraction or exponent: money in minor units, hours in hundredths", "the number %s is not a plain integer of at most 16 digits", s)
		}
	case json.Delim:
		if v == '[' {
			return w.array(at)
		}
		return w.object(at)
	}
	return nil
}

func (w *walker) array(at []string) error {
	for i := 0; w.dec.More(); i++ {
		if err := w.value(append(at[:len(at):len(at)], strconv.Itoa(i))); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return plain(err)
}

func (w *walker) object(at []string) error {
	seen := make(map[string]bool)
	for w.dec.More() {
		tok, err := w.dec.Token()
		if err != nil {
			return plain(err)
		}
		name := tok.(string) // the decoder allows nothing else before a colon
		child := append(at[:len(at):len(at)], name)
		if seen[name] {
			w.problems.add(pointerTo(child...), "Keep one of them", "the field occurs twice")
		}
		seen[name] = true
		if err := w.value(child); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return plain(err)
}

func plain(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the document ends too early")
	}
	return err
}
