// Package keyfile keeps a party's keys in files: the secret ones encrypted
// with age (a passphrase, or an age recipient), the public ones as plain JSON.
//
// A secret key file is armoured age around one JSON document; it is mode 0600,
// written completely or not at all, never overwritten, and refused when others
// may read it. Buffers that held secrets are wiped on a best-effort basis: Go's
// runtime may have copied them. The package does not protect against who
// controls the machine while a key is in use.
package keyfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/claimshare/claimshare/client/internal/atomicfile"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// Errors that callers branch on. What the operating system says, such as
// fs.ErrNotExist and fs.ErrExist, passes through.
var (
	// ErrLocked: the passphrase or identity does not open this file.
	ErrLocked = errors.New("the passphrase or identity does not open this key file")
	// ErrPermissions: others than the owner may read or write the file.
	ErrPermissions = errors.New("the file can be read by others")
	// ErrMalformed: it was damaged, or is another kind of file ([KindError]).
	ErrMalformed = errors.New("not a valid key file")
)

const (
	secretFormat = "claimshare-secret-keys/v1"
	maxSize      = 1 << 20
)

// Contents is what one secret key file holds: a party's keys or the system's.
type Contents struct {
	Created time.Time
	Party   *Party
	System  *System
}

// Party is the secret half of a party's two key pairs.
type Party struct {
	PID        string // "" until the system manager has issued one
	Encryption EncryptionKey
	Signing    *bls.SecretKey
}

// EncryptionKey is a *[pre.ScopedSecretKey] or a *[pre.PaperSecretKey].
type EncryptionKey interface {
	Bytes() []byte
	Open(p *pre.Parameters, c *pre.Capsule, info pre.RecordInfo, dst io.Writer, src io.Reader) error
	ProvePossession(paramsID [32]byte, pid, msp string) ([]byte, error)
}

// System is what the system manager alone holds. The key of the
// pseudo-identities follows from the master key.
type System struct {
	Name   string
	Master *pre.MasterKey
}

// Public is the public half of the party's keys.
func (p *Party) Public() *Public {
	return &Public{PID: p.PID, Encryption: publicOf(p.Encryption), Signing: p.Signing.PublicKey()}
}

func publicOf(k EncryptionKey) pre.PublicKey {
	switch k := k.(type) {
	case *pre.ScopedSecretKey:
		return k.PublicKey()
	case *pre.PaperSecretKey:
		return k.PublicKey()
	default:
		return nil
	}
}

// secretJSON is the document inside a secret key file.
type secretJSON struct {
	Format  string      `json:"format"`
	Created time.Time   `json:"created"`
	Party   *partyJSON  `json:"party,omitempty"`
	System  *systemJSON `json:"system,omitempty"`
}

type partyJSON struct {
	PID           string    `json:"pid,omitempty"`
	Mode          string    `json:"mode"`
	EncryptionKey hexString `json:"encryptionKey"`
	SigningKey    hexString `json:"signingKey"`
}

type systemJSON struct {
	Name      string    `json:"name"`
	MasterKey hexString `json:"masterKey"`
}

