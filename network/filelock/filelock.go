// Package filelock lets one process at a time hold a file. The kernel lets go
// when the holder ends, however it ends, so a held lock also says "alive".
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Lock is held until Release or the end of the process.
type Lock struct{ file *os.File }

// Release lets the next one in.
func (l *Lock) Release() { l.file.Close() }

// Try takes the lock if nobody holds it; nil without an error means that
// somebody does.
func Try(path string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return &Lock{file: file}, nil
	}
	file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// Wait takes the lock, waiting for whoever holds it. It calls busy once if it
// has to wait; busy may be nil.
func Wait(ctx context.Context, path string, busy func()) (*Lock, error) {
	for attempt := 0; ; attempt++ {
		held, err := Try(path)
		if held != nil || err != nil {
			return held, err
		}
		if attempt == 0 && busy != nil {
			busy()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Held tells whether some process holds the lock. A missing file is not held.
func Held(path string) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at lock: %w", err)
	}
	defer file.Close()
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at lock %s: %w", path, err)
	}
	return false, nil
}
