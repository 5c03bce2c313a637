package keyfile

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/claimshare/claimshare/client/internal/atomicfile"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

const (
	publicFormat = "claimshare-public-keys/v1"
	paramsFormat = "claimshare-parameters/v1"
)

// errParameters is [ErrMalformed] about a parameters file.
var errParameters error = invalidParameters{}

type invalidParameters struct{}

func (invalidParameters) Error() string        { return "not a valid parameters file" }
func (invalidParameters) Is(target error) bool { return target == ErrMalformed }

// Public is the public half of a party's keys: what it hands to others.
type Public struct {
	PID        string // "" until the system manager has issued one
	Encryption pre.PublicKey
	Signing    *bls.PublicKey
}

type publicJSON struct {
	Format        string    `json:"format"`
	PID           string    `json:"pid,omitempty"`
	Mode          string    `json:"mode"`
	EncryptionKey hexString `json:"encryptionKey"`
	SigningKey    hexString `json:"signingKey"`
}

type paramsJSON struct {
	Format          string    `json:"format"`
	SystemName      string    `json:"systemName"`
	MasterPublicKey hexString `json:"masterPublicKey"`
	ParamsID        hexString `json:"paramsId"`
}

// MarshalJSON is the document that [WritePublic] writes.
func (p *Public) MarshalJSON() ([]byte, error) {
	return json.Marshal(publicJSON{publicFormat, p.PID, p.Encryption.Mode().String(), p.Encryption.Bytes(), p.Signing.Bytes()})
}

// WritePublic writes p to a new file at path; fs.ErrExist when there is one.
func WritePublic(path string, p *Public) error { return writeJSON(path, p) }

// ReadPublic reads a file that [WritePublic] wrote and checks both keys. It
// answers [ErrMalformed] (a [KindError], if it is another kind of file) or what
// reading the file answered.
func ReadPublic(path string) (*Public, error) {
	var doc publicJSON
	if err := readJSON(path, PublicKeys, &doc); err != nil {
		return nil, err
	}
	p := &Public{PID: doc.PID}
	mode, err := pre.ParseMode(doc.Mode)
	if err == nil {
		p.Encryption, err = pre.ParsePublicKey(mode, doc.EncryptionKey)
	}
	if err == nil {
		p.Signing, err = bls.ParsePublicKey(doc.SigningKey)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrMalformed, err)
	}
	return p, nil
}

// WriteParameters writes the public parameters of a deployment to a new file
// at path; fs.ErrExist when there is one.
func WriteParameters(path string, p *pre.Parameters) error {
	id := p.ID()
	return writeJSON(path, paramsJSON{paramsFormat, p.SystemName(), p.MasterPublicKey(), id[:]})
}

// ReadParameters reads a file that [WriteParameters] wrote and checks that its
// identifier follows from the rest. It answers [ErrMalformed] (a [KindError], if
// it is another kind of file) or what reading the file answered.
func ReadParameters(path string) (*pre.Parameters, error) {
	var doc paramsJSON
	if err := readJSON(path, Parameters, &doc); err != nil {
		return nil, err
	}
	p, err := pre.NewParameters(doc.SystemName, doc.MasterPublicKey)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, errParameters, err)
	}
	if id := p.ID(); !bytes.Equal(id[:], doc.ParamsID) {
		return nil, fmt.Errorf("%s: %w: its paramsId does not follow from its content", path, errParameters)
	}
	return p, nil
}

func writeJSON(path string, v any) error {
	doc, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	return atomicfile.Write(path, 0o644, bytes.NewReader(append(doc, '\n')))
}

func readJSON(path string, want Kind, v any) error {
	raw, _, err := read(path)
	if err != nil {
		return err
	}
	if err := insist(path, raw, want); err != nil {
		return err
	}
	if err := decodeStrict(raw, want, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// decodeStrict decodes one JSON document of the given kind: no unknown field,
// nothing behind it.
func decodeStrict(raw []byte, want Kind, v any) error {
	malformed := ErrMalformed
	if want == Parameters {
		malformed = errParameters
	}
	var head struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return fmt.Errorf("%w: it is not one JSON document", malformed)
	}
	if format := formats[want]; head.Format != format {
		return fmt.Errorf("%w: its format is %q where %q is expected", malformed, head.Format, format)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", malformed, err)
	}
	return nil
}

// hexString is a byte string that is lower-case hexadecimal in JSON.
type hexString []byte

// MarshalText encodes the bytes.
func (h hexString) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// UnmarshalText accepts what MarshalText makes, and nothing else.
func (h *hexString) UnmarshalText(text []byte) error {
	if bytes.ContainsAny(text, "ABCDEF") {
		return errors.New("hexadecimal in upper case")
	}
	out := make([]byte, hex.DecodedLen(len(text)))
	if _, err := hex.Decode(out, text); err != nil {
		return errors.New("not hexadecimal")
	}
	*h = out
	return nil
}
