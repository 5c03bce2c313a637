//go:build linux || darwin || freebsd

package node

import "golang.org/x/sys/unix"

// space is the size of the file system with a folder, and what is free there for
// this user, in bytes.
func space(folder string) (size, free uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, 0, err
	}
	block := uint64(s.Bsize)
	return s.Blocks * block, uint64(s.Bavail) * block, nil //nolint:unconvert // on FreeBSD it is signed
}
