//go:build unix

package node

import "syscall"

// umask sets the mode bits that new files do not get, and answers the former.
func umask(mask int) int { return syscall.Umask(mask) }
