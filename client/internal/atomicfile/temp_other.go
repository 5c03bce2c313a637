//go:build !linux

package atomicfile

import (
	"io/fs"
	"os"
)

func openTemp(dir string, _ fs.FileMode) (*os.File, string, error) { return openNamed(dir) }

// link gives the temporary file a second name that nothing may have yet.
func (f *File) link(name string) error { return os.Link(f.tmp, name) }
