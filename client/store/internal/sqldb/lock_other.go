//go:build !unix

package sqldb

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// modesMatter says that files have owners and modes here.
const modesMatter = false

// noFollow has no meaning here.
const noFollow = 0

// given up: nobody works on a file of this age any more.
const givenUp = 24 * time.Hour

// hold does nothing: here the age of a file tells whether it is abandoned.
func hold(*os.File) (io.Closer, error) { return io.NopCloser(nil), nil }

// abandoned answers something for a file that nobody can be working on, or nil.
func abandoned(path string) (io.Closer, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case time.Since(info.ModTime()) < givenUp:
		return nil, nil
	}
	return io.NopCloser(nil), nil
}