// Create writes c, encrypted to the recipients, to a new file at path. It
// answers fs.ErrExist when there is a file already: a key is never overwritten.
func Create(path string, c *Contents, recipients ...age.Recipient) error {
	plain, err := encode(c)
	if err != nil {
		return err
	}
	defer clear(plain)

	f, err := atomicfile.Create(path, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := encrypt(f, plain, recipients); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return f.Commit()
}

func encrypt(dst io.Writer, plain []byte, recipients []age.Recipient) error {
	armoured := armor.NewWriter(dst)
	w, err := age.Encrypt(armoured, recipients...)
	if err != nil {
		return err
	}
	if _, err := w.Write(plain); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return armoured.Close()
}

// Open reads the key file at path with the first identity that opens it. It
// answers [ErrPermissions], [ErrLocked], [ErrMalformed] (a [KindError], if it is
// another kind of file), or what reading the file answered.
func Open(path string, identities ...age.Identity) (*Contents, error) {
	raw, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	plain, err := decrypt(raw, identities)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer clear(plain)

	c, err := decode(plain)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func decrypt(raw []byte, identities []age.Identity) ([]byte, error) {
	src, err := unarmour(raw)
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(src, identities...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, ErrLocked
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		clear(plain)
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return plain, nil
}

// unarmour reads an armoured file to its end, so that bytes behind it are
// found; a binary age file passes through.
func unarmour(raw []byte) (io.Reader, error) {
	if !bytes.HasPrefix(raw, []byte(armor.Header)) {
		return bytes.NewReader(raw), nil
	}
	binary, err := io.ReadAll(armor.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return bytes.NewReader(binary), nil
}

// NeedsPassphrase says whether the key file at path is locked with a
// passphrase rather than to age recipients. It answers the errors of [Open]
// except [ErrLocked].
func NeedsPassphrase(path string) (bool, error) {
	raw, err := readSecret(path)
	if err != nil {
		return false, err
	}
	src, err := unarmour(raw)
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	header, err := age.ExtractHeader(src)
	if err != nil {
		return false, fmt.Errorf("%s: %w: %w", path, ErrMalformed, err)
	}
	return bytes.Contains(header, []byte("\n-> scrypt ")), nil
}

// ReadPrivate reads a small file that holds a secret. It answers
// [ErrPermissions], with what to do, when others may read or write it; pipes
// and devices, which have no useful mode, are read as they are.
func ReadPrivate(path string) ([]byte, error) {
	raw, info, err := read(path)
	if err != nil {
		return nil, err
	}
	if err := checkPrivate(path, info); err != nil {
		clear(raw)
		return nil, err
	}
	return raw, nil
}

// readSecret is ReadPrivate for a key file. What is none is called that,
// whoever may read it.
func readSecret(path string) ([]byte, error) {
	raw, info, err := read(path)
	if err != nil {
		return nil, err
	}
	if err := insist(path, raw, SecretKeys); err != nil {
		return nil, err
	}
	return raw, checkPrivate(path, info)
}

// read reads a file of a reasonable size.
func read(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, nil, err
	}
	if len(raw) > maxSize {
		return nil, nil, fmt.Errorf("%s: %w: larger than %d bytes", path, ErrMalformed, maxSize)
	}
	return raw, info, nil
}

// CheckPrivate answers [ErrPermissions], with what to do, when others than the
// owner may read or write the file.
func CheckPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return checkPrivate(path, info)
}

func checkPrivate(path string, info fs.FileInfo) error {
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %04o; run: chmod 600 %s", ErrPermissions, path, info.Mode().Perm(), path)
	}
	return nil
}

func encode(c *Contents) ([]byte, error) {
	doc := secretJSON{Format: secretFormat, Created: c.Created.UTC().Truncate(time.Second)}
	switch {
	case (c.Party == nil) == (c.System == nil):
		return nil, errors.New("a key file holds either a party's keys or the system's")
	case c.Party != nil:
		public := publicOf(c.Party.Encryption)
		if public == nil || c.Party.Signing == nil {
			return nil, errors.New("a party's keys are an encryption key and a signing key")
		}
		doc.Party = &partyJSON{c.Party.PID, public.Mode().String(), c.Party.Encryption.Bytes(), c.Party.Signing.Bytes()}
		defer clear(doc.Party.EncryptionKey)
		defer clear(doc.Party.SigningKey)
	default:
		doc.System = &systemJSON{c.System.Name, c.System.Master.Bytes()}
		defer clear(doc.System.MasterKey)
	}
	return json.Marshal(doc)
}

func decode(plain []byte) (*Contents, error) {
	var doc secretJSON
	if err := decodeStrict(plain, SecretKeys, &doc); err != nil {
		return nil, err
	}
	c := &Contents{Created: doc.Created}
	var err error
	switch {
	case (doc.Party == nil) == (doc.System == nil):
		err = errors.New("it holds neither a party's keys nor the system's")
	case doc.Party != nil:
		defer clear(doc.Party.EncryptionKey)
		defer clear(doc.Party.SigningKey)
		c.Party, err = doc.Party.parse()
	default:
		defer clear(doc.System.MasterKey)
		c.System = &System{Name: doc.System.Name}
		c.System.Master, err = pre.ParseMasterKey(doc.System.MasterKey)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return c, nil
}

func (p *partyJSON) parse() (*Party, error) {
	mode, err := pre.ParseMode(p.Mode)
	if err != nil {
		return nil, err
	}
	out := &Party{PID: p.PID}
	if mode == pre.ModeScoped {
		out.Encryption, err = pre.ParseScopedSecretKey(p.EncryptionKey)
	} else {
		out.Encryption, err = pre.ParsePaperSecretKey(p.EncryptionKey)
	}
	if err != nil {
		return nil, err
	}
	out.Signing, err = bls.ParseSecretKey(p.SigningKey)
	return out, err
}
