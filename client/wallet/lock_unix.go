//go:build unix

package wallet

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// hold locks an open file against other programs, as long as it is open. It
// returns [ErrInUse].
func hold(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrInUse
	}
	return err
}

// share is a second handle of the same open file: a lock lives on in it.
func share(f *os.File) (*os.File, error) {
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), f.Name()), nil
}
