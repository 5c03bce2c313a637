// Package atomicfile writes files that are either complete or absent.
//
// A file under way has no name where the operating system allows that (Linux,
// O_TMPFILE), so that even a killed process leaves nothing behind; elsewhere
// it has a temporary name in the target's directory, removed by Close. The
// content is on the disk (fsync) before it gets its name, and so is the name
// before Commit returns.
//
// It does not protect against others who can write to the directory.
package atomicfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// File is a file under way: write to it, then Commit or Replace, and always
// Close. It has no content for anybody else before Commit.
type File struct {
	*os.File
	target string
	tmp    string // "" while the file has no name
	done   bool
}

// Create starts a file that will be called path, with permissions perm
// whatever the umask says. It fails at once, with an error that is
// fs.ErrExist, when path exists; who means to replace uses [CreateOver].
func Create(path string, perm fs.FileMode) (*File, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	return CreateOver(path, perm)
}

// CreateOver starts a file that may take the place of an existing one.
func CreateOver(path string, perm fs.FileMode) (*File, error) {
	f, tmp, err := openTemp(filepath.Dir(path), perm)
	if err != nil {
		return nil, err
	}
	file := &File{File: f, target: path, tmp: tmp}
	if err := f.Chmod(perm); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// Commit gives the file its name and never overwrites: a file that appeared
// there meanwhile makes it fail with an error that is fs.ErrExist.
func (f *File) Commit() error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.link(f.target); err != nil {
		return err
	}
	return f.finish()
}

// Replace gives the file its name, taking the place of what has it now.
func (f *File) Replace() error {
	if err := f.Sync(); err != nil {
		return err
	}
	if f.tmp == "" {
		tmp, err := freeName(f.target)
		if err != nil {
			return err
		}
		if err := f.link(tmp); err != nil {
			return err
		}
		f.tmp = tmp
	}
	if err := os.Rename(f.tmp, f.target); err != nil {
		return err
	}
	f.tmp = ""
	return f.finish()
}

// Close releases the file and, unless it was committed, leaves nothing of it.
// It has no error: what was committed is safe, and the rest is thrown away.
func (f *File) Close() {
	f.unname()
	if !f.done {
		f.done = true
		f.File.Close()
	}
}

// unname removes the temporary name, if there is one.
func (f *File) unname() {
	if f.tmp != "" {
		_ = os.Remove(f.tmp)
		f.tmp = ""
	}
}

// finish makes the new name durable and releases the file.
func (f *File) finish() error {
	f.done = true
	f.unname()
	err := f.File.Close()
	if serr := syncDir(filepath.Dir(f.target)); err == nil {
		err = serr
	}
	return err
}

// Write writes everything that r holds to a new file.
func Write(path string, perm fs.FileMode, r io.Reader) error {
	f, err := Create(path, perm)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, r); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return f.Commit()
}

// syncDir makes a directory's entries durable. Some file systems refuse to
// sync a directory; the file itself is safe there.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}

// openNamed makes a temporary file with a name in dir.
func openNamed(dir string) (*os.File, string, error) {
	f, err := os.CreateTemp(dir, ".claimshare-*.tmp")
	if err != nil {
		return nil, "", err
	}
	return f, f.Name(), nil
}

// freeName is a name beside target that nothing has.
func freeName(target string) (string, error) {
	f, name, err := openNamed(filepath.Dir(target))
	if err != nil {
		return "", err
	}
	f.Close()
	return name, os.Remove(name)
}
