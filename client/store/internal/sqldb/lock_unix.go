//go:build unix

package sqldb

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// modesMatter says that files have owners and modes here.
const modesMatter = true

// noFollow keeps an opening from following a link.
const noFollow = unix.O_NOFOLLOW

// hold locks a file until the answer is closed, also when f is closed before.
// The lock ends with the process.
func hold(f *os.File) (io.Closer, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	held := os.NewFile(uintptr(fd), f.Name())
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(os.NewSyscallError("flock", err), held.Close())
	}
	return held, nil
}

// abandoned answers the lock of a file that no living process holds, or nil.
func abandoned(path string) (io.Closer, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, nil
		}
		return nil, os.NewSyscallError("flock", err)
	}
	return f, nil
}
