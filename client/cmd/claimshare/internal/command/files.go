package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/crypto/pre"
)

// suffixes are the names that this program gives to files.
var suffixes = map[keyfile.Kind]string{
	keyfile.SecretKeys: ".key", keyfile.PublicKeys: ".pub.json", keyfile.Parameters: ".params.json",
}

// named is a file that the user named.
type named struct {
	by   string // the flag that names it, or the command whose argument it is
	path string
}

func (n named) parameters() (*pre.Parameters, error) {
	p, err := keyfile.ReadParameters(n.path)
	return p, n.explain(err, keyfile.Parameters)
}

func (n named) public() (*keyfile.Public, error) {
	p, err := keyfile.ReadPublic(n.path)
	return p, n.explain(err, keyfile.PublicKeys)
}

// explain says what the file is instead, or which file may be meant.
func (n named) explain(err error, want keyfile.Kind) error {
	other := new(keyfile.KindError)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if meant := n.sibling(want); meant != "" {
			return refuse(fs.ErrNotExist, fmt.Sprintf("did you mean %s?", meant), "there is no file %s", n.path)
		}
		return err
	case !errors.As(err, &other) || other.Is == keyfile.Other:
		return err
	}
	what := want.String()
	switch {
	case want == keyfile.PublicKeys && other.Is == keyfile.SecretKeys:
		what = "the public one"
	case want == keyfile.SecretKeys && other.Is == keyfile.PublicKeys:
		what = "the secret, encrypted one"
	}
	is := strings.Replace(other.Is.String(), "a secret", "the secret", 1)
	if meant := n.sibling(want); meant != "" {
		return refuse(errKind, fmt.Sprintf("use %s %s", n.by, meant), "%s is %s; %s wants %s: %s", n.path, is, n.by, what, meant)
	}
	advice := "name the right file"
	if want == keyfile.PublicKeys && other.Is == keyfile.SecretKeys {
		advice = fmt.Sprintf(`"claimshare keys show %s --public %s" makes it`, n.path, n.base()+suffixes[want])
	}
	return refuse(errKind, advice, "%s is %s; %s wants %s", n.path, is, n.by, what)
}

// base is the name without the suffix that this program gave it.
func (n named) base() string {
	for _, suffix := range suffixes {
		if base, ok := strings.CutSuffix(n.path, suffix); ok {
			return base
		}
	}
	return n.path
}

// sibling is the file of another kind that this program made under the same
// name, or "".
func (n named) sibling(kind keyfile.Kind) string {
	path := n.base() + suffixes[kind]
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path
}

// openHalf opens one half of a sealed record.
func openHalf(name, suffix string) (*os.File, error) {
	f, err := os.Open(name + suffix)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	half, other := "payload", capsuleSuffix
	if suffix == capsuleSuffix {
		half, other = "capsule", payloadSuffix
	}
	if _, err := os.Stat(name + other); err != nil {
		return nil, refuse(fs.ErrNotExist, "check the name: NAME stands for NAME.capsule and NAME.payload",
			"there is no record %s: neither %[1]s%[2]s nor %[1]s%[3]s", name, capsuleSuffix, payloadSuffix)
	}
	return nil, refuse(fs.ErrNotExist, fmt.Sprintf("put %s beside %s", name+suffix, name+other),
		"the %s half of the record is missing: there is no %s", half, name+suffix)
}
