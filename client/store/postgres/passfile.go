package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
)

// Errors of the file that holds the password: what passfile=FILE in the URL or
// PGPASSFILE names, else ~/.pgpass.
var (
	// ErrPassfile: others than the owner may read the password file.
	ErrPassfile = errors.New("the password file of PostgreSQL can be read by others")
	// ErrNoPassfile: a password file is named, and cannot be read. The error is also
	// fs.ErrNotExist or fs.ErrPermission.
	ErrNoPassfile = errors.New("the password file of PostgreSQL cannot be read")
)

// checkPassfile refuses a password file that others may read, which psql passes
// over, and one that is named and is not there, which the driver passes over. It
// looks only where the file is used: a password in the URL or in PGPASSWORD goes
// before it. One that a service file names is not looked at.
func checkPassfile(address *url.URL) error {
	query := address.Query()
	if _, given := address.User.Password(); given || query.Get("password") != "" || os.Getenv("PGPASSWORD") != "" {
		return nil
	}
	path, named := query.Get("passfile"), true
	if path == "" {
		path = os.Getenv("PGPASSFILE")
	}
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil // then there is no such file
		}
		path, named = filepath.Join(home, ".pgpass"), false
	}
	return private(path, named)
}

// private looks at the mode of one file. One that is not named may be missing.
func private(path string, named bool) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoPassfile, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoPassfile, err)
	}
	const others = 0o077
	if perm := info.Mode().Perm(); info.Mode().IsRegular() && perm&others != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("%w: %s has mode %04o; run: chmod 600 %s", ErrPassfile, path, perm, path)
	}
	return nil
}
