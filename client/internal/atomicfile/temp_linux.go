package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// openTemp opens a file without a name in dir; with a name where the file
// system has no such files.
func openTemp(dir string, perm fs.FileMode) (*os.File, string, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, uint32(perm.Perm()))
	switch {
	case err == nil:
		return os.NewFile(uintptr(fd), dir), "", nil
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EISDIR), errors.Is(err, unix.EINVAL):
		return openNamed(dir)
	default:
		return nil, "", &fs.PathError{Op: "create in", Path: dir, Err: err}
	}
}

// link gives the open file a name that nothing may have yet.
func (f *File) link(name string) error {
	if f.tmp != "" {
		return os.Link(f.tmp, name)
	}
	from := "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
	err := unix.Linkat(unix.AT_FDCWD, from, unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return &fs.PathError{Op: "create", Path: name, Err: err}
	}
	return nil
}
