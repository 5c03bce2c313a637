package keyfile

import (
	"bytes"
	"encoding/json"
	"fmt"

	"filippo.io/age/armor"
)

// Kind is what a file is, by its beginning: its content may be damaged.
type Kind int

// The kinds of files of this package; Other is every other file.
const (
	Other Kind = iota
	SecretKeys
	PublicKeys
	Parameters
)

func (k Kind) String() string {
	return [...]string{"another kind of file", "a secret, encrypted key file", "a public key file", "a parameters file"}[k]
}

var formats = map[Kind]string{SecretKeys: secretFormat, PublicKeys: publicFormat, Parameters: paramsFormat}

// A KindError says that a file is of another kind than it should be. It is an
// [ErrMalformed] too.
type KindError struct {
	Path     string
	Is, Want Kind
	Format   string // what it calls itself, if it is Other and JSON
}

func (e *KindError) Error() string {
	switch {
	case e.Is != Other:
		return fmt.Sprintf("%s is %s, not %s", e.Path, e.Is, e.Want)
	case e.Format != "":
		return fmt.Sprintf("%s is not %s: its format is %q where %q is expected", e.Path, e.Want, e.Format, formats[e.Want])
	default:
		return fmt.Sprintf("%s is not %s", e.Path, e.Want)
	}
}

// Unwrap returns [ErrMalformed].
func (e *KindError) Unwrap() error { return ErrMalformed }

// insist answers a [KindError] unless the file is of the wanted kind.
func insist(path string, raw []byte, want Kind) error {
	e := &KindError{Path: path, Want: want}
	if bytes.HasPrefix(raw, []byte(armor.Header)) || bytes.HasPrefix(raw, []byte("age-encryption.org/")) {
		e.Is = SecretKeys
	} else {
		e.Is, e.Format = kindOfJSON(raw)
	}
	if e.Is == want {
		return nil
	}
	return e
}

// kindOfJSON looks at the first document alone: what follows is not its concern.
func kindOfJSON(raw []byte) (Kind, string) {
	var head struct {
		Format string `json:"format"`
	}
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&head); err != nil {
		return Other, ""
	}
	for _, kind := range []Kind{PublicKeys, Parameters} {
		if head.Format == formats[kind] {
			return kind, ""
		}
	}
	return Other, head.Format
}
