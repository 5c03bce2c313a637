package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// layer is what one source says: values by path, each a string or a number, and
// where each was found.
type layer struct {
	values map[string]any
	found  map[string]Origin
}

func newLayer() *layer { return &layer{values: map[string]any{}, found: map[string]Origin{}} }

// put takes a value over, in the type of its field.
func (l *layer) put(f Field, text string, from Origin) error {
	value, err := f.parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	l.values[f.Path], l.found[f.Path] = value, from
	return nil
}

// maxConfig is more than a configuration needs.
const maxConfig = 1 << 20 // bytes

// readConfigFile reads a configuration's file: one YAML document with known
// fields, each once.
func readConfigFile(path string) (*layer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxConfig))
	if err != nil {
		return nil, err
	}
	l := newLayer()
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return l, nil
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: something follows the first document", path)
	}
	return l, (&fileWalk{path, l}).mapping(document.Content[0], "")
}

// fileWalk takes a document's values over.
type fileWalk struct {
	path string
	into *layer
}

func (w *fileWalk) wrong(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", w.path, n.Line, fmt.Sprintf(format, args...))
}

// mapping takes over what stands below a path, which ends in a dot or is empty.
func (w *fileWalk) mapping(n *yaml.Node, above string) error {
	if n.Kind != yaml.MappingNode {
		if n.Tag == "!!null" {
			return nil // as if it were not there
		}
		return w.wrong(n, "%s is a group of fields, such as name: value", strings.TrimSuffix("the document."+above, "."))
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if before, twice := lines[key.Value]; twice {
			return w.wrong(key, "%s is there twice, first in line %d: remove one", above+key.Value, before)
		}
		lines[key.Value] = key.Line
		if err := w.field(key, value, above+key.Value); err != nil {
			return err
		}
	}
	return nil
}

func (w *fileWalk) field(key, value *yaml.Node, path string) error {
	for value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	f, known := fieldNamed(path)
	switch {
	case !known && isGroup(path):
		return w.mapping(value, path+".")
	case !known:
		return w.wrong(key, "there is no field %q%s", path, meant(path, paths()))
	case value.Kind != yaml.ScalarNode:
		return w.wrong(value, "%s takes one value", path)
	case value.Tag == "!!null":
		return nil
	}
	text := value.Value
	if f.namesFile(text) && !filepath.IsAbs(text) {
		text = filepath.Join(filepath.Dir(w.path), text)
	}
	return w.into.put(f, text, Origin{Source: FromFile, Name: w.path, Line: value.Line})
}

// isGroup reports whether fields stand below a path.
func isGroup(path string) bool {
	for _, f := range fields {
		if strings.HasPrefix(f.Path, path+".") {
			return true
		}
	}
	return false
}

func paths() []string {
	var all []string
	for _, f := range fields {
		all = append(all, f.Path)
		if group, _, below := strings.Cut(f.Path, "."); below {
			all = append(all, group)
		}
	}
	return all
}

// meant is the end of a sentence about an unknown word.
func meant(word string, among []string) string {
	if near := nearest(word, among); near != "" {
		return ": did you mean " + near + "?"
	}
	return ": docs/configuration.md lists them"
}
