//go:build failpoints

package node

import (
	"errors"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profile writes down what this node's processor time goes into, until stop, if
// the environment variable CLAIMSHARE_PROFILES names a folder: as <node>.pprof.
func profile(c *Config) (stop func(), err error) {
	dir := os.Getenv("CLAIMSHARE_PROFILES")
	if dir == "" {
		return func() {}, nil
	}
	file, err := os.Create(filepath.Join(dir, c.Name+".pprof"))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close() // a broken profile does not parse
	}, nil
}
