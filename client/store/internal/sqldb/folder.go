package sqldb

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/claimshare/claimshare/client/internal/atomicfile"
	"github.com/claimshare/claimshare/client/store"
)

// ownerFile is the file in a folder of payloads that says whose it is.
const ownerFile = "STORE"

// folder is where payloads are files, each named by its id in hexadecimal. A
// file gets its name when it is complete and on the disk. Who puts it holds a
// lock on it until the database names it; what neither has is an orphan.
type folder struct {
	path  string // "" if the store has none
	owner []byte // id of the store
}

func (f folder) file(id []byte) string { return filepath.Join(f.path, hex.EncodeToString(id)) }

// prepare makes the folder, or makes sure that it is private and this store's.
func (f folder) prepare() error {
	if f.path == "" {
		return errors.New("this store was opened without a folder for payloads above 256 KiB")
	}
	there, err := f.check()
	if err != nil || there {
		return err
	}
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return full(err)
	}
	content := hex.EncodeToString(f.owner) + "\n"
	err = atomicfile.Write(filepath.Join(f.path, ownerFile), 0o600, bytes.NewReader([]byte(content)))
	if err != nil && !errors.Is(err, fs.ErrExist) { // another process was faster
		return full(err)
	}
	syncDir(filepath.Dir(f.path))
	_, err = f.check()
	return err
}

// check says whether the folder is there; it answers store.ErrPermissions when
// others may read it, and store.ErrOtherPayloads when it is another store's.
func (f folder) check() (bool, error) {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 && modesMatter {
		return false, fmt.Errorf("%w: the folder %s has mode %04o; run: chmod 700 %s", store.ErrPermissions, f.path, perm, f.path)
	}
	content, err := os.ReadFile(filepath.Join(f.path, ownerFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, f.unclaimed()
	case err != nil:
		return false, err
	case string(bytes.TrimSpace(content)) != hex.EncodeToString(f.owner):
		return false, fmt.Errorf("%w: %s", store.ErrOtherPayloads, f.path)
	}
	return true, nil
}

// unclaimed insists that a folder without an owner is empty.
func (f folder) unclaimed() error {
	entries, err := os.ReadDir(f.path)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%w: %s holds other things", store.ErrOtherPayloads, f.path)
	}
	return err
}

// open opens a payload's file: fs.ErrNotExist.
func (f folder) open(id []byte) (*os.File, error) {
	if f.path == "" {
		return nil, fs.ErrNotExist
	}
	return os.OpenFile(f.file(id), os.O_RDONLY|noFollow, 0)
}

// destroy overwrites a payload's file with zeros and removes it. It does
// nothing when there is none.
func (f folder) destroy(id []byte) error {
	if f.path == "" {
		return nil
	}
	return destroyFile(f.file(id))
}

// destroyFile does not touch what a link leads to: it removes the link.
func destroyFile(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return os.Remove(path)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|noFollow, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// It is removed also when it cannot be overwritten, as on some full disks.
	err = errors.Join(overwrite(file), file.Close())
	reach("payload overwritten")
	err = errors.Join(err, os.Remove(path))
	syncDir(filepath.Dir(path))
	return err
}

func overwrite(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if _, err := io.CopyN(file, zeros{}, info.Size()); err != nil {
		return err
	}
	return file.Sync()
}

// zeros reads as zeros without end.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// claim keeps others from sweeping until the answer is closed: it makes the
// folder, if the store has one.
func (f folder) claim() (io.Closer, error) {
	if f.path == "" {
		return io.NopCloser(nil), nil
	}
	if err := f.prepare(); err != nil {
		return nil, err
	}
	held, err := abandoned(filepath.Join(f.path, ownerFile))
	if err == nil && held == nil {
		err = errors.New("another process is at work on the folder of payloads: try again")
	}
	return held, err
}

// sweep destroys the files that nobody has put or that were erased. The
// function named says whether the database names a payload.
func (f folder) sweep(ctx context.Context, named func(id []byte) (bool, error)) error {
	there, err := f.check()
	if err != nil || !there {
		return err
	}
	held, err := abandoned(filepath.Join(f.path, ownerFile))
	if err != nil || held == nil { // another process sweeps, or restores
		return err
	}
	defer held.Close()
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.sweepFile(entry, named); err != nil {
			return fmt.Errorf("sweeping %s: %w", f.path, err)
		}
	}
	return nil
}

func (f folder) sweepFile(entry fs.DirEntry, named func(id []byte) (bool, error)) error {
	id, err := hex.DecodeString(entry.Name())
	if err != nil || !entry.Type().IsRegular() {
		return nil // the owner's file, and what others have put here, links too
	}
	if keep, err := named(id); err != nil || keep {
		return err
	}
	path := f.file(id)
	held, err := abandoned(path)
	if err != nil || held == nil {
		return err
	}
	defer held.Close()
	// Its process may have finished with it since.
	if keep, err := named(id); err != nil || keep {
		return err
	}
	return destroyFile(path)
}

// full names a file system without room.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

// syncDir makes a directory's entries durable where the file system can.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync() // some file systems refuse: there it cannot be helped
		_ = d.Close()
	}
}
