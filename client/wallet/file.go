package wallet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"filippo.io/age"

	"github.com/claimshare/claimshare/client/internal/atomicfile"
	"github.com/claimshare/claimshare/client/keyfile"
)

// Errors of a wallet's file, beside those of package keyfile and of the
// operating system.
var (
	// ErrInUse: another program is using the wallet.
	ErrInUse = errors.New("wallet: another program is using this wallet")
	// ErrNewer: the file is not a wallet's, or is of a later version.
	ErrNewer = errors.New("wallet: not a wallet file of this version")
	// ErrClosed: the wallet was closed.
	ErrClosed = errors.New("wallet: it is closed")
)

const (
	format      = "claimshare-wallet/v1"
	maxFileSize = 16 << 20
)

// Lock is how a wallet's file is locked: what opens it and what it is encrypted
// to when it is written again. Both are of one passphrase or of one age key.
type Lock struct {
	Recipient age.Recipient
	Identity  age.Identity
}

// file is a wallet's file, held open and locked against other programs.
type file struct {
	path string
	lock Lock
	held *os.File // nil once closed
}

// createFile makes a new file. It answers fs.ErrExist when there is one.
func createFile(path string, lock Lock, c *contents) (*file, error) {
	f := &file{path: path, lock: lock}
	out, err := atomicfile.Create(path, 0o600)
	if err != nil {
		return nil, err
	}
	return f, f.write(out, c, (*atomicfile.File).Commit)
}

// openFile opens and reads a file. It answers [ErrInUse], [ErrNewer] and the
// errors of package keyfile.
func openFile(path string, lock Lock) (*file, *contents, error) {
	held, err := openHeld(path)
	if err != nil {
		return nil, nil, err
	}
	c, err := readContents(held, path, lock)
	if err != nil {
		return nil, nil, errors.Join(err, held.Close())
	}
	return &file{path: path, lock: lock, held: held}, c, nil
}

// openHeld opens and locks the file that has the name now: it may have been
// replaced between the two.
func openHeld(path string) (*os.File, error) {
	if err := keyfile.CheckPrivate(path); err != nil {
		return nil, err
	}
	for {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		if err := hold(f); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
		}
		ours, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if named, err := os.Stat(path); err == nil && os.SameFile(ours, named) {
			return f, nil
		}
		f.Close()
	}
}

func readContents(r io.Reader, path string, lock Lock) (*contents, error) {
	sealed, err := io.ReadAll(io.LimitReader(r, maxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(sealed) > maxFileSize {
		return nil, fmt.Errorf("%s: %w: larger than %d bytes", path, keyfile.ErrMalformed, maxFileSize)
	}
	plain, err := keyfile.Unseal(sealed, lock.Identity)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer clear(plain)
	c, err := decodeContents(plain)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// save replaces the file's content: completely, or not at all.
func (f *file) save(c *contents) error {
	if f.held == nil {
		return ErrClosed
	}
	out, err := atomicfile.CreateOver(f.path, 0o600)
	if err != nil {
		return err
	}
	return f.write(out, c, (*atomicfile.File).Replace)
}

// write fills a new file, locks it before it has its name, and gives it the name.
func (f *file) write(out *atomicfile.File, c *contents, name func(*atomicfile.File) error) error {
	defer out.Close()
	plain, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("wallet: encode: %w", err)
	}
	defer clear(plain)
	if err := keyfile.Seal(out, plain, f.lock.Recipient); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	if err := hold(out.File); err != nil {
		return err
	}
	held, err := share(out.File)
	if err != nil {
		return err
	}
	if err := name(out); err != nil {
		return errors.Join(err, held.Close())
	}
	f.close()
	f.held = held
	return nil
}

func (f *file) close() {
	if f.held != nil {
		f.held.Close()
		f.held = nil
	}
}

func decodeContents(plain []byte) (*contents, error) {
	var head struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(plain, &head); err != nil || head.Format != format {
		return nil, fmt.Errorf("%w: it calls itself %q", ErrNewer, head.Format)
	}
	c := new(contents)
	d := json.NewDecoder(bytes.NewReader(plain))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("%w: %w", keyfile.ErrMalformed, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: there is more than one document", keyfile.ErrMalformed)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", keyfile.ErrMalformed, err)
	}
	return c, nil
}

func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
